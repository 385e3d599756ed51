/** Conformance of bad input: every mistake is refused with a sentence that says what, where and what to do; nothing of it happens. */

import assert from 'node:assert/strict';
import type { MessageOptions } from '../../api/api.ts';
import type { Declaration } from '../../model/declaration.ts';
import { offset } from '../../model/lines.ts';
import { type Check, empty, holding, refused } from './trial.ts';

/** A value of a wrong type on purpose. */
function wrong<T>(value: unknown): T {
  return value as T;
}

const DECLARATIONS: readonly (readonly [string, unknown])[] = [
  ['name', { kind: 'queue', name: '' }],
  ['name', { kind: 'queue', name: 5 }],
  ['name', { kind: 'topic', name: 'a\u0000b' }],
  ['name', { kind: 'topic', name: 'ä'.repeat(200) }],
  ['kind', { kind: 'quue', name: 'x' }],
  ['countMax', { kind: 'queue', name: 'x', countMax: -1 }],
  ['countMax', { kind: 'queue', name: 'x', countMax: '5' }],
  ['ttlMs', { kind: 'queue', name: 'x', ttlMs: Number.NaN }],
  ['sizeBytesMax', { kind: 'queue', name: 'x', sizeBytesMax: Number.POSITIVE_INFINITY }],
  ['durable', { kind: 'queue', name: 'x', durable: 'yes' }],
  ['overflow', { kind: 'queue', name: 'x', overflow: 'explode' }],
  ['deadLetter', { kind: 'queue', name: 'x', deadLetter: 'dead' }],
  ['deadLetter', { kind: 'queue', name: 'x', deadLetter: { address: 'dead' } }],
  ['retry', { kind: 'queue', name: 'x', retry: 3 }],
  ['retry', { kind: 'queue', name: 'x', retry: null }],
  ['attempts', { kind: 'queue', name: 'x', retry: { attempts: 0 } }],
  ['attempts', { kind: 'queue', name: 'x', retry: { attempts: 1.5 } }],
  ['jitter', { kind: 'queue', name: 'x', retry: { attempts: 2, jitter: 2 } }],
  ['factor', { kind: 'queue', name: 'x', retry: { attempts: 2, factor: 'two' } }],
  ['priorityMax', { kind: 'queue', name: 'x', priorityMax: 256 }],
  ['priorit', { kind: 'queue', name: 'x', priorityMax: 3, grouped: true }],
  ['partitions', { kind: 'topic', name: 'x', partitions: 0 }],
  ['partitions', { kind: 'topic', name: 'x', partitions: 2.5 }],
  ['partitions', { kind: 'topic', name: 'x', partitions: 1e9 }],
  ['compact', { kind: 'topic', name: 'x', compact: 1 }],
  ['retentionMs', { kind: 'topic', name: 'x', retentionMs: {} }],
  ['type', { kind: 'exchange', name: 'x', type: 'telepathy' }],
  ['alternate', { kind: 'exchange', name: 'x', type: 'fanout', alternate: 7 }],
];

const MESSAGES: readonly (readonly [string, unknown])[] = [
  ['priority', { priority: 256 }],
  ['priority', { priority: -1 }],
  ['priority', { priority: 1.5 }],
  ['priority', { priority: '9' }],
  ['duration', { ttl: 'soon' }],
  ['duration', { ttl: -1 }],
  ['duration', { delay: '5 minutes' }],
  ['duration', { delay: Number.NaN }],
  ['deliverAt', { deliverAt: new Date('no date') }],
  ['deliverAt', { deliverAt: 'tomorrow' }],
  ['key', { key: 5 }],
  ['group', { group: 5 }],
  ['dedupId', { dedupId: {} }],
  ['partition', { partition: -1 }],
  ['partition', { partition: 0.5 }],
  ['id', { id: 7 }],
  ['contentType', { contentType: 1 }],
  ['header', { headers: { f: () => 1 } }],
  ['header', { headers: { u: undefined } }],
];

