import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Consumer, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { Partitioners } from 'kafkajs';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { Collector, client, producerOf } from './kafkajs.ts';
import { opened } from './opened.ts';

const TRANSACTIONAL = { transactionalId: 'tx', maxInFlightRequests: 1, idempotent: true };

test('kafkajs: open records have their offsets and are read by who asks for what is uncommitted', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const producer = await producerOf(door, kafka, TRANSACTIONAL);
  const everything = await Collector.run(door, kafka, ['a'], { groupId: 'all', readUncommitted: true });
  const committed = await Collector.run(door, kafka, ['a'], { groupId: 'committed', readUncommitted: false });
  const aborted = await producer.transaction();
  const [first] = await aborted.send({ topic: 'a', messages: [{ value: 'aborted' }] });
  await everything.until(1);
  await aborted.abort();
  const transaction = await producer.transaction();
  const [second] = await transaction.send({ topic: 'a', messages: [{ value: 'one' }, { value: 'two' }] });
  assert.deepEqual([first?.baseOffset, second?.baseOffset], ['0', '2']);
  await everything.until(3);
  assert.deepEqual(committed.values, []);
  await transaction.commit();
  await committed.until(2);
  assert.deepEqual(
    [everything.values, committed.values],
    [
      ['aborted', 'one', 'two'],
      ['one', 'two'],
    ],
  );
  assert.deepEqual(committed.taken.map(({ offset }) => offset), ['2', '3']); // biome-ignore format: one line
});

test('kafkajs: what nobody may see before goes by memory: all doors see it with the commit', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  await door.engine.declare({ kind: 'queue', name: 'q' });
  await door.engine.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'a' });
  const producer = await producerOf(door, kafka, TRANSACTIONAL);
  const waiting = async () => {
    const queue = await door.engine.describe('queue', 'q');
    return queue?.kind === 'queue' ? queue.ready : -1;
  };
  for (const end of ['abort', 'commit'] as const) {
    const transaction = await producer.transaction();
    await transaction.send({ topic: 'a', messages: [{ value: end }] });
    assert.equal(await waiting(), 0);
    await transaction[end]();
  }
  const collector = await Collector.run(door, kafka, ['a'], { groupId: 'g', readUncommitted: true });
  await collector.until(1);
  assert.deepEqual([collector.values, await waiting()], [['commit'], 1]);
});

test('kafkajs: a transaction goes on over a restart of the broker', async (t) => {
  const disk = new MemoryDisk();
  let door = await opened(t, {}, disk);
  const kafka = client(door, { retry: { initialRetryTime: 20, retries: 12 } });
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const producer = kafka.producer({ ...TRANSACTIONAL, createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic: 'a', messages: [{ value: 'before' }] });
  await door.close();
  door = await opened(t, { port: door.port }, disk);
  await transaction.send({ topic: 'a', messages: [{ value: 'after' }] });
  await transaction.commit();
  await producer.disconnect();
  const collector = await Collector.run(door, kafka, ['a'], { groupId: 'g', readUncommitted: false });
  await collector.until(2);
  assert.deepEqual(collector.taken.map(({ offset, value }) => `${offset} ${value}`), ['0 before', '1 after']); // biome-ignore format: one line
});

test('@platformatic/kafka: open records are read by who asks for what is uncommitted', async (t) => {
  const door = await opened(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const given = { clientId: 'x', bootstrapBrokers: [door.broker], retries: 1 };
  const producer = new Producer({ ...given, serializers: stringSerializers, transactionalId: 'p', idempotent: true });
  door.after(() => producer.close());
  const aborted = await producer.beginTransaction();
  await aborted.send({ messages: [{ topic: 'a', value: 'aborted' }] });
  await aborted.abort();
  const transaction = await producer.beginTransaction();
  const sent = await transaction.send({ messages: [{ topic: 'a', value: 'open' }] });
  assert.equal(sent.offsets?.[0]?.offset, 2n);
  const consumer = new Consumer({ ...given, groupId: 'g', deserializers: stringDeserializers });
  door.after(() => consumer.close());
  const stream = await consumer.consume({
    topics: ['a'],
    mode: 'earliest',
    isolationLevel: 0,
    maxWaitTime: 20,
    autocommit: false,
  });
  const values: string[] = [];
  for await (const { value } of stream) {
    values.push(value);
    if (values.length === 2) break;
  }
  assert.deepEqual(values, ['aborted', 'open']);
  await transaction.commit();
});
