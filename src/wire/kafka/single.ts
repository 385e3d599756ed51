/**
 * A Kafka record as a record of this house (language 1), and a whole batch taken apart into such.
 *
 *     head:  0  u8  0: one record
 *            1  u8  1: its value is null, not empty
 *            2  u16 bytes of the address         all little-endian, but for what Kafka wrote:
 *            4  f64 time, ms since 1970
 *           12  address
 *           ..  key: its length as Kafka writes it (-1 = null), and its bytes
 *           ..  headers: as Kafka wrote them
 *     body:  the value
 */

import { BytesError, Reader } from '../../bytes/reader.ts';
import { LANGUAGES } from '../../model/message.ts';
import { RECORD_HEAD_BYTES, type Unpacked } from '../../model/record.ts';
import { BATCH_HEAD_BYTES, BatchHead } from './batch.ts';
import { decompress } from './compression.ts';

export const SINGLE = 0;
export const NULL_VALUE = 1;
export const HEAD_BYTES = 12;

/** Opened records of one batch take at most this, however well they were compressed. */
export const OPENED_BYTES_MAX: number = 64 * 1024 * 1024;
/** Kafka's own numbers of 32 and 64 bits as varints. */
const INT_BYTES = 5;
const LONG_BYTES = 8;

const batch = new BatchHead();

/** The records of the batch at `at`, which was checked when it came, one by one. Throws `BytesError` for one that is not as it says. */
export function unpackBatch(bytes: Uint8Array, at: number, address: string): Unpacked {
  const fault = batch.read(bytes, at, bytes.length);
  if (fault !== undefined) throw new BytesError('value', at, `What should be a batch is not one: ${fault}.`);
  const { count, firstMs, latestMs, isAppendTime, codec, sizeBytes } = batch;
  const content = decompress(codec, bytes.subarray(at + BATCH_HEAD_BYTES, at + sizeBytes), OPENED_BYTES_MAX);
  if (count > content.length / 7)
    throw new BytesError('value', at, `A batch says it has ${count} records, and has ${content.length} bytes.`);
  const from = new Reader(content);
  const source = Buffer.from(content.buffer, content.byteOffset, content.length);
  const name = Buffer.from(address);
  const ends = new Uint32Array(count);
  const timesMs = new Float64Array(count);
  // What is cut out of each record is no smaller than what Kafka puts in, but for the time and the address.
  const out = Buffer.allocUnsafe(content.length + count * (RECORD_HEAD_BYTES + HEAD_BYTES + name.length));
  let to = 0;
  for (let i = 0; i < count; i++) {
    const length = from.zigzag(INT_BYTES);
    const start = from.at;
    if (length < 0 || length > from.remaining) throw new BytesError('end', start, `Record ${i} of a batch says it has ${length} bytes.`);
    const end = start + length;
    from.skip(1);
    const timeMs = isAppendTime ? latestMs : firstMs + from.zigzag(LONG_BYTES);
    if (isAppendTime) from.zigzag(LONG_BYTES);
    from.zigzag(INT_BYTES);
    const keyAt = from.at;
    from.skip(Math.max(0, from.zigzag(INT_BYTES)));
    const keyEnd = from.at;
    const value = from.zigzag(INT_BYTES);
    const valueAt = from.at;
    from.skip(Math.max(0, value));
    const headersAt = from.at;
    if (headersAt > end) throw new BytesError('value', start, `Record ${i} of a batch is longer than it says.`);
    from.seek(end);

    const head = to + RECORD_HEAD_BYTES;
    out[head] = SINGLE;
    out[head + 1] = value < 0 ? NULL_VALUE : 0;
    out.writeUInt16LE(name.length, head + 2);
    out.writeDoubleLE(timeMs, head + 4);
    let next = head + HEAD_BYTES;
    next += name.copy(out, next);
    next += source.copy(out, next, keyAt, keyEnd);
    next += source.copy(out, next, headersAt, end);
    out.writeUInt32LE(((next - head) << 8) | LANGUAGES.kafka, to + 4);
    next += source.copy(out, next, valueAt, headersAt);
    out.writeUInt32LE(next - to, to);
    to = next;
    ends[i] = to;
    timesMs[i] = timeMs;
  }
  return { bytes: new Uint8Array(out.buffer, out.byteOffset, to), start: 0, ends, count, timesMs };
}
