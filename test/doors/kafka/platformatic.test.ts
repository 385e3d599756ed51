import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Admin, ConfigResourceTypes, Consumer, type Message, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka';
import { type Opened, opened } from './opened.ts';

function base(door: Opened) {
  return { clientId: 'test', bootstrapBrokers: [door.broker], retries: 2, retryDelay: 20 };
}

function producerOf(door: Opened): Producer<string, string, string, string> {
  const producer = new Producer({ ...base(door), serializers: stringSerializers, autocreateTopics: true });
  door.after(() => producer.close());
  return producer;
}

function adminOf(door: Opened): Admin {
  const admin = new Admin(base(door));
  door.after(() => admin.close());
  return admin;
}

/** Reads so many messages from the beginning. */
async function read(door: Opened, topic: string, count: number, groupId = 'g'): Promise<Message<string, string, string, string>[]> {
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
  const door = await opened(t);
  const producer = producerOf(door);
  const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
  for (const compression of codecs) {
    const { offsets } = await producer.send({
      compression,
      messages: [
        { topic: 'c', key: compression, value: 'value '.repeat(1000), headers: { a: 'b' } },
        { topic: 'c', key: compression, value: `last ${compression}` },
      ],
    });
    assert.deepEqual(
      offsets?.map(({ topic, partition, offset }) => [topic, partition, offset]),
      [['c', 0, BigInt(2 * codecs.indexOf(compression))]],
    );
  }
  const taken = await read(door, 'c', 10);
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
  const door = await opened(t);
  await door.engine.declare({ kind: 'topic', name: 'i', partitions: 3 });
  const producer = producerOf(door);
  const send = (value: string) =>
    producer.send({ idempotent: true, acks: -1, messages: [0, 1, 2].map((partition) => ({ topic: 'i', partition, value })) });
  for (const value of ['a', 'b', 'c']) await send(value);
  const taken = await read(door, 'i', 9);
  for (const partition of [0, 1, 2])
    assert.deepEqual(
      taken.filter((one) => one.partition === partition).map(({ value }) => value),
      ['a', 'b', 'c'],
    );
});

test('a group goes on where it was', async (t) => {
  const door = await opened(t);
  const producer = producerOf(door);
  await producer.send({ messages: ['0', '1', '2'].map((value) => ({ topic: 'a', value })) });
  assert.deepEqual(
    (await read(door, 'a', 3)).map(({ value }) => value),
    ['0', '1', '2'],
  );
  const kept = async () => {
    const group = await door.engine.describe('group', 'g');
    return group?.kind === 'group' ? group.cursors.map(({ offset }) => offset) : [];
  };
  while ((await kept())[0] !== 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await producer.send({ messages: [{ topic: 'a', value: '3' }] });
  assert.deepEqual(
    (await read(door, 'a', 1)).map(({ value }) => value),
    ['3'],
  );
});

test('admin: topics, settings, offsets, groups, records', async (t) => {
  const door = await opened(t);
  const admin = adminOf(door);
  const made = await admin.createTopics({ topics: ['t'], partitions: 2, replicas: 3, configs: [{ name: 'retention.ms', value: '60000' }] });
  assert.deepEqual(
    made.map(({ name, partitions, replicas, configuration }) => [name, partitions, replicas, configuration['retention.ms']]),
    [['t', 2, 1, '60000']],
  );
  assert.deepEqual(await admin.listTopics(), ['t']);
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 't' };
  const settings = async () => {
    const [told] = await admin.describeConfigs({ resources: [resource] });
    return new Map(told?.configs.map(({ name, value, configSource }) => [name, [value, configSource]]));
  };
  assert.deepEqual(
    [(await settings()).get('retention.ms'), (await settings()).get('cleanup.policy'), (await settings()).get('segment.ms')],
    [
      ['60000', 1],
      ['delete', 5],
      ['604800000', 5],
    ],
  );
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
  assert.deepEqual(
    [(await settings()).get('retention.ms'), (await settings()).get('cleanup.policy'), (await settings()).get('segment.ms')],
    [
      ['-1', 5],
      ['compact', 1],
      ['1000', 1],
    ],
  );
  const description = await door.engine.describe('topic', 't');
  assert.deepEqual(description?.kind === 'topic' && description.spec, {
    kind: 'topic',
    name: 't',
    partitions: 2,
    compact: true,
    labels: { 'kafka.cleanup.policy': 'compact', 'kafka.segment.ms': '1000' },
  });
  await admin.createPartitions({ topics: [{ name: 't', count: 3, assignments: [] }] }).catch(() => undefined);
  const producer = producerOf(door);
  await producer.send({ messages: [0, 0, 0, 1].map((partition, i) => ({ topic: 't', partition, key: `${i}`, value: 'x' })) });
  await admin.deleteRecords({ topics: [{ name: 't', partitions: [{ partition: 0, offset: 2n }] }] });
  await read(door, 't', 2);
  const groups = await admin.describeGroups({ groups: ['g'] });
  assert.deepEqual([groups.get('g')?.state, groups.get('g')?.members.size], ['Empty', 0]);
  assert.deepEqual([...(await admin.listGroups()).keys()], ['g']);
  await admin.deleteTopics({ topics: ['t'] });
  assert.deepEqual(await admin.listTopics(), []);
});

test('a group of the newer protocol', async (t) => {
  const door = await opened(t, { limits: { groupHeartbeatMs: 20 } });
  await door.engine.declare({ kind: 'topic', name: 'n', partitions: 2 });
  const producer = producerOf(door);
  await producer.send({ messages: [0, 1].map((partition) => ({ topic: 'n', partition, value: `${partition}` })) });
  const consumer = new Consumer({
    ...base(door),
    groupId: 'new',
    groupProtocol: 'consumer',
    deserializers: stringDeserializers,
    maxWaitTime: 20,
  });
  door.after(() => consumer.close(true));
  const stream = await consumer.consume({ topics: ['n'], mode: 'committed', fallbackMode: 'earliest', autocommit: false });
  const values: string[] = [];
  for await (const message of stream) {
    values.push(message.value);
    await message.commit();
    if (values.length === 2) break;
  }
  assert.deepEqual(values.sort(), ['0', '1']);
  const group = await door.engine.describe('group', 'new');
  assert.deepEqual(group?.kind === 'group' && group.cursors.map(({ offset }) => offset), [1, 1]);
});
