/** Conformance of the delivery promises by their names: at most once, at least once, exactly once from input to output. */

import assert from 'node:assert/strict';
import type { TopicSubscription } from '../../api/api.ts';
import { type Check, drain, empty, numbers, readAll, type Trial, take } from './trial.ts';

/** One round of a worker that makes one output of each input: receives, transforms, and acks and publishes in one transaction. */
async function workQueue(trial: Trial, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const [message] = await take(trial.box.queue('in'), 1);
    assert.ok(message);
    await trial.box.transaction((transaction) => {
      transaction.ack(message);
      transaction.publish('out', Number(message.value) * 10);
    });
  }
}

async function workTopic(trial: Trial, subscription: TopicSubscription, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const event = await subscription.next();
    assert.ok(event);
    await trial.box.transaction((transaction) => {
      transaction.done(subscription, event);
      transaction.publish('out', Number(event.value) * 10);
    });
  }
}

async function outputs(trial: Trial): Promise<unknown[]> {
  return (await readAll(trial, 'out')).map(({ value }) => value).toSorted((a, b) => Number(a) - Number(b));
}

export const promises: readonly Check[] = [
  {
    says: 'at most once: a message handed over is settled, whatever becomes of its consumer',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(3));
      const seen: unknown[] = [];
      for await (const message of queue.consume({ atMostOnce: true, prefetch: 1 })) {
        assert.equal(await message.nack(), false, 'there is nothing left to settle');
        seen.push(message.value);
        if (seen.length === 2) break;
      }
      assert.deepEqual(seen, [0, 1]);
      const [last] = await queue.receive({ atMostOnce: true });
      if (last !== undefined) assert.equal(last.value, 2);
      assert.equal((await queue.describe()).inFlight, 0);
      await empty(queue);
    },
  },
  {
    says: 'at most once: a handler that throws is not asked again',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(3));
      const seen: unknown[] = [];
      const running = queue.consume(
        ({ value }) => {
          seen.push(value);
          throw new Error('no good');
        },
        { atMostOnce: true },
      );
      await trial.until('all came', () => seen.length === 3);
      await running.stop();
      assert.deepEqual(seen, numbers(3));
      assert.equal((await queue.describe()).totals.acked, 3);
    },
  },
  {
    says: 'at most once: what was handed over is not there after a crash',
    needs: ['queues', 'durable'],
    reopens: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany([0, 1]);
      assert.equal((await queue.receive({ atMostOnce: true }))[0]?.value, 0);
      await trial.reopen('crashed');
      assert.deepEqual(await drain(trial.box.queue('q'), 1), [1]);
      await empty(trial.box.queue('q'));
    },
  },
  {
    says: 'at most once: the cursor of a group moves before an event is handed over',
    needs: ['topics'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(5));
      const first = await topic.subscribe({ group: 'g', from: 'earliest', atMostOnce: true });
      const event = await first.next();
      assert.equal(event?.value, 0);
      const group = await trial.box.describe('group', 'g');
      assert.ok(group?.kind === 'group' && (group.cursors[0]?.offset ?? 0) > 0, 'the cursor is behind what was handed over');
      await first.stop();
      await topic.publish('next');
      const second = await topic.subscribe({ group: 'g', from: 'earliest', atMostOnce: true });
      const again = await second.next();
      assert.notEqual(again?.value, 0);
      await second.stop();
    },
  },
  {
    says: 'at least once: what was not acked comes again after a crash',
    needs: ['queues', 'topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      await (await trial.queue('q')).sendMany([0, 1]);
      await (await trial.box.declareTopic('t')).publishMany([0, 1, 2]);
      const [first] = await take(trial.box.queue('q'), 2);
      await first?.ack();
      const subscription = await trial.box.topic('t').subscribe({ group: 'g', from: 'earliest' });
      for (let i = 0; i < 3; i++) await subscription.next();
      await trial.until('the cursor stands before the last', async () => {
        const group = await trial.box.describe('group', 'g');
        return group?.kind === 'group' && group.cursors[0]?.offset === 2;
      });
      await trial.reopen('crashed');
      const [again] = await take(trial.box.queue('q'), 1);
      assert.deepEqual([again?.value, again?.redelivered], [1, true]);
      const after = await trial.box.topic('t').subscribe({ group: 'g' });
      assert.equal((await after.next())?.value, 2);
      await after.stop();
    },
  },
  {
    says: 'exactly once: each message of a queue has one output, with crashes before, within and after its transaction',
    needs: ['queues', 'topics', 'transactions', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.declareTopic('out');
      await (await trial.queue('in')).sendMany(numbers(8));
      await workQueue(trial, 2);
      await take(trial.box.queue('in'), 1);
      await trial.reopen('crashed');
      await workQueue(trial, 2);
      const [message] = await take(trial.box.queue('in'), 1);
      assert.ok(message);
      void trial.box.transaction((transaction) => {
        transaction.ack(message);
        transaction.publish('out', Number(message.value) * 10);
      });
      await trial.reopen('crashed');
      const { ready } = await trial.box.queue('in').describe();
      assert.ok(ready === 3 || ready === 4, `the transaction under way is there whole or not at all; ${ready} are left`);
      assert.equal((await outputs(trial)).length, 8 - ready);
      await workQueue(trial, ready);
      await trial.reopen('crashed');
      assert.deepEqual(
        await outputs(trial),
        numbers(8).map((n) => n * 10),
      );
      await empty(trial.box.queue('in'));
    },
  },
  {
    says: 'exactly once: each event of a topic has one output, with crashes before, within and after its transaction',
    needs: ['topics', 'transactions', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.declareTopic('out');
      await (await trial.box.declareTopic('in')).publishMany(numbers(8));
      const join = () => trial.box.topic('in').subscribe({ group: 'g', from: 'earliest' });
      const first = await join();
      await workTopic(trial, first, 3);
      await trial.reopen('crashed');
      const second = await join();
      await workTopic(trial, second, 2);
      const event = await second.next();
      assert.ok(event);
      void trial.box.transaction((transaction) => {
        transaction.done(second, event);
        transaction.publish('out', Number(event.value) * 10);
      });
      await trial.reopen('crashed');
      const left = 8 - (await outputs(trial)).length;
      assert.ok(left === 3 || left === 2);
      const third = await join();
      await workTopic(trial, third, left);
      await third.stop();
      assert.deepEqual(
        await outputs(trial),
        numbers(8).map((n) => n * 10),
      );
    },
  },
];
