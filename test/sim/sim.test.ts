/** The simulator as part of `npm test`: 2,000 seeds, in two processes' worth of slices so that a failure names its seed. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from './world.ts';

const SEEDS = Number(process.env.SIGNALBOX_SIM_SEEDS ?? 2000);
const SLICE = 250;

for (let from = 1; from <= SEEDS; from += SLICE) {
  const to = Math.min(from + SLICE - 1, SEEDS);
  test(`seeds ${from} to ${to}: no invariant is broken`, async () => {
    let confirmed = 0;
    for (let seed = from; seed <= to; seed++) {
      const report = await runSeed(seed);
      assert.deepEqual(report.faults, [], `seed ${seed}: run \`npm run test:sim -- --seed ${seed} --trace\``);
      confirmed += report.confirmed;
    }
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
