/** Control batches: the end of a transaction as Kafka's readers see it. */

import { readMark } from '../../model/mark.ts';
import { BATCH_HEAD_BYTES, place, seal } from './batch.ts';

/** Attributes of a batch. */
const TRANSACTIONAL = 16;
const CONTROL = 32;
const COMMIT = 1;
const ABORT = 0;

/** One record, all of it of fixed size: length, attributes, times, key of 4 bytes (version, type), value of 6 (version, epoch), no headers. */
const RECORD_BYTES = 17;

/** The mark at `at` as a batch of one record, at this offset. Throws `Refused('invalid')`. */
export function encodeControl(bytes: Uint8Array, at: number, offset: number, timeMs: number, leaderEpoch: number): Uint8Array {
  const { producer, epoch, committed } = readMark(bytes, at);
  const batch = Buffer.alloc(BATCH_HEAD_BYTES + RECORD_BYTES);
  place(batch, 0, offset, leaderEpoch);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt8(2, 16);
  batch.writeInt16BE(TRANSACTIONAL | CONTROL, 21);
  batch.writeBigInt64BE(BigInt(Math.trunc(timeMs)), 27);
  batch.writeBigInt64BE(BigInt(Math.trunc(timeMs)), 35);
  batch.writeBigInt64BE(BigInt(producer), 43);
  batch.writeInt16BE(epoch, 51);
  batch.writeInt32BE(-1, 53);
  batch.writeInt32BE(1, 57);
  let to = batch.writeUInt8((RECORD_BYTES - 1) << 1, BATCH_HEAD_BYTES);
  // Attributes, time and offset in the batch are 0.
  to += 3;
  to = batch.writeUInt8(4 << 1, to);
  to = batch.writeInt16BE(0, to);
  to = batch.writeInt16BE(committed ? COMMIT : ABORT, to);
  to = batch.writeUInt8(6 << 1, to);
  batch.writeInt16BE(0, to);
  seal(batch, 0, batch.length);
  return batch;
}
