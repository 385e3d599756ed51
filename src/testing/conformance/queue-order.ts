/** Conformance of order in queues: first in first out, priorities and ageing, delays, groups, and who is served. */

import assert from 'node:assert/strict';
import { type Check, drain, empty, holding, numbers, refused, take } from './trial.ts';

export const queueOrder: readonly Check[] = [
  {
    says: 'hands messages over in the order they were sent',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await Promise.all(numbers(50).map((n) => queue.send(n)));
      await queue.sendMany(numbers(50, 50));
      assert.deepEqual(await drain(queue, 100), numbers(100));
    },
  },
  {
    says: 'serves higher priorities first, and each in order',
    needs: ['queues', 'priorities'],
    run: async (trial) => {
      const queue = await trial.queue('q', { priorityMax: 255 });
      const priorities = [0, 255, 7, 7, 255, 1, 0, 254];
      for (const [n, priority] of priorities.entries()) await queue.send(n, { priority });
      await queue.send(8);
      assert.deepEqual(await drain(queue, 9), [1, 4, 7, 2, 3, 5, 0, 6, 8]);
    },
  },
  {
    says: 'counts priorities above the highest of the queue as the highest',
    needs: ['queues', 'priorities'],
    run: async (trial) => {
      const queue = await trial.queue('q', { priorityMax: 5 });
      await queue.sendMany([0, 1, 2, 3], (i) => ({ priority: [5, 200, 4, 6][i] ?? 0 }));
      assert.deepEqual(await drain(queue, 4), [0, 1, 3, 2]);
      const plain = await trial.queue('plain');
      await plain.sendMany([0, 1], (i) => ({ priority: i * 9 }));
      assert.deepEqual(await drain(plain, 2), [0, 1], 'a queue without priorities is first in, first out');
    },
  },
  {
    says: 'lets what has waited overtake higher priorities, where ageing is declared',
    needs: ['queues', 'priorities'],
    turns: true,
    run: async (trial) => {
      const aged = await trial.queue('aged', { priorityMax: 9, priorityAgeMs: 1000 });
      const plain = await trial.queue('plain', { priorityMax: 9 });
      for (const queue of [aged, plain]) await queue.send('old', { priority: 1 });
      await trial.advance(3000);
      for (const queue of [aged, plain]) await queue.sendMany(['new 3', 'new 4', 'new 5'], (i) => ({ priority: 3 + i }));
      assert.deepEqual(await drain(aged, 4), ['new 5', 'old', 'new 4', 'new 3']);
      assert.deepEqual(await drain(plain, 4), ['new 5', 'new 4', 'new 3', 'old']);
    },
  },
  {
    says: 'delivers what was delayed when its time has come, not before',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send('at', { deliverAt: new Date(trial.engine.nowMs() + 2000) });
      await queue.send('after', { delay: '1s' });
      await queue.send('now');
      await queue.send('past', { deliverAt: new Date(1) });
      assert.deepEqual(await drain(queue, 2), ['now', 'past']);
      assert.equal((await queue.describe()).delayed, 2);
      await trial.advance(999);
      await empty(queue);
      await trial.advance(1);
      assert.deepEqual(await drain(queue, 1), ['after']);
      await trial.advance(999);
      await empty(queue);
      await trial.advance(1);
      assert.deepEqual(await drain(queue, 1), ['at']);
    },
  },
  {
    says: 'delays every message of a queue that says so, unless the message says otherwise',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { delayMs: 1000 });
      await queue.send('queue');
      await queue.send('own', { delay: '500ms' });
      await empty(queue);
      await trial.advance(500);
      assert.deepEqual(await drain(queue, 1), ['own']);
      await trial.advance(500);
      assert.deepEqual(await drain(queue, 1), ['queue']);
    },
  },
  {
    says: 'wakes a waiting receive when what was delayed is due',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1, { delay: '10s' });
      const waiting = queue.receive({ wait: '1m' });
      await trial.advance(10_000);
      assert.equal((await waiting)[0]?.value, 1);
    },
  },
  {
    says: 'has one message of a group in flight, and groups side by side',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q', { grouped: true });
      await queue.sendMany(['a1', 'a2', 'b1', 'b2', 'none1', 'none2'], (i) => ({ ...(i < 4 && { group: i < 2 ? 'a' : 'b' }) }));
      const held = await take(queue, 4);
      assert.deepEqual(
        held.map((message) => message.value),
        ['a1', 'b1', 'none1', 'none2'],
      );
      await empty(queue);
      await held[0]?.nack();
      const [again] = await take(queue, 1);
      assert.equal(again?.value, 'a1', 'a group goes on with the message that failed');
      await empty(queue);
      await again?.ack();
      assert.deepEqual(await drain(queue, 1), ['a2']);
      await held[1]?.ack();
      assert.deepEqual(await drain(queue, 1), ['b2']);
    },
  },
  {
    says: 'serves competing consumers alike',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      const consumers = await Promise.all([1, 2, 3, 4].map(() => holding(trial, 'q', 1000)));
      for (let round = 0; round < 25; round++) await queue.sendMany(numbers(8));
      await trial.until('all came', () => consumers.reduce((sum, { held }) => sum + held.length, 0) === 200);
      for (const { held } of consumers) assert.ok(held.length >= 40 && held.length <= 60, `one of four got ${held.length} of 200`);
      for (const { consumer } of consumers) await consumer.cancel();
    },
  },
  {
    says: 'lets a slow consumer hold up nobody but itself',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      const slow = await holding(trial, 'q', 5);
      const seen = new Set<unknown>();
      const quick = queue.consume(({ value }) => void seen.add(value));
      await queue.sendMany(numbers(200));
      await trial.until('the quick one got the rest', () => seen.size + slow.held.length === 200);
      assert.equal(slow.held.length, 5);
      await quick.stop();
      await slow.consumer.cancel();
    },
  },
  {
    says: 'serves consumers of higher priority first',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      const low = await holding(trial, 'q', 100);
      const high = await holding(trial, 'q', 10, { priority: 5 });
      await queue.sendMany(numbers(15));
      await trial.until('all came', () => low.held.length + high.held.length === 15);
      assert.deepEqual(
        high.held.map((message) => message.value),
        numbers(10),
      );
      await low.consumer.cancel();
      await high.consumer.cancel();
    },
  },
  {
    says: 'gives everything to the single active consumer, and then to the next in line',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q', { singleActiveConsumer: true });
      const [first, second, third] = [
        await holding(trial, 'q', 2),
        await holding(trial, 'q', 2, { priority: 9 }),
        await holding(trial, 'q', 2),
      ];
      await queue.sendMany(numbers(6));
      await trial.until('the first has its share', () => first.held.length === 2);
      await trial.settle();
      assert.deepEqual([second.held.length, third.held.length], [0, 0]);
      await first.consumer.cancel();
      await trial.until('the second took over', () => second.held.length === 2);
      assert.deepEqual(
        second.held.map((message) => message.value),
        [0, 1],
      );
      assert.equal(third.held.length, 0);
      for (const message of second.held.slice(0, 2)) await message.ack();
      await trial.until('it went on', () => second.held.length === 4);
      await second.consumer.cancel();
      await third.consumer.cancel();
    },
  },
  {
    says: 'keeps others away from an exclusive consumer, until it goes',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      const { consumer } = await holding(trial, 'q', 1, { exclusive: true });
      await refused('exclusive', '"q"', () => holding(trial, 'q', 1));
      await refused('exclusive', '"q"', () => queue.receive());
      await consumer.cancel();
      const other = await holding(trial, 'q', 1);
      await refused('exclusive', '"q"', () => holding(trial, 'q', 1, { exclusive: true }));
      await other.consumer.cancel();
    },
  },
];
