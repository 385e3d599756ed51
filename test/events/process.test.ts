/** The queue as a part of a process: it ends by itself, an idle pool takes no time, the main thread is never held up, the dead are made up for. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { WorkerDeath } from '../../src/events/events.ts';
import { counters, handler, open, turn, until } from './kit.ts';

const run = promisify(execFile);

/** Runs a program of its own; fails when that does not end by itself. Several threads take their time to start on a busy machine. */
async function program(name: string): Promise<string> {
  const { stdout } = await run(process.execPath, [fileURLToPath(new URL('./programs.ts', import.meta.url)), name], { timeout: 120_000 });
  return stdout.trim();
}

describe('a process', () => {
  test('ends by itself though a pool is up and callbacks are registered, when all events have ended', async () => {
    assert.equal(await program('forgotten'), 'ran 20');
  });

  test('ends by itself after close', async () => {
    assert.equal(await program('closed'), 'closed');
  });

  test('with a pool that has nothing to do takes no time', async () => {
    const [busyMs] = (await program('idle')).split(' ').map(Number);
    assert.ok((busyMs ?? 1e9) < 15, `${busyMs} ms of work in 200 ms`);
  });
});

test('the main thread is not held up by what other threads hand to it: its event loop turns every few milliseconds', async (t) => {
  const queue = open(t);
  let ran = 0;
  let turns = 0;
  queue.on('all', () => {
    // All are there by then: a thread that went through them in one go would not turn once.
    const endMs = performance.now() + 0.5;
    while (performance.now() < endMs);
    ran++;
  });
  let timer = setImmediate(function tick() {
    if (ran > 0) turns++;
    timer = setImmediate(tick);
  });
  t.after(() => clearImmediate(timer));
  queue.addMany(Array.from({ length: 200 }, (_, id) => ({ id, type: 't' })));
  await queue.start({ workers: 1 });
  await queue.drain();
  assert.equal(ran, 200);
  assert.ok(turns >= 20, `${turns} turns for 200 callbacks of half a millisecond`);
});

describe('a worker that ends', () => {
  const ways: Record<string, { options?: object; hung?: boolean; data: unknown }> = {
    die: { data: 1 },
    hang: { data: undefined, options: { hangMs: 200 }, hung: true },
    throwOutside: { data: undefined },
    fillMemory: { data: undefined },
  };
  for (const [name, { options, hung = false, data }] of Object.entries(ways)) {
    test(`by ${name}: its callback is repeated elsewhere and nothing is lost`, async (t) => {
      const deaths: WorkerDeath[] = [];
      const queue = open(t, { ...options, onWorkerDeath: (death) => deaths.push(death) });
      await queue.start({ workers: 1, ...(name === 'fillMemory' ? { resourceLimits: { maxOldGenerationSizeMb: 24 } } : {}) });
      for (let id = 0; id < 5; id++)
        queue.add({ id, type: 't', data }, { callbacks: [handler('count'), handler(id === 2 ? name : 'count'), handler('count')] });
      await queue.drain();
      assert.equal(counters[0], 15);
      assert.equal(deaths.length, 1);
      const [death] = deaths as [WorkerDeath];
      assert.deepEqual([death.resumed, death.inFlight, death.hung], [1, 1, hung]);
      // How long it may take is for `npm run test:stress` to say: this machine may have other things to do.
      assert.ok(death.recoveryMs >= 0 && Number.isFinite(death.recoveryMs), `${death.recoveryMs} ms`);
      assert.equal(queue.metrics().processed, 5);
    });
  }

  test('is reported and not repeated where that is wanted', async (t) => {
    const queue = open(t, { afterDeath: 'report' });
    await queue.start({ workers: 1 });
    queue.add({ id: 1, type: 't', data: 99 }, { callbacks: [handler('die'), handler('count')] });
    const result = await queue.settled(1);
    assert.deepEqual(
      result?.failed.map(({ cause }) => (cause as { code?: string }).code),
      ['died'],
    );
    assert.equal(result?.ran, 2);
    assert.equal(counters[0], 1);
    assert.equal(counters[5], 1);
  });

  test('by terminate while it is idle leaves a pool that works', async (t) => {
    const queue = open(t);
    const worker = new Worker(new URL('./serving.worker.ts', import.meta.url), { workerData: { handle: queue.handle } });
    queue.on('all', handler('count'));
    await until(() => queue.metrics().threads.length === 2 && (queue.metrics().threads[1]?.waits ?? 0) > 0);
    await worker.terminate();
    assert.equal(queue.metrics().deaths, 1);
    queue.add({ id: 1, type: 't' });
    await turn(1);
    assert.equal((await queue.tryProcess())?.ran, 1);
  });
});

test('metrics tell of every thread, and add up', async (t) => {
  const queue = open(t, { retain: { count: 2, expired: 1 } });
  queue.on('all', handler('count'));
  queue.once({ id: 'waited for' }, () => {});
  await queue.start({ workers: 2 });
  for (let id = 0; id < 100; id++) queue.add({ id, type: 't' }, id === 50 ? { callbacks: [handler('throwText')] } : {});
  await queue.drain();
  await queue.stop();
  const { threads, ...totals } = queue.metrics();
  assert.deepEqual(totals, {
    added: 100,
    processed: 100,
    abandoned: 0,
    size: 0,
    inFlight: 0,
    retained: 3,
    waitingIds: 1,
    callbacksRun: 101,
    callbacksFailed: 1,
    deaths: 0,
    recovered: 0,
  });
  assert.equal(threads.length, 3);
  assert.deepEqual(
    threads.map(({ alive }) => alive),
    [true, false, false],
  );
  assert.equal(
    threads.reduce((sum, { processed }) => sum + processed, 0),
    100,
  );
  assert.equal(queue.size, 0);
  assert.equal(queue.inFlight, 0);
});
