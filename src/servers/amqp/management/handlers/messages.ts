/** Single messages by hand: published to an exchange, got from a queue. For looking and trying, not for carrying. */

import type { Death, Publish, Published } from '../../../../model/engine.ts';
import { murmur2 } from '../../../../model/murmur.ts';
import { Refused } from '../../../../model/refusal.ts';
import {
  type Changes,
  changeProperties,
  decodeEntries,
  KEY_HEADER,
  keyBytes,
  NO_PROPERTIES,
  namesOf,
  PROPERTIES,
  PropertyScan,
  RecordBatch,
  type TextProperty,
  writeTable,
} from '../../../../wire/amqp/amqp.ts';
import { AmqpFault, faultOf, noExchange, noQueue } from '../../faults.ts';
import { ttlOf } from '../../intake.ts';
import { checkAsker } from '../../names.ts';
import { Outgoing } from '../../outgoing.ts';
import { findQueue, queueRefused } from '../../queues.ts';
import { ApiFault, badRequest, type Given, type Handle, integerOf, need, textOf } from '../ask.ts';
import { headersOfJson, jsonOfHeaders } from '../table-json.ts';
import { exchangeNamed } from './exchanges.ts';

/** `content_type` of a property's name here. */
function wireName(property: string): string {
  return property.replace(/[A-Z]/g, (char) => `_${char.toLowerCase()}`);
}

export interface Letter {
  readonly exchange: string;
  readonly address: string;
  /** By their names in JSON; others mean nothing. */
  readonly properties: Given;
  readonly payload: Buffer;
}

function changesOf(properties: Given): Changes {
  const changes: { -readonly [P in keyof Changes]: Changes[P] } = {};
  for (const property of PROPERTIES) {
    const value = properties[wireName(property)];
    if (value === undefined || value === null) continue;
    if (property === 'headers') {
      if (typeof value !== 'object') throw badRequest(['not_a_proplist', value]);
      changes.headers = (writer) => writeTable(writer, headersOfJson(value as Given));
    } else if (property === 'deliveryMode' || property === 'priority') {
      const number = integerOf(value);
      if (number < 0 || number > 255) throw badRequest(['out_of_range', value]);
      changes[property] = (writer) => writer.u8(number);
    } else if (property === 'timestamp') {
      const seconds = integerOf(value);
      if (seconds < 0) throw badRequest(['out_of_range', value]);
      changes.timestamp = (writer) => writer.u64(seconds);
    } else {
      const text = textOf(value);
      if (Buffer.byteLength(text) > 255) throw badRequest(['too_long', wireName(property)]);
      changes[property] = (writer) => writer.text8(text);
    }
  }
  return changes;
}

/** One message as a publish of one record in `batch`. Throws `ApiFault` and `AmqpFault`. */
export function recordOf(batch: RecordBatch, { exchange, address, properties, payload }: Letter, nowMs: number): Publish {
  const nothing = new PropertyScan();
  nothing.scan(NO_PROPERTIES, new DataView(NO_PROPERTIES.buffer), 0, 2);
  const bytes = changeProperties(nothing, changesOf(properties));
  const names = Buffer.from(namesOf(exchange, address));
  batch.begin(nowMs, names);
  batch.properties(bytes, 0, bytes.length);
  batch.body(payload, 0, payload.length);
  const scan = new PropertyScan();
  scan.scan(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  const priority = scan.octet('priority');
  if (priority !== undefined && priority > 0) batch.setPriority(priority);
  const expiration = scan.text('expiration');
  if (expiration !== undefined) batch.setTtlMs(ttlOf(expiration));
  const key = keyBytes(scan.headers().get(KEY_HEADER));
  if (key !== undefined) batch.setKeyHash(murmur2(key));
  batch.end();
  const columns = batch.columns(0, 1);
  const transient = scan.octet('deliveryMode') !== 2;
  return {
    exchange,
    address,
    records: batch.records(0, 1),
    ...(columns && { columns }),
    ...(transient && { transient }),
    ...(exchange === '' && { mayMiss: true }),
  };
}

export function isRouted({ routed }: Published): boolean {
  return routed > 0;
}

function payloadOf(given: Given): Buffer {
  const payload = textOf(given.payload);
  const encoding = given.payload_encoding;
  if (encoding === 'string') return Buffer.from(payload);
  if (encoding !== 'base64') throw badRequest(['unsupported_encoding', encoding]);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(payload)) throw badRequest(['not_base64', payload]);
  return Buffer.from(payload, 'base64');
}

