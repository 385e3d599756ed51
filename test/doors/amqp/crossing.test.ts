/** One message, two doors: what enters by AMQP leaves by HTTP and the TypeScript API as the same message, and the other way round. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ConfirmChannel, ConsumeMessage } from 'amqplib';
import { nodeHost } from '../../../src/host/node-host.ts';
import { RecordWriter, readMessage } from '../../../src/model/record.ts';
import { startHttp } from '../../../src/servers/http/http.ts';
import { AMQP_LANGUAGE } from '../../../src/wire/amqp/amqp.ts';
import { connected, REFERENCE, subject, until } from './subject.ts';

const OURS_ALONE = { skip: REFERENCE !== undefined };
const LANGUAGES = new Map([[AMQP_LANGUAGE.number, AMQP_LANGUAGE]]);

interface Both {
  readonly channel: ConfirmChannel;
  readonly base: string;
  readonly broker: NonNullable<Awaited<ReturnType<typeof subject>>['broker']>;
}

async function both(t: TestContext, onDisk = false): Promise<Both> {
  const { url, broker } = await subject(t, { onDisk });
  assert.ok(broker);
  const http = await startHttp(broker, {
    machine: nodeHost({ level: 'warn' }),
    port: 0,
    languages: [AMQP_LANGUAGE],
    limits: { closeMs: 100 },
  });
  t.after(() => http.close());
  return { channel: await (await connected(t, url)).createConfirmChannel(), base: `http://127.0.0.1:${http.port}`, broker };
}

const PROPERTIES = {
  contentType: 'application/json',
  contentEncoding: 'identity',
  headers: {
    text: 'a',
    whole: 7,
    half: 0.5,
    yes: true,
    none: null,
    list: [1, 'b'],
    table: { in: 'side' },
    big: 2 ** 60,
    'x-key': 'k-1',
    'x-subject': 's-1',
  },
  priority: 4,
  correlationId: 'c-1',
  replyTo: 'r-1',
  expiration: '60000',
  messageId: 'm-1',
  timestamp: 1_700_000_000,
  type: 't-1',
  appId: 'app-1',
};

test('every property of an AMQP message in the neutral view', OURS_ALONE, async (t) => {
  const { channel, broker } = await both(t);
  await channel.assertQueue('q');
  channel.sendToQueue('q', Buffer.from('{"a":1}'), PROPERTIES);
  await channel.waitForConfirms();
  const got = await broker.receive({ queue: 'q' });
  assert.ok(got);
  const { headers, key, body, ...rest } = readMessage(got.bytes, got.at[0] ?? 0, LANGUAGES);
  assert.deepEqual(rest, {
    exchange: '',
    address: 'q',
    timestampMs: 1_700_000_000_000,
    id: 'm-1',
    source: 'app-1',
    type: 't-1',
    subject: 's-1',
    contentType: 'application/json',
    contentEncoding: 'identity',
    correlationId: 'c-1',
    replyTo: 'r-1',
    priority: 4,
    ttlMs: 60_000,
  });
  assert.equal(Buffer.from(key ?? []).toString(), 'k-1');
  assert.equal(Buffer.from(body).toString(), '{"a":1}');
  assert.deepEqual(
    headers,
    new Map<string, unknown>([
      ['text', 'a'],
      ['whole', 7],
      ['half', 0.5],
      ['yes', true],
      ['none', null],
      ['list', [1, 'b']],
      ['table', new Map([['in', 'side']])],
      ['big', 2n ** 60n],
    ]),
  );
});

test('every property of a neutral message as AMQP has it', OURS_ALONE, async (t) => {
  const { channel, broker } = await both(t);
  await channel.assertQueue('q');
  const writer = new RecordWriter();
  writer.write({
    exchange: '',
    address: 'q',
    timestampMs: 1_700_000_000_999,
    key: Buffer.from('k-1'),
    id: 'm-1',
    source: 'app-1',
    type: 't-1',
    subject: 's-1',
    contentType: 'text/plain',
    contentEncoding: 'identity',
    correlationId: 'c-1',
    replyTo: 'r-1',
    priority: 4,
    ttlMs: 60_000,
    headers: new Map<string, string | number | boolean | null | bigint>([['a', 'b'], ['n', 7], ['f', 0.5], ['yes', true], ['none', null], ['big', 2n ** 40n]]), // biome-ignore format: pairs
    body: Buffer.from('hello'),
  });
  await broker.publish({ exchange: '', address: 'q', records: writer.take() });
  const got: ConsumeMessage[] = [];
  await channel.consume('q', (message) => message && got.push(message), { noAck: true });
  await until(() => got.length === 1);
  const { properties, fields, content } = got[0] as ConsumeMessage;
  assert.deepEqual([fields.exchange, fields.routingKey, content.toString()], ['', 'q', 'hello']);
  const { headers, ...rest } = properties;
  assert.deepEqual(rest, {
    contentType: 'text/plain',
    contentEncoding: 'identity',
    deliveryMode: 2,
    priority: 4,
    correlationId: 'c-1',
    replyTo: 'r-1',
    expiration: '60000',
    messageId: 'm-1',
    timestamp: 1_700_000_000,
    type: 't-1',
    userId: undefined,
    appId: 'app-1',
    clusterId: undefined,
  });
  const { 'x-key': key, ...others } = headers ?? {};
  assert.equal(Buffer.from(key as Uint8Array).toString(), 'k-1');
  assert.deepEqual(others, { a: 'b', n: 7, f: 0.5, yes: true, none: null, big: 2 ** 40, 'x-subject': 's-1' });
});

test('AMQP to HTTP and back, over the main line', OURS_ALONE, async (t) => {
  const { channel, base } = await both(t);
  await fetch(`${base}/v1/queues/jobs`, { method: 'PUT' });
  channel.sendToQueue('jobs', Buffer.from('{"n":1}'), { contentType: 'application/json', messageId: 'm-9', persistent: true });
  await channel.waitForConfirms();
  const received = (await (await fetch(`${base}/v1/queues/jobs/receive`, { method: 'POST' })).json()) as {
    messages: readonly Record<string, unknown>[];
  };
  const [message] = received.messages;
  assert.deepEqual([message?.id, message?.body], ['m-9', { n: 1 }]);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, 'amq.topic', 'orders.*');
  await fetch(`${base}/v1/publish/orders.created`, { method: 'POST', body: 'by http', headers: { 'content-type': 'text/plain' } });
  const got: ConsumeMessage[] = [];
  await channel.consume(queue, (one) => one && got.push(one));
  await until(() => got.length === 1);
  assert.deepEqual(
    [got[0]?.content.toString(), got[0]?.fields.exchange, got[0]?.fields.routingKey, got[0]?.properties.contentType],
    ['by http', 'amq.topic', 'orders.created', 'text/plain'],
  );
});

test('filters and keyed partitions look into AMQP messages, and what is kept is what was sent', OURS_ALONE, async (t) => {
  const { channel, broker } = await both(t, true);
  await broker.declare({ kind: 'topic', name: 'orders', partitions: 4 });
  await broker.declare({ kind: 'queue', name: 'large' });
  await broker.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'large' }, pattern: 'orders', filter: 'body.sum > `10`' });
  for (const [sum, key] of [[5, 'a'], [50, 'a'], [500, 'a']] as const) // biome-ignore format: pairs
    channel.publish('amq.topic', 'orders', Buffer.from(JSON.stringify({ sum })), { headers: { 'x-key': key }, persistent: true });
  await channel.waitForConfirms();
  const described = await broker.describe('topic', 'orders');
  assert.deepEqual(described?.kind === 'topic' && described.partitions.map(({ end }) => Number(end)).sort(), [0, 0, 0, 3]);
  const large = await broker.describe('queue', 'large');
  assert.equal(large?.kind === 'queue' && large.ready, 2);
});
