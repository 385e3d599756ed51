/** Hundreds of journals through crashes, kills, disk errors and full disks, each from a seed that can be run again. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { DiskFault } from '../../src/host/simulated/sim-device.ts';
import type { Durability } from '../../src/journal/journal.ts';
import { Apart } from '../apart.ts';
import type { Counts, LifeOptions } from './life.ts';

const apart = new Apart(new URL('./seeds.ts', import.meta.url));
after(() => apart.close());

const seeds = (from: number, count: number, options: LifeOptions): Promise<Counts> => apart.call('seeds', from, count, options);

/** The run met what it is about. */
function met(counts: Counts, names: readonly (keyof Counts)[]): void {
  for (const name of names) assert.ok(counts[name] > 0, `no ${name}`);
}

const ALWAYS = ['entries', 'acked', 'replayed', 'cut', 'crashes', 'kills', 'recycled', 'fetched'] as const;

for (const durability of ['fsync', 'os', 'memory'] satisfies Durability[]) {
  test(`${durability}: what was safe is replayed, in order and byte for byte, after any crash or kill`, async () => {
    met(await seeds(0, durability === 'fsync' ? 150 : 60, { durability }), ALWAYS);
  });

  test(`${durability}: after a disk error nothing becomes safe or is written; opening again loses nothing that was safe`, async () => {
    met(await seeds(10_000, durability === 'fsync' ? 150 : 60, { durability, faults: true }), [...ALWAYS, 'failures']);
  });

  test(`${durability}: a disk that fills up fails nothing`, async () => {
    met(await seeds(20_000, durability === 'fsync' ? 100 : 40, { durability, full: true }), [...ALWAYS, 'tight']);
  });
}

test('a crash or an error at any one operation of a first life', async () => {
  for (const fault of ['crash', 'eio', 'short', 'enospc'] satisfies DiskFault[]) {
    for (let operation = 1; operation <= 70; operation++) {
      // The first 25 or so make a new journal: what a crash leaves of that has many forms.
      const count = fault === 'crash' && operation < 25 ? 8 : 1;
      await seeds(operation * 100, count, { failAt: { operation, fault }, lives: 2 });
    }
  }
});
