/** Serving threads that wait for promises and block by turns: none is woken in vain. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { counters, handler, open, turn, until } from './kit.ts';

test('a worker with lanes hears of the next event after it has waited for a promise', async (t) => {
  const queue = open(t, { sleepMs: 60_000 });
  queue.on('all', handler('countLater'));
  await queue.start({ workers: 1, lanes: 2 });
  for (let id = 1; id <= 3; id++) {
    queue.add({ id, type: 't' });
    await queue.drain();
    assert.equal(counters[0], id);
    // Longer than it looks for work before it sleeps.
    await turn(5);
  }
});

test('a thread that blocks for room, and waits for an event as well, leaves no other asleep', async (t) => {
  const queue = open(t, { capacity: 1, sleepMs: 60_000 });
  queue.on('all', handler('count'));
  const worker = new Worker(new URL('./blocking.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
  t.after(() => worker.terminate());
  await new Promise((resolve) => worker.once('message', resolve));
  await queue.start({ workers: 1 });
  // The worker of the pool sleeps.
  await until(() => queue.metrics().threads.some(({ waits }) => waits > 0));
  const answers = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage(3);
  assert.deepEqual(await answers, ['accepted', 'accepted', 'accepted']);
});
