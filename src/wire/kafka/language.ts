/** Kafka's records seen neutrally, and neutral messages as Kafka's records see them: which header stands for which property. */

import { Reader } from '../../bytes/reader.ts';
import { Writer } from '../../bytes/writer.ts';
import { type HeaderValue, LANGUAGES, MAIN_LINE, type Message } from '../../model/message.ts';
import { bodyAt, type Language, RECORD_HEAD_BYTES, type Unpacked } from '../../model/record.ts';
import { Refused } from '../../model/refusal.ts';
import { BatchHead } from './batch.ts';
import { addressOfPack, isPack } from './pack.ts';
import { HEAD_BYTES, NULL_VALUE, SINGLE, unpackBatch } from './single.ts';

/** CloudEvents' names in Kafka's headers [CloudEvents Kafka binding, 3.2], and those that are usual for the rest. */
const HEADER_OF = {
  id: 'ce_id',
  source: 'ce_source',
  type: 'ce_type',
  subject: 'ce_subject',
  contentType: 'content-type',
  contentEncoding: 'content-encoding',
  correlationId: 'correlation-id',
  replyTo: 'reply-to',
} as const;
type Property = keyof typeof HEADER_OF;
const PROPERTIES = Object.keys(HEADER_OF) as Property[];
const PROPERTY_OF: ReadonlyMap<string, Property> = new Map(PROPERTIES.map((property) => [HEADER_OF[property], property]));

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const INT_BYTES = 5;

/** What the broker and the other doors need to read what came in by this one. */
export const KAFKA: Language = {
  number: LANGUAGES.kafka,
  read: (head, body) => {
    if (isPack(head)) return readOnly(head, body);
    if (head[0] !== SINGLE || head.length < HEAD_BYTES) throw new Refused('invalid', 'The properties of this Kafka record are not whole.');
    try {
      return readSingle(head, body);
    } catch (cause) {
      throw new Refused('invalid', 'The properties of this Kafka record do not parse.', { cause });
    }
  },
  count: (head, body) => {
    if (!isPack(head)) return 0;
    const batch = new BatchHead();
    return batch.read(body, 0, body.length) === undefined ? batch.count : 0;
  },
  unpack: opened,
};

/** A batch of one record is that record; of several there is no telling which is meant. */
function readOnly(head: Uint8Array, body: Uint8Array): Message {
  const { bytes, ends, count } = opened(head, body);
  if (count !== 1) throw new Refused('invalid', `This is a batch of ${count} Kafka records, where one record should be.`);
  const from = bodyAt(bytes, 0);
  return readSingle(bytes.subarray(RECORD_HEAD_BYTES, from), bytes.subarray(from, ends[0]));
}

function opened(head: Uint8Array, body: Uint8Array): Unpacked {
  try {
    return unpackBatch(body, 0, addressOfPack(head));
  } catch (cause) {
    throw new Refused('invalid', `This batch of Kafka records cannot be opened: ${(cause as Error).message}`, { cause });
  }
}

function readSingle(head: Uint8Array, body: Uint8Array): Message {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const from = new Reader(head);
  from.skip(HEAD_BYTES);
  const address = from.text(view.getUint16(2, true));
  const keyLength = from.zigzag(INT_BYTES);
  const key = keyLength < 0 ? undefined : new Uint8Array(from.bytes(keyLength));
  const headers = new Map<string, HeaderValue>();
  const properties: { [P in Property]?: string } = {};
  const count = from.zigzag(INT_BYTES);
  for (let i = 0; i < count; i++) {
    const name = from.text(from.zigzag(INT_BYTES));
    const length = from.zigzag(INT_BYTES);
    const value = length < 0 ? null : textOrBytes(from.bytes(length));
    const property = PROPERTY_OF.get(name);
    if (property !== undefined && typeof value === 'string' && value !== '') properties[property] = value;
    else headers.set(name, value);
  }
  return {
    exchange: MAIN_LINE,
    address,
    timestampMs: view.getFloat64(4, true),
    ...(key && { key }),
    ...properties,
    headers,
    body: new Uint8Array(body),
  };
}

/** Kafka knows only bytes: what is UTF-8 is taken for text. */
function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  try {
    return strict.decode(bytes);
  } catch {
    return new Uint8Array(bytes);
  }
}

/** Whether the value of this record is null rather than empty: what removes a key. */
export function isNullValue(head: number): boolean {
  return (head & NULL_VALUE) !== 0;
}

/** The headers of a neutral message as Kafka writes them: how many, then each name and value after its length. */
export function encodeHeaders(message: Message): Uint8Array {
  const to = new Writer('big', 128);
  const given = PROPERTIES.filter((property) => message[property] !== undefined && message[property] !== '');
  to.zigzag(given.length + message.headers.size);
  for (const property of given) writeHeader(to, HEADER_OF[property], message[property] ?? '');
  for (const [name, value] of message.headers) writeHeader(to, name, value);
  return to.take();
}

function writeHeader(to: Writer, name: string, value: HeaderValue): void {
  to.zigzag(Buffer.byteLength(name));
  to.text(name);
  if (value === null) {
    to.zigzag(-1);
    return;
  }
  const bytes = value instanceof Uint8Array ? value : Buffer.from(typeof value === 'object' ? JSON.stringify(plain(value)) : String(value));
  to.zigzag(bytes.length);
  to.bytes(bytes);
}

/** As JSON can say it. */
function plain(value: HeaderValue): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Map) return Object.fromEntries([...value].map(([name, one]: [string, HeaderValue]) => [name, plain(one)]));
  if (Array.isArray(value)) return (value as readonly HeaderValue[]).map(plain);
  return value;
}
