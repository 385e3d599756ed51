/** Simulated chance repeats, differs by seed, and is even enough. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimRandom } from '../../../src/host/simulated/sim-random.ts';

const draw = (seed: number) =>
  Array.from(
    { length: 20 },
    function (this: SimRandom) {
      return this.u32();
    },
    new SimRandom(seed),
  );

test('a seed is a sequence, and never changes: saved seeds must keep their meaning', () => {
  assert.deepEqual(draw(42), draw(42));
  assert.deepEqual(draw(42).slice(0, 3), [660444221, 3652823732, 77678286]);
  const firsts = new Set(Array.from({ length: 10_000 }, (_, seed) => new SimRandom(seed).u32()));
  assert.ok(firsts.size > 9990);
  assert.notDeepEqual(draw(1), draw(1 + 2 ** 32));
});

test('numbers are even over their range', () => {
  const random = new SimRandom(9);
  const counts = new Uint32Array(10);
  let sum = 0;
  for (let i = 0; i < 100_000; i++) {
    const n = random.int(10);
    counts[n] = (counts[n] ?? 0) + 1;
    const x = random.float();
    assert.ok(x >= 0 && x < 1);
    sum += x;
  }
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, `${counts}`);
  assert.ok(Math.abs(sum / 100_000 - 0.5) < 0.01);
  let hits = 0;
  for (let i = 0; i < 10_000; i++) if (random.chance(0.25)) hits++;
  assert.ok(Math.abs(hits - 2500) < 250, `${hits}`);
  assert.equal(random.chance(0), false);
  assert.equal(random.chance(1), true);
});

test('bytes, pick and fork', () => {
  const random = new SimRandom(5);
  assert.deepEqual(
    [0, 1, 7, 8].map((n) => random.bytes(n).length),
    [0, 1, 7, 8],
  );
  assert.ok(new Set(random.bytes(1000)).size > 200);
  assert.equal(new Set(Array.from({ length: 100 }, () => random.pick(['a', 'b', 'c']))).size, 3);
  assert.throws(() => random.pick([]), RangeError);
  const fork = random.fork();
  assert.notEqual(fork.u32(), random.u32());
});
