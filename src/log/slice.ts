/** What a fetch gathers: records of one batch after another, copied side by side, with their offsets and times. */

import { type Offset, offset } from '../model/lines.ts';
import { RECORD_HEAD_BYTES, type Records, sizeOf } from '../model/record.ts';
import type { Scan } from './scan.ts';

/** Records of one partition, in order: the caller's own copy. */
export interface LogSlice {
  readonly records: Records;
  /** Offset of each record; compaction leaves gaps. A pack's is that of its first message: the slice may begin with one before what was asked for. */
  readonly offsets: Float64Array;
  /** How many messages each record stands for; absent: one each. */
  readonly packs?: Uint32Array;
  /** When each was appended, milliseconds since 1970. */
  readonly timestamps: Float64Array;
  /** Where to read next. */
  readonly next: Offset;
}

export class SliceBuilder {
  /** Records below are not wanted, or are here already. */
  next: number;
  /** Nothing more fits, or nothing more is wanted. */
  full = false;
  readonly #before: number;
  readonly #sizeBytesMax: number;
  #bytes: Uint8Array;
  #sizeBytes = 0;
  #ends = new Uint32Array(0);
  #offsets = new Float64Array(0);
  #timestamps = new Float64Array(0);
  #packs: Uint32Array | undefined;
  #count = 0;

  /** `room`: where the records go as long as they fit. */
  constructor(from: number, before: number, sizeBytesMax: number, room: Uint8Array = NOTHING) {
    this.#bytes = room;
    this.next = from;
    this.#before = Math.max(from, before);
    this.#sizeBytesMax = sizeBytesMax;
    this.full = from >= before;
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes that may still be added. */
  get roomBytes(): number {
    return this.#sizeBytesMax - this.#sizeBytes;
  }

  /**
   * Takes the wanted records of the batch at `at`; `ahead` bytes from there on are likely to be wanted too. A batch that does not fit waits
   * for the next fetch, unless it is the first: of that as many records are taken as fit, one at least. False: the batch's records do not
   * add up, and nothing was taken. Records from `cap` on are dead, and so is a pack that reaches beyond it. A pack is taken whole or not.
   */
  add({ bytes, view, header, place: at, aheadBytes: ahead }: Scan, cap: number): boolean {
    const end = at + header.sizeBytes;
    const first = this.#count;
    let from = at + header.recordsAt;
    let to = from;
    let stop: number | undefined;
    let nothingMore = false;
    const limit = Math.min(cap, this.#before);
    this.#growRows(header.count);
    if (header.packed && this.#packs === undefined) this.#packs = new Uint32Array(this.#ends.length).fill(1);
    let delta = header.deltaOf(view, at, 0);
    if (header.packed && delta !== 0) return false;
    for (let i = 0; i < header.count; i++) {
      const sizeBytes = end - to >= RECORD_HEAD_BYTES ? sizeOf(bytes, to) : 0;
      const following = header.deltaOf(view, at, i + 1);
      if (sizeBytes < RECORD_HEAD_BYTES || sizeBytes > end - to || following <= delta) return this.#undo(first);
      const number = header.base + delta;
      const messages = header.packed ? following - delta : 1;
      delta = following;
      to += sizeBytes;
      if (stop !== undefined) continue;
      if (number + messages <= this.next) from = to;
      else if (number >= limit || number + messages > cap) stop = limit;
      else if (number + messages > limit) {
        nothingMore = true;
        stop = Math.max(number, this.next);
      } else if (this.#count === 0 || this.#sizeBytes + to - from <= this.#sizeBytesMax) {
        this.#row(to - from, number, header.timeMs, messages);
      } else {
        nothingMore = true;
        stop = first === 0 ? number : this.next;
        if (first > 0) this.#count = first;
      }
    }
    if (to !== end) return this.#undo(first);
    this.#copy(bytes, from, first, ahead);
    this.next = stop ?? Math.max(this.next, Math.min(header.end, cap));
    this.full = nothingMore || this.#sizeBytes >= this.#sizeBytesMax || this.next >= this.#before;
    return true;
  }

  take(): LogSlice {
    const count = this.#count;
    return {
      records: { bytes: this.#bytes, start: 0, ends: this.#ends, count },
      offsets: this.#offsets.subarray(0, count),
      timestamps: this.#timestamps.subarray(0, count),
      ...(this.#packs !== undefined && { packs: this.#packs.subarray(0, count) }),
      next: offset(Math.min(this.next, this.#before)),
    };
  }

  /** `sizeBytes`: of the records taken from this batch, this one included. */
  #row(sizeBytes: number, number: number, timeMs: number, messages: number): void {
    if (this.#packs !== undefined) this.#packs[this.#count] = messages;
    this.#ends[this.#count] = this.#sizeBytes + sizeBytes;
    this.#offsets[this.#count] = number;
    this.#timestamps[this.#count++] = timeMs;
  }

  #undo(first: number): false {
    this.#count = first;
    return false;
  }

  #copy(bytes: Uint8Array, from: number, first: number, ahead: number): void {
    if (this.#count === first) return;
    const sizeBytes = this.#ends[this.#count - 1] ?? 0;
    if (sizeBytes > this.#bytes.length) {
      const guess = Math.min(this.#sizeBytes + ahead, this.#sizeBytesMax);
      const more = new Uint8Array(Math.max(sizeBytes, guess, Math.min(2 * this.#bytes.length, this.#sizeBytesMax)));
      more.set(this.#bytes.subarray(0, this.#sizeBytes));
      this.#bytes = more;
    }
    this.#bytes.set(bytes.subarray(from, from + sizeBytes - this.#sizeBytes), this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  #growRows(more: number): void {
    if (this.#count + more <= this.#ends.length) return;
    const room = Math.max(this.#count + more, 2 * this.#ends.length);
    const ends = new Uint32Array(room);
    const offsets = new Float64Array(room);
    const timestamps = new Float64Array(room);
    ends.set(this.#ends);
    offsets.set(this.#offsets);
    timestamps.set(this.#timestamps);
    this.#ends = ends;
    this.#offsets = offsets;
    this.#timestamps = timestamps;
    if (this.#packs === undefined) return;
    const packs = new Uint32Array(room);
    packs.set(this.#packs);
    this.#packs = packs;
  }
}

const NOTHING = new Uint8Array(0);
