/** Real chance, fit for tokens and ids: from `node:crypto`, drawn in blocks. */

import { randomFillSync } from 'node:crypto';
import type { Random } from './random.ts';

export function nodeRandom(): Random {
  const pool = new Uint32Array(256);
  let left = 0;
  const u32 = () => {
    if (left === 0) {
      randomFillSync(pool);
      left = pool.length;
    }
    return pool[--left] ?? 0;
  };
  return {
    u32,
    float: () => ((u32() >>> 5) * 2 ** 26 + (u32() >>> 6)) / 2 ** 53,
    bytes: (length) => randomFillSync(new Uint8Array(length)),
  };
}
