/** Conformance of what can be seen of a queue and done to it: receive, peek, purge, describe, removal, and what lasts. */

import assert from 'node:assert/strict';
import { type Check, drain, empty, holding, numbers, refused, take } from './trial.ts';

const needs = ['queues'] as const;

export const queueLife: readonly Check[] = [
  {
    says: 'lets receive wait for the first message, and no longer than asked',
    needs,
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const waiting = queue.receive({ max: 10, wait: '5s' });
      await trial.advance(4000);
      await queue.sendMany([1, 2]);
      assert.deepEqual((await waiting).length, 2);
      const vain = queue.receive({ wait: '5s' });
      await trial.advance(5000);
      assert.deepEqual(await vain, []);
      await queue.send(3);
      assert.deepEqual(await drain(queue, 1), [3], 'who waited in vain is not given anything later');
    },
  },
  {
    says: 'ends the wait of a receive by its signal',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const stop = new AbortController();
      const waiting = queue.receive({ wait: '1h', signal: stop.signal });
      stop.abort();
      await refused('aborted', '"q"', () => waiting);
      await refused('aborted', '"q"', () => queue.receive({ wait: '1h', signal: AbortSignal.abort() }));
      await queue.send(1);
      assert.deepEqual(await drain(queue, 1), [1]);
    },
  },
  {
    says: 'receives no more than asked for',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(10));
      assert.equal((await queue.receive()).length, 1);
      assert.equal((await queue.receive({ max: 4 })).length, 4);
      assert.equal((await queue.receive({ max: 100 })).length, 5);
    },
  },
  {
    says: 'shows messages without taking them, in every state',
    needs: ['queues', 'delays'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(['held', 'ready', 'later'], (i) => (i === 2 ? { delay: '1h', headers: { why: 'not yet' } } : undefined));
      const [held] = await take(queue, 1);
      const seen = await queue.peek();
      assert.deepEqual(
        seen.map(({ message, state }) => [message.value, state, message.attempts]),
        [
          ['held', 'in-flight', 1],
          ['ready', 'ready', 0],
          ['later', 'delayed', 0],
        ],
      );
      assert.equal(seen[2]?.message.message.headers.get('why'), 'not yet');
      assert.equal(await seen[1]?.message.ack(), false, 'what was only looked at is held by nobody');
      assert.deepEqual((await queue.peek({ max: 1 })).length, 1);
      const from = seen[1]?.message.number ?? 0;
      assert.deepEqual(
        (await queue.peek({ from, max: 1 })).map(({ message }) => message.value),
        ['ready'],
      );
      assert.equal(await held?.ack(), true);
      const { ready, delayed, inFlight } = await queue.describe();
      assert.deepEqual([ready, delayed, inFlight], [1, 1, 0]);
    },
  },
  {
    says: 'purges what waits and leaves what is in flight',
    needs: ['queues', 'delays'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(numbers(5), (i) => (i === 4 ? { delay: '1h' } : undefined));
      const [held] = await take(queue, 1);
      assert.equal(await queue.purge(), 4);
      assert.equal(await held?.nack(), true);
      assert.deepEqual(await drain(queue, 1), [0]);
      await empty(queue);
      assert.equal(await queue.purge(), 0);
    },
  },
  {
    says: 'accounts for every message',
    needs: ['queues', 'delays'],
    turns: true,
    run: async (trial) => {
      await trial.queue('dead');
      const queue = await trial.queue('q', { deadLetter: { exchange: '', address: 'dead' }, countMax: 8, overflow: 'drop-head' });
      await queue.sendMany(numbers(10));
      await trial.until('two were dropped', async () => (await queue.describe()).totals.dropped === 2);
      const [first, second] = await take(queue, 2);
      await first?.ack();
      await second?.reject();
      await queue.purge();
      await queue.sendMany(['late', 'soon', 'held', 'ready'], (i) => (i === 0 ? { ttl: '1s' } : i === 1 ? { delay: '1h' } : undefined));
      await trial.advance(1001);
      await take(queue, 1);
      const { totals, ready, delayed, inFlight, sizeBytes } = await queue.describe();
      assert.deepEqual([ready, delayed, inFlight], [1, 1, 1]);
      assert.deepEqual(totals, { published: 14, acked: 1, deadLettered: 2, expired: 0, dropped: 2, purged: 6 });
      assert.ok(sizeBytes > 0);
    },
  },
  {
    says: 'tells consumers and waiting receives that their queue was removed',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1);
      const { held, ends } = await holding(trial, 'q', 1);
      await trial.until('one is held', () => held.length === 1);
      const told = [refused('unknown', '"q"', () => queue.receive({ wait: '1h' })), refused('closed', '"q"', () => queue.consume().next())];
      await trial.until('all wait', async () => (await queue.describe()).consumers === 3);
      await trial.box.remove('queue', 'q');
      assert.equal(ends.length, 1);
      assert.match(ends[0] ?? '', /"q"/);
      await Promise.all(told);
      await refused('unknown', '"q"', () => held[0]?.ack());
      assert.equal(await trial.box.describe('queue', 'q'), undefined);
    },
  },
  {
    says: 'removes a queue only if unused or empty, where asked',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1);
      const { consumer } = await holding(trial, 'q', 0);
      await refused('conflict', '"q"', () => trial.box.remove('queue', 'q', { ifEmpty: true }));
      await refused('conflict', '"q"', () => trial.box.remove('queue', 'q', { ifUnused: true }));
      await consumer.cancel();
      await drain(queue, 1);
      await trial.box.remove('queue', 'q', { ifEmpty: true, ifUnused: true });
      await trial.queue('q');
      await empty(queue);
    },
  },
  {
    says: 'takes the same declaration again, and refuses another by the name',
    needs,
    run: async (trial) => {
      await trial.queue('q', { countMax: 5, retry: { attempts: 3, jitter: 0.5 } });
      await trial.queue('q', { retry: { jitter: 0.5, attempts: 3 }, countMax: 5 });
      await refused('conflict', 'countMax', () => trial.queue('q', { countMax: 6, retry: { attempts: 3, jitter: 0.5 } }));
      const found = await trial.box.list('queue');
      assert.deepEqual(
        found.map(({ kind, ...rest }) => [kind, 'spec' in rest && rest.spec.name]),
        [['queue', 'q']],
      );
    },
  },
  {
    says: 'still has everything when it is opened again: messages, attempts, delays, declarations',
    needs: ['queues', 'delays', 'durable'],
    reopens: true,
    run: async (trial) => {
      for (const how of ['closed', 'crashed'] as const) {
        await trial.queue(how, { leaseMs: 60_000, priorityMax: 3 });
        await trial.box
          .queue(how)
          .sendMany(['a', 'b', 'c', 'd'], (i) => ({ priority: i, headers: { i }, ...(i === 0 && { delay: '1h' }) }));
        const [held, acked] = await take(trial.box.queue(how), 2);
        assert.equal(await acked?.ack(), true);
        await trial.reopen(how);
        const queue = trial.box.queue(how);
        const { spec, ready, delayed, inFlight } = await queue.describe();
        assert.deepEqual(spec, { kind: 'queue', name: how, leaseMs: 60_000, priorityMax: 3 });
        assert.deepEqual([ready, delayed, inFlight], [2, 1, 0]);
        // After a crash nobody is left who could answer.
        if (how === 'closed') await refused('closed', '', () => held?.ack());
        const back = await take(queue, 2);
        assert.deepEqual(
          back.map(({ value, attempts, message }) => [value, attempts, message.headers.get('i')]),
          [
            ['d', 2, 3],
            ['b', 1, 1],
          ],
        );
      }
    },
  },
  {
    says: 'forgets queues that are not durable when it is opened again',
    needs: ['queues', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.queue('lasting');
      const passing = await trial.queue('passing', { durable: false });
      await passing.send(1);
      assert.deepEqual(await drain(passing, 1), [1]);
      await trial.reopen('closed');
      assert.equal(await trial.box.describe('queue', 'passing'), undefined);
      assert.ok(await trial.box.describe('queue', 'lasting'));
    },
  },
  {
    says: 'tells what was handed out before from what was not, also when it is opened again',
    needs: ['queues', 'durable'],
    reopens: true,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.sendMany(['requeued', 'failed', 'dropped by its consumer', 'unseen']);
      const { held, consumer } = await holding(trial, 'q', 3);
      await trial.until('three are held', () => held.length === 3);
      await held[0]?.requeue();
      await held[1]?.nack();
      await consumer.cancel();
      const bitsOf = async () => {
        const given = await trial.engine.receive({ queue: 'q', countMax: 4, waitMs: 10_000, leaseMs: 3_600_000 });
        assert.equal(given?.count, 4);
        await trial.engine.settle({ queue: 'q', runs: Float64Array.of(0, 4), lease: given.lease, outcome: 'requeue' });
        return given.returned?.[0] ?? 0;
      };
      assert.equal(await bitsOf(), 0b0111);
      for (const how of ['crashed', 'closed', 'crashed'] as const) {
        await trial.reopen(how);
        assert.equal(await bitsOf(), 0b1111);
      }
    },
  },
];
