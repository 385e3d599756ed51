/**
 * A record: a message as bytes, as the journal and the logs keep it and as deliveries carry it.
 *
 *     0        u32  size of the whole record, these four bytes included
 *     4        u8   language: whose property bytes the head holds
 *     5        u24  bytes of head
 *     8        head (neutral: tagged fields, see below)
 *     8+head   body, to the end
 *
 * All integers little-endian. The neutral head is a run of fields `u8 tag · u24 length · bytes`; a tag not known is skipped, so
 * fields can be added. Reading checks every length against what is there and answers `Refused('invalid')`.
 */

import { fromJson, toJson } from './header-json.ts';
import type { HeaderValue, Message } from './message.ts';
import { Refused } from './refusal.ts';

export const RECORD_HEAD_BYTES = 8;

/** Consecutive records: record `i` is `bytes[i === 0 ? start : ends[i - 1] .. ends[i])`. */
export interface Records {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly ends: Uint32Array;
  /** How many of `ends` are meant; the array may be longer. */
  readonly count: number;
}

/** Turns a language's property bytes into the neutral view. The neutral language is built in; doors bring theirs. */
export interface Language {
  readonly number: number;
  /** `head` and `body` are borrowed: copy what must outlive the call. Throws `Refused('invalid')`, also for a pack. */
  read(head: Uint8Array, body: Uint8Array): Message;
  /** Of a pack, how many messages it holds, by its own word; 0: it is a single message. Only with `unpack`. */
  count?(head: Uint8Array, body: Uint8Array): number;
  /**
   * The messages of a pack, one by one, as records of this language: as many as `count` says, in a memory of their own. Throws
   * `Refused('invalid')` when they are not there, or are more than 64 MiB.
   */
  unpack?(head: Uint8Array, body: Uint8Array): Unpacked;
}

/** What a pack holds. */
export interface Unpacked extends Records {
  /** Its publisher's time of each, milliseconds since 1970; absent: that of the pack is told for all. */
  readonly timesMs?: Float64Array;
}

const TAG = {
  exchange: 1,
  address: 2,
  timestampMs: 3,
  key: 4,
  id: 5,
  source: 6,
  type: 7,
  subject: 8,
  contentType: 9,
  contentEncoding: 10,
  correlationId: 11,
  replyTo: 12,
  priority: 13,
  ttlMs: 14,
  header: 15,
} as const;

const TEXT_TAGS = [
  'exchange',
  'address',
  'id',
  'source',
  'type',
  'subject',
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
] as const;
const TEXT_OF_TAG: ReadonlyMap<number, (typeof TEXT_TAGS)[number]> = new Map(TEXT_TAGS.map((name) => [TAG[name], name]));

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const FIELD_MAX = 0xff_ffff;
const SPARE_MAX = 64;
/** One large batch must not be remembered for ever. */
const SPARE_BYTES_MAX = 1 << 18;

