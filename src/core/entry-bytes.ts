/** The two cursors entries are written and read with: straight in the journal's block, no copy but the records'. */

import type { Runs } from '../model/engine.ts';
import type { Position } from '../model/lines.ts';
import { copyOf, type Records } from '../model/record.ts';
import type { Picks } from './entry.ts';

/** Room in the journal's block for one entry: write from `at` on. */
export interface Room {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly at: number;
  /** The position of the byte at `at`. */
  readonly position: Position;
}

const encoder = new TextEncoder();
/** Text comes back as it was: a mark at its beginning is part of it. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class Out {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;

  constructor(bytes: Uint8Array, view: DataView, at: number) {
    this.bytes = bytes;
    this.view = view;
    this.at = at;
  }

  u8(value: number): void {
    this.bytes[this.at++] = value;
  }

  u32(value: number): void {
    this.view.setUint32(this.at, value, true);
    this.at += 4;
  }

  f64(value: number): void {
    this.view.setFloat64(this.at, value, true);
    this.at += 8;
  }

  text(value: string): void {
    const { written } = encoder.encodeInto(value, this.bytes.subarray(this.at + 4));
    this.u32(written);
    this.at += written;
  }

  blob(value: Uint8Array): void {
    this.u32(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  runs(runs: Runs): void {
    this.u32(runs.length);
    for (let i = 0; i < runs.length; i++) this.f64(runs[i] ?? 0);
  }

  /** Count + 1 and the indices; 0 = all. */
  picks(picks: Picks): void {
    this.u32(picks === undefined ? 0 : picks.length + 1);
    if (picks !== undefined) for (let i = 0; i < picks.length; i++) this.u32(picks[i] ?? 0);
  }

  /** Count, ends from the first byte on, then the bytes in one copy. Answers the position of the first record. */
  records(records: Records, room: Room): Position {
    const { bytes, start, ends, count } = records;
    this.u32(count);
    for (let i = 0; i < count; i++) this.u32((ends[i] ?? 0) - start);
    const size = count === 0 ? 0 : (ends[count - 1] ?? 0) - start;
    const at = this.at;
    this.bytes.set(start === 0 && size === bytes.length ? bytes : bytes.subarray(start, start + size), at);
    this.at += size;
    return (room.position + (at - room.at)) as Position;
  }
}

export class In {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** Position of byte 0 of `bytes`. */
  readonly #base: number;
  #at: number;

  constructor(bytes: Uint8Array, at: number, end: number, base: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = at;
    this.#end = end;
    this.#base = base;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  text(): string {
    const length = this.u32();
    const at = this.#take(length);
    return decoder.decode(this.#bytes.subarray(at, at + length));
  }

  /** Its own copy. */
  blob(): Uint8Array {
    const length = this.u32();
    const at = this.#take(length);
    return copyOf(this.#bytes, at, at + length);
  }

  runs(): Runs {
    const length = this.u32();
    this.expect(length * 8);
    const runs = new Float64Array(length);
    for (let i = 0; i < length; i++) runs[i] = this.f64();
    return runs;
  }

  picks(): Picks {
    const count = this.u32() - 1;
    if (count < 0) return undefined;
    this.expect(count * 4);
    const picks = new Uint32Array(count);
    for (let i = 0; i < count; i++) picks[i] = this.u32();
    return picks;
  }

  records(): { records: Records; recordsAt: Position } {
    const count = this.u32();
    this.expect(count * 4);
    const ends = new Uint32Array(count);
    const start = this.#at + count * 4;
    let size = 0;
    for (let i = 0; i < count; i++) {
      const end = this.u32();
      if (end < size) throw new RangeError(`record ${i} ends before it begins`);
      size = end;
      ends[i] = start + end;
    }
    this.#take(size);
    return { records: { bytes: this.#bytes, start, ends, count }, recordsAt: (this.#base + start) as Position };
  }

  /** Refuses a count that the bytes left cannot hold, before anything is made for it. */
  expect(sizeBytes: number): void {
    if (sizeBytes > this.#end - this.#at) throw new RangeError(`${sizeBytes} bytes expected, ${this.#end - this.#at} left`);
  }

  #take(size: number): number {
    this.expect(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }
}
