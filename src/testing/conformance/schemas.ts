/** Conformance of schemas: what does not fit is refused with the place of the fault, or dead-lettered, as declared. */

import assert from 'node:assert/strict';
import { Signalbox } from '../../api/api.ts';
import type { SchemaSpec } from '../../model/declaration.ts';
import { type Check, drain, empty, refused, take } from './trial.ts';

const jsonSchema = {
  type: 'object',
  required: ['id', 'lines'],
  properties: { id: { type: 'integer' }, lines: { type: 'array', items: { type: 'object', properties: { sku: { type: 'string' } } } } },
};
const good = { id: 1, lines: [{ sku: 'a' }] };
const bad = { id: 1, lines: [{ sku: 'a' }, { sku: 5 }] };
const strict: SchemaSpec = { jsonSchema };
const lenient: SchemaSpec = { jsonSchema, onFault: { exchange: '', address: 'dead' } };

export const schemas: readonly Check[] = [
  {
    says: 'refuses what does not fit a topic, with the path of the fault',
    needs: ['topics'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { schema: strict });
      assert.equal((await topic.publish(good)).offset, 0);
      const fault = await refused('schema', '/lines/1/sku', () => topic.publish(bad));
      assert.equal(fault.path, '/lines/1/sku');
      assert.equal((await refused('schema', '', () => topic.publish({ id: 1 }))).path, '');
      await refused('schema', 'JSON', () => topic.publish('no JSON'));
      await refused('schema', '', () => topic.publishMany([good, good, bad]));
      assert.equal((await topic.publish(good)).offset, 1, 'of a batch with a fault nothing is stored');
    },
  },
  {
    says: 'refuses what does not fit an exchange or a queue',
    needs: ['queues', 'exchanges'],
    run: async (trial) => {
      await trial.box.declareExchange('x', { type: 'fanout', schema: strict });
      const queue = await trial.queue('q');
      const picky = await trial.queue('picky', { schema: strict });
      await trial.box.bind({ exchange: 'x', to: { kind: 'queue', name: 'q' } });
      await refused('schema', '/lines/1/sku', () => trial.box.publishTo('x', '', bad));
      await refused('schema', '/lines/1/sku', () => picky.send(bad));
      await trial.box.publishTo('x', '', good);
      await queue.send(bad);
      assert.deepEqual(await drain(queue, 2), [good, bad]);
      await empty(picky);
    },
  },
  {
    says: 'refuses for all when one of several targets does not take it',
    needs: ['queues', 'exchanges', 'topics'],
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { schema: strict });
      const queue = await trial.queue('q');
      await trial.box.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 't' });
      await refused('schema', '', () => topic.publish(bad));
      await empty(queue);
    },
  },
  {
    says: 'dead-letters what does not fit where that is declared, and takes the rest of the batch',
    needs: ['queues'],
    run: async (trial) => {
      const dead = await trial.queue('dead');
      const queue = await trial.queue('q', { schema: lenient });
      await queue.sendMany([good, bad, good]);
      assert.deepEqual(await drain(queue, 2), [good, good]);
      const [died] = await take(dead, 1);
      assert.deepEqual(died?.value, bad);
      assert.equal(died?.deaths[0]?.reason, 'schema');
      await empty(dead);
    },
  },
  {
    says: 'refuses a schema that is none, and another one than is declared',
    needs: ['topics'],
    run: async (trial) => {
      await refused('invalid', 'Schema', () => trial.box.declareTopic('t', { schema: { jsonSchema: { type: 'nonsense' } } }));
      await refused('invalid', 'Schema', () => trial.box.declareTopic('t', { schema: { jsonSchema: 'text' } }));
      await trial.box.declareTopic('t', { schema: strict });
      await refused('conflict', '"t"', () => trial.box.declareTopic('t', { schema: { jsonSchema: { type: 'object' } } }));
    },
  },
  {
    says: 'still checks when it is opened again',
    needs: ['topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.declareTopic('t', { schema: strict });
      for (const how of ['crashed', 'closed'] as const) {
        await trial.reopen(how);
        await refused('schema', '/lines/1/sku', () => trial.box.topic('t').publish(bad));
        await trial.box.topic('t').publish(good);
      }
    },
  },
  {
    says: 'checks Standard Schemas in process, before anything is sent by any road',
    needs: ['queues', 'topics', 'exchanges', 'transactions'],
    run: async (trial) => {
      const positive = standard((value) =>
        typeof value === 'number' && value > 0 ? { value: value * 2 } : { path: ['n', 0], message: 'be positive' },
      );
      const box = new Signalbox(trial.engine, { schemas: { q: positive, t: positive } });
      const queue = await box.declareQueue('q');
      const topic = await box.declareTopic('t');
      const roads = [
        (value: unknown) => queue.send(value),
        (value: unknown) => queue.sendMany([1, value]),
        (value: unknown) => topic.publish(value),
        (value: unknown) => box.publish('t', value),
        (value: unknown) => box.transaction((transaction) => transaction.send('q', value)),
        (value: unknown) => box.transaction((transaction) => transaction.publish('t', value)),
        (value: unknown) => box.request('t', value, { timeout: '1s' }),
      ];
      for (const road of roads) {
        const fault = await refused('schema', '/n/0', () => road(-1));
        assert.equal(fault.path, '/n/0');
      }
      await empty(queue);
      assert.equal((await topic.describe()).partitions[0]?.end, 0);
      for (const road of roads.slice(0, 6)) await road(1);
      assert.deepEqual(await drain(queue, 4), [2, 2, 2, 2], 'what the schema gives back is what is sent');
      assert.equal((await topic.describe()).partitions[0]?.end, 3);
    },
  },
];

function standard(check: (value: unknown) => { value: unknown } | { path: PropertyKey[]; message: string }) {
  return {
    '~standard': {
      version: 1 as const,
      vendor: 'conformance',
      validate: async (value: unknown) => {
        const result = check(value);
        return 'value' in result ? result : { issues: [result] };
      },
    },
  };
}