export const publish: Handle = async (ask) => {
  const site = await ask.site();
  const { engine, door, vhost, user } = site;
  const given = await ask.given();
  need(given, 'properties', 'routing_key', 'payload', 'payload_encoding');
  const exchange = exchangeNamed(ask.name('name'));
  const properties = (Array.isArray(given.properties) ? {} : given.properties) as Given;
  const letter = { exchange, address: textOf(given.routing_key), properties, payload: payloadOf(given) };
  const { user_id: userId } = properties;
  if (userId !== undefined && userId !== user)
    throw told(new AmqpFault(406, `user_id property set to '${String(userId)}' but authenticated user was '${user}'`));
  const headers = (properties.headers ?? {}) as Given;
  const delay = headers['x-delay'];
  const batch = new RecordBatch();
  try {
    const sent = recordOf(batch, letter, engine.nowMs());
    if (typeof delay === 'number' && delay > 0 && (await door.delays(site.house, vhost, exchange))) {
      batch.setDueMs(0, engine.nowMs() + delay);
      const columns = batch.columns(0, 1);
      return { value: { routed: isRouted(await engine.publish({ ...sent, ...(columns && { columns }) })) } };
    }
    const also = ['CC', 'BCC'].flatMap((name) => (Array.isArray(headers[name]) ? (headers[name] as unknown[]).map(String) : []));
    return { value: { routed: isRouted(await engine.publish({ ...sent, ...(also.length > 0 && { also }) })) } };
  } catch (error) {
    if (error instanceof AmqpFault) throw told(error);
    if (!(error instanceof Refused)) throw error;
    throw told(error.code === 'unknown' ? noExchange(exchange, vhost) : faultOf(error));
  }
};

/** What a channel would have been closed with, as the reason of a bad request. */
function told(fault: AmqpFault): ApiFault {
  return badRequest(`${fault.code} ${fault.replyText}`);
}

const MODES = {
  ack_requeue_true: 'requeue',
  reject_requeue_true: 'requeue',
  ack_requeue_false: 'ack',
  reject_requeue_false: 'reject',
} as const;

/** Of messages that are looked at and not taken back in time. */
const LEASE_MS = 60_000;
const COUNT_MAX = 10_000;

export const get: Handle = async (ask) => {
  const site = await ask.site();
  const { engine, vhost, door } = site;
  const queue = ask.name('name');
  const given = await ask.given();
  need(given, 'count', 'ackmode', 'encoding');
  const mode = MODES[given.ackmode as keyof typeof MODES];
  if (mode === undefined) throw badRequest(['unsupported_ackmode', given.ackmode]);
  const encoding = given.encoding;
  if (encoding !== 'auto' && encoding !== 'base64') throw badRequest(['unsupported_encoding', encoding]);
  const truncate = given.truncate === undefined ? Number.POSITIVE_INFINITY : integerOf(given.truncate);
  const count = Math.max(1, Math.min(COUNT_MAX, integerOf(given.count)));
  const known = await findQueue(site, queue);
  if (known === undefined) throw new ApiFault(404, 'not_found', noQueue(queue, vhost).replyText.replace(/^\d+ /, ''));
  checkAsker(site, undefined, queue);
  if (known.spec === undefined)
    throw badRequest(`540 NOT_IMPLEMENTED - basic.get not supported by stream queues queue '${queue}' in vhost '${vhost}'`);
  const deliveries = await engine.receive({ queue, countMax: count, leaseMs: LEASE_MS }).catch((error: unknown) => {
    throw queueRefused(site, error, queue);
  });
  if (deliveries === undefined) return { value: [] };
  const { bytes, at, numbers, deaths, returned, lease } = deliveries;
  const outgoing = new Outgoing(door.languages);
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const left = (await findQueue(site, queue))?.ready ?? 0;
  const shown = Array.from({ length: deliveries.count }, (_, i) => {
    const died = deaths?.[i];
    outgoing.look(whole, at[i] ?? 0, died === undefined ? undefined : { deaths: died as readonly Death[], more: undefined });
    const redelivered = (((returned?.[i >> 3] ?? 0) >> (i & 7)) & 1) === 1;
    return messageJson(outgoing, { redelivered, left: left + deliveries.count - 1 - i, truncate, encoding });
  });
  const runs = Float64Array.from([...numbers].flatMap((number) => [number, 1]));
  await engine.settle({ queue, runs, lease, outcome: mode });
  return { value: shown };
};

interface Look {
  readonly redelivered: boolean;
  readonly left: number;
  readonly truncate: number;
  readonly encoding: 'auto' | 'base64';
}

function messageJson(message: Outgoing, { redelivered, left, truncate, encoding }: Look): object {
  const [exchange, routingKey] = message.texts;
  const size = message.bodyTo - message.bodyFrom;
  const body = message.body.subarray(message.bodyFrom, message.bodyFrom + Math.min(size, truncate));
  const text = encoding === 'auto' ? textIn(body) : undefined;
  const properties = propertiesJson(message.properties, message.propertiesFrom, message.propertiesTo);
  return {
    payload_bytes: size,
    redelivered,
    exchange,
    routing_key: routingKey,
    message_count: left,
    // An empty object is an empty list there: so clients have learned to read it.
    properties: Object.keys(properties).length === 0 ? [] : properties,
    payload: text ?? body.toString('base64'),
    payload_encoding: text === undefined ? 'base64' : 'string',
  };
}

function textIn(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}

function propertiesJson(bytes: Buffer, from: number, to: number): Record<string, unknown> {
  const scan = new PropertyScan();
  scan.scan(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), from, to);
  const found: Record<string, unknown> = {};
  for (const property of PROPERTIES) {
    if (!scan.has(property)) continue;
    if (property === 'headers') found.headers = jsonOfHeaders(decodeEntries(bytes.subarray(scan.headersFrom, scan.headersTo)));
    else if (property === 'deliveryMode' || property === 'priority') found[wireName(property)] = scan.octet(property);
    else if (property === 'timestamp') found.timestamp = scan.timestamp;
    else found[wireName(property)] = scan.text(property satisfies TextProperty);
  }
  return found;
}
