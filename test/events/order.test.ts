/** The callbacks of one event, across threads: in order of registration, one at a time, each on its thread, each once. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { counters, handler, open, until } from './kit.ts';

describe('callbacks on several threads', () => {
  test('run in the order in which they were registered, one at a time', async (t) => {
    const queue = open(t);
    const worker = new Worker(new URL('./order.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
    t.after(() => worker.terminate());
    const told = (): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
    await told();
    // Word 1 is the step that comes next; each callback checks that it is its own, and word 2 counts those that it was not.
    const local = (step: number) => () => {
      if (Atomics.compareExchange(counters, 1, step, step + 1) !== step) Atomics.add(counters, 2, 1);
    };
    queue.on('all', local(0));
    worker.postMessage(1);
    await told();
    queue.on('all', handler('stepTwo'));
    worker.postMessage(3);
    await told();
    queue.on('all', local(4));
    queue.on('all', handler('stepFive'));
    await queue.start({ workers: 2 });
    for (let id = 0; id < 300; id++) {
      queue.add({ id, type: 't' });
      const result = await queue.settled(id);
      assert.equal(result?.ran, 6);
      assert.equal(counters[1], 6);
      counters[1] = 0;
    }
    assert.equal(counters[2], 0);
  });

  test('never overlap for one event, and do for several', async (t) => {
    const queue = open(t);
    for (let one = 0; one < 3; one++) queue.on('all', handler('together'));
    await queue.start({ workers: 2 });
    queue.add({ id: 1, type: 't' });
    await queue.settled(1);
    assert.equal(counters[2], 1, 'the callbacks of one event, one at a time');
    for (let id = 2; id < 12; id++) queue.add({ id, type: 't' });
    await queue.drain();
    assert.equal(counters[0], 33);
    assert.equal(counters[2], 2, 'two events at once on two workers');
  });

  test('a closure of a thread that has left is called no more; one of a thread that has died counts as failed', async (t) => {
    const queue = open(t);
    const worker = new Worker(new URL('./order.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
    const told = (): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
    await told();
    worker.postMessage('once');
    await told();
    worker.postMessage(0);
    await told();
    await worker.terminate();
    queue.add({ id: 'once', type: 't' });
    const result = await queue.tryProcess();
    assert.equal(result?.ran, 1);
    assert.equal((result.failed[0] as { cause: { code: string } }).cause.code, 'home');
    assert.equal(queue.metrics().deaths, 1);
  });
});

describe('exactly once', () => {
  test('many adding and many processing threads: each event once, each callback once', async (t) => {
    const queue = open(t, { capacity: 256 });
    queue.on('all', handler('count'));
    queue.on('all', handler('count'));
    await queue.start({ workers: 2 });
    const adders = [0, 1].map(
      (from) =>
        new Worker(new URL('./adding.worker.ts', import.meta.url), {
          workerData: { handle: queue.handle, from: from * 1e6, events: 3000 },
        }),
    );
    await Promise.all(adders.map((adder) => new Promise((resolve) => adder.once('exit', resolve))));
    await queue.drain();
    assert.equal(counters[0], 12_000);
    const { added, processed, threads, deaths, size, inFlight } = queue.metrics();
    assert.deepEqual({ added, processed, deaths, size, inFlight }, { added: 6000, processed: 6000, deaths: 0, size: 0, inFlight: 0 });
    assert.equal(
      threads.reduce((sum, { lateWakes }) => sum + lateWakes, 0),
      0,
    );
    assert.equal(
      threads.reduce((sum, thread) => sum + thread.callbacksRun, 0),
      12_000,
    );
  });

  test('two threads that add the same ids: each is accepted by one of them', async (t) => {
    const queue = open(t);
    const adders = [0, 1].map(
      () => new Worker(new URL('./adding.worker.ts', import.meta.url), { workerData: { handle: queue.handle, from: 0, events: 2000 } }),
    );
    const answers = await Promise.all(
      adders.map((adder) => new Promise<Record<string, number>>((resolve) => adder.once('message', resolve))),
    );
    assert.equal(
      answers.reduce((sum, { accepted = 0 }) => sum + accepted, 0),
      2000,
    );
    assert.equal(
      answers.reduce((sum, { duplicate = 0 }) => sum + duplicate, 0),
      2000,
    );
    await until(() => queue.size === 2000);
  });
});
