/** Processing by hand: the next event, some of them, one if there is one; waiting for them; their results. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { counters, handler, open, turn, until } from './kit.ts';

test('processNext waits for an event and answers its result', async (t) => {
  const queue = open(t);
  queue.on('all', () => {});
  const next = queue.processNext();
  await turn(2);
  queue.add({ id: 1, type: 't', data: [1, 2] });
  assert.deepEqual(await next, { event: { id: 1, type: 't', data: [1, 2] }, ran: 1, failed: [], abandoned: false });
});

test('as many waits as there are events are served, one each', async (t) => {
  const queue = open(t);
  const waiting = Array.from({ length: 50 }, () => queue.processNext());
  await turn();
  for (let id = 0; id < 50; id++) queue.add({ id, type: 't' });
  const ids = (await Promise.all(waiting)).map((result) => result?.event.id);
  assert.deepEqual(
    ids.toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: 50 }, (_, id) => id),
  );
});

test('a wait ends when its signal aborts, and takes no event with it', async (t) => {
  const queue = open(t);
  const given = new AbortController();
  const next = queue.processNext({ signal: given.signal });
  const other = queue.processNext();
  await turn();
  given.abort(new Error('enough'));
  await assert.rejects(next, /enough/);
  await assert.rejects(queue.processNext({ signal: AbortSignal.abort(new Error('before')) }), /before/);
  queue.add({ id: 1, type: 't' });
  assert.equal((await other)?.event.id, 1);
});

test('processBatch waits for the first and takes up to so many, in order', async (t) => {
  const queue = open(t);
  const batch = queue.processBatch(3);
  await turn();
  queue.addMany([1, 2, 3, 4].map((id) => ({ id, type: 't' })));
  assert.deepEqual(
    (await batch).map(({ event }) => event.id),
    [1, 2, 3],
  );
  assert.deepEqual(
    (await queue.processBatch(9)).map(({ event }) => event.id),
    [4],
  );
  await assert.rejects(queue.processBatch(0), /processBatch/);
});

test('tryProcess does not wait', async (t) => {
  const queue = open(t);
  assert.equal(await queue.tryProcess(), undefined);
  queue.add({ id: 1, type: 't' });
  assert.equal((await queue.tryProcess())?.event.id, 1);
});

test('an event with no callbacks at all ends as well', async (t) => {
  const queue = open(t);
  queue.add({ id: 1, type: 't' });
  assert.deepEqual(await queue.tryProcess(), { event: { id: 1, type: 't', data: undefined }, ran: 0, failed: [], abandoned: false });
});

test('events added by a callback are processed in turn', async (t) => {
  const queue = open(t);
  queue.on('all', handler('addNext'));
  queue.add({ id: 1, type: 't' });
  const ids: unknown[] = [];
  for (let next = await queue.tryProcess(); next !== undefined; next = await queue.tryProcess()) ids.push(next.event.id);
  assert.deepEqual(ids, [1, 2, 3, 4, 5]);
});

test('callbacks that wait for promises run one after the other', async (t) => {
  const queue = open(t);
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c'])
    queue.on('all', async () => {
      seen.push(`${name} begins`);
      await turn(name === 'a' ? 5 : 1);
      seen.push(`${name} ends`);
    });
  queue.add({ id: 1, type: 't' });
  await queue.tryProcess();
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('settled answers the result of an event to come, of one under way, and of one that is over', async (t) => {
  const queue = open(t, { retain: { count: 1, expired: 10 } });
  const before = queue.settled(1);
  queue.on('all', async () => turn(2));
  queue.add({ id: 1, type: 't', data: 'd' });
  const done = queue.tryProcess();
  const during = queue.settled(1);
  const expected = { event: { id: 1, type: 't', data: 'd' }, ran: 1, failed: [], abandoned: false };
  assert.deepEqual(await before, expected);
  assert.deepEqual(await during, expected);
  assert.deepEqual(await done, expected);
  assert.deepEqual(await queue.settled(1), expected);
  queue.add({ id: 2, type: 't' });
  await queue.tryProcess();
  assert.equal(await queue.settled(1), undefined);
});

describe('data', () => {
  test('can be read while the callbacks run, and was read in time stays there', async (t) => {
    const queue = open(t, { retain: { count: 0, expired: 0 } });
    const kept: { readonly data: unknown }[] = [];
    queue.once({ id: 1 }, (event) => {
      assert.equal(event.data, 'read');
      kept.push(event);
    });
    queue.once({ id: 2 }, (event) => void kept.push(event));
    queue.addMany([
      { id: 1, type: 't', data: 'read' },
      { id: 2, type: 't', data: 'not read' },
    ]);
    // By a worker nobody asks for the result, which has the data in it.
    const worker = new Worker(new URL('./serving.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
    t.after(() => worker.terminate());
    await until(() => kept.length === 2);
    await queue.drain();
    assert.equal(kept[0]?.data, 'read');
    assert.throws(() => kept[1]?.data, /after its callbacks had ended/);
  });
});

describe('with callbacks on other threads', () => {
  test('the result comes back to who processes, though this thread has no callbacks of its own', async (t) => {
    const queue = open(t);
    const worker = new Worker(new URL('./home.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
    t.after(() => worker.terminate());
    await new Promise((resolve) => worker.once('message', resolve));
    queue.add({ id: 1, type: 't', data: 'over there' });
    const result = await queue.processNext();
    assert.deepEqual(result, { event: { id: 1, type: 't', data: 'over there' }, ran: 1, failed: [], abandoned: false });
    assert.equal(counters[0], 1);
  });
});