export const badInput: readonly Check[] = [
  {
    says: 'refuses declarations that make no sense, naming the property',
    needs: ['queues', 'topics', 'exchanges', 'priorities'],
    run: async (trial) => {
      for (const [about, declaration] of DECLARATIONS) {
        await refused('invalid', about, () => trial.engine.declare(declaration as Declaration)).catch((error: Error) => {
          throw new assert.AssertionError({ message: `${JSON.stringify(declaration)}: ${error.message}` });
        });
      }
      for (const kind of ['queue', 'topic'] as const) assert.deepEqual(await trial.box.list(kind), []);
    },
  },
  {
    says: 'refuses messages that make no sense, naming the property',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      for (const [about, options] of MESSAGES) {
        await refused('invalid', about, () => queue.send(1, options as MessageOptions)).catch((error: Error) => {
          throw new assert.AssertionError({ message: `${about}: ${error.message}` });
        });
        await refused('invalid', about, () => queue.sendMany([1, 2], (i) => (i === 1 ? (options as MessageOptions) : undefined)));
      }
      await refused('invalid', 'undefined', () => queue.send(undefined));
      await refused('invalid', 'function', () => queue.send(() => 1));
      await refused('invalid', '', () => queue.send(10n));
      const circle: { self?: unknown } = {};
      circle.self = circle;
      await refused('invalid', '', () => queue.send(circle));
      await empty(queue);
    },
  },
  {
    says: 'refuses names nobody knows, naming them',
    needs: ['queues', 'topics', 'exchanges'],
    run: async ({ box, engine }) => {
      const queue = box.queue('nowhere');
      const attempts: (() => unknown)[] = [
        () => queue.send(1),
        () => queue.receive(),
        () => queue.peek(),
        () => queue.purge(),
        () => queue.describe(),
        () => queue.consume().next(),
        () => queue.consume(() => undefined).done,
        () => engine.settle({ queue: 'nowhere', runs: Float64Array.of(0, 1), outcome: 'ack' }),
        () => engine.extend('nowhere', 1, Float64Array.of(0, 1), 1000),
        () => box.topic('nowhere').publish(1),
        () => box.topic('nowhere').subscribe(),
        () => box.topic('nowhere').subscribe({ group: 'g' }),
        () => box.topic('nowhere').describe(),
        () => box.publishTo('nowhere', 'a', 1),
        () => box.bind({ exchange: 'nowhere', to: { kind: 'queue', name: 'q' } }),
        () => box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'nowhere' }, pattern: '#' }),
        () => box.remove('queue', 'nowhere'),
        () => box.remove('topic', 'nowhere'),
        () => box.remove('exchange', 'nowhere'),
        () => box.remove('group', 'nowhere'),
        () => engine.moveCursors('g', [{ topic: 'nowhere', partition: 0, offset: offset(0) }]),
        () => engine.transact([{ kind: 'settle', queue: 'nowhere', runs: Float64Array.of(0, 1), outcome: 'ack' }]),
      ];
      for (const attempt of attempts) await refused('unknown', 'nowhere', attempt);
      assert.equal(await box.describe('queue', 'nowhere'), undefined);
    },
  },
  {
    says: 'publishes nothing to an address when its topic is not there',
    needs: ['queues', 'topics', 'exchanges'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await trial.box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: '#' });
      await refused('unknown', '"nowhere"', () => trial.box.topic('nowhere').publish(1));
      await empty(queue);
    },
  },
  {
    says: 'refuses what is larger than a message, a topic or a queue may be',
    needs: ['queues', 'topics'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      const small = await trial.queue('small', { messageBytesMax: 1000 });
      const topic = await trial.box.declareTopic('t', { messageBytesMax: 1000 });
      await refused('too-large', '', () => queue.send(new Uint8Array(33 * 1024 * 1024)));
      for (const send of [(value: unknown) => small.send(value), (value: unknown) => topic.publish(value)]) {
        await refused('too-large', '1000', () => send(new Uint8Array(1001)));
        await send(new Uint8Array(500));
      }
      await refused('too-large', '1000', () => small.sendMany([new Uint8Array(10), new Uint8Array(1001)]));
      assert.equal((await small.describe()).ready, 1);
      await empty(queue);
    },
  },
  {
    says: 'refuses numbers that make no sense where a queue is consumed',
    needs: ['queues'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      await queue.send(1);
      const { engine } = trial;
      const runs = (...of: number[]) => Float64Array.from(of);
      const attempts: (() => unknown)[] = [
        () => queue.receive({ max: 0 }),
        () => queue.receive({ max: -1 }),
        () => queue.receive({ max: Number.NaN }),
        () => queue.receive({ max: 1.5 }),
        () => queue.receive({ wait: 'a while' }),
        () => queue.receive({ lease: -5 }),
        () => holding(trial, 'q', -1),
        () => holding(trial, 'q', Number.NaN),
        () => queue.consume({ lease: 'long' }).next(),
        () => queue.peek({ max: -1 }),
        () => queue.peek({ from: Number.NaN }),
        () => engine.settle({ queue: 'q', runs: runs(0), outcome: 'ack' }),
        () => engine.settle({ queue: 'q', runs: runs(0, -1), outcome: 'ack' }),
        () => engine.settle({ queue: 'q', runs: runs(Number.NaN, 1), outcome: 'ack' }),
        () => engine.settle({ queue: 'q', runs: runs(0.5, 1), outcome: 'ack' }),
        () => engine.settle({ queue: 'q', runs: runs(0, 1), outcome: wrong('forget') }),
        () => engine.settle({ queue: 'q', runs: runs(0, 1), outcome: 'nack', delayMs: -1 }),
        () => engine.extend('q', 1, runs(0, 1), Number.NaN),
      ];
      for (const attempt of attempts) await refused('invalid', '', attempt);
      assert.equal((await queue.describe()).ready, 1);
      assert.equal(await engine.settle({ queue: 'q', runs: runs(0, 2 ** 52), outcome: 'ack' }), 0, 'nothing of it is held');
    },
  },
  {
    says: 'refuses numbers that make no sense where a topic is read',
    needs: ['topics', 'seekByTime'],
    run: async ({ box, engine }) => {
      const topic = await box.declareTopic('t');
      await topic.publish(1);
      for (const from of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 7])
        await refused('out-of-range', '"t"', () => topic.fetch(0, from));
      for (const partition of [-1, 0.5, Number.NaN, 1]) await refused('unknown', '"t"', () => topic.fetch(partition, 0));
      await refused('invalid', '', () => engine.offsetAt('t', 0, Number.NaN));
      await refused('invalid', '', () => topic.subscribe({ from: { time: new Date('never') } }));
      await refused('out-of-range', '"t"', async () => (await topic.subscribe({ from: { offset: 5 } })).next());
      await refused('invalid', 'group', () => topic.subscribe({ group: '' }));
      await refused('invalid', 'group', () => engine.moveCursors('', [{ topic: 't', partition: 0, offset: offset(0) }]));
      await refused('unknown', '"t"', () => topic.subscribe({ partitions: [4] }));
    },
  },
  {
    says: 'refuses everything once it is closed',
    needs: ['queues', 'topics', 'exchanges'],
    run: async (trial) => {
      const queue = await trial.queue('q');
      const topic = await trial.box.declareTopic('t');
      await queue.send(1);
      const { ends } = await holding(trial, 'q', 1);
      const idle = await trial.queue('idle');
      const subscription = await topic.subscribe();
      const waiting = [
        () => queue.consume().next(),
        () => idle.receive({ wait: '1h' }),
        () => subscription.next(),
        () => topic.fetch(0, 0, { waitMs: 1e9 }),
      ].map((wait) => refused('closed', '', wait));
      await trial.until('all are at work', async () => (await idle.describe()).consumers === 1 && (await queue.describe()).consumers === 2);
      await trial.box.close();
      await trial.box.close();
      assert.equal(ends.length, 1);
      await Promise.all(waiting);
      const { box, engine } = trial;
      const attempts: (() => unknown)[] = [
        () => queue.send(1),
        () => queue.receive(),
        () => queue.peek(),
        () => queue.purge(),
        () => queue.describe(),
        () => queue.consume().next(),
        () => topic.publish(1),
        () => topic.fetch(0, 0),
        () => topic.subscribe(),
        () => topic.subscribe({ group: 'g' }),
        () => box.publish('a', 1),
        () => box.request('a', 1),
        () => box.respond('a', () => 1),
        () => box.retained('#'),
        () => box.list('queue'),
        () => box.describe('topic', 't'),
        () => box.declareQueue('other'),
        () => box.remove('queue', 'q'),
        () => box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: '#' }),
        () => box.transaction((transaction) => transaction.send('q', 1)),
        () => engine.producer(),
        () => engine.relief(),
        () => engine.offsetAt('t', 0, 0),
        () => engine.moveCursors('g', [{ topic: 't', partition: 0, offset: offset(0) }]),
      ];
      for (const [i, attempt] of attempts.entries()) {
        await refused('closed', '', attempt).catch((error: Error) => {
          throw new assert.AssertionError({ message: `attempt ${i}: ${error.message}` });
        });
      }
      await subscription.stop();
    },
  },
];
