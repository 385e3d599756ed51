import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompressionTypes, type KafkaJSError, type KafkaJSProtocolError } from 'kafkajs';
import { offset } from '../../../src/model/lines.ts';
import { Collector, client, consumerOf, producerOf } from './kafkajs.ts';
import { opened } from './opened.ts';

test('what is produced is consumed: keys, values, headers, times; a topic is made when it is asked for', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const producer = await producerOf(door, kafka);
  const sent = await producer.send({
    topic: 'orders',
    messages: [
      { key: 'a', value: '1', headers: { trace: 'x', many: ['p', 'q'] }, timestamp: '1700000000123' },
      { key: null, value: Buffer.from([0xff, 0x00]) },
      { key: 'c', value: null },
    ],
  });
  assert.deepEqual(
    sent.map(({ topicName, partition, errorCode, baseOffset }) => [topicName, partition, errorCode, baseOffset]),
    [['orders', 0, 0, '0']],
  );
  const consumer = await Collector.run(door, kafka, ['orders']);
  const [a, b, c] = await consumer.until(3);
  assert.deepEqual([a?.key?.toString(), a?.value?.toString(), a?.timestamp, a?.offset], ['a', '1', '1700000000123', '0']);
  assert.deepEqual(a?.headers, { trace: Buffer.from('x'), many: [Buffer.from('p'), Buffer.from('q')] });
  assert.deepEqual([b?.key, b?.value], [null, Buffer.from([0xff, 0x00])]);
  assert.deepEqual([c?.key?.toString(), c?.value], ['c', null]);
});

test('partitions: by key, by number, and each in its own order', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const admin = kafka.admin();
  await admin.connect();
  door.after(() => admin.disconnect());
  assert.equal(await admin.createTopics({ topics: [{ topic: 'p', numPartitions: 4, replicationFactor: 3 }] }), true);
  assert.equal(await admin.createTopics({ topics: [{ topic: 'p', numPartitions: 4 }] }), false, 'it is there');
  const producer = await producerOf(door, kafka);
  for (let i = 0; i < 5; i++)
    await producer.send({
      topic: 'p',
      messages: Array.from({ length: 8 }, (_, k) => ({ key: `k${k}`, value: `${i}`, ...(k === 0 && { partition: 3 }) })),
    });
  const consumer = await Collector.run(door, kafka, ['p']);
  const all = await consumer.until(40);
  const byKey = Map.groupBy(all, ({ key }) => key?.toString());
  assert.equal(byKey.size, 8);
  for (const [key, messages] of byKey) {
    assert.deepEqual(
      messages.map(({ value }) => value?.toString()),
      ['0', '1', '2', '3', '4'],
      key,
    );
    assert.equal(new Set(messages.map(({ partition }) => partition)).size, 1);
  }
  assert.equal(byKey.get('k0')?.[0]?.partition, 3);
  assert.deepEqual(
    (await admin.fetchTopicOffsets('p')).reduce((sum, { high }) => sum + Number(high), 0),
    40,
  );
});

test('acks 0, 1 and all; gzip', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const producer = await producerOf(door, kafka);
  await producer.send({ topic: 'a', acks: -1, messages: [{ value: 'all' }] });
  await producer.send({ topic: 'a', acks: 1, messages: [{ value: 'one' }] });
  await producer.send({ topic: 'a', acks: 0, messages: [{ value: 'none' }] });
  await producer.send({ topic: 'a', compression: CompressionTypes.GZIP, messages: [{ value: 'packed' }, { value: 'x'.repeat(5000) }] });
  const consumer = await Collector.run(door, kafka, ['a']);
  await consumer.until(5);
  assert.deepEqual(consumer.values, ['all', 'one', 'none', 'packed', 'x'.repeat(5000)]);
});

