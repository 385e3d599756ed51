/** Writes records of a partition as Kafka's batches, whatever language they came in. One buffer, no object per record. */

import { isMark } from '../../model/mark.ts';
import { LANGUAGES, type Message } from '../../model/message.ts';
import { bodyAt, type Language, languageOf, RECORD_HEAD_BYTES, type Records, readMessage, sizeOf } from '../../model/record.ts';
import { BATCH_HEAD_BYTES, place, seal } from './batch.ts';
import { encodeControl } from './control.ts';
import { encodeHeaders, isNullValue } from './language.ts';
import { PACK } from './pack.ts';
import { HEAD_BYTES } from './single.ts';

export interface BatchSource {
  readonly records: Records;
  /** Of each record, growing. */
  readonly offsets: Float64Array;
  /** When each was stored, milliseconds since 1970. */
  readonly timestamps: Float64Array;
}

export interface BatchRules {
  readonly languages: ReadonlyMap<number, Language>;
  /** An empty body from another language removes its key: it is null. */
  readonly emptyIsNull: boolean;
  readonly leaderEpoch: number;
}

/**
 * What a partition holds, as batches: those that were kept whole as they are, ends of transactions, and others made of what lies between. The
 * records are
 * the caller's own and are used up: batches are put in their places, and moved together, where they lie.
 */
export function encodeBatches(source: BatchSource, rules: BatchRules): Uint8Array {
  const { records, offsets } = source;
  const { count, bytes, ends } = records;
  let to = records.start;
  for (let i = 0; i < count; i++) {
    const at = i === 0 ? records.start : (ends[i - 1] ?? 0);
    if (!isPackAt(bytes, at))
      return i === 0 ? mixed(source, rules, 0) : Buffer.concat([bytes.subarray(records.start, to), mixed(source, rules, i)]);
    const end = ends[i] ?? at;
    const from = bodyAt(bytes, at);
    // What is moved never reaches what is still to be moved: each has its head in front of it.
    bytes.copyWithin(to, from, end);
    place(bytes, to, offsets[i] ?? 0, rules.leaderEpoch);
    to += end - from;
  }
  return bytes.subarray(records.start, to);
}

/** From record `first` on; not all of them were kept whole. */
function mixed({ records, offsets, timestamps }: BatchSource, rules: BatchRules, first: number): Uint8Array {
  const { count, bytes, ends } = records;
  const pieces: Uint8Array[] = [];
  for (let from = first; from < count; ) {
    const at = from === 0 ? records.start : (ends[from - 1] ?? 0);
    let to = from + 1;
    let piece: Uint8Array;
    if (isPackAt(bytes, at)) {
      piece = bytes.subarray(bodyAt(bytes, at), ends[from]);
      place(piece, 0, offsets[from] ?? 0, rules.leaderEpoch);
    } else if (isMark(bytes, at)) piece = encodeControl(bytes, at, offsets[from] ?? 0, timestamps[from] ?? 0, rules.leaderEpoch);
    else {
      while (to < count && !standsAlone(bytes, ends[to - 1] ?? 0)) to++;
      const records = { bytes, start: at, ends: ends.subarray(from, to), count: to - from };
      piece = encodeBatch({ records, offsets: offsets.subarray(from, to) }, rules);
    }
    pieces.push(piece);
    from = to;
  }
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces);
}

function standsAlone(bytes: Uint8Array, at: number): boolean {
  return isPackAt(bytes, at) || isMark(bytes, at);
}

function isPackAt(bytes: Uint8Array, at: number): boolean {
  return languageOf(bytes, at) === LANGUAGES.kafka && bytes[at + RECORD_HEAD_BYTES] === PACK;
}

/** The records as one batch; empty when there are none. Throws `Refused` for a record that cannot be read. */
export function encodeBatch({ records, offsets }: Omit<BatchSource, 'timestamps'>, rules: BatchRules): Uint8Array {
  const { count, bytes, ends } = records;
  if (count === 0) return NOTHING;
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Out((ends[count - 1] ?? 0) - records.start + BATCH_HEAD_BYTES + count * 16);
  const base = offsets[0] ?? 0;
  let firstMs = 0;
  let latestMs = 0;
  let at = records.start;
  for (let i = 0; i < count; i++) {
    const delta = (offsets[i] ?? 0) - base;
    let timeMs: number;
    if (languageOf(bytes, at) === LANGUAGES.kafka) {
      timeMs = source.readDoubleLE(at + RECORD_HEAD_BYTES + 4);
      if (i === 0) firstMs = timeMs;
      writeSingle(out, source, at, timeMs - firstMs, delta);
    } else {
      const message = readMessage(bytes, at, rules.languages);
      timeMs = Math.trunc(message.timestampMs);
      if (i === 0) firstMs = timeMs;
      writeMessage(out, message, timeMs - firstMs, delta, rules.emptyIsNull);
    }
    latestMs = Math.max(i === 0 ? timeMs : latestMs, timeMs);
    at = ends[i] ?? at;
  }
  return out.batch(base, (offsets[count - 1] ?? base) - base, firstMs, latestMs, count, rules.leaderEpoch);
}

