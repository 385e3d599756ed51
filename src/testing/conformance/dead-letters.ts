/** Conformance of dead letters: where they go, why, and what is still known of them. */

import assert from 'node:assert/strict';
import { type Check, drain, empty, numbers, take } from './trial.ts';

const toDead = { deadLetter: { exchange: '', address: 'dead' } } as const;

export const deadLetters: readonly Check[] = [
  {
    says: 'keeps a rejected message whole, with reason, attempts and origin',
    needs: ['queues', 'exchanges'],
    turns: true,
    run: async (trial) => {
      const dead = await trial.queue('dead');
      const queue = await trial.queue('q', toDead);
      await trial.box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'orders.*' });
      await trial.box.publish('orders.new', { n: 1 }, { key: 'k', headers: { a: 1 }, id: 'id-1' });
      await (await take(queue, 1))[0]?.nack();
      const [message] = await take(queue, 1);
      await trial.advance(500);
      assert.equal(await message?.reject(), true);
      const [died] = await take(dead, 1);
      assert.ok(died);
      assert.deepEqual(died.value, { n: 1 });
      assert.equal(died.attempts, 1);
      assert.equal(died.message.id, 'id-1');
      assert.equal(died.message.address, 'orders.new');
      assert.deepEqual(died.message.key, new TextEncoder().encode('k'));
      assert.equal(died.message.headers.get('a'), 1);
      const [death] = died.deaths;
      assert.deepEqual(death, {
        reason: 'rejected',
        queue: 'q',
        exchange: 'amq.topic',
        address: 'orders.new',
        to: { exchange: '', address: 'dead' },
        atMs: trial.engine.nowMs(),
        count: 1,
      });
      assert.equal((await queue.describe()).totals.deadLettered, 1);
      await empty(queue);
    },
  },
  {
    says: 'says that a message had its attempts, or its time was over',
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      const dead = await trial.queue('dead');
      const tried = await trial.queue('tried', { ...toDead, retry: { attempts: 2 } });
      await tried.send('tried');
      for (let i = 0; i < 2; i++) await (await take(tried, 1))[0]?.nack();
      const timed = await trial.queue('timed', { ...toDead, ttlMs: 1000 });
      await timed.send('timed');
      await trial.advance(1001);
      const died = await take(dead, 2);
      assert.deepEqual(
        died.map(({ value, deaths }) => [value, deaths[0]?.reason, deaths[0]?.queue]),
        [
          ['tried', 'attempts', 'tried'],
          ['timed', 'expired', 'timed'],
        ],
      );
    },
  },
  {
    says: 'sends dead letters by an exchange, under their address or another',
    needs: ['queues', 'exchanges'],
    run: async (trial) => {
      await trial.box.declareExchange('graves', { type: 'topic' });
      const [own, other] = [await trial.queue('own'), await trial.queue('other')];
      await trial.box.bind({ exchange: 'graves', to: { kind: 'queue', name: 'own' }, pattern: 'a.#' });
      await trial.box.bind({ exchange: 'graves', to: { kind: 'queue', name: 'other' }, pattern: 'buried' });
      const a = await trial.queue('a.1', { deadLetter: { exchange: 'graves' } });
      const b = await trial.queue('b', { deadLetter: { exchange: 'graves', address: 'buried' } });
      await a.send('a');
      await b.send('b');
      for (const queue of [a, b]) await (await take(queue, 1))[0]?.reject();
      assert.deepEqual(await drain(own, 1), ['a']);
      assert.deepEqual(await drain(other, 1), ['b']);
    },
  },
  {
    says: 'puts dead letters into a topic',
    needs: ['queues', 'topics', 'exchanges'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('graves');
      const queue = await trial.queue('q', { deadLetter: { exchange: 'amq.topic', address: 'graves' } });
      await queue.sendMany([1, 2]);
      for (const message of await take(queue, 2)) await message.reject();
      await trial.until('both are there', async () => (await topic.describe()).partitions[0]?.end === 2);
    },
  },
  {
    says: 'keeps the order of dead letters',
    needs: ['queues'],
    run: async (trial) => {
      const dead = await trial.queue('dead');
      const queue = await trial.queue('q', toDead);
      await queue.sendMany(numbers(20));
      await Promise.all((await take(queue, 20)).map((message) => message.reject()));
      assert.deepEqual(await drain(dead, 20), numbers(20));
    },
  },
  {
    says: 'remembers every death on the way, newest first, and counts repeats',
    needs: ['queues'],
    run: async (trial) => {
      const [first, second] = [
        await trial.queue('first', { deadLetter: { exchange: '', address: 'second' } }),
        await trial.queue('second', { deadLetter: { exchange: '', address: 'first' } }),
      ];
      await first.send(1);
      for (const queue of [first, second, first, second]) await (await take(queue, 1))[0]?.reject();
      const [message] = await take(first, 1);
      assert.deepEqual(
        message?.deaths.map(({ queue, count }) => [queue, count]),
        [
          ['second', 2],
          ['first', 2],
        ],
      );
    },
  },
  {
    says: 'ends a circle of dead letters that nobody rejects',
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { ttlMs: 100, deadLetter: { exchange: '', address: 'q' } });
      await queue.send(1);
      await trial.advance(1000);
      const { ready, totals } = await queue.describe();
      assert.equal(ready, 0);
      assert.equal(totals.published, 1);
    },
  },
  {
    says: 'drops what is rejected where no dead letters are wanted, or nobody takes them',
    needs: ['queues', 'exchanges'],
    run: async (trial) => {
      await trial.box.declareExchange('nowhere', { type: 'fanout' });
      for (const spec of [{}, { deadLetter: { exchange: 'nowhere' } }, { deadLetter: { exchange: '', address: 'missing' } }]) {
        const queue = await trial.queue('q', spec);
        await queue.send(1);
        assert.equal(await (await take(queue, 1))[0]?.reject(), true);
        assert.deepEqual((await queue.describe()).totals.dropped, 1);
        await trial.box.remove('queue', 'q');
      }
    },
  },
  {
    says: 'still knows dead letters when it is opened again',
    needs: ['queues', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.queue('dead');
      await (await trial.queue('q', toDead)).send(1);
      await (await take(trial.box.queue('q'), 1))[0]?.reject();
      for (const how of ['crashed', 'closed'] as const) {
        await trial.reopen(how);
        const [seen] = await trial.box.queue('dead').peek();
        assert.deepEqual([seen?.message.deaths[0]?.reason, seen?.message.deaths[0]?.queue], ['rejected', 'q']);
      }
    },
  },
  {
    says: 'knows where a dead letter was sent each time, and when it died somewhere first',
    needs: ['queues'],
    turns: true,
    run: async (trial) => {
      const work = await trial.queue('work', { deadLetter: { exchange: '', address: 'wait' } });
      await trial.queue('wait', { ttlMs: 1000, deadLetter: { exchange: '', address: 'work' } });
      await work.send('again and again');
      const firstMs = trial.engine.nowMs();
      for (let i = 0; i < 2; i++) {
        await (await take(work, 1))[0]?.reject();
        await trial.advance(1001);
      }
      const [message] = await take(work, 1);
      assert.deepEqual(message?.deaths, [
        {
          reason: 'expired',
          queue: 'wait',
          exchange: '',
          address: 'wait',
          to: { exchange: '', address: 'work' },
          atMs: firstMs + 1000,
          count: 2,
        },
        {
          reason: 'rejected',
          queue: 'work',
          exchange: '',
          address: 'work',
          to: { exchange: '', address: 'wait' },
          atMs: firstMs,
          count: 2,
        },
      ]);
    },
  },
];