/** Writes records one after another into a buffer that grows. One per publisher; `take` hands over what was written. */
export class RecordWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;
  #ends: Uint32Array = new Uint32Array(64);
  #count = 0;
  readonly #spare: { bytes: Uint8Array; ends: Uint32Array }[] = [];

  constructor(sizeBytes = 4096) {
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#at;
  }

  /** Appends a message in the neutral language. Throws `Refused('invalid')` for a field longer than 16 MiB. */
  write(message: Message): void {
    const start = this.#begin();
    for (const name of TEXT_TAGS) {
      const text = message[name];
      if (text !== undefined && text !== '') this.#text(TAG[name], text);
    }
    this.#double(TAG.timestampMs, message.timestampMs);
    if (message.key !== undefined) this.#raw(TAG.key, message.key);
    if (message.priority !== undefined) this.#double(TAG.priority, message.priority);
    if (message.ttlMs !== undefined) this.#double(TAG.ttlMs, message.ttlMs);
    for (const [name, value] of message.headers) this.#header(name, value);
    this.#end(start, message.body);
  }

  /** Appends a record whose head is already encoded: the hot path of publishers that repeat themselves, and of doors. */
  writeRaw(language: number, head: Uint8Array, body: Uint8Array): void {
    const start = this.#begin();
    this.#room(head.length);
    this.#bytes.set(head, this.#at);
    this.#at += head.length;
    this.#end(start, body, language);
  }

  /** What was written since the last `take`. The buffer is handed over, and written again only when it comes back by `reuse`. */
  take(): Records {
    const records = { bytes: this.#bytes, start: 0, ends: this.#ends, count: this.#count };
    const spare = this.#spare.pop();
    this.#bytes = spare?.bytes ?? new Uint8Array(Math.max(4096, Math.min(this.#at * 2, 1 << 20)));
    this.#view = new DataView(this.#bytes.buffer);
    this.#ends = spare?.ends ?? new Uint32Array(Math.max(64, this.#count));
    this.#at = 0;
    this.#count = 0;
    return records;
  }

  /** Gives back what `take` handed out, once nobody looks at it any more (a publish of it has settled): saves a steady publisher the allocation. */
  reuse({ bytes, ends }: Records): void {
    if (this.#spare.length < SPARE_MAX && bytes.length <= SPARE_BYTES_MAX) this.#spare.push({ bytes, ends });
  }

  #begin(): number {
    const start = this.#at;
    this.#room(RECORD_HEAD_BYTES);
    this.#at += RECORD_HEAD_BYTES;
    return start;
  }

  #end(start: number, body: Uint8Array, language = 0): void {
    const head = this.#at - start - RECORD_HEAD_BYTES;
    if (head > FIELD_MAX) {
      this.#at = start;
      throw new Refused('invalid', `The properties of this message take ${head} bytes; at most ${FIELD_MAX} are possible.`);
    }
    this.#room(body.length);
    this.#bytes.set(body, this.#at);
    this.#at += body.length;
    this.#view.setUint32(start, this.#at - start, true);
    this.#view.setUint32(start + 4, language | (head << 8), true);
    if (this.#count === this.#ends.length) {
      const more = new Uint32Array(this.#ends.length * 2);
      more.set(this.#ends);
      this.#ends = more;
    }
    this.#ends[this.#count++] = this.#at;
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    bigger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bigger;
    this.#view = new DataView(bigger.buffer);
  }

  #field(tag: number, length: number): void {
    if (length > FIELD_MAX)
      throw new Refused('invalid', `A message property of ${length} bytes is too long; at most ${FIELD_MAX} are possible.`);
    this.#view.setUint32(this.#at, tag | (length << 8), true);
    this.#at += 4;
  }

  #text(tag: number, text: string): void {
    this.#room(4 + text.length * 3);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#at + 4));
    this.#field(tag, written);
    this.#at += written;
  }

  #double(tag: number, value: number): void {
    this.#room(12);
    this.#field(tag, 8);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  #raw(tag: number, bytes: Uint8Array): void {
    this.#room(4 + bytes.length);
    this.#field(tag, bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #header(name: string, value: HeaderValue): void {
    const name8 = encoder.encode(name);
    const value8 = encoder.encode(JSON.stringify(toJson(value, 0)));
    this.#room(8 + name8.length + value8.length);
    this.#field(TAG.header, 4 + name8.length + value8.length);
    this.#view.setUint32(this.#at, name8.length, true);
    this.#bytes.set(name8, this.#at + 4);
    this.#bytes.set(value8, this.#at + 4 + name8.length);
    this.#at += 4 + name8.length + value8.length;
  }
}

/** The neutral head of a message without its body: encoded once, it can be given to `writeRaw` for every message that shares it. */
export function neutralHead(message: Message): Uint8Array {
  const writer = new RecordWriter(256);
  writer.write({ ...message, body: NOTHING });
  const { bytes, ends } = writer.take();
  return bytes.slice(RECORD_HEAD_BYTES, ends[0]);
}

const NOTHING = new Uint8Array(0);

/** Bytes of one's own. `slice` would do for a Uint8Array, but of a Buffer it is a view. */
export function copyOf(bytes: Uint8Array, from = 0, to: number = bytes.length): Uint8Array {
  return Uint8Array.prototype.slice.call(bytes, from, to);
}

