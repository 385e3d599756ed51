/** Conformance of handlers of topics, and of what a subscription can be told while it runs. */

import assert from 'node:assert/strict';
import { type Check, numbers, refused } from './trial.ts';

const needs = ['topics'] as const;

export const handlers: readonly Check[] = [
  {
    says: 'runs handlers one after the other unless told otherwise',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 3 });
      await topic.publishMany(numbers(12), (i) => ({ partition: i % 3 }));
      let running = 0;
      let seen = 0;
      const handler = await topic.subscribe(
        async () => {
          running++;
          assert.equal(running, 1);
          await trial.settle();
          running--;
          seen++;
        },
        { from: 'earliest' },
      );
      await trial.until('all came', () => seen === 12);
      await handler.stop();
    },
  },
  {
    says: 'runs handlers side by side, those of one key in order',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(8), (i) => ({ key: `k${i % 2}` }));
      const open = new Map<unknown, () => void>();
      const handler = await topic.subscribe(({ value }) => new Promise<void>((resolve) => open.set(value, resolve)), {
        from: 'earliest',
        concurrency: 8,
      });
      for (const round of numbers(4)) {
        await trial.until('one of each key runs', () => open.size === 2 * round + 2);
        await trial.settle();
        assert.deepEqual([...open.keys()].slice(-2).toSorted(), [2 * round, 2 * round + 1]);
        for (const value of [2 * round + 1, 2 * round]) open.get(value)?.();
      }
      await handler.stop();
    },
  },
  {
    says: 'keeps the order of a partition, or none, where that is asked for',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 2 });
      await topic.publishMany(numbers(8), (i) => ({ partition: i % 2, key: `k${i}` }));
      for (const [ordered, expected] of [
        ['partition', 2],
        ['none', 8],
      ] as const) {
        const open: (() => void)[] = [];
        let done = 0;
        const handler = await topic.subscribe(
          async () => {
            await new Promise<void>((resolve) => open.push(resolve));
            done++;
          },
          { from: 'earliest', concurrency: 8, ordered },
        );
        await trial.until('as many run as may', () => open.length === expected);
        await trial.settle();
        assert.equal(open.length, expected);
        await trial.until('all are done', () => {
          for (const resolve of open.splice(0)) resolve();
          return done === 8;
        });
        await handler.stop();
      }
    },
  },
  {
    says: 'moves the cursor of a group no further than what handlers have finished without a gap',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(5), (i) => ({ key: `k${i}` }));
      const open = new Map<unknown, () => void>();
      const member = await topic.subscribe(({ value }) => new Promise<void>((resolve) => open.set(value, resolve)), {
        group: 'g',
        from: 'earliest',
        concurrency: 5,
      });
      await trial.until('all run', () => open.size === 5);
      for (const value of [0, 2, 3]) open.get(value)?.();
      const cursor = async () => {
        const group = await trial.box.describe('group', 'g');
        return group?.kind === 'group' ? group.cursors[0] : undefined;
      };
      await trial.until('the cursor moved', async () => (await cursor())?.offset === 1);
      await trial.settle();
      assert.deepEqual(await cursor(), { topic: 't', partition: 0, offset: 1, lag: 4 });
      open.get(1)?.();
      await trial.until('the gap is closed', async () => (await cursor())?.offset === 4);
      open.get(4)?.();
      await member.stop();
      assert.equal((await cursor())?.offset, 5);
    },
  },
  {
    says: 'stops at an event whose handler throws, and delivers it again',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(5));
      const seen: unknown[] = [];
      const member = await topic.subscribe(
        ({ value }) => {
          seen.push(value);
          if (value === 2) throw new Error('no two');
        },
        { group: 'g', from: 'earliest' },
      );
      await assert.rejects(member.done, /no two/);
      assert.deepEqual(seen, [0, 1, 2]);
      const again = await topic.subscribe((event) => seen.push(event.value as number), { group: 'g' });
      await trial.until('the rest came', () => seen.length === 6);
      assert.deepEqual(seen, [0, 1, 2, 2, 3, 4]);
      await again.stop();
    },
  },
  {
    says: 'goes on behind an event whose handler throws where that is asked for',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(4));
      const told: unknown[] = [];
      let seen = 0;
      const handler = await topic.subscribe(
        ({ value }) => {
          seen++;
          if (value === 1) throw new Error('no one');
        },
        {
          from: 'earliest',
          onError: (error, event) => {
            told.push([(error as Error).message, event.offset]);
            return 'skip';
          },
        },
      );
      await trial.until('all came', () => seen === 4);
      await handler.stop();
      assert.deepEqual(told, [['no one', 1]]);
    },
  },
  {
    says: 'can be paused and go on, as a whole and by partition',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 2 });
      const seen: unknown[] = [];
      const { subscription, stop } = await topic.subscribe(({ value }) => void seen.push(value));
      subscription.pause(0);
      await topic.publishMany([0, 1], (i) => ({ partition: i }));
      await topic.publishMany([2, 3], (i) => ({ partition: i }));
      await trial.until('the other came', () => seen.includes(3));
      await trial.settle();
      // What was asked for before the pause may still come.
      assert.equal(seen.includes(2), false);
      subscription.resume(0);
      await trial.until('all came', () => seen.length === 4);
      subscription.pause();
      await topic.publish(4, { partition: 0 });
      await topic.publish(5, { partition: 0 });
      await trial.settle();
      assert.equal(seen.includes(5), false);
      subscription.resume();
      await trial.until('all came', () => seen.length === 6);
      await stop();
    },
  },
  {
    says: 'can go on from another offset, forwards and backwards',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(10));
      const subscription = await topic.subscribe({ from: 'earliest' });
      const value = async () => (await subscription.next())?.value;
      assert.equal(await value(), 0);
      subscription.seek(0, 8);
      assert.equal(await value(), 8);
      subscription.seek(0, 3);
      assert.deepEqual([await value(), await value()], [3, 4]);
      await refused('unknown', '"t"', () => subscription.seek(7, 0));
      await subscription.stop();
    },
  },
  {
    says: 'tells how much is still to come',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(10));
      const subscription = await topic.subscribe({ group: 'g', from: 'earliest' });
      await subscription.next();
      assert.equal(subscription.lag, 10, 'what was handed out is not dealt with yet');
      for (let i = 0; i < 4; i++) await subscription.next();
      assert.equal(subscription.lag, 6);
      await topic.publishMany(numbers(5));
      await trial.until('it knows of the new ones', () => subscription.lag === 11);
      await subscription.stop();
      const group = await trial.box.describe('group', 'g');
      assert.deepEqual(group?.kind === 'group' && group.cursors, [{ topic: 't', partition: 0, offset: 4, lag: 11 }]);
    },
  },
];
