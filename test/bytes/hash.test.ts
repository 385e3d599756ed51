/** hash32 never changes and spreads evenly. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash32 } from '../../src/bytes/hash.ts';

test('stays what it is: rings would turn otherwise', () => {
  assert.deepEqual(['', 'a', 'orders.created', 'é', '日本'].map(hash32), [2872998923, 444641715, 759561437, 3136788073, 3490853225]);
});

test('names that differ in one digit spread evenly over buckets', () => {
  const buckets = new Uint32Array(64);
  for (let i = 0; i < 64_000; i++) {
    const bucket = hash32(`queue-${i}`) >>> 26;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  // 1000 expected, standard deviation about 31.5.
  for (const count of buckets) assert.ok(Math.abs(count - 1000) < 160, `${count} in one bucket`);
});
