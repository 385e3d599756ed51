/**
 * A message of this language as a record.
 *
 *     head   f64 LE  when it came, milliseconds since 1970
 *            u8 · exchange · u8 · routing key     as they stand side by side in the publish, and again in each delivery
 *            u16 · properties                     as they came
 *     body
 */

import { Writer } from '../../bytes/writer.ts';
import { type Headers, type HeaderValue, LANGUAGES, type Message } from '../../model/message.ts';
import { type Language, RECORD_HEAD_BYTES } from '../../model/record.ts';
import { Refused } from '../../model/refusal.ts';
import { WireFault } from './fault.ts';
import { type Changes, changeProperties, NO_PROPERTIES, PropertyScan } from './properties.ts';
import { writeTable } from './table.ts';

/** Bytes of the head before the names. */
export const TIME_BYTES = 8;

/** Headers that carry what the language has no property for. */
export const KEY_HEADER = 'x-key';
const SUBJECT_HEADER = 'x-subject';

/** Where the parts of a record stand. One object looks at many, one after another. */
export class RecordScan {
  namesAt = 0;
  propertiesAt = 0;
  bodyAt = 0;
  end = 0;

  /** Of a record of this language that starts at `at`. */
  scan(bytes: Uint8Array, at: number): void {
    const size = (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 0x100 + (bytes[at + 2] ?? 0) * 0x1_0000 + (bytes[at + 3] ?? 0) * 0x100_0000;
    const head = (bytes[at + 5] ?? 0) | ((bytes[at + 6] ?? 0) << 8) | ((bytes[at + 7] ?? 0) << 16);
    this.namesAt = at + RECORD_HEAD_BYTES + TIME_BYTES;
    const keyAt = this.namesAt + 1 + (bytes[this.namesAt] ?? 0);
    this.propertiesAt = keyAt + 1 + (bytes[keyAt] ?? 0);
    this.bodyAt = at + RECORD_HEAD_BYTES + head;
    this.end = at + size;
  }
}

/** This language, for the broker and for other doors. */
export const AMQP_LANGUAGE: Language = { number: LANGUAGES.amqp, read };

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function read(head: Uint8Array, body: Uint8Array): Message {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const exchangeBytes = head[TIME_BYTES] ?? 0;
  const keyAt = TIME_BYTES + 1 + exchangeBytes;
  const propertiesAt = keyAt + 1 + (head[keyAt] ?? 0);
  if (propertiesAt + 2 > head.length) throw new Refused('invalid', 'The names of this message break off.');
  const scan = new PropertyScan();
  let headers: Headers;
  try {
    scan.scan(head, view, propertiesAt, head.length);
    headers = scan.headers();
  } catch (cause) {
    if (!(cause instanceof WireFault)) throw cause;
    throw new Refused('invalid', `The properties of this message cannot be read: ${cause.message}.`, { cause });
  }
  const { timestamp } = scan;
  const expiration = scan.text('expiration');
  const key = headers.get(KEY_HEADER);
  const subject = headers.get(SUBJECT_HEADER);
  return {
    exchange: decoder.decode(head.subarray(TIME_BYTES + 1, keyAt)),
    address: decoder.decode(head.subarray(keyAt + 1, propertiesAt)),
    timestampMs: timestamp === undefined ? view.getFloat64(0, true) : timestamp * 1000,
    key: keyBytes(key),
    id: scan.text('messageId'),
    source: scan.text('appId'),
    type: scan.text('type'),
    subject: typeof subject === 'string' ? subject : undefined,
    contentType: scan.text('contentType'),
    contentEncoding: scan.text('contentEncoding'),
    correlationId: scan.text('correlationId'),
    replyTo: scan.text('replyTo'),
    priority: scan.octet('priority'),
    ttlMs: expiration !== undefined && /^\d{1,15}$/.test(expiration) ? Number(expiration) : undefined,
    headers: without(headers, subject),
    body: new Uint8Array(body),
  };
}

/** The key that a header gives a message. */
export function keyBytes(value: HeaderValue | undefined): Uint8Array | undefined {
  if (typeof value === 'string') return new TextEncoder().encode(value);
  return value instanceof Uint8Array ? value : undefined;
}

/** What became a field of its own stands in no header too, so that a message that comes back by this door is as it was. */
function without(headers: Headers, subject: HeaderValue | undefined): Headers {
  const key = keyBytes(headers.get(KEY_HEADER));
  if (key === undefined && typeof subject !== 'string') return headers;
  const rest = new Map(headers);
  if (key !== undefined) rest.delete(KEY_HEADER);
  if (typeof subject === 'string') rest.delete(SUBJECT_HEADER);
  return rest;
}

const SHORT_BYTES_MAX = 255;
const TTL_MS_MAX = 999_999_999_999_999;

/** The names of a message of another language, as deliveries carry them. A name longer than 255 bytes is told as far as it goes. */
export function namesOf(exchange: string, address: string): Uint8Array {
  const writer = new Writer('big', 64);
  for (const name of [exchange, address]) {
    const bytes = new TextEncoder().encode(name).subarray(0, SHORT_BYTES_MAX);
    writer.u8(bytes.length);
    writer.bytes(bytes);
  }
  return writer.take();
}

/** The properties of a message of another language. A text too long for its property becomes a header `x-…`, so that nothing is lost. */
export function propertiesOf(message: Message): Uint8Array {
  const headers = new Map(message.headers);
  const changes: { -readonly [P in keyof Changes]: Changes[P] } = {};
  const text = (name: 'contentType' | 'contentEncoding' | 'correlationId' | 'replyTo' | 'messageId' | 'type' | 'appId', value?: string) => {
    if (value === undefined) return;
    if (Buffer.byteLength(value) > SHORT_BYTES_MAX) headers.set(`x-${name}`, value);
    else changes[name] = (writer) => writer.text8(value);
  };
  text('contentType', message.contentType);
  text('contentEncoding', message.contentEncoding);
  text('correlationId', message.correlationId);
  text('replyTo', message.replyTo);
  text('messageId', message.id);
  text('type', message.type);
  text('appId', message.source);
  if (message.subject !== undefined) headers.set(SUBJECT_HEADER, message.subject);
  if (message.key !== undefined) headers.set(KEY_HEADER, message.key);
  for (const name of headers.keys()) {
    if (Buffer.byteLength(name) <= SHORT_BYTES_MAX) continue;
    headers.delete(name);
  }
  if (headers.size > 0) changes.headers = (writer) => writeTable(writer, headers);
  const { priority, ttlMs, timestampMs } = message;
  changes.deliveryMode = (writer) => writer.u8(2);
  if (priority !== undefined) changes.priority = (writer) => writer.u8(Math.max(0, Math.min(255, priority)));
  if (ttlMs !== undefined && ttlMs <= TTL_MS_MAX) changes.expiration = (writer) => writer.text8(String(Math.ceil(ttlMs)));
  changes.timestamp = (writer) => writer.u64(Math.max(0, Math.floor(timestampMs / 1000)));
  const nothing = new PropertyScan();
  nothing.scan(NO_PROPERTIES, new DataView(NO_PROPERTIES.buffer), 0, 2);
  return changeProperties(nothing, changes);
}
