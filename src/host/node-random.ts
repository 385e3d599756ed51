/** Real chance, fit for tokens and ids: from `node:crypto`, drawn in blocks. */

import type { Random } from './random.ts';

/** Not imported: Node takes milliseconds to load it, which who opens a broker can spend while the disk is waited for. */
const crypto = () => process.getBuiltinModule('node:crypto');

export function nodeRandom(): Random {
  const pool = new Uint32Array(256);
  let left = 0;
  const u32 = () => {
    if (left === 0) {
      crypto().randomFillSync(pool);
      left = pool.length;
    }
    return pool[--left] ?? 0;
  };
  return {
    u32,
    float: () => ((u32() >>> 5) * 2 ** 26 + (u32() >>> 6)) / 2 ** 53,
    bytes: (length) => crypto().randomFillSync(new Uint8Array(length)),
  };
}
