/** Writes numbers, texts and bytes one after another into a buffer that grows. */

import { BytesError, type Order } from './reader.ts';

const encoder = new TextEncoder();

/** Whole numbers are cut to their field as `DataView` does, except where a method says that it checks. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  readonly #little: boolean;
  #at = 0;

  constructor(order: Order = 'big', sizeBytes: number = 256) {
    this.#bytes = new Uint8Array(Math.max(16, sizeBytes));
    this.#view = new DataView(this.#bytes.buffer);
    this.#little = order === 'little';
  }

  /** Bytes written so far. */
  get at(): number {
    return this.#at;
  }

  /** What was written, where it lies: good until the next write or `reset`. */
  written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** What was written, handed over for good; the writer begins anew. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.written();
    this.#bytes = new Uint8Array(Math.max(16, Math.min(bytes.length * 2, 65536)));
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
    return bytes;
  }

  /** Begins anew in the same buffer, or cuts back to a place where the writer has been. */
  reset(at: number = 0): void {
    if (!(at >= 0 && at <= this.#at)) throw new BytesError('end', at, `Cannot go back to byte ${at}: ${this.#at} have been written.`);
    this.#at = at;
  }

  /** Leaves room for something to be known later (a length); answers its place for `setU32` and the like. The room is not cleared. */
  skip(count: number): number {
    return this.#room(count);
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, this.#little);
  }

  u24(value: number): void {
    const at = this.#room(3);
    const [low, high] = this.#little ? [at, at + 2] : [at + 2, at];
    this.#view.setUint8(low, value);
    this.#view.setUint8(at + 1, value >>> 8);
    this.#view.setUint8(high, value >>> 16);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, this.#little);
  }

  i8(value: number): void {
    this.u8(value);
  }

  i16(value: number): void {
    this.u16(value);
  }

  i32(value: number): void {
    this.u32(value);
  }

  f32(value: number): void {
    const at = this.#room(4);
    this.#view.setFloat32(at, value, this.#little);
  }

  f64(value: number): void {
    const at = this.#room(8);
    this.#view.setFloat64(at, value, this.#little);
  }

  /** 64 bits; checks that the value is a safe integer from 0 on. */
  u64(value: number): void {
    if (value < 0) unsafe(value, this.#at);
    this.i64(value);
  }

  /** 64 bits with sign; checks that the value is a safe integer. */
  i64(value: number): void {
    if (!Number.isSafeInteger(value)) unsafe(value, this.#at);
    const at = this.#room(8);
    this.#view.setUint32(this.#little ? at : at + 4, value, this.#little);
    this.#view.setUint32(this.#little ? at + 4 : at, Math.floor(value / 2 ** 32), this.#little);
  }

  /** 64 bits of a bigint of either sign. */
  big64(value: bigint): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), this.#little);
  }

  /** Checks that the value is a safe integer from 0 on. */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) unsafe(value, this.#at);
    this.#varint(value % 2 ** 28, Math.floor(value / 2 ** 28));
  }

  /** Checks that the value is a safe integer. */
  zigzag(value: number): void {
    if (!Number.isSafeInteger(value)) unsafe(value, this.#at);
    const half = value < 0 ? -(value + 1) : value;
    this.#varint((half % 2 ** 27) * 2 + (value < 0 ? 1 : 0), Math.floor(half / 2 ** 27));
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** UTF-8 without a length; answers how many bytes it took. Half a surrogate pair becomes U+FFFD. */
  text(text: string): number {
    this.#grow(text.length * 3);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#at));
    this.#at += written;
    return written;
  }

  /** UTF-8 after its length in 8 bits; checks that it fits. */
  text8(text: string): void {
    const at = this.#room(1);
    const length = this.#fitted(text, at, 0xff);
    this.#view.setUint8(at, length);
  }

  /** UTF-8 after its length in 16 bits; checks that it fits. */
  text16(text: string): void {
    const at = this.#room(2);
    const length = this.#fitted(text, at, 0xffff);
    this.#view.setUint16(at, length, this.#little);
  }

  /** UTF-8 after its length in 32 bits. */
  text32(text: string): void {
    const at = this.#room(4);
    this.setU32(at, this.text(text));
  }

  /** Fills in what `skip` left room for. */
  setU8(at: number, value: number): void {
    this.#view.setUint8(this.#place(at, 1), value);
  }

  setU16(at: number, value: number): void {
    this.#view.setUint16(this.#place(at, 2), value, this.#little);
  }

  setU32(at: number, value: number): void {
    this.#view.setUint32(this.#place(at, 4), value, this.#little);
  }

  #fitted(text: string, at: number, max: number): number {
    const length = this.text(text);
    if (length > max) {
      this.#at = at;
      throw new BytesError('value', at, `A text of ${length} bytes does not fit where at most ${max} are allowed.`);
    }
    return length;
  }

  #varint(low: number, high: number): void {
    this.#grow(8);
    while (high > 0 || low > 0x7f) {
      this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      low = (low >>> 7) | ((high % 128) << 21);
      high = Math.floor(high / 128);
    }
    this.#bytes[this.#at++] = low;
  }

  #place(at: number, count: number): number {
    if (!(at >= 0 && at + count <= this.#at)) throw new BytesError('end', at, `Byte ${at} has not been written yet; ${this.#at} have.`);
    return at;
  }

  /** May replace buffer and view: call it before either is looked at. */
  #room(count: number): number {
    this.#grow(count);
    const at = this.#at;
    this.#at += count;
    return at;
  }

  #grow(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + more));
    bigger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = bigger;
    this.#view = new DataView(bigger.buffer);
  }
}

function unsafe(value: number, at: number): never {
  throw new BytesError('value', at, `${value} cannot be written as this kind of whole number.`);
}
