/** Real chance: in range, of the length asked for, and not the same twice. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeRandom } from '../../src/host/node-random.ts';

test('in range and even enough', () => {
  const random = nodeRandom();
  let sum = 0;
  let high = 0;
  for (let i = 0; i < 20_000; i++) {
    const x = random.float();
    assert.ok(x >= 0 && x < 1);
    sum += x;
    const n = random.u32();
    assert.ok(Number.isInteger(n) && n >= 0 && n < 2 ** 32);
    if (n >= 2 ** 31) high++;
  }
  assert.ok(Math.abs(sum / 20_000 - 0.5) < 0.02);
  assert.ok(Math.abs(high - 10_000) < 500);
});

test('does not repeat itself, neither within nor between', () => {
  const [one, two] = [nodeRandom(), nodeRandom()];
  const seen = new Set<number>();
  for (let i = 0; i < 1000; i++) seen.add(one.u32()).add(two.u32());
  assert.ok(seen.size > 1990);
  assert.deepEqual(
    [0, 1, 16, 1000].map((n) => one.bytes(n).length),
    [0, 1, 16, 1000],
  );
  assert.notDeepEqual(one.bytes(16), one.bytes(16));
});
