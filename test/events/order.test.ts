/** The callbacks of one event, across threads: in order of registration, one at a time, each on its thread, each once. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { counters, handler, open, turn, until } from './kit.ts';

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
    let added = 1;
    // On a busy machine the second worker may get no turn in the time of the first few.
    while (added < 1000 && counters[2] === 1) {
      for (let more = 0; more < 10; more++) queue.add({ id: ++added, type: 't' });
      await queue.drain();
    }
    assert.equal(counters[0], 3 * added);
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

describe('by priority', () => {
  test('the highest first, those of one priority as they were registered, late ones among them', async (t) => {
    const queue = open(t, { order: 'priority' });
    const seen: string[] = [];
    const note = (name: string) => () => void seen.push(name);
    queue.on('all', note('0 a'));
    queue.once({ id: 1 }, note('5 a'), { priority: 5 });
    queue.on({ type: 't' }, note('9'), { priority: 9 });
    queue.once(
      { id: 1 },
      () => {
        seen.push('5 b');
        queue.once({ id: 1 }, note('7 late'), { priority: 7 });
        queue.on('all', note('-1 late'), { priority: -1 });
      },
      { priority: 5 },
    );
    queue.on('all', note('0 b'));
    queue.add({ id: 1, type: 't' });
    const result = await queue.tryProcess();
    assert.deepEqual(seen, ['9', '5 a', '5 b', '7 late', '0 a', '0 b', '-1 late']);
    assert.equal(result?.ran, 7);
    queue.once({ id: 1 }, note('after'));
    assert.equal(seen.at(-1), 'after');
    assert.equal((await queue.settled(1))?.ran, 8);
  });

  test('across threads, and with one that is disposed of on the way', async (t) => {
    const queue = open(t, { order: 'priority' });
    let disposed = 0;
    queue.on('all', handler('stepFive'), { priority: -5 });
    const gone = queue.on('all', () => void disposed++, { priority: -4 });
    queue.on(
      'all',
      () => {
        gone.dispose();
        Atomics.store(counters, 1, 2);
      },
      { priority: 9 },
    );
    queue.on('all', handler('stepTwo'), { priority: 3 });
    queue.on('all', () => void Atomics.store(counters, 1, 5));
    await queue.start({ workers: 2 });
    for (let id = 0; id < 50; id++) {
      queue.add({ id, type: 't' });
      assert.equal((await queue.settled(id))?.ran, 4);
    }
    assert.equal(disposed, 0);
    assert.equal(counters[2], 0);
    assert.equal(counters[1], 6);
  });

  test('once means one event here too', async (t) => {
    const queue = open(t, { order: 'priority' });
    let ran = 0;
    queue.once({ type: 't' }, () => void ran++);
    queue.once({ id: 2 }, () => void ran++);
    for (let id = 0; id < 3; id++) queue.add({ id, type: 't' });
    await queue.processBatch(3);
    assert.equal(ran, 2);
  });
});

describe('in parallel', () => {
  test('callbacks of one event run at once on several threads, each once, and the event ends when all have', async (t) => {
    const queue = open(t, { order: 'parallel' });
    let here = 0;
    for (let one = 0; one < 4; one++) queue.on('all', handler('together'));
    queue.on('all', () => void here++);
    await queue.start({ workers: 2 });
    for (let id = 0; id < 20; id++) {
      queue.add({ id, type: 't' });
      const result = await queue.settled(id);
      assert.equal(result?.ran, 5);
      assert.equal(counters[0], 4 * (id + 1));
      assert.equal(here, id + 1);
    }
    assert.equal(counters[2], 2, 'two of one event at once');
    await queue.drain();
    assert.equal(queue.metrics().processed, 20);
  });

  test('async callbacks of one thread run at once as well, and late ones join in', async (t) => {
    const queue = open(t, { order: 'parallel' });
    let now = 0;
    let most = 0;
    const callback = async (): Promise<void> => {
      most = Math.max(most, ++now);
      await turn(2);
      now--;
    };
    for (let one = 0; one < 3; one++) queue.once({ id: 1 }, callback);
    queue.once({ id: 1 }, async () => {
      await callback();
      queue.once({ id: 1 }, callback);
    });
    queue.add({ id: 1, type: 't' });
    const result = await queue.tryProcess();
    assert.equal(result?.ran, 5);
    assert.equal(most, 4);
  });

  test('failures of all are in the result', async (t) => {
    const queue = open(t, { order: 'parallel' });
    queue.add(
      { id: 1, type: 't' },
      { callbacks: [handler('throwText'), handler('reject'), handler('notThere'), handler('thirdTime', { attempts: 3 })] },
    );
    await queue.start({ workers: 2 });
    const result = await queue.settled(1);
    assert.equal(result?.ran, 4);
    assert.deepEqual(
      result.failed.map(({ callback }) => callback.split('#')[1]),
      ['throwText', 'reject', 'notThere', 'thirdTime', 'thirdTime'],
    );
  });

  test('with threads dying in them: the others run once, those that died again', async (t) => {
    const queue = open(t, { order: 'parallel' });
    await queue.start({ workers: 2 });
    for (let id = 0; id < 3; id++) {
      counters[5] = 0;
      queue.add({ id, type: 't', data: 1 }, { callbacks: [handler('count'), handler('die'), handler('count')] });
      const result = await queue.settled(id);
      assert.deepEqual(result?.failed, []);
      assert.equal(counters[0], 3 * (id + 1));
    }
    counters[5] = 0;
    queue.add({ id: 9, type: 't', data: 99 }, { callbacks: [handler('die'), handler('count')] });
    const result = await queue.settled(9);
    assert.deepEqual(
      result?.failed.map(({ cause }) => (cause as { code?: string }).code),
      ['died'],
    );
    assert.equal(counters[5], 3, 'it took three threads with it');
    assert.equal(counters[0], 10);
    assert.equal(queue.metrics().deaths, 6);
  });
});

test('events that a busy thread has taken from the line are taken over by others, and so are not held up', async (t) => {
  const queue = open(t);
  // Short ones first: a thread then takes several from the line at once.
  queue.on({ type: 'short' }, handler('count'));
  queue.on({ type: 'long' }, handler('together'));
  await queue.start({ workers: 2 });
  queue.addMany(Array.from({ length: 3000 }, (_, id) => ({ id, type: 'short' })));
  queue.addMany(Array.from({ length: 40 }, (_, id) => ({ id: 10_000 + id, type: 'long' })));
  await queue.drain();
  assert.equal(counters[0], 3040);
  assert.equal(counters[2], 2, 'both at work on long ones');
  const long = queue.metrics().threads.map(({ processed }) => processed);
  assert.equal(
    long.reduce((sum, one) => sum + one, 0),
    3040,
  );
});
