/** What is kept of finished events, and that no more is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler, open } from './kit.ts';

test('however many threads end events at once, no more records are kept than are to be', async (t) => {
  const queue = open(t, { retain: { count: 2, expired: 1 }, capacity: 4000 });
  queue.on('all', handler('count'));
  await queue.start({ workers: 3 });
  for (let round = 0; round < 5; round++) {
    queue.addMany(Array.from({ length: 3000 }, (_, index) => ({ id: round * 10_000 + index, type: 't' })));
    await queue.drain();
  }
  assert.equal(queue.metrics().retained, 3);
});
