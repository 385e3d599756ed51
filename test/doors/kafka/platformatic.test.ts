import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin, ConfigResourceTypes, Consumer, type Message, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { REFERENCE, type Subject, subject, topicOf, unique, until } from './subject.ts';

function base(door: Subject) {
  return { clientId: 'test', bootstrapBrokers: [door.broker], retries: 5, retryDelay: 50 };
}

function producerOf(door: Subject): Producer<string, string, string, string> {
  const producer = new Producer({ ...base(door), serializers: stringSerializers, autocreateTopics: true });
  door.after(() => producer.close());
  return producer;
}

function adminOf(door: Subject): Admin {
  const admin = new Admin(base(door));
  door.after(() => admin.close());
  return admin;
}

/** Reads so many messages from the beginning. */
async function read(
  door: Subject,
  topic: string,
  count: number,
  groupId = unique('g'),
): Promise<Message<string, string, string, string>[]> {
  const consumer = new Consumer({ ...base(door), groupId, deserializers: stringDeserializers, maxWaitTime: 50 });
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: true });
  const taken: Message<string, string, string, string>[] = [];
  for await (const message of stream) {
    taken.push(message);
    if (taken.length === count) break;
  }
  await consumer.close(true);
  return taken;
}

test('produced and consumed: keys, values, headers, with every compression', async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 'c');
  const producer = producerOf(door);
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
  for (const compression of codecs) {
    const { offsets } = await producer.send({
      compression,
      messages: [
        { topic, key: compression, value: 'value '.repeat(1000), headers: { a: 'b' } },
        { topic, key: compression, value: `last ${compression}` },
      ],
    });
    assert.deepEqual(
      offsets?.map((one) => [one.topic, one.partition, one.offset]),
      [[topic, 0, BigInt(2 * codecs.indexOf(compression))]],
    );
  }
  const taken = await read(door, topic, 10);
  assert.deepEqual(
    taken.map(({ key }) => key),
    codecs.flatMap((codec) => [codec, codec]),
  );
  assert.deepEqual(
    taken.map(({ offset }) => Number(offset)),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  for (const [i, { value, headers }] of taken.entries()) {
    assert.equal(value, i % 2 === 0 ? 'value '.repeat(1000) : `last ${codecs[(i - 1) / 2]}`);
    assert.deepEqual([...headers], i % 2 === 0 ? [['a', 'b']] : []);
  }
});

test('an idempotent producer: its batches are counted, on every partition by itself', async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 'i', 3);
  const producer = producerOf(door);
  const send = (value: string) =>
    producer.send({ idempotent: true, acks: -1, messages: [0, 1, 2].map((partition) => ({ topic, partition, value })) });
  for (const value of ['a', 'b', 'c']) await send(value);
  const taken = await read(door, topic, 9);
  for (const partition of [0, 1, 2])
    assert.deepEqual(
      taken.filter((one) => one.partition === partition).map(({ value }) => value),
      ['a', 'b', 'c'],
    );
});

test('a group goes on where it was', async (t) => {
  const door = await subject(t);
  const [topic, group] = [await topicOf(door, 'a'), unique('g')];
  const producer = producerOf(door);
  await producer.send({ messages: ['0', '1', '2'].map((value) => ({ topic, value })) });
  assert.deepEqual(
    (await read(door, topic, 3, group)).map(({ value }) => value),
    ['0', '1', '2'],
  );
  const admin = adminOf(door);
  const kept = async () => {
    const [told] = await admin.listConsumerGroupOffsets({ groups: [group] });
    return told?.topics[0]?.partitions[0]?.committedOffset;
  };
  await until(async () => (await kept()) === 3n);
  await producer.send({ messages: [{ topic, value: '3' }] });
  assert.deepEqual(
    (await read(door, topic, 1, group)).map(({ value }) => value),
    ['3'],
  );
});

