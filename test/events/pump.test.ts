/** Turns of a thread that runs what is handed to it: their end by time is not the end of what they owe. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from '../../src/events/events.ts';

test('drain hears of an event whose callback used up its turn', async () => {
  await using queue = new EventQueue();
  let ran = 0;
  queue.on({ type: 'slow' }, () => {
    // Longer than a turn, so that the turn ends with it.
    for (const endMs = performance.now() + 4; performance.now() < endMs; );
    ran++;
  });
  await queue.start({ workers: 1 });
  for (let id = 1; id <= 5; id++) {
    queue.add({ id, type: 'slow' });
    await queue.drain();
    assert.equal(ran, id);
  }
});
