/** The simulator as part of `npm test`: 2,000 seeds, in slices; a failure names its seed. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Apart } from '../apart.ts';
import type { Slice } from './slice.ts';
import { runSeed } from './world.ts';

const SEEDS = Number(process.env.SIGNALBOX_SIM_SEEDS ?? 2000);
const SLICE = 250;

const apart = new Apart(new URL('./slice.ts', import.meta.url));
after(() => apart.close());

for (let from = 1; from <= SEEDS; from += SLICE) {
  const to = Math.min(from + SLICE - 1, SEEDS);
  test(`seeds ${from} to ${to}: no invariant is broken`, async () => {
    const { confirmed, broken } = await apart.call<Slice>('slice', from, to);
    for (const { seed, faults } of broken) assert.deepEqual(faults, [], `seed ${seed}: run \`npm run test:sim -- --seed ${seed} --trace\``);
    assert.ok(confirmed > 10 * (to - from + 1), `only ${confirmed} messages were confirmed: the simulator tests nothing`);
  });
}

test('a seed repeats itself exactly', async () => {
  const [first, second] = [[], []] as [string[], string[]];
  await runSeed(7, (line) => first.push(line));
  await runSeed(7, (line) => second.push(line));
  assert.ok(first.length > 100);
  assert.deepEqual(second, first);
});