test('a group: members share the partitions, one that goes leaves its share, and what was committed is not read again', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  await door.engine.declare({ kind: 'topic', name: 'g', partitions: 4 });
  const consumers = [0, 1].map(() => consumerOf(kafka, { groupId: 'team', heartbeatInterval: 50 }));
  const joins = consumers.map((consumer) => {
    const seen: number[][] = [];
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => seen.push(payload.memberAssignment.g ?? []));
    return seen;
  });
  const taken: string[] = [];
  for (const consumer of consumers) {
    await consumer.connect();
    await consumer.subscribe({ topic: 'g', fromBeginning: true });
    await consumer.run({ autoCommit: true, eachMessage: async ({ message }) => void taken.push(String(message.value)) });
  }
  door.after(async () => void (await Promise.all(consumers.map((consumer) => consumer.disconnect()))));
  const until = async (ready: () => boolean) => {
    while (!ready()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await until(() => joins.every((seen) => seen.at(-1)?.length === 2));
  assert.deepEqual(joins.flatMap((seen) => seen.at(-1) ?? []).sort(), [0, 1, 2, 3]);
  const producer = await producerOf(door, kafka);
  const send = (value: string) => producer.send({ topic: 'g', messages: [0, 1, 2, 3].map((partition) => ({ partition, value })) });
  await send('first');
  await until(() => taken.length === 4);
  await consumers[0]?.disconnect();
  await until(() => joins[1]?.at(-1)?.length === 4);
  await send('second');
  await until(() => taken.length === 8);
  assert.deepEqual(taken, [...Array(4).fill('first'), ...Array(4).fill('second')]);
  await consumers[1]?.disconnect();
  const description = await door.engine.describe('group', 'team');
  assert.ok(description?.kind === 'group');
  assert.deepEqual(
    description.cursors.map(({ offset }) => offset),
    [2, 2, 2, 2],
  );
});

test('admin: topics, offsets, groups, growth, removal', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const admin = kafka.admin();
  await admin.connect();
  door.after(() => admin.disconnect());
  const { clusterId, controller, brokers } = await admin.describeCluster();
  assert.deepEqual([clusterId?.length, controller, brokers], [22, 1, [{ nodeId: 1, host: '127.0.0.1', port: door.port }]]);
  await admin.createTopics({
    topics: [
      { topic: 'one', numPartitions: 2 },
      { topic: 'two', numPartitions: 1 },
    ],
  });
  assert.deepEqual((await admin.listTopics()).sort(), ['one', 'two']);
  await admin.createPartitions({ topicPartitions: [{ topic: 'one', count: 3 }] });
  const { topics } = await admin.fetchTopicMetadata({ topics: ['one'] });
  assert.deepEqual(
    topics[0]?.partitions.map(({ partitionId, leader, isr }) => [partitionId, leader, isr]),
    [
      [0, 1, [1]],
      [1, 1, [1]],
      [2, 1, [1]],
    ],
  );
  await door.engine.moveCursors('g', [{ topic: 'one', partition: 0, offset: offset(7), note: 'by hand' }]);
  assert.deepEqual(await admin.fetchOffsets({ groupId: 'g', topics: ['one'] }), [
    {
      topic: 'one',
      partitions: [
        { partition: 0, offset: '7', metadata: 'by hand' },
        { partition: 1, offset: '-1', metadata: null },
        { partition: 2, offset: '-1', metadata: null },
      ],
    },
  ]);
  await admin.deleteTopics({ topics: ['one'] });
  assert.deepEqual(await admin.listTopics(), ['two']);
  await assert.rejects(
    admin.fetchTopicMetadata({ topics: ['not a name!'] }),
    (error: KafkaJSProtocolError) => error.type === 'INVALID_TOPIC_EXCEPTION',
  );
  await assert.rejects(
    admin.createTopics({ topics: [{ topic: 'three', configEntries: [{ name: 'odd', value: '1' }] }] }),
    (error: Error & { errors: KafkaJSProtocolError[] }) => error.errors[0]?.type === 'INVALID_CONFIG',
  );
});

test('seek, pause and resume, and reading from the end', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const producer = await producerOf(door, kafka);
  await producer.send({ topic: 's', messages: ['0', '1', '2', '3'].map((value) => ({ value })) });
  const consumer = await Collector.run(door, kafka, ['s']);
  await consumer.until(4);
  consumer.consumer.seek({ topic: 's', partition: 0, offset: '2' });
  await consumer.until(6);
  assert.deepEqual(consumer.values, ['0', '1', '2', '3', '2', '3']);
  const late = consumerOf(kafka, { groupId: 'late' });
  await late.connect();
  door.after(() => late.disconnect());
  await late.subscribe({ topic: 's' });
  const first = Promise.withResolvers<string>();
  const fetched = Promise.withResolvers<void>();
  late.on(late.events.FETCH, () => fetched.resolve());
  await late.run({ eachMessage: async ({ message }) => first.resolve(message.offset) });
  await fetched.promise;
  await producer.send({ topic: 's', messages: [{ value: 'new' }] });
  assert.equal(await first.promise, '4');
});

test('without leave to make topics there are none', async (t) => {
  const door = await opened(t, { autoCreate: false });
  const producer = await producerOf(door, client(door, { retry: { retries: 0 } }));
  await assert.rejects(producer.send({ topic: 'none', messages: [{ value: 'x' }] }), (error: KafkaJSError) =>
    /topic-partition/.test(error.message),
  );
  assert.deepEqual(await door.engine.list('topic'), []);
});
