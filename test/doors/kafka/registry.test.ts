/** The schema registry with clients that know Confluent's: what they register they find again, and what they write others read. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { ConfluentSchemaRegistry, Consumer, MessagesStreamModes, Producer } from '@platformatic/kafka';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { startHttp } from '../../../src/servers/http/http.ts';
import { Annexes } from '../../../src/servers/servers.ts';
import { Collector, client, producerOf } from './kafkajs.ts';
import { type Opened, opened } from './opened.ts';

interface Door extends Opened {
  readonly url: string;
}

/** The Kafka door with the HTTP door beside it. */
async function withRegistry(t: Parameters<typeof opened>[0]): Promise<Door> {
  const annexes = new Annexes();
  const door = await opened(t, { annexes });
  const http = await startHttp(door.engine, { machine: { ...nodeHost(), logger: silentLogger }, port: 0, annexes });
  door.after(() => http.close());
  return { ...door, url: `http://127.0.0.1:${http.port}` };
}

const AVRO = JSON.stringify({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'note', type: ['null', 'string'], default: null },
  ],
});
const JSON_SCHEMA = JSON.stringify({
  type: 'object',
  properties: { id: { type: 'integer' } },
  required: ['id'],
  additionalProperties: false,
});
const PROTO = 'syntax = "proto3"; package shop; message Order { int64 id = 1; string note = 2; }';

test('kafkajs’ registry client: Avro, JSON Schema and Protobuf there and back through a topic', async (t) => {
  const door = await withRegistry(t);
  const registry = new SchemaRegistry({ host: door.url });
  const avro = await registry.register({ type: SchemaType.AVRO, schema: AVRO });
  const json = await registry.register({ type: SchemaType.JSON, schema: JSON_SCHEMA }, { subject: 'orders-json' });
  const proto = await registry.register({ type: SchemaType.PROTOBUF, schema: PROTO }, { subject: 'orders-proto' });
  assert.deepEqual([avro.id, json.id, proto.id], [1, 2, 3]);
  assert.equal((await registry.register({ type: SchemaType.AVRO, schema: AVRO })).id, avro.id, 'registered again it is the same');
  const kafka = client(door);
  const producer = await producerOf(door, kafka);
  const values = await Promise.all([
    registry.encode(avro.id, { id: 1, note: 'a' }),
    registry.encode(json.id, { id: 2 }),
    registry.encode(proto.id, { id: 3, note: 'c' }),
  ]);
  await producer.send({ topic: 'orders', messages: values.map((value) => ({ value })) });
  const reader = new SchemaRegistry({ host: door.url });
  const collector = await Collector.run(door, kafka, ['orders']);
  await collector.until(3);
  const read = await Promise.all(collector.taken.map(({ value }) => reader.decode(value as Buffer)));
  assert.deepEqual(JSON.parse(JSON.stringify(read)), [{ id: 1, note: 'a' }, { id: 2 }, { id: '3', note: 'c' }]);
  assert.equal(await reader.getRegistryId('orders-json', 1), json.id);
  assert.equal(await reader.getLatestSchemaId('orders-proto'), proto.id);
  assert.equal(await reader.getRegistryIdBySchema('shop.Order', { type: SchemaType.AVRO, schema: AVRO }), avro.id);
});

test('kafkajs’ registry client is refused what is not compatible', async (t) => {
  const door = await withRegistry(t);
  const registry = new SchemaRegistry({ host: door.url });
  const of = (...fields: object[]) => ({ type: SchemaType.AVRO, schema: JSON.stringify({ type: 'record', name: 'A', fields }) }) as const;
  await registry.register(of({ name: 'x', type: 'int' }), { subject: 'a' });
  await assert.rejects(registry.register(of({ name: 'x', type: 'int' }, { name: 'y', type: 'int' }), { subject: 'a' }), /incompatible/i);
  await registry.register(of({ name: 'x', type: 'long' }, { name: 'y', type: 'int', default: 0 }), { subject: 'a' });
  await assert.rejects(registry.register({ type: SchemaType.AVRO, schema: '{"type":"nothing"}' }, { subject: 'b' }));
});

test('@platformatic/kafka reads what was registered, by its id', async (t) => {
  const door = await withRegistry(t);
  const registered = await new SchemaRegistry({ host: door.url }).register({ type: SchemaType.AVRO, schema: AVRO }, { subject: 'v' });
  const registry = new ConfluentSchemaRegistry<string, { id: number; note: string }, string, string>({ url: door.url });
  const producer = new Producer({ clientId: 'p', bootstrapBrokers: [door.broker], registry, autocreateTopics: true });
  door.after(() => producer.close());
  await producer.send({ messages: [{ topic: 'o', value: { id: 7, note: 'x' }, metadata: { schemas: { value: registered.id } } }] });
  const consumer = new Consumer({ clientId: 'c', groupId: 'g', bootstrapBrokers: [door.broker], registry, maxWaitTime: 20 });
  const stream = await consumer.consume({ topics: ['o'], mode: MessagesStreamModes.EARLIEST });
  door.after(async () => {
    await stream.close();
    await consumer.close();
  });
  for await (const message of stream) {
    assert.deepEqual({ ...message.value, id: Number(message.value.id) }, { id: 7, note: 'x' });
    break;
  }
});

test('it is kept in the topic _schemas in the original’s form, and what another writes there is known', async (t) => {
  const door = await withRegistry(t);
  const kafka = client(door);
  await new SchemaRegistry({ host: door.url }).register({ type: SchemaType.JSON, schema: JSON_SCHEMA }, { subject: 'j' });
  const collector = await Collector.run(door, kafka, ['_schemas']);
  await collector.until(1);
  const [{ key, value } = { key: null, value: null }] = collector.taken;
  assert.deepEqual(JSON.parse(String(key)), { keytype: 'SCHEMA', subject: 'j', version: 1, magic: 1 });
  assert.deepEqual(JSON.parse(String(value)), { subject: 'j', version: 1, id: 1, schemaType: 'JSON', schema: JSON_SCHEMA, deleted: false });
  const producer = await producerOf(door, kafka);
  const foreign = { subject: 'f', version: 4, id: 9, schema: '"string"', deleted: false };
  await producer.send({
    topic: '_schemas',
    messages: [{ key: JSON.stringify({ keytype: 'SCHEMA', subject: 'f', version: 4, magic: 1 }), value: JSON.stringify(foreign) }],
  });
  const { id: _, deleted: __, ...rest } = foreign;
  const answer = await fetch(`${door.url}/subjects/f/versions/latest`);
  assert.deepEqual(await answer.json(), { ...rest, id: 9 });
});
