/** Defects of pools, of their start and end, and of knowing when all is done. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { EventQueue, portable } from '../../../src/events/events.ts';
import { absent, type Call, gate, soon } from './face.ts';
import { NaivePool, SpinningPool } from './naive-pool.ts';

const HANDLERS = new URL('./handlers.ts', import.meta.url);

/** What the pools show alike. */
interface Pool {
  start(workers: number): Promise<unknown>;
  stop(): Promise<unknown>;
  add(id: number, call: Call): unknown;
  drain(): Promise<void>;
  /** Ends it for good. */
  end(): unknown;
  readonly workers: number;
}

class OurPool implements Pool {
  readonly queue: EventQueue = new EventQueue({ onError: () => {} });

  start(workers: number): Promise<void> {
    return this.queue.start({ workers });
  }

  stop(): Promise<unknown> {
    return this.queue.stop();
  }

  add(id: number, call: Call): unknown {
    const answer = this.queue.add({ id, type: 't' });
    this.queue.once({ id }, (event) => call(event));
    return answer;
  }

  drain(): Promise<void> {
    return this.queue.drain();
  }

  end(): Promise<unknown> {
    return this.queue.close();
  }

  get workers(): number {
    return this.queue.metrics().threads.filter(({ alive, threadId }) => alive && threadId !== 0).length;
  }
}

class FaultyPool extends NaivePool {
  get workers(): number {
    return this.spawned;
  }

  override add(id: unknown, call: Call): void {
    super.add({ id: id as number, type: 't', data: undefined }, call);
  }

  end(): void {
    this.destroy();
  }
}

const pools = {
  ours: (): Pool => new OurPool(),
  faulty: (): Pool => new FaultyPool(),
  end: async (pool: Pool): Promise<void> => void (await pool.end()),
};

describe('defects of pools', () => {
  absent<{ start: (workers: number) => Promise<unknown>; stop: () => Promise<unknown> }>(
    '19: a pool that is started again spins while it has nothing to do',
    {
      ours: () => new OurPool(),
      faulty: () => new SpinningPool(),
      check: async (pool) => {
        await pool.start(2);
        await pool.stop();
        await pool.start(2);
        await sleep(100);
        const before = process.cpuUsage();
        await sleep(600);
        const { user, system } = process.cpuUsage(before);
        // Two threads that spin get far more even where many others want the processor.
        assert.ok(user + system < 40_000, `in 600 ms it took ${(user + system) / 1000} ms of the processor`);
      },
      end: async (pool) => void (await pool.stop()),
    },
  );

  absent<Pool>('20: after the end events are accepted that nobody will process', {
    ...pools,
    check: async (pool) => {
      await pool.end();
      assert.throws(
        () =>
          assert.equal(
            pool.add(1, () => {}),
            'closed',
          ),
        { name: 'Refused', code: 'closed' },
      );
    },
  });

  absent<Pool>('21: a callback that stops its pool waits for itself', {
    ...pools,
    check: async (pool) => {
      const stopped = gate();
      const result = pool.start(1);
      pool.add(1, async () => {
        await pool.stop();
        stopped.open();
      });
      await result;
      await soon(stopped.opened, 'the end of the callback', 1000);
    },
  });

  test('21: … on a worker of the pool itself', async () => {
    const queue = new EventQueue();
    queue.on({ type: 'stop' }, portable(HANDLERS, 'stopsItsPool'));
    await queue.start({ workers: 2 });
    queue.add({ id: 1, type: 'stop' });
    await soon(queue.drain(), 'the end of the event');
    await soon(queue.stop(), 'the end of the pool');
    assert.equal(queue.metrics().processed, 1);
    await queue.close();
  });

  absent<Pool>('22: started twice at once it has twice as many workers', {
    ...pools,
    check: async (pool) => {
      await Promise.all([pool.start(2), pool.start(2)]);
      assert.equal(pool.workers, 2);
      await soon(Promise.all([pool.stop(), pool.stop()]), 'the end of both stops');
    },
  });

  test('22: … also from two threads', async () => {
    const queue = new EventQueue();
    const other = new Worker(new URL('./starter.worker.ts', import.meta.url), { workerData: queue.handle });
    const tell = (what: string): Promise<unknown> => {
      other.postMessage(what);
      return soon(new Promise((resolve) => void other.once('message', resolve)), `${what} on the other thread`, 10_000);
    };
    try {
      for (let round = 1; round <= 2; round++) {
        await Promise.all([tell('start'), queue.start({ workers: 2 })]);
        // Whoever was second does not wait until they are up: so wait for what they do.
        queue.add({ id: round, type: 't' });
        await queue.drain();
        // This thread and the other one take part too.
        assert.equal(queue.metrics().threads.filter(({ alive }) => alive).length, 4);
        await Promise.all([tell('stop'), soon(queue.stop(), 'the stop on this thread', 10_000)]);
        assert.equal(queue.metrics().threads.filter(({ alive }) => alive).length, 2);
      }
      await tell('leave');
      await queue.close();
    } finally {
      await other.terminate();
    }
  });

  absent<Pool>('23: that nothing is in line is taken for all being done', {
    ...pools,
    check: async (pool) => {
      let ended = 0;
      await pool.start(2);
      for (let id = 1; id <= 5; id++) {
        pool.add(id, async () => {
          await sleep(5);
          ended++;
        });
      }
      await pool.drain();
      assert.equal(ended, 5);
    },
  });

  test('23: … also for callbacks on workers', async () => {
    const queue = new EventQueue();
    queue.on('all', portable(HANDLERS, 'slow'));
    await queue.start({ workers: 1 });
    for (let id = 1; id <= 3; id++) queue.add({ id, type: 't' });
    await queue.drain();
    const { callbacksRun, processed, size, inFlight } = queue.metrics();
    assert.deepEqual({ callbacksRun, processed, size, inFlight }, { callbacksRun: 3, processed: 3, size: 0, inFlight: 0 });
    await queue.close();
  });

  absent<Pool>('27: its end does not wait for those who are still inside', {
    ...pools,
    check: async (pool) => {
      const begun = gate();
      let ended = false;
      await pool.start(1);
      pool.add(1, async () => {
        begun.open();
        await sleep(10);
        ended = true;
      });
      await soon(begun.opened, 'the callback');
      await pool.end();
      assert.equal(ended, true);
    },
  });

  test('27: … and tells those who wait for an event', async () => {
    const queue = new EventQueue();
    const waiting = [queue.processNext(), queue.processBatch(3)];
    await queue.close();
    assert.deepEqual(await soon(Promise.all(waiting), 'the answers'), [undefined, []]);
  });
});