test('admin: topics, settings, records', async (t) => {
  const door = await subject(t);
  const admin = adminOf(door);
  const topic = unique('t');
  const made = await admin.createTopics({
    topics: [topic],
    partitions: 2,
    replicas: 1,
    configs: [{ name: 'retention.ms', value: '60000' }],
  });
  assert.deepEqual(
    made.map(({ name, partitions, replicas, configuration }) => [name, partitions, replicas, configuration['retention.ms']]),
    [[topic, 2, 1, '60000']],
  );
  assert.ok((await admin.listTopics()).includes(topic));
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: topic };
  const settings = async () => {
    const [told] = await admin.describeConfigs({ resources: [resource] });
    return new Map(told?.configs.map(({ name, value, configSource }) => [name, [value, configSource]]));
  };
  const three = async () => {
    const now = await settings();
    return ['retention.ms', 'cleanup.policy', 'segment.ms'].map((name) => now.get(name));
  };
  assert.deepEqual(await three(), [
    ['60000', 1],
    ['delete', 5],
    ['604800000', 5],
  ]);
  await admin.incrementalAlterConfigs({
    resources: [
      {
        ...resource,
        configs: [
          { name: 'cleanup.policy', configOperation: 0, value: 'compact' },
          { name: 'retention.ms', configOperation: 1 },
          { name: 'segment.ms', configOperation: 0, value: '1000' },
        ],
      },
    ],
  });
  await until(async () => (await settings()).get('cleanup.policy')?.[0] === 'compact');
  assert.deepEqual(await three(), [
    // Ours keeps records for ever unless told otherwise.
    [REFERENCE === undefined ? '-1' : '604800000', 5],
    ['compact', 1],
    ['1000', 1],
  ]);
  await admin.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] });
  const plain = await topicOf(door, 'r', 2);
  const producer = producerOf(door);
  await producer.send({ messages: [0, 0, 0, 1].map((partition, i) => ({ topic: plain, partition, key: `${i}`, value: 'x' })) });
  await admin.deleteRecords({ topics: [{ name: plain, partitions: [{ partition: 0, offset: 2n }] }] });
  assert.deepEqual((await read(door, plain, 2)).map(({ partition, offset }) => `${partition}:${offset}`).sort(), ['0:2', '1:0']);
  await admin.deleteTopics({ topics: [topic] });
  await until(async () => !(await admin.listTopics()).includes(topic));
});

test('admin: groups and their offsets, looked up, set, removed', async (t) => {
  const door = await subject(t);
  const admin = adminOf(door);
  const [topic, group] = [await topicOf(door, 't', 2), unique('g')];
  const producer = producerOf(door);
  await producer.send({ messages: ['a', 'b'].map((value) => ({ topic, partition: 0, value })) });
  await read(door, topic, 2, group);
  const described = async () => {
    const told = (await admin.describeGroups({ groups: [group] })).get(group);
    return [told?.state, told?.members.size];
  };
  await until(async () => (await described())[0] === 'Empty');
  assert.deepEqual(await described(), ['Empty', 0]);
  assert.deepEqual(
    [...(await admin.listGroups()).keys()].filter((id) => id === group),
    [group],
  );
  await admin.alterConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionOffsets: [{ partition: 1, offset: 5n }] }] });
  const offsets = async () => {
    const [told] = await admin.listConsumerGroupOffsets({ groups: [group] });
    return (
      told?.topics.flatMap(({ partitions }) => partitions.map((one) => [one.partitionIndex, Number(one.committedOffset)])).sort() ?? []
    );
  };
  await until(async () => (await offsets()).length === 2);
  assert.deepEqual((await offsets())[1], [1, 5]);
  await admin.deleteConsumerGroupOffsets({ groupId: group, topics: [{ name: topic, partitionIndexes: [1] }] });
  assert.deepEqual(
    (await offsets()).map(([partition]) => partition),
    [0],
  );
  const listed = await admin.listOffsets({
    topics: [
      {
        name: topic,
        partitions: [
          { partitionIndex: 0, timestamp: -1n },
          { partitionIndex: 1, timestamp: -2n },
        ],
      },
    ],
  });
  assert.deepEqual(listed[0]?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, Number(offset)]).sort(), [
    [0, 2],
    [1, 0],
  ]);
  await admin.deleteGroups({ groups: [group] });
  assert.deepEqual(
    [...(await admin.listGroups()).keys()].filter((id) => id === group),
    [],
  );
});

