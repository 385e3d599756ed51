import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IHeaders } from 'kafkajs';
import { offset } from '../../../src/model/lines.ts';
import type { HeaderValue, Message } from '../../../src/model/message.ts';
import { RecordWriter, readMessage } from '../../../src/model/record.ts';
import { KAFKA } from '../../../src/wire/kafka/kafka.ts';
import { Collector, client, producerOf } from './kafkajs.ts';
import { opened } from './opened.ts';

const LANGUAGES = new Map([[KAFKA.number, KAFKA]]);

test('what came in by Kafka reaches queues, and readers of the topic, as neutral messages', async (t) => {
  const door = await opened(t);
  const { engine } = door;
  await engine.declare({ kind: 'topic', name: 'orders.made', partitions: 2 });
  await engine.declare({ kind: 'queue', name: 'mail' });
  await engine.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'mail' }, pattern: 'orders.*' });
  const producer = await producerOf(door, client(door));
  await producer.send({
    topic: 'orders.made',
    messages: [{ key: 'k', value: '{"n":1}', partition: 1, headers: { 'content-type': 'application/json', ce_id: '9', x: 'y' } }],
  });
  const taken = await engine.receive({ queue: 'mail', waitMs: 1000 });
  assert.ok(taken !== undefined);
  const fetched = await engine.fetch({ topic: 'orders.made', partition: 1, offset: offset(0) });
  for (const [bytes, at] of [
    [taken.bytes, taken.at[0]],
    [fetched.records.bytes, fetched.records.start],
  ] as const) {
    const message = readMessage(bytes, at ?? 0, LANGUAGES);
    assert.deepEqual(
      [
        message.address,
        Buffer.from(message.key ?? []).toString(),
        Buffer.from(message.body).toString(),
        message.contentType,
        message.id,
        message.headers,
      ],
      ['orders.made', 'k', '{"n":1}', 'application/json', '9', new Map([['x', 'y']])],
    );
  }
});

test('what was published by others is read by Kafka clients', async (t) => {
  const door = await opened(t);
  await door.engine.declare({ kind: 'topic', name: 'a' });
  const writer = new RecordWriter();
  const timestampMs = 1_700_000_000_000;
  writer.write({
    exchange: 'amq.topic',
    address: 'a',
    timestampMs,
    id: 'i1',
    type: 'made',
    key: Buffer.from('k'),
    headers: new Map([['n', 3n]]),
    body: Buffer.from('hello'),
  });
  writer.write({ exchange: 'amq.topic', address: 'a', timestampMs, headers: new Map(), body: new Uint8Array(0) });
  await door.engine.publish({ address: 'a', records: writer.take() });
  const consumer = await Collector.run(door, client(door), ['a']);
  const [first, second] = await consumer.until(2);
  assert.deepEqual([first?.key?.toString(), first?.value?.toString(), first?.timestamp], ['k', 'hello', String(timestampMs)]);
  assert.deepEqual(first?.headers, { ce_id: Buffer.from('i1'), ce_type: Buffer.from('made'), n: Buffer.from('3') });
  assert.deepEqual([second?.key, second?.value], [null, Buffer.alloc(0)]);
});

test('a group that read by Kafka goes on where it was by the other faces', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const producer = await producerOf(door, kafka);
  await producer.send({ topic: 'a', messages: ['0', '1', '2'].map((value) => ({ value })) });
  const collector = await Collector.run(door, kafka, ['a']);
  await collector.until(3);
  await collector.consumer.disconnect();
  const from = await new Promise<number>((resolve) => {
    void door.engine.join(
      { group: 'g', topics: ['a'] },
      { assigned: ([cursor]) => resolve(cursor?.offset ?? -1), revoked: async () => undefined },
    );
  });
  assert.equal(from, 3);
});

/** Each property as docs/crossing.md says it is on a Kafka record; absent = it has no place there. */
const ROWS: readonly (readonly [Partial<Message>, string | undefined])[] = [
  [{ id: 'i' }, 'ce_id'],
  [{ source: '/s' }, 'ce_source'],
  [{ type: 't' }, 'ce_type'],
  [{ subject: 'j' }, 'ce_subject'],
  [{ contentType: 'text/plain' }, 'content-type'],
  [{ contentEncoding: 'gzip' }, 'content-encoding'],
  [{ correlationId: 'c' }, 'correlation-id'],
  [{ replyTo: 'r' }, 'reply-to'],
  [{ priority: 3 }, undefined],
  [{ ttlMs: 1000 }, undefined],
];

const VALUES: readonly (readonly [HeaderValue, string | null, HeaderValue])[] = [
  ['text', 'text', 'text'],
  [true, 'true', 'true'],
  [1.5, '1.5', '1.5'],
  [12n, '12', '12'],
  [Uint8Array.of(0xff), '\ufffd', Uint8Array.of(0xff)],
  [Buffer.from('utf8'), 'utf8', 'utf8'],
  [null, null, null],
  [['a', 1], '["a",1]', '["a",1]'],
  [new Map([['k', null]]), '{"k":null}', '{"k":null}'],
];

test('every property and every kind of header value crosses as the table says, out and in again', async (t) => {
  const door = await opened(t);
  for (const name of ['out', 'in']) await door.engine.declare({ kind: 'topic', name });
  const writer = new RecordWriter();
  const base = {
    exchange: 'amq.topic',
    address: 'out',
    timestampMs: 1_700_000_000_000,
    headers: new Map<string, HeaderValue>(),
    body: Buffer.from('b'),
  };
  for (const [property] of ROWS) writer.write({ ...base, ...property });
  for (const [value] of VALUES) writer.write({ ...base, headers: new Map([['h', value]]) });
  await door.engine.publish({ address: 'out', records: writer.take() });
  const kafka = client(door);
  const collector = await Collector.run(door, kafka, ['out']);
  const taken = await collector.until(ROWS.length + VALUES.length);
  for (const [i, [property, header]] of ROWS.entries()) {
    const [value] = Object.values(property);
    assert.deepEqual(taken[i]?.headers, header === undefined ? {} : { [header]: Buffer.from(String(value)) });
  }
  for (const [i, [, text]] of VALUES.entries()) {
    const { h } = taken[ROWS.length + i]?.headers ?? {};
    assert.equal(h?.toString() ?? null, text);
  }
  const producer = await producerOf(door, kafka);
  // kafkajs cannot send a header that is null.
  const sendable = ({ h, ...headers }: IHeaders) => (h === undefined || h === null ? headers : { ...headers, h });
  const messages = taken.map(({ key, value, headers = {}, timestamp }) => ({ key, value, timestamp, headers: sendable(headers) }));
  await producer.send({ topic: 'in', messages });
  const { records } = await door.engine.fetch({ topic: 'in', partition: 0, offset: offset(0) });
  const back = Array.from({ length: records.count }, (_, i) =>
    readMessage(records.bytes, i === 0 ? records.start : (records.ends[i - 1] ?? 0), LANGUAGES),
  );
  for (const [i, [property, header]] of ROWS.entries()) {
    const { exchange, address, timestampMs, body, headers, ...rest } = back[i] ?? base;
    assert.deepEqual(
      [exchange, address, timestampMs, Buffer.from(body).toString(), headers.size],
      ['amq.topic', 'in', base.timestampMs, 'b', 0],
    );
    assert.deepEqual(rest, header === undefined ? {} : property);
  }
  for (const [i, [, , value]] of VALUES.entries()) assert.deepEqual(back[ROWS.length + i]?.headers.get('h') ?? null, value);
});