const NOTHING = new Uint8Array(0);

function writeSingle(out: Out, source: Buffer, at: number, timeDelta: number, delta: number): void {
  const head = at + RECORD_HEAD_BYTES;
  const partsAt = head + HEAD_BYTES + source.readUInt16LE(head + 2);
  const valueAt = bodyAt(source, at);
  const end = at + sizeOf(source, at);
  const keyEnd = partsAt + keyBytes(source, partsAt);
  const value = isNullValue(source[head + 1] ?? 0) ? -1 : end - valueAt;
  out.begin(1 + zigzagBytes(timeDelta) + zigzagBytes(delta) + (valueAt - partsAt) + zigzagBytes(value) + (end - valueAt));
  out.u8(0);
  out.zigzag(timeDelta);
  out.zigzag(delta);
  out.copy(source, partsAt, keyEnd);
  out.zigzag(value);
  out.copy(source, valueAt, end);
  out.copy(source, keyEnd, valueAt);
}

function writeMessage(out: Out, message: Message, timeDelta: number, delta: number, emptyIsNull: boolean): void {
  const { key, body } = message;
  const headers = encodeHeaders(message);
  const keyLength = key === undefined ? -1 : key.length;
  const value = emptyIsNull && body.length === 0 ? -1 : body.length;
  const size = zigzagBytes(timeDelta) + zigzagBytes(delta) + zigzagBytes(keyLength) + zigzagBytes(value);
  out.begin(1 + size + Math.max(0, keyLength) + body.length + headers.length);
  out.u8(0);
  out.zigzag(timeDelta);
  out.zigzag(delta);
  out.zigzag(keyLength);
  if (key !== undefined) out.copy(bufferOf(key), 0, key.length);
  out.zigzag(value);
  out.copy(bufferOf(body), 0, body.length);
  out.copy(bufferOf(headers), 0, headers.length);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** How many bytes the key takes, its length included. */
function keyBytes(source: Buffer, at: number): number {
  let length = 0;
  let scale = 1;
  for (let i = 0; i < 5; i++) {
    const byte = source[at + i] ?? 0;
    length += (byte & 0x7f) * scale;
    scale *= 128;
    // Kafka's sign: even numbers are lengths, the one odd there is means null.
    if (byte < 0x80) return i + 1 + (length % 2 === 0 ? length / 2 : 0);
  }
  return 0;
}

function zigzagBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let count = 1;
  for (; rest >= 128; rest = Math.floor(rest / 128)) count++;
  return count;
}

/** A buffer that grows, with a batch's head left free in front. */
class Out {
  #bytes: Buffer;
  #at: number = BATCH_HEAD_BYTES;

  constructor(sizeBytes: number) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes);
  }

  /** A record of `length` bytes follows. */
  begin(length: number): void {
    const needed = this.#at + 5 + length;
    if (needed > this.#bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(bigger, 0, 0, this.#at);
      this.#bytes = bigger;
    }
    this.zigzag(length);
  }

  u8(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  zigzag(value: number): void {
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes[this.#at++] = (rest % 128) | 0x80;
    this.#bytes[this.#at++] = rest;
  }

  copy(source: Buffer, from: number, to: number): void {
    this.#at += source.copy(this.#bytes, this.#at, from, to);
  }

  batch(base: number, lastDelta: number, firstMs: number, latestMs: number, count: number, leaderEpoch: number): Uint8Array {
    const batch = this.#bytes.subarray(0, this.#at);
    place(batch, 0, base, leaderEpoch);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt8(2, 16);
    batch.writeInt16BE(0, 21);
    batch.writeInt32BE(lastDelta, 23);
    writeInt64(batch, 27, firstMs);
    writeInt64(batch, 35, latestMs);
    writeInt64(batch, 43, -1);
    batch.writeInt16BE(-1, 51);
    batch.writeInt32BE(-1, 53);
    batch.writeInt32BE(count, 57);
    seal(batch, 0, batch.length);
    return batch;
  }
}

function writeInt64(bytes: Buffer, at: number, value: number): void {
  bytes.writeInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(((value % 2 ** 32) + 2 ** 32) % 2 ** 32, at + 4);
}