/** The language number of the record that starts at `at`. */
export function languageOf(bytes: Uint8Array, at: number): number {
  return bytes[at + 4] ?? 0;
}

/** Size of the record that starts at `at`, in bytes. */
export function sizeOf(bytes: Uint8Array, at: number): number {
  return (byte(bytes, at) | (byte(bytes, at + 1) << 8) | (byte(bytes, at + 2) << 16) | (byte(bytes, at + 3) << 24)) >>> 0;
}

/** Where the body of the record at `at` begins; it ends where the record ends. */
export function bodyAt(bytes: Uint8Array, at: number): number {
  return at + RECORD_HEAD_BYTES + headSize(bytes, at);
}

/** Checks that a whole record stands at `at` and ends by `end`; answers its size. Throws `Refused('invalid')`. */
export function checkRecord(bytes: Uint8Array, at: number, end: number): number {
  const size = end - at >= RECORD_HEAD_BYTES ? sizeOf(bytes, at) : 0;
  if (size < RECORD_HEAD_BYTES || at + size > end || RECORD_HEAD_BYTES + headSize(bytes, at) > size) {
    throw new Refused('invalid', `No whole record at byte ${at}: it says ${size} bytes, and ${end - at} are there.`);
  }
  return size;
}

/** The neutral view of the record at `at`. Nothing in it points into `bytes`. Throws `Refused('invalid')` when the head does not parse. */
export function readMessage(bytes: Uint8Array, at: number, languages?: ReadonlyMap<number, Language>): Message {
  const size = checkRecord(bytes, at, bytes.length);
  const body = bodyAt(bytes, at);
  const number = languageOf(bytes, at);
  const head = bytes.subarray(at + RECORD_HEAD_BYTES, body);
  const content = copyOf(bytes, body, at + size);
  if (number === 0) return readNeutral(head, content);
  const language = languages?.get(number);
  if (language === undefined) throw new Refused('unsupported', `This message is in language ${number}, which no open door speaks.`);
  return language.read(head, content);
}

function readNeutral(head: Uint8Array, body: Uint8Array): Message {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const headers = new Map<string, HeaderValue>();
  const message: { -readonly [K in keyof Message]: Message[K] } = { exchange: '', address: '', timestampMs: 0, headers, body };
  for (let at = 0; at < head.length; ) {
    const field = at + 4 <= head.length ? view.getUint32(at, true) : 0;
    const tag = field & 0xff;
    const length = field >>> 8;
    const from = at + 4;
    at = from + length;
    if (tag === 0 || at > head.length) throw new Refused('invalid', `The properties of this message break off at byte ${from}.`);
    const text = TEXT_OF_TAG.get(tag);
    if (text !== undefined) message[text] = decoder.decode(head.subarray(from, at));
    else if (tag === TAG.key) message.key = copyOf(head, from, at);
    else if (tag === TAG.timestampMs && length === 8) message.timestampMs = view.getFloat64(from, true);
    else if (tag === TAG.priority && length === 8) message.priority = view.getFloat64(from, true);
    else if (tag === TAG.ttlMs && length === 8) message.ttlMs = view.getFloat64(from, true);
    else if (tag === TAG.header) readHeader(head.subarray(from, at), headers);
  }
  return message;
}

function readHeader(field: Uint8Array, into: Map<string, HeaderValue>): void {
  const nameBytes = field.length >= 4 ? sizeOf(field, 0) : 0;
  if (field.length < 4 || 4 + nameBytes > field.length) throw new Refused('invalid', 'A header of this message breaks off.');
  try {
    into.set(decoder.decode(field.subarray(4, 4 + nameBytes)), fromJson(JSON.parse(decoder.decode(field.subarray(4 + nameBytes)))));
  } catch (cause) {
    throw new Refused('invalid', 'A header of this message does not parse.', { cause });
  }
}

function headSize(bytes: Uint8Array, at: number): number {
  return byte(bytes, at + 5) | (byte(bytes, at + 6) << 8) | (byte(bytes, at + 7) << 16);
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