test('streams: from the end, from a place by hand, paused; lag and what is committed', async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 's');
  const producer = producerOf(door);
  const send = (...values: string[]) => producer.send({ messages: values.map((value) => ({ topic, value })) });
  await send('0', '1', '2', '3');
  const consumer = new Consumer({ ...base(door), groupId: unique('g'), deserializers: stringDeserializers, maxWaitTime: 50 });
  door.after(() => consumer.close(true));
  const byHand = await consumer.consume({
    topics: [topic],
    mode: 'manual',
    offsets: [{ topic, partition: 0, offset: 2n }],
    autocommit: false,
  });
  const taken: string[] = [];
  byHand.on('data', ({ value }) => taken.push(value));
  await until(() => taken.length === 2);
  assert.deepEqual(taken, ['2', '3']);
  byHand.pause();
  await send('4');
  assert.deepEqual(await consumer.getLag({ topics: [topic] }), new Map([[topic, [3n]]]));
  assert.equal(taken.length, 2);
  byHand.resume();
  await until(() => taken.length === 3);
  await consumer.commit({ offsets: [{ topic, partition: 0, offset: 3n, leaderEpoch: 0 }] });
  assert.deepEqual(await consumer.listCommittedOffsets({ topics: [{ topic, partitions: [0] }] }), new Map([[topic, [3n]]]));
  assert.deepEqual(await consumer.listOffsets({ topics: [topic] }), new Map([[topic, [5n]]]));
});

test('a static member that comes back in time has its share again, without the others noticing', async (t) => {
  const door = await subject(t);
  const topic = await topicOf(door, 'm', 2);
  const groupId = unique('g');
  const member = (groupInstanceId: string) =>
    new Consumer({
      ...base(door),
      groupId,
      groupInstanceId,
      deserializers: stringDeserializers,
      maxWaitTime: 50,
      heartbeatInterval: 100,
      sessionTimeout: 6000,
    });
  const first = member('one');
  const second = member('two');
  door.after(() => second.close(true));
  const assigned = (consumer: typeof first) => consumer.assignments?.flatMap(({ partitions }) => partitions) ?? [];
  first.topics.trackAll(topic);
  second.topics.trackAll(topic);
  await Promise.all([first.joinGroup(), second.joinGroup()]);
  await until(() => assigned(first).length === 1 && assigned(second).length === 1);
  const share = assigned(first);
  const generation = second.generationId;
  // As after a crash: nobody has said that the first is gone.
  first.on('consumer:heartbeat:error', () => undefined);
  const again = member('one');
  door.after(() => again.close(true));
  again.topics.trackAll(topic);
  await again.joinGroup();
  await until(() => assigned(again).length === 1);
  assert.deepEqual(assigned(again), share);
  assert.deepEqual([second.generationId, again.generationId], [generation, generation]);
  await first.close(true).catch(() => undefined);
});

test('a group of the newer protocol', async (t) => {
  const door = await subject(t, { limits: { groupHeartbeatMs: 20 } });
  const [topic, groupId] = [await topicOf(door, 'n', 2), unique('new')];
  const producer = producerOf(door);
  await producer.send({ messages: [0, 1].map((partition) => ({ topic, partition, value: `${partition}` })) });
  const consumer = new Consumer({
    ...base(door),
    groupId,
    groupProtocol: 'consumer',
    deserializers: stringDeserializers,
    maxWaitTime: 20,
  });
  door.after(() => consumer.close(true));
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: false });
  const values: string[] = [];
  for await (const message of stream) {
    values.push(message.value);
    await message.commit();
    if (values.length === 2) break;
  }
  assert.deepEqual(values.sort(), ['0', '1']);
  const [told] = await adminOf(door).listConsumerGroupOffsets({ groups: [groupId] });
  assert.deepEqual(
    told?.topics.flatMap(({ partitions }) => partitions.map(({ committedOffset }) => committedOffset)),
    [1n, 1n],
  );
});
