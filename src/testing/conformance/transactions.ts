/** Conformance of transactions and of idempotent publishers: all or nothing, once and not twice, whatever happens in between. */

import assert from 'node:assert/strict';
import type { Operation, ProducerStamp, Publish } from '../../model/engine.ts';
import { MAIN_LINE, NO_HEADERS } from '../../model/message.ts';
import { RecordWriter } from '../../model/record.ts';
import { type Check, drain, empty, readAll, refused, type Trial, take } from './trial.ts';

const needs = ['transactions', 'queues', 'topics'] as const;

/** A batch of texts for the main line. */
function batch(address: string, values: readonly string[]): Publish {
  const writer = new RecordWriter();
  const encoder = new TextEncoder();
  for (const value of values)
    writer.write({
      exchange: MAIN_LINE,
      address,
      timestampMs: 0,
      contentType: 'text/plain',
      headers: NO_HEADERS,
      body: encoder.encode(value),
    });
  return { address, records: writer.take() };
}

function stamped(address: string, producer: ProducerStamp, values: readonly string[]): Publish {
  return { ...batch(address, values), producer };
}

async function endOf(trial: Trial, topic: string): Promise<number> {
  return (await trial.box.topic(topic).describe()).partitions[0]?.end ?? -1;
}

export const transactions: readonly Check[] = [
  {
    says: 'does all of a transaction: publishes, sends, acks, cursor moves',
    needs,
    run: async (trial) => {
      const [input, output] = [await trial.queue('in'), await trial.queue('out')];
      const source = await trial.box.declareTopic('source');
      await trial.box.declareTopic('target');
      await input.send('order');
      await source.publish('event');
      const [message] = await take(input, 1);
      const subscription = await source.subscribe({ group: 'g', from: 'earliest' });
      const event = await subscription.next();
      assert.ok(message && event);
      const answer = await trial.box.transaction((transaction) => {
        transaction.ack(message);
        transaction.done(subscription, event);
        transaction.send('out', 'sent');
        transaction.publish('target', 'published');
        return 'done';
      });
      assert.equal(answer, 'done');
      assert.deepEqual(await drain(output, 1), ['sent']);
      assert.deepEqual(
        (await readAll(trial, 'target')).map(({ value }) => value),
        ['published'],
      );
      assert.equal((await input.describe()).totals.acked, 1);
      const group = await trial.box.describe('group', 'g');
      assert.equal(group?.kind === 'group' && group.cursors[0]?.offset, 1);
      await subscription.stop();
    },
  },
  {
    says: 'does nothing of a transaction when one step is refused',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      const full = await trial.queue('full', { countMax: 1 });
      await trial.box.declareTopic('t');
      await full.send(0);
      await queue.send('held');
      const [message] = await take(queue, 1);
      assert.ok(message);
      await refused('full', '"full"', () =>
        trial.box.transaction((transaction) => {
          transaction.ack(message);
          transaction.publish('t', 1);
          transaction.send('q', 2);
          transaction.send('full', 3);
        }),
      );
      assert.equal(await endOf(trial, 't'), 0);
      await empty(queue);
      assert.equal(await message.ack(), true, 'it is still held');
    },
  },
  {
    says: 'does nothing when what it is given throws, and cannot be used afterwards',
    needs,
    run: async (trial) => {
      await trial.queue('q');
      let kept: { send(queue: string, value: unknown): void } | undefined;
      await assert.rejects(
        trial.box.transaction((transaction) => {
          transaction.send('q', 1);
          throw new Error('changed my mind');
        }),
        /changed my mind/,
      );
      await trial.box.transaction((transaction) => {
        kept = transaction;
      });
      await refused('invalid', '', () => kept?.send('q', 2));
      await empty(trial.box.queue('q'));
    },
  },
  {
    says: 'refuses to ack what is no longer held, and to move the cursor of a partition that has gone',
    needs,
    turns: true,
    run: async (trial) => {
      const queue = await trial.queue('q', { leaseMs: 1000 });
      const topic = await trial.box.declareTopic('t');
      await queue.send(1);
      const [late] = await queue.receive();
      assert.ok(late);
      await trial.advance(1000);
      await refused('stale', '"q"', () =>
        trial.box.transaction((transaction) => {
          transaction.ack(late);
          transaction.send('q', 2);
        }),
      );
      await topic.publish(1);
      const subscription = await topic.subscribe({ group: 'g', from: 'earliest' });
      const event = await subscription.next();
      assert.ok(event);
      await subscription.stop();
      await refused('stale', '"g"', () =>
        trial.box.transaction((transaction) => {
          transaction.done(subscription, event);
          transaction.send('q', 3);
        }),
      );
      assert.deepEqual(await drain(queue, 1), [1]);
      await empty(queue);
    },
  },
  {
    says: 'counts what a transaction does itself: limits, dedup ids, acks',
    needs: ['transactions', 'queues', 'deduplication'],
    run: async (trial) => {
      const queue = await trial.queue('q', { countMax: 2, dedupWindowMs: 60_000 });
      await refused('full', '"q"', () =>
        trial.box.transaction((transaction) => {
          for (const n of [1, 2, 3]) transaction.send('q', n);
        }),
      );
      await trial.box.transaction((transaction) => {
        transaction.send('q', 1, { dedupId: 'a' });
        transaction.send('q', 2, { dedupId: 'a' });
      });
      const [message] = await take(queue, 1);
      assert.ok(message);
      await refused('stale', '"q"', () =>
        trial.box.transaction((transaction) => {
          transaction.ack(message);
          transaction.ack(message);
        }),
      );
      assert.equal(await message.ack(), true);
      await empty(queue);
    },
  },
  {
    says: 'answers each operation in order',
    needs,
    run: async (trial) => {
      const queue = await trial.queue('q');
      await trial.box.declareTopic('t');
      await queue.sendMany([1, 2]);
      const held = await take(queue, 2);
      const operations: Operation[] = [
        { kind: 'publish', ...batch('t', ['a', 'b']) },
        {
          kind: 'settle',
          queue: 'q',
          lease: held[0]?.lease ?? 0,
          runs: Float64Array.from(held.flatMap((message) => [message.number, 1])),
          outcome: 'ack',
        },
      ];
      const [published, settled] = await trial.engine.transact(operations);
      assert.deepEqual(typeof published === 'object' && [...(published.offsets ?? [])], [0, 1]);
      assert.equal(settled, 2);
    },
  },
  {
    says: 'is there whole after a crash, once it was confirmed',
    needs: ['transactions', 'queues', 'topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      await (await trial.queue('in')).send('order');
      await trial.queue('out');
      await trial.box.declareTopic('t');
      const [message] = await take(trial.box.queue('in'), 1);
      assert.ok(message);
      await trial.box.transaction((transaction) => {
        transaction.ack(message);
        transaction.send('out', 1);
        transaction.publish('t', 2);
      });
      await trial.reopen('crashed');
      await empty(trial.box.queue('in'));
      assert.deepEqual(await drain(trial.box.queue('out'), 1), [1]);
      assert.equal(await endOf(trial, 't'), 1);
    },
  },
  {
    says: 'dead-letters as part of a transaction: whole after a crash, and nothing of it when a step is refused',
    needs: ['transactions', 'queues', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.queue('dead');
      const queue = await trial.queue('q', { deadLetter: { exchange: '', address: 'dead' }, retry: { attempts: 1 } });
      const out = await trial.queue('out', { countMax: 1 });
      await queue.sendMany(['rejected', 'failed']);
      const [rejected, failed] = await take(queue, 2);
      assert.ok(rejected && failed);
      await refused('full', '"out"', () =>
        trial.box.transaction((transaction) => {
          transaction.reject(rejected);
          transaction.send('out', 1);
          transaction.send('out', 2);
        }),
      );
      await empty(trial.box.queue('dead'));
      const settle = { kind: 'settle', queue: 'q', lease: rejected.lease } as const;
      await trial.engine.transact([
        { ...settle, runs: Float64Array.of(rejected.number, 1), outcome: 'reject' },
        { ...settle, runs: Float64Array.of(failed.number, 1), lease: failed.lease, outcome: 'nack' },
        { kind: 'publish', exchange: '', ...batch('out', ['done']) },
      ]);
      assert.equal((await queue.describe()).totals.deadLettered, 2);
      await trial.reopen('crashed');
      await empty(trial.box.queue('q'));
      const died = await take(trial.box.queue('dead'), 2);
      assert.deepEqual(
        died.map(({ value, deaths }) => [value, deaths[0]?.reason]),
        [
          ['rejected', 'rejected'],
          ['failed', 'attempts'],
        ],
      );
      assert.deepEqual(await drain(trial.box.queue(out.name), 1), ['done']);
    },
  },
  {
    says: 'stores a batch of an idempotent producer once, and answers a repeat as the first time',
    needs: ['topics'],
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const { id, epoch } = await trial.engine.producer();
      const first = await trial.engine.publish(stamped('t', { id, epoch, sequence: 0 }, ['a', 'b']));
      const again = await trial.engine.publish(stamped('t', { id, epoch, sequence: 0 }, ['a', 'b']));
      assert.deepEqual([...(again.offsets ?? [])], [...(first.offsets ?? [])]);
      assert.deepEqual([...(again.partitions ?? [])], [0, 0]);
      assert.equal(((again.duplicates?.[0] ?? 0) & 3).toString(2), '11');
      await trial.engine.publish(stamped('t', { id, epoch, sequence: 2 }, ['c']));
      await refused('out-of-order', '"t"', () => trial.engine.publish(stamped('t', { id, epoch, sequence: 9 }, ['z'])));
      assert.deepEqual(
        (await readAll(trial, 't')).map(({ value }) => value),
        ['a', 'b', 'c'],
      );
      await trial.box.declareTopic('u');
      await trial.engine.publish(stamped('u', { id, epoch, sequence: 0 }, ['each address counts by itself']));
    },
  },
  {
    says: 'fences a producer when another takes its name',
    needs: ['topics'],
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const old = await trial.engine.producer('p');
      await trial.engine.publish(stamped('t', { ...old, sequence: 0 }, ['a']));
      const next = await trial.engine.producer('p');
      assert.deepEqual(next, { id: old.id, epoch: old.epoch + 1 });
      await refused('fenced', 'epoch', () => trial.engine.publish(stamped('t', { ...old, sequence: 1 }, ['b'])));
      await trial.engine.publish(stamped('t', { ...next, sequence: 0 }, ['c']));
      await refused('invalid', 'epoch', () => trial.engine.publish(stamped('t', { ...next, epoch: 9, sequence: 1 }, ['d'])));
      await refused('unknown', '', () => trial.engine.publish(stamped('t', { id: 999_999, epoch: 0, sequence: 0 }, ['e'])));
      assert.notEqual((await trial.engine.producer('other')).id, old.id);
      assert.deepEqual(
        (await readAll(trial, 't')).map(({ value }) => value),
        ['a', 'c'],
      );
    },
  },
  {
    says: 'still knows producers, their batches and who is fenced when it is opened again',
    needs: ['topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const old = await trial.engine.producer('p');
      const now = await trial.engine.producer('p');
      await trial.engine.publish(stamped('t', { ...now, sequence: 0 }, ['a']));
      for (const how of ['crashed', 'closed'] as const) {
        await trial.reopen(how);
        const again = await trial.engine.publish(stamped('t', { ...now, sequence: 0 }, ['a']));
        assert.deepEqual([...(again.offsets ?? [])], [0]);
        await refused('fenced', 'epoch', () => trial.engine.publish(stamped('t', { ...old, sequence: 1 }, ['b'])));
      }
      assert.equal(await endOf(trial, 't'), 1);
    },
  },
];
