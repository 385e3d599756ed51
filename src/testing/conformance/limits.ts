/** Conformance of what ends a message without a consumer: time to live, limits and their overflow, deduplication, and what a queue's life is. */

import assert from 'node:assert/strict';
import { type Check, drain, empty, holding, numbers, refused, take } from './trial.ts';

export const limits: readonly Check[] = [
  {
    says: "drops a message when its time to live is over, the shorter of its own and the queue's",
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { ttlMs: 2000 });
      await queue.send('own', { ttl: '1s' });
      await queue.send('queue', { ttl: '1h' });
      await trial.advance(1001);
      assert.equal((await queue.describe()).ready, 1);
      await trial.advance(1000);
      await empty(queue);
      assert.deepEqual((await queue.describe()).totals, { ...nothing, published: 2, expired: 2 });
    },
  },
  {
    says: 'takes a time to live of 0 as now or never',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q', { ttlMs: 0 });
      await queue.send('never');
      await trial.until('it is gone', async () => (await queue.describe()).totals.expired === 1);
      const { held, consumer } = await holding(trial, 'q', 10);
      await queue.send('now');
      await trial.until('it came', () => held.length === 1);
      assert.equal(held[0]?.value, 'now');
      await consumer.cancel();
    },
  },
  {
    says: 'lets no time to live end what is in flight',
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { ttlMs: 1000 });
      await queue.sendMany([0, 1]);
      const [held, back] = await take(queue, 2);
      await trial.advance(1001);
      assert.equal(await held?.ack(), true);
      await back?.nack();
      await trial.until('what came back too late is gone', async () => (await queue.describe()).totals.expired === 1);
    },
  },
  {
    says: 'refuses what is more than a queue may hold, all of the batch',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q', { countMax: 3 });
      await queue.sendMany([0, 1]);
      await refused('full', '"q"', () => queue.sendMany([2, 3]));
      assert.equal((await queue.describe()).ready, 2);
      await queue.send(2);
      await refused('full', '"q"', () => queue.send(3));
      assert.deepEqual(await drain(queue, 1), [0]);
      await queue.send(3);
      assert.deepEqual(await drain(queue, 3), [1, 2, 3]);
    },
  },
  {
    says: 'limits a queue by bytes as well',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q', { sizeBytesMax: 10_000 });
      await queue.send(new Uint8Array(4000));
      await queue.send(new Uint8Array(4000));
      await refused('full', '"q"', () => queue.send(new Uint8Array(4000)));
      const drops = await trial.queue('drops', { sizeBytesMax: 10_000, overflow: 'drop-head' });
      await drops.sendMany([0, 1, 2, 3].map((n) => new Uint8Array(4000).fill(n)));
      await trial.until('two are dropped', async () => (await drops.describe()).totals.dropped === 2);
      assert.deepEqual(
        (await drain(drops, 2)).map((value) => (value as Uint8Array)[0]),
        [2, 3],
      );
    },
  },
  {
    says: 'drops the oldest where overflow says so',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q', { countMax: 3, overflow: 'drop-head' });
      await queue.sendMany(numbers(10));
      await trial.until('there are three', async () => (await queue.describe()).ready === 3);
      assert.equal((await queue.describe()).totals.dropped, 7);
      assert.deepEqual(await drain(queue, 3), [7, 8, 9]);
    },
  },
  {
    says: 'dead-letters the oldest where overflow says so',
    needs: ['queues'],
    run: async (trial) => {
      const dead = await trial.queue('dead');
      const queue = await trial.queue('q', { countMax: 1, overflow: 'dead-letter-head', deadLetter: { exchange: '', address: 'dead' } });
      for (const n of [0, 1, 2]) await queue.send(n);
      const died = await take(dead, 2);
      assert.deepEqual(
        died.map(({ value, deaths }) => [value, deaths[0]?.reason, deaths[0]?.queue]),
        [
          [0, 'overflow', 'q'],
          [1, 'overflow', 'q'],
        ],
      );
      assert.deepEqual(await drain(queue, 1), [2]);
    },
  },
  {
    says: 'dead-letters what it turns away where overflow says so',
    needs: ['queues'],
    run: async (trial) => {
      const dead = await trial.queue('dead');
      const queue = await trial.queue('q', { countMax: 1, overflow: 'refuse-dead-letter', deadLetter: { exchange: '', address: 'dead' } });
      for (const n of [0, 1, 2]) await queue.send(n);
      const died = await take(dead, 2);
      assert.deepEqual(
        died.map(({ value, deaths }) => [value, deaths[0]?.reason]),
        [
          [1, 'overflow'],
          [2, 'overflow'],
        ],
      );
      assert.deepEqual(await drain(queue, 1), [0]);
    },
  },
  {
    says: 'stores a message of one dedup id once within the window',
    needs: ['queues', 'deduplication'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { dedupWindowMs: 60_000 });
      assert.equal(await queue.send(1, { dedupId: 'a' }), true);
      assert.equal(await queue.send(2, { dedupId: 'a' }), false);
      assert.deepEqual(await queue.sendMany([3, 4, 5], (i) => ({ dedupId: ['b', 'b', 'a'][i] ?? '' })), [true, false, false]);
      assert.deepEqual(await drain(queue, 2), [1, 3]);
      assert.equal(await queue.send(6, { dedupId: 'a' }), false, 'also after it was acked');
      await trial.advance(60_001);
      assert.equal(await queue.send(7, { dedupId: 'a' }), true);
      assert.deepEqual(await drain(queue, 1), [7]);
      await empty(queue);
    },
  },
  {
    says: 'remembers dedup ids when it is opened again',
    needs: ['queues', 'deduplication', 'durable'],
    reopens: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { dedupWindowMs: 3_600_000 });
      await queue.send(1, { dedupId: 'closed' });
      await trial.reopen('closed');
      assert.equal(await trial.box.queue('q').send(2, { dedupId: 'closed' }), false);
      await trial.box.queue('q').send(3, { dedupId: 'crashed' });
      await trial.reopen('crashed');
      assert.equal(await trial.box.queue('q').send(4, { dedupId: 'crashed' }), false);
      assert.deepEqual(await drain(trial.box.queue('q'), 2), [1, 3]);
    },
  },
  {
    says: 'removes a queue with its last consumer where it is declared so',
    needs: ['queues'],
    run: async (trial) => {
      await trial.queue('q', { autoDelete: true });
      const [a, b] = [await holding(trial, 'q', 1), await holding(trial, 'q', 1)];
      await a.consumer.cancel();
      assert.ok(await trial.box.describe('queue', 'q'));
      await b.consumer.cancel();
      await trial.until('it is gone', async () => (await trial.box.describe('queue', 'q')) === undefined);
    },
  },
  {
    says: 'removes a queue nobody has used for as long as it says',
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      const idle = await trial.queue('idle', { expiresMs: 10_000 });
      const used = await trial.queue('used', { expiresMs: 10_000 });
      await trial.queue('held', { expiresMs: 10_000 });
      const { consumer } = await holding(trial, 'held', 1);
      await idle.send(1);
      await trial.advance(6000);
      await used.receive();
      await trial.advance(6000);
      assert.equal(await trial.box.describe('queue', 'idle'), undefined);
      assert.ok(await trial.box.describe('queue', 'used'));
      await trial.advance(6000);
      assert.equal(await trial.box.describe('queue', 'used'), undefined);
      assert.ok(await trial.box.describe('queue', 'held'));
      await consumer.cancel();
      await trial.advance(10_001);
      assert.equal(await trial.box.describe('queue', 'held'), undefined);
    },
  },
];

const nothing = { published: 0, acked: 0, deadLettered: 0, expired: 0, dropped: 0, purged: 0 };
