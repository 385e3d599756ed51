/**
 * The head of a record batch (version 2 of the format), read and patched where it lies; the records behind it are not touched.
 *
 *      0  i64 base offset          21  i16 attributes (bits 0-2 codec, 3 append time,    43  i64 producer id
 *      8  i32 bytes behind this        4 transactional, 5 control)                       51  i16 producer epoch
 *     12  i32 leader epoch         23  i32 last offset - base                            53  i32 base sequence
 *     16  i8  2                    27  i64 first time                                    57  i32 count
 *     17  u32 CRC-32C of 21 …      35  i64 latest time                                   61  records
 */

import { crc32c } from '../../bytes/crc32.ts';

export const BATCH_HEAD_BYTES = 61;
const CRC_AT = 17;
const CRC_FROM = 21;
const NO_PRODUCER = -1;
/** Before the length is counted: base offset and the length itself. */
const AHEAD_BYTES = 12;

/** `corrupt`: not whole, or its checksum is wrong · `magic`: an older format · `invalid`: whole, and not as a producer may send it. */
export type BatchFault = 'corrupt' | 'magic' | 'invalid';

/** The fields of one batch, read into again and again. */
export class BatchHead {
  /** Of the whole batch. */
  sizeBytes = 0;
  attributes = 0;
  lastDelta = 0;
  firstMs = 0;
  latestMs = 0;
  producerId: number = NO_PRODUCER;
  producerEpoch = 0;
  sequence = 0;
  count = 0;

  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  get codec(): number {
    return this.attributes & 7;
  }

  get isAppendTime(): boolean {
    return (this.attributes & 8) !== 0;
  }

  get isTransactional(): boolean {
    return (this.attributes & 16) !== 0;
  }

  get isControl(): boolean {
    return (this.attributes & 32) !== 0;
  }

  get hasProducer(): boolean {
    return this.producerId >= 0;
  }

  /** Reads the batch at `at`, which must end by `end`. Does not look at the checksum. */
  read(bytes: Uint8Array, at: number, end: number): BatchFault | undefined {
    if (end - at < AHEAD_BYTES + 5) return 'corrupt';
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.getInt8(at + 16) !== 2) return 'magic';
    if (end - at < BATCH_HEAD_BYTES) return 'corrupt';
    this.sizeBytes = view.getInt32(at + 8) + AHEAD_BYTES;
    if (this.sizeBytes < BATCH_HEAD_BYTES || this.sizeBytes > end - at) return 'corrupt';
    this.attributes = view.getInt16(at + 21);
    this.lastDelta = view.getInt32(at + 23);
    this.firstMs = int64(view, at + 27);
    this.latestMs = int64(view, at + 35);
    this.producerId = int64(view, at + 43);
    this.producerEpoch = view.getInt16(at + 51);
    this.sequence = view.getInt32(at + 53);
    this.count = view.getInt32(at + 57);
    return undefined;
  }

  /** As a producer may send it: its checksum right, its offsets from 0 without gaps, no marks of the broker's own. Call it after `read`. */
  check(bytes: Uint8Array, at: number): BatchFault | undefined {
    if (checksum(bytes, at, this.sizeBytes) !== checksumSaid(bytes, at)) return 'corrupt';
    if (this.isControl || this.count < 1 || this.lastDelta !== this.count - 1 || this.codec > 4) return 'invalid';
    // The shortest record takes 7 bytes; what is compressed cannot be counted here.
    if (this.codec === 0 && this.count > (this.sizeBytes - BATCH_HEAD_BYTES) / 7) return 'invalid';
    if (this.hasProducer && (this.sequence < 0 || this.producerEpoch < 0)) return 'invalid';
    if (this.isTransactional && !this.hasProducer) return 'invalid';
    return undefined;
  }
}

function checksum(bytes: Uint8Array, at: number, sizeBytes: number): number {
  return crc32c(bytes.subarray(at + CRC_FROM, at + sizeBytes));
}

function checksumSaid(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at + CRC_AT);
}

/** Puts a batch at its place in the partition. Outside of what the checksum covers. */
export function place(bytes: Uint8Array, at: number, offset: number, leaderEpoch: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setInt32(at, Math.floor(offset / 2 ** 32));
  view.setUint32(at + 4, offset % 2 ** 32);
  view.setInt32(at + 12, leaderEpoch);
}

/** Says that all its records came at `timeMs`, without touching them: attribute, latest time and checksum change. */
export function stampAppendTime(bytes: Uint8Array, at: number, sizeBytes: number, timeMs: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setInt16(at + 21, view.getInt16(at + 21) | 8);
  view.setInt32(at + 35, Math.floor(timeMs / 2 ** 32));
  view.setUint32(at + 39, timeMs >>> 0);
  seal(bytes, at, sizeBytes);
}

/** Writes the checksum over what stands there now. */
export function seal(bytes: Uint8Array, at: number, sizeBytes: number): void {
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length).setUint32(at + CRC_AT, checksum(bytes, at, sizeBytes));
}

/** Saturates: a nonsense time or id must not throw. */
function int64(view: DataView, at: number): number {
  const value = view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
}
