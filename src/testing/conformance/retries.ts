/** Conformance of retries: what a message that failed has to wait, and when it is given up. */

import assert from 'node:assert/strict';
import type { QueueHandle } from '../../api/api.ts';
import { type Check, drain, empty, holding, numbers, type Trial, take } from './trial.ts';

/** Lets a message fail once it can be had, and answers how long that took, in whole `stepMs`. */
async function failAfter(trial: Trial, queue: QueueHandle, stepMs: number): Promise<number> {
  for (let waitedMs = 0; waitedMs < 100_000; waitedMs += stepMs) {
    const [message] = await queue.receive({ lease: '1h' });
    if (message !== undefined) {
      await message.nack();
      return waitedMs;
    }
    await trial.advance(stepMs);
  }
  return Number.POSITIVE_INFINITY;
}

export const retries: readonly Check[] = [
  {
    says: 'waits longer before each further attempt, up to the longest wait',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { retry: { attempts: 6, backoffMs: 100, factor: 3, backoffMaxMs: 1000 } });
      await queue.send(1);
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 6; attempt++) waits.push(await failAfter(trial, queue, 10));
      assert.deepEqual(waits, [0, 100, 300, 900, 1000, 1000]);
      assert.equal((await queue.describe()).totals.dropped, 1);
    },
  },
  {
    says: 'doubles the wait unless told otherwise, and waits not at all without one',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const doubling = await trial.queue('doubling', { retry: { attempts: 4, backoffMs: 50 } });
      await doubling.send(1);
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 4; attempt++) waits.push(await failAfter(trial, doubling, 10));
      assert.deepEqual(waits, [0, 50, 100, 200]);
      const atOnce = await trial.queue('at-once', { retry: { attempts: 3 } });
      await atOnce.send(1);
      for (let attempt = 1; attempt <= 3; attempt++) assert.equal(await failAfter(trial, atOnce, 10), 0);
      await empty(atOnce);
    },
  },
  {
    says: 'draws each wait from within its jitter',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { retry: { attempts: 2, backoffMs: 1000, jitter: 0.5 } });
      await queue.sendMany(numbers(40));
      for (const message of await take(queue, 40)) await message.nack();
      const came: number[] = [];
      await trial.advance(499);
      await empty(queue);
      for (let waited = 500; waited <= 1000; waited += 50) {
        await trial.advance(waited === 500 ? 1 : 50);
        came.push((await queue.receive({ max: 100, lease: '1h' })).length);
      }
      assert.equal(
        came.reduce((a, b) => a + b, 0),
        40,
        'nobody waits longer than the full wait',
      );
      assert.ok(came.filter((count) => count > 0).length >= 5, `waits should be spread, came ${came}`);
    },
  },
  {
    says: 'counts a lease that ran out and a consumer that went as failed attempts',
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      await trial.queue('dead');
      const queue = await trial.queue('q', { retry: { attempts: 2 }, leaseMs: 1000, deadLetter: { exchange: '', address: 'dead' } });
      await queue.send(1);
      assert.equal((await queue.receive()).length, 1);
      await trial.advance(1000);
      const { held, consumer } = await holding(trial, 'q', 1);
      await trial.until('it came again', () => held.length === 1);
      assert.equal(held[0]?.attempts, 2);
      await consumer.cancel();
      const [dead] = await take(trial.box.queue('dead'), 1);
      assert.equal(dead?.deaths[0]?.reason, 'attempts');
    },
  },
  {
    says: 'lets a nack choose its own wait, and a requeue not count',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { retry: { attempts: 2, backoffMs: 60_000 } });
      await queue.send(1);
      for (let i = 0; i < 5; i++) await (await take(queue, 1))[0]?.requeue();
      await (await take(queue, 1))[0]?.nack({ delay: '10ms' });
      await trial.advance(10);
      assert.deepEqual(await drain(queue, 1), [1]);
    },
  },
  {
    says: 'goes on counting attempts when it is opened again',
    needs: ['queues', 'durable'],
    reopens: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { retry: { attempts: 3 } });
      await queue.send(1);
      await (await take(queue, 1))[0]?.nack();
      await trial.reopen('closed');
      const [second] = await take(trial.box.queue('q'), 1);
      assert.equal(second?.attempts, 2);
      await second.nack();
      await trial.reopen('crashed');
      const [third] = await take(trial.box.queue('q'), 1);
      assert.equal(third?.attempts, 3);
      await third.nack();
      await empty(trial.box.queue('q'));
      assert.equal((await trial.box.queue('q').describe()).totals.dropped, 1);
    },
  },
];
