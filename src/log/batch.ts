/**
 * A batch: the unit in which a log is written, checked and read. The bytes are drawn in `docs/format-log.md`.
 *
 *      0  "sbl1", "sbl2"    24  f64 time, ms since 1970       44  u32 flags
 *      4  u32 CRC-32 of     32  u32 span: offsets covered     48  u32 × count: offset - base, if compacted or packed
 *             8 .. size     36  u32 synced: bytes of this     ..  f64 × count: its publisher's time, if timed
 *      8  u32 size              file that were safe when     ..  records, one after another
 *     12  u32 count             this batch was sealed
 *     16  u64 base offset   40  u32 salt of the file
 */

import { crc32 } from '../bytes/crc32.ts';
import { RECORD_HEAD_BYTES } from '../model/record.ts';

export const HEADER_BYTES = 48;
/** A batch is ended once it holds this much; only a single larger record makes a larger batch. */
export const BATCH_BYTES: number = 64 * 1024;
/** Records were taken out of it: it carries the offset of each that is left. */
const COMPACTED = 1;
/** It holds and covers nothing, and stands first in its file: the log was truncated there, and what else had been behind is dead. */
const CUT = 2;
/** A record of it may stand for several messages: it carries the offset of each record's first, and a record reaches up to the next. */
const PACKED = 4;
/** It carries a time of each record beside its own, to find records by. */
const TIMED = 8;

/** "sbl1"; the last character is the version of the format. */
const MAGIC = 0x316c6273;
/** "sbl2": what is packed or timed. Who knows only the first version refuses such a batch; told by its flags alone, he would cut it off. */
const MAGIC_2 = 0x326c6273;
const MAGIC_MASK = 0xff_ffff;
/** How a batch of any version begins. */
export const MAGIC_BYTES: Uint8Array = Uint8Array.of(0x73, 0x62, 0x6c);

/** What a batch of the second version may be. Compaction never touches packs. */
const FLAGS_2: ReadonlySet<number> = new Set([PACKED, TIMED, PACKED | TIMED, COMPACTED | TIMED]);

/** The fields of one batch, read into again and again: a walk over a million batches makes one of these. */
export class Header {
  crc = 0;
  sizeBytes = 0;
  count = 0;
  base = 0;
  timeMs = 0;
  span = 0;
  synced = 0;
  salt = 0;
  compacted = false;
  cut = false;
  packed = false;
  timed = false;

  /** The first offset behind it. */
  get end(): number {
    return this.base + this.span;
  }

  /** Where the records begin, counted from the batch. */
  get recordsAt(): number {
    return HEADER_BYTES + this.rowBytes * this.count;
  }

  /** What the batch carries of each record beside the record itself. */
  get rowBytes(): number {
    return (this.compacted || this.packed ? 4 : 0) + (this.timed ? 8 : 0);
  }

  /** Of record `i` of the batch at `at`: its offset, or its first one if it is a pack, less `base`. Of record `count`: the first behind all. */
  deltaOf(view: DataView, at: number, i: number): number {
    if (i === this.count) return this.span;
    return this.compacted || this.packed ? view.getUint32(at + HEADER_BYTES + 4 * i, true) : i;
  }

  /** The time by which record `i` of the batch at `at` is found. */
  timeOf(view: DataView, at: number, i: number): number {
    return this.timed ? view.getFloat64(at + this.recordsAt - 8 * (this.count - i), true) : this.timeMs;
  }

  /** The latest of those times. */
  latestMs(view: DataView, at: number): number {
    if (!this.timed) return this.timeMs;
    let latestMs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < this.count; i++) {
      const timeMs = this.timeOf(view, at, i);
      if (timeMs > latestMs) latestMs = timeMs;
    }
    return latestMs;
  }

  /** Reads the batch at `at`, where at least `HEADER_BYTES` are. False: no batch of this format begins there. Does not check the CRC. */
  read(view: DataView, at: number): boolean {
    const magic = view.getUint32(at, true);
    if (magic !== MAGIC && magic !== MAGIC_2) return false;
    this.crc = view.getUint32(at + 4, true);
    this.sizeBytes = view.getUint32(at + 8, true);
    this.count = view.getUint32(at + 12, true);
    this.base = view.getUint32(at + 16, true) + view.getUint32(at + 20, true) * 0x1_0000_0000;
    this.timeMs = view.getFloat64(at + 24, true);
    this.span = view.getUint32(at + 32, true);
    this.synced = view.getUint32(at + 36, true);
    this.salt = view.getUint32(at + 40, true);
    const flags = view.getUint32(at + 44, true);
    this.compacted = (flags & COMPACTED) !== 0;
    this.cut = flags === CUT;
    this.packed = (flags & PACKED) !== 0;
    this.timed = (flags & TIMED) !== 0;
    if (!(magic === MAGIC ? flags <= CUT : FLAGS_2.has(flags))) return false;
    if (Number.isNaN(this.timeMs) || this.base + this.span > Number.MAX_SAFE_INTEGER) return false;
    if (this.cut) return this.count === 0 && this.span === 0 && this.sizeBytes === HEADER_BYTES;
    if (this.compacted ? this.span === 0 : this.count === 0) return false;
    if (this.compacted || this.packed ? this.count > this.span : this.count !== this.span) return false;
    return this.sizeBytes >= this.recordsAt + this.count * RECORD_HEAD_BYTES;
  }

  /** Writes everything but the CRC. */
  write(view: DataView, at: number): void {
    view.setUint32(at, this.packed || this.timed ? MAGIC_2 : MAGIC, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, this.sizeBytes, true);
    view.setUint32(at + 12, this.count, true);
    view.setUint32(at + 16, this.base >>> 0, true);
    view.setUint32(at + 20, Math.floor(this.base / 0x1_0000_0000), true);
    view.setFloat64(at + 24, this.timeMs, true);
    view.setUint32(at + 32, this.span, true);
    view.setUint32(at + 36, this.synced, true);
    view.setUint32(at + 40, this.salt, true);
    const flags = (this.compacted ? COMPACTED : 0) | (this.cut ? CUT : 0) | (this.packed ? PACKED : 0) | (this.timed ? TIMED : 0);
    view.setUint32(at + 44, flags, true);
  }
}

/** Adds records to a batch that is still open: more bytes, more of them, more offsets covered. */
export function extendBatch(view: DataView, at: number, sizeBytes: number, count: number): void {
  view.setUint32(at + 8, view.getUint32(at + 8, true) + sizeBytes, true);
  view.setUint32(at + 12, view.getUint32(at + 12, true) + count, true);
  view.setUint32(at + 32, view.getUint32(at + 32, true) + count, true);
}

/** Closes the batch at `at`: nothing in it changes any more. Answers its size; its CRC then stands at `at + 4`. */
export function sealBatch(bytes: Uint8Array, view: DataView, at: number, synced: number): number {
  const sizeBytes = view.getUint32(at + 8, true);
  view.setUint32(at + 36, synced, true);
  view.setUint32(at + 4, batchCrc(bytes, at, sizeBytes), true);
  return sizeBytes;
}

export function batchCrc(bytes: Uint8Array, at: number, sizeBytes: number): number {
  return crc32(bytes.subarray(at + 8, at + sizeBytes));
}

/** What begins there may be a batch of another version of the format: all versions have magic, CRC and size in these places. */
export function isOtherVersion(view: DataView, at: number): boolean {
  const magic = view.getUint32(at, true);
  return magic !== MAGIC && magic !== MAGIC_2 && (magic & MAGIC_MASK) === (MAGIC & MAGIC_MASK);
}
