import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Producer, stringSerializers } from '@platformatic/kafka';
import { Collector, client, consumerOf, producerOf } from './kafkajs.ts';
import { type Subject, subject, topicOf, unique } from './subject.ts';

const transactional = (transactionalId = unique('tx')) => ({ transactionalId, maxInFlightRequests: 1, idempotent: true });

async function committedOf(door: Subject, groupId: string, topic: string): Promise<string[]> {
  const admin = client(door).admin();
  await admin.connect();
  try {
    const [told] = await admin.fetchOffsets({ groupId, topics: [topic] });
    return told?.partitions.map(({ offset }) => offset) ?? [];
  } finally {
    await admin.disconnect();
  }
}

test('kafkajs: what is committed is read, what is aborted is not', async (t) => {
  const door = await subject(t);
  const kafka = client(door);
  const topic = await topicOf(door, 'a', 2);
  const producer = await producerOf(door, kafka, transactional());
  for (const [name, end] of [
    ['one', 'commit'],
    ['two', 'abort'],
    ['three', 'commit'],
  ] as const) {
    const transaction = await producer.transaction();
    await transaction.send({
      topic,
      messages: [
        { value: `${name} 0`, partition: 0 },
        { value: `${name} 1`, partition: 1 },
      ],
    });
    await transaction.send({ topic, messages: [{ value: `${name} again`, partition: 0 }] });
    await transaction[end]();
  }
  const collector = await Collector.run(door, kafka, [topic], { groupId: unique('g'), readUncommitted: false });
  await collector.until(6);
  assert.deepEqual(collector.values.sort(), ['one 0', 'one 1', 'one again', 'three 0', 'three 1', 'three again']);
});

test('kafkajs: consume, transform, produce: the offset and the result go together', async (t) => {
  const door = await subject(t);
  const kafka = client(door);
  const [source, sink] = [await topicOf(door, 'in'), await topicOf(door, 'out')];
  const groupId = unique('workers');
  const first = await producerOf(door, kafka);
  await first.send({ topic: source, messages: ['1', '2', '3'].map((value) => ({ value })) });
  const producer = await producerOf(door, kafka, transactional());
  const consumer = consumerOf(kafka, { groupId });
  await consumer.connect();
  door.after(() => consumer.disconnect());
  await consumer.subscribe({ topic: source, fromBeginning: true });
  const done = Promise.withResolvers<void>();
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      const next = String(Number(message.offset) + 1);
      const ended = async (how: 'commit' | 'abort') => {
        const transaction = await producer.transaction();
        await transaction.send({ topic: sink, messages: [{ value: `${how} ${message.value}` }] });
        await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic, partitions: [{ partition, offset: next }] }] });
        await transaction[how]();
      };
      await ended('abort');
      await ended('commit');
      if (next === '3') done.resolve();
    },
  });
  await done.promise;
  const collector = await Collector.run(door, kafka, [sink], { groupId: unique('g'), readUncommitted: false });
  await collector.until(3);
  assert.deepEqual(collector.values, ['commit 1', 'commit 2', 'commit 3']);
  assert.deepEqual(await committedOf(door, groupId, source), ['3']);
});

test('kafkajs: a second producer of the same name takes over', async (t) => {
  const door = await subject(t);
  const kafka = client(door);
  const topic = await topicOf(door, 'a');
  const name = unique('tx');
  const former = await producerOf(door, kafka, transactional(name));
  const lost = await former.transaction();
  await lost.send({ topic, messages: [{ value: 'lost' }] });
  const producer = await producerOf(door, kafka, transactional(name));
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [{ value: 'kept' }] });
  await assert.rejects(lost.commit());
  await transaction.commit();
  const collector = await Collector.run(door, kafka, [topic], { groupId: unique('g'), readUncommitted: false });
  await collector.until(1);
  assert.deepEqual(collector.values, ['kept']);
});

test('@platformatic/kafka: committed and aborted', async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 'a');
  const producer = new Producer({
    clientId: 'x',
    bootstrapBrokers: [door.broker],
    serializers: stringSerializers,
    transactionalId: unique('p'),
    idempotent: true,
    retries: 5,
    retryDelay: 50,
  });
  door.after(() => producer.close());
  for (const [value, end] of [
    ['one', 'commit'],
    ['two', 'abort'],
    ['three', 'commit'],
  ] as const) {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic, value }] });
    await transaction[end]();
  }
  const collector = await Collector.run(door, client(door), [topic], { groupId: unique('g'), readUncommitted: false });
  await collector.until(2);
  assert.deepEqual(collector.values, ['one', 'three']);
});
