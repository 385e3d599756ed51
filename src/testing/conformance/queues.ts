/** Conformance of queues: sending, holding, settling, leases, prefetch, looking without taking. */

import assert from 'node:assert/strict';
import type { HeaderValue } from '../../model/message.ts';
import { type Check, drain, empty, holding, numbers, refused, take } from './trial.ts';

const needs = ['queues'] as const;

export const queues: readonly Check[] = [
  {
    says: 'hands over a message as it was sent',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const headers = new Map<string, HeaderValue>([
        ['text', 'ä'],
        ['number', 1.5],
        ['big', 2n ** 60n],
        ['yes', true],
        ['nothing', null],
        ['bytes', Uint8Array.of(0, 255)],
        ['__proto__', 'a name like any other'],
        ['list', [1, 'two', new Map([['three', 3]])]],
      ]);
      const sent = { key: 'k', id: 'id-1', type: 'order.placed', source: '/shop', subject: 's', correlationId: 'c', replyTo: 'r', headers };
      assert.equal(await queue.send({ n: 1 }, sent), true);
      const [received] = await take(queue, 1);
      assert.ok(received);
      assert.deepEqual(received.value, { n: 1 });
      assert.equal(received.attempts, 1);
      assert.equal(received.redelivered, false);
      assert.deepEqual(received.deaths, []);
      const { message } = received;
      assert.deepEqual(message.headers, headers);
      assert.deepEqual(message.key, new TextEncoder().encode('k'));
      for (const name of ['id', 'type', 'source', 'subject', 'correlationId', 'replyTo'] as const) assert.equal(message[name], sent[name]);
      assert.equal(message.address, 'q');
      assert.equal(message.contentType, 'application/json');
    },
  },
  {
    says: 'keeps bytes as bytes, text as text and JSON as JSON',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const values = [new Uint8Array([0, 1, 255]), '', 'täxt', null, 0, false, [], { a: [1, { b: null }] }, new Uint8Array(0)];
      await queue.sendMany(values);
      for (const value of values) {
        const [message] = await take(queue, 1);
        assert.deepEqual(message?.value, value);
        await message?.ack();
      }
    },
  },
  {
    says: 'gives what was acked to nobody again, and says so only once',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1);
      const [message] = await take(queue, 1);
      assert.equal(await message?.ack(), true);
      assert.equal(await message?.ack(), false);
      assert.equal(await message?.nack(), false);
      await empty(queue);
    },
  },
  {
    says: 'brings back at once what was nacked, and counts the delivery',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1);
      for (const attempt of [1, 2, 3]) {
        const [message] = await take(queue, 1);
        assert.equal(message?.attempts, attempt);
        assert.equal(message.redelivered, attempt > 1);
        assert.equal(await message.nack(), true);
      }
    },
  },
  {
    says: 'brings back to its place what was requeued, and does not count the delivery',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(4));
      const held = await take(queue, 2);
      for (const message of held.toReversed()) assert.equal(await message.requeue(), true);
      const again = await take(queue, 4);
      assert.deepEqual(
        again.map(({ value, attempts }) => [value, attempts]),
        numbers(4).map((n) => [n, 1]),
      );
    },
  },
  {
    says: 'holds back what was requeued or nacked with a delay',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany([0, 1]);
      const [first, second] = await take(queue, 2);
      await first?.requeue({ delay: '2s' });
      await second?.nack({ delay: '1s' });
      await trial.advance(999);
      await empty(queue);
      await trial.advance(1);
      assert.deepEqual(await drain(queue, 1), [1]);
      await trial.advance(1000);
      assert.deepEqual(await drain(queue, 1), [0]);
    },
  },
  {
    says: 'takes back what was held longer than its lease; its ack then says false',
    needs,
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { leaseMs: 1000 });
      await queue.send(1);
      const [late] = await queue.receive();
      await trial.advance(999);
      await empty(queue);
      await trial.advance(1);
      const [again] = await take(queue, 1);
      assert.equal(again?.attempts, 2);
      assert.equal(await late?.ack(), false);
      assert.equal(await late?.extend('1s'), false);
      assert.equal(await again?.ack(), true);
    },
  },
  {
    says: 'lets a lease be extended, of each message by itself',
    needs,
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { leaseMs: 1000 });
      await queue.sendMany([0, 1]);
      const [first, second] = await queue.receive({ max: 2 });
      await trial.advance(600);
      assert.equal(await first?.extend('1s'), true);
      await trial.advance(600);
      assert.deepEqual((await take(queue, 1))[0]?.value, 1);
      assert.equal(await second?.ack(), false);
      await trial.advance(399);
      assert.equal(await first?.ack(), true);
    },
  },
  {
    says: 'lets a consumer choose its own lease',
    needs,
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1);
      const consumer = queue.consume({ lease: '3s' });
      assert.equal((await consumer.next()).value?.value, 1);
      await trial.advance(2999);
      assert.equal((await queue.describe()).inFlight, 1);
      await trial.advance(1);
      assert.equal((await consumer.next()).value?.attempts, 2);
      await consumer.return();
    },
  },
  {
    says: 'never gives a consumer more than its prefetch, and as much again as it settles',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(20));
      const { held, consumer } = await holding(trial, 'q', 3);
      await trial.until('three are held', () => held.length === 3);
      await trial.settle();
      assert.equal(held.length, 3);
      for (let settled = 1; settled <= 5; settled++) {
        await held[settled - 1]?.ack();
        await trial.until('another one came', () => held.length === 3 + settled);
        assert.equal((await queue.describe()).inFlight, 3);
      }
      await consumer.cancel();
      assert.deepEqual(
        held.map((message) => message.value),
        numbers(8),
      );
    },
  },
  {
    says: 'lets a consumer be paused and take more by its prefetch',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const { held, consumer } = await holding(trial, 'q', 0);
      await queue.sendMany(numbers(5));
      await trial.settle();
      assert.equal(held.length, 0);
      consumer.prefetch(2);
      await trial.until('two are held', () => held.length === 2);
      consumer.prefetch(0);
      await held[0]?.ack();
      await trial.settle();
      assert.equal(held.length, 2);
      consumer.prefetch(10);
      await trial.until('all came', () => held.length === 5);
      await consumer.cancel();
    },
  },
  {
    says: 'gives back what a consumer held when it goes, in its place',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(6));
      const { held, consumer } = await holding(trial, 'q', 3);
      await trial.until('three are held', () => held.length === 3);
      await held[1]?.ack();
      await consumer.cancel();
      assert.deepEqual(await drain(queue, 5), [0, 2, 3, 4, 5]);
    },
  },
  {
    says: 'ends the loop over messages by leaving it: what was not looked at goes back uncounted',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q', { retry: { attempts: 1 } });
      await queue.sendMany(numbers(10));
      for await (const message of queue.consume()) {
        await message.ack();
        if (message.value === 2) break;
      }
      assert.equal((await queue.describe()).consumers, 0);
      const rest = await take(queue, 7);
      assert.deepEqual(
        rest.map(({ value, attempts }) => [value, attempts]),
        numbers(7, 3).map((n) => [n, 1]),
      );
    },
  },
  {
    says: 'ends the loop over messages by its signal',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const stop = new AbortController();
      const waiting = queue.consume({ signal: stop.signal }).next();
      await trial.until('it consumes', async () => (await queue.describe()).consumers === 1);
      stop.abort();
      await refused('aborted', '', () => waiting);
      await trial.until('it has gone', async () => (await queue.describe()).consumers === 0);
    },
  },
  {
    says: 'acks when a handler returns, nacks when it throws, and tells of it',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q', { retry: { attempts: 2 } });
      await queue.sendMany(['good', 'bad']);
      const told: unknown[] = [];
      const seen: string[] = [];
      const running = queue.consume(
        async ({ value, attempts }) => {
          seen.push(`${value} ${attempts}`);
          if (value === 'bad') throw new Error('no good');
        },
        { onError: (error, message) => told.push([(error as Error).message, message.value]) },
      );
      await trial.until('all is settled', async () => {
        const { totals } = await queue.describe();
        return totals.acked + totals.dropped === 2;
      });
      await running.stop();
      await running.done;
      assert.deepEqual(seen, ['good 1', 'bad 1', 'bad 2']);
      assert.deepEqual(told, [
        ['no good', 'bad'],
        ['no good', 'bad'],
      ]);
    },
  },
  {
    says: 'runs handlers side by side, those of one key one after the other',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(6), (i) => ({ key: `k${i % 3}` }));
      const open = new Map<unknown, () => void>();
      const done: unknown[] = [];
      const running = queue.consume(
        async ({ value }) => {
          await new Promise<void>((resolve) => open.set(value, resolve));
          done.push(value);
        },
        { concurrency: 6 },
      );
      await trial.until('one of each key runs', () => open.size === 3);
      await trial.settle();
      assert.deepEqual([...open.keys()], [0, 1, 2]);
      open.get(1)?.();
      await trial.until('the next of that key runs', () => open.has(4));
      assert.equal(open.size, 4);
      for (const value of [0, 2, 4]) open.get(value)?.();
      await trial.until('the others run', () => open.size === 6);
      for (const value of [3, 5]) open.get(value)?.();
      await running.stop();
      assert.deepEqual(done.toSorted(), numbers(6));
      assert.equal((await queue.describe()).totals.acked, 6);
    },
  },
  {
    says: 'finishes what is under way when a handler is stopped',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(3));
      const finish = Promise.withResolvers<void>();
      let begun = 0;
      const running = queue.consume(async () => {
        begun++;
        await finish.promise;
      });
      await trial.until('a handler runs', () => begun === 1);
      const stopped = running.stop();
      finish.resolve();
      await stopped;
      assert.equal(begun, 1);
      const { totals, ready, inFlight } = await queue.describe();
      assert.deepEqual([totals.acked, ready, inFlight], [1, 2, 0]);
    },
  },
];
