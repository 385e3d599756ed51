/** Where a decompressor writes: a buffer that grows with what was really written, up to a limit, and can repeat itself. */

import { BytesError } from '../../bytes/reader.ts';

export class Output {
  #bytes: Uint8Array;
  #at = 0;
  readonly #bytesMax: number;

  constructor(sizeBytes: number, bytesMax: number) {
    this.#bytes = new Uint8Array(Math.max(64, Math.min(sizeBytes, bytesMax)));
    this.#bytesMax = bytesMax;
  }

  get at(): number {
    return this.#at;
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.#room(end - start);
    this.#bytes.set(from.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  /** Writes `count` bytes again from `back` bytes ago; they may be the very bytes being written. Not before `floor`. */
  repeat(back: number, count: number, floor: number): void {
    if (back === 0 || back > this.#at - floor)
      throw new BytesError('value', this.#at, `A copy reaches ${back} bytes back, and ${this.#at - floor} are there.`);
    this.#room(count);
    const from = this.#at - back;
    if (back >= count) this.#bytes.copyWithin(this.#at, from, from + count);
    else for (let i = 0; i < count; i++) this.#bytes[this.#at + i] = this.#bytes[from + i] as number; // below the end: `room` was made
    this.#at += count;
  }

  #room(more: number): void {
    const needed = this.#at + more;
    if (needed <= this.#bytes.length) return;
    if (needed > this.#bytesMax)
      throw new BytesError('value', this.#at, `What is compressed here becomes more than ${this.#bytesMax} bytes.`);
    const bigger = new Uint8Array(Math.min(this.#bytesMax, Math.max(needed, 2 * this.#bytes.length)));
    bigger.set(this.written());
    this.#bytes = bigger;
  }
}
