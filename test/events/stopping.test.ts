/** The pool of workers and the ends of things: starting, stopping, draining, closing, from anywhere and as often as one likes. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Refused } from '../../src/model/refusal.ts';
import { counters, handler, open, turn, until } from './kit.ts';

function fill(queue: ReturnType<typeof open>, count: number, from = 0): void {
  for (let id = from; id < from + count; id++) assert.equal(queue.add({ id, type: 't' }), 'accepted');
}

describe('stop', () => {
  test('drains by default: all that was there is processed, counted exactly', async (t) => {
    const queue = open(t);
    queue.on('all', handler('countLater'));
    fill(queue, 40);
    await queue.start({ workers: 2 });
    const stopped = await queue.stop();
    assert.equal(stopped.left, 0);
    assert.equal(stopped.abandoned, 0);
    assert.equal(counters[0], 40);
    assert.equal(queue.metrics().processed, 40);
  });

  test('abandons when told to: each event was processed or is counted as abandoned', async (t) => {
    const queue = open(t);
    queue.on('all', handler('block'));
    counters[3] = 1;
    fill(queue, 10);
    await queue.start({ workers: 1 });
    await until(() => counters[4] === 1);
    const stopping = queue.stop('abandon');
    counters[3] = 0;
    Atomics.notify(counters, 3);
    assert.deepEqual(await stopping, { processed: 1, abandoned: 9, left: 0 });
    assert.equal(counters[0], 1);
    const { processed, abandoned, size, added } = queue.metrics();
    assert.deepEqual({ processed, abandoned, size, added }, { processed: 1, abandoned: 9, size: 0, added: 10 });
  });

  test('keeps the rest in line when told to, and start goes on with it', async (t) => {
    const queue = open(t);
    queue.on('all', handler('block'));
    counters[3] = 1;
    fill(queue, 10);
    await queue.start({ workers: 1 });
    await until(() => counters[4] === 1);
    const stopping = queue.stop('keep');
    counters[3] = 0;
    Atomics.notify(counters, 3);
    assert.deepEqual(await stopping, { processed: 1, abandoned: 0, left: 9 });
    await queue.start({ workers: 1 });
    await queue.drain();
    assert.equal(counters[0], 10);
  });

  test('may be called twice, at once and afterwards, and without a pool', async (t) => {
    const queue = open(t);
    assert.deepEqual(await queue.stop('keep'), { processed: 0, abandoned: 0, left: 0 });
    await queue.start({ workers: 1 });
    await Promise.all([queue.stop(), queue.stop(), queue.stop('keep')]);
    await queue.stop();
    assert.equal(queue.metrics().threads.filter(({ alive }) => alive).length, 1);
  });

  test('may be called from a callback on a worker, which it does not wait for', async (t) => {
    const queue = open(t);
    queue.on('all', handler('stop'));
    await queue.start({ workers: 2 });
    fill(queue, 1);
    await until(() => counters[0] === 1 && queue.metrics().threads.filter(({ alive }) => alive).length === 1);
    await queue.stop();
    await queue.start({ workers: 1 });
    await queue.stop();
  });

  test('may be called from a callback on this thread, also an async one', async (t) => {
    const queue = open(t);
    const stopped: unknown[] = [];
    queue.once({ id: 1 }, async () => void stopped.push(await queue.stop()));
    queue.once({ id: 2 }, async () => {
      await turn(1);
      stopped.push(await queue.close());
    });
    await queue.start({ workers: 1 });
    fill(queue, 3);
    await until(() => stopped.length === 2);
    await queue.close();
    assert.equal(queue.metrics().processed, 3);
  });

  test('may be called from another thread than the one that started', async (t) => {
    const queue = open(t);
    await queue.start({ workers: 1 });
    const worker = new Worker(new URL('./stopping.worker.ts', import.meta.url), { workerData: { handle: queue.handle, how: 'stop' } });
    t.after(() => worker.terminate());
    assert.deepEqual(await new Promise((resolve) => worker.once('message', resolve)), { processed: 0, abandoned: 0, left: 0 });
    assert.equal(queue.metrics().threads.filter(({ alive }) => alive).length, 2);
  });
});

describe('start', () => {
  test('again and again, also at once, gives one pool', async (t) => {
    const queue = open(t);
    queue.on('all', handler('count'));
    for (let round = 0; round < 2; round++) {
      await Promise.all([queue.start({ workers: 2 }), queue.start({ workers: 2 })]);
      await queue.start({ workers: 2 });
      assert.equal(queue.metrics().threads.filter(({ alive }) => alive).length, 3);
      fill(queue, 10, round * 100);
      await queue.stop();
    }
    assert.equal(counters[0], 20);
  });

  test('while it stops waits for that, and starts then', async (t) => {
    const queue = open(t);
    queue.on('all', handler('count'));
    await queue.start({ workers: 1 });
    const stopping = queue.stop();
    await queue.start({ workers: 1 });
    await stopping;
    fill(queue, 1);
    await queue.drain();
    assert.equal(counters[0], 1);
  });

  test('takes a whole number of workers from 1, and no more than there is room for', async (t) => {
    const queue = open(t, { threadsMax: 2 });
    for (const workers of [0, -1, 1.5, Number.NaN]) await assert.rejects(queue.start({ workers }), Refused);
    await assert.rejects(queue.start({ workers: 2 }), /threadsMax/);
    await queue.start({ workers: 1 });
  });
});

describe('drain', () => {
  test('resolves when all callbacks have ended, not when the line is empty', async (t) => {
    const queue = open(t);
    queue.on('all', handler('countLater'));
    let here = 0;
    queue.on('all', async () => {
      await turn(1);
      here++;
    });
    await queue.start({ workers: 2 });
    for (let round = 1; round <= 20; round++) {
      fill(queue, 3, round * 10);
      await queue.drain();
      assert.equal(counters[0], 3 * round);
      assert.equal(here, 3 * round);
    }
  });

  test('resolves at once when there is nothing, and rejects when its signal aborts', async (t) => {
    const queue = open(t);
    await queue.drain();
    fill(queue, 1);
    const given = new AbortController();
    const draining = queue.drain({ signal: given.signal });
    await turn(2);
    given.abort(new Error('enough'));
    await assert.rejects(draining, /enough/);
  });
});

describe('close', () => {
  test('processes what is there by default, and then every call answers definitely', async (t) => {
    const queue = open(t);
    let ran = 0;
    queue.on('all', () => void ran++);
    fill(queue, 5);
    assert.deepEqual(await queue.close(), { processed: 5, abandoned: 0, left: 0 });
    assert.equal(ran, 5);
    assert.equal(queue.isClosed, true);
    assert.equal(queue.add({ id: 9, type: 't' }), 'closed');
    assert.equal(await queue.tryProcess(), undefined);
    assert.equal(await queue.processNext(), undefined);
    assert.deepEqual(await queue.processBatch(3), []);
    assert.throws(() => queue.on('all', () => {}), Refused);
    assert.throws(() => queue.once({ id: 1 }, () => {}), Refused);
    assert.throws(() => queue.settled(1), Refused);
    await assert.rejects(queue.start(), Refused);
    await queue.serve();
    await queue.drain();
    assert.deepEqual(await queue.stop(), { processed: 0, abandoned: 0, left: 0 });
    assert.deepEqual(await queue.close(), { processed: 0, abandoned: 0, left: 0 });
    assert.equal(queue.size, 0);
    assert.equal(queue.callbackCount(1), 0);
    assert.equal(queue.metrics().processed, 5);
    queue.flush();
    await queue.leave();
  });

  test('drops what is there when told to, with exact counts, and tells who waits for results', async (t) => {
    const queue = open(t);
    fill(queue, 5);
    const settled = queue.settled(3);
    assert.deepEqual(await queue.close('abandon'), { processed: 0, abandoned: 5, left: 0 });
    assert.deepEqual(await settled, { event: { id: 3, type: 't', data: undefined }, ran: 0, failed: [], abandoned: true });
  });

  test('wakes those who wait for an event, on every thread', async (t) => {
    const queue = open(t);
    const next = queue.processNext();
    const worker = new Worker(new URL('./serving.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    await until(() => queue.metrics().threads.length === 2 && (queue.metrics().threads[1]?.waits ?? 0) > 0);
    await queue.close();
    assert.equal(await next, undefined);
    assert.equal(await ended, 0);
  });

  test('takes in what other threads have gathered', async (t) => {
    const queue = open(t, { batch: { size: 64, lingerMs: 60_000 } });
    queue.on('all', handler('count'));
    const worker = new Worker(new URL('./stopping.worker.ts', import.meta.url), { workerData: { handle: queue.handle, how: 'gather' } });
    t.after(() => worker.terminate());
    await new Promise((resolve) => worker.once('message', resolve));
    await queue.start({ workers: 1 });
    assert.deepEqual(await queue.close(), { processed: 3, abandoned: 0, left: 0 });
    assert.equal(counters[0], 3);
  });

  test('is what await using does', async (t) => {
    const queue = open(t);
    {
      await using inner = queue;
      fill(inner, 2);
    }
    assert.equal(queue.isClosed, true);
    assert.equal(queue.metrics().processed, 2);
  });
});
