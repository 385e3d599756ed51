/** Where the blocks of one segment begin: two bytes a block, so that any position can be found without reading. */

import { ALIGN_BYTES, align } from './block.ts';

export class BlockIndex {
  /** Blocks before this byte have not been walked over yet. */
  knownFromByte: number;
  /** Past the padding of the last block known. */
  endByte: number;
  /** In units of 4 KiB, ascending. */
  #starts = new Uint16Array(32);
  #count = 0;

  constructor(knownFromByte = 0) {
    this.knownFromByte = knownFromByte;
    this.endByte = knownFromByte;
  }

  /** The block right behind the last one known. */
  add(byte: number, sizeBytes: number): void {
    if (this.#count === this.#starts.length) {
      const more = new Uint16Array(this.#starts.length * 4);
      more.set(this.#starts);
      this.#starts = more;
    }
    this.#starts[this.#count++] = byte / ALIGN_BYTES;
    this.endByte = align(byte + sizeBytes);
  }

  /** Puts what a walk from byte 0 found before `knownFromByte` in front. */
  prepend(earlier: BlockIndex): void {
    if (this.#count === 0) this.endByte = earlier.endByte;
    const starts = new Uint16Array(earlier.#count + this.#count + 32);
    starts.set(earlier.#starts.subarray(0, earlier.#count));
    starts.set(this.#starts.subarray(0, this.#count), earlier.#count);
    this.#starts = starts;
    this.#count += earlier.#count;
    this.knownFromByte = 0;
  }

  /** Start of the block that holds this byte; -1 when none known does. */
  floor(byte: number): number {
    if (byte >= this.endByte) return -1;
    const at = this.#find(byte);
    return at < 0 ? -1 : this.#start(at);
  }

  /** Past the padding of the last block that begins at or after `fromByte` and ends at or before `fromByte + bytesMax`; of the first one in any case. */
  run(fromByte: number, bytesMax: number): number {
    let at = this.#find(fromByte) + 1;
    let end = at < this.#count ? this.#start(at) : this.endByte;
    for (; end < this.endByte; at++) {
      const next = at + 1 < this.#count ? this.#start(at + 1) : this.endByte;
      if (next > fromByte + bytesMax) break;
      end = next;
    }
    return end;
  }

  #find(byte: number): number {
    const unit = Math.floor(byte / ALIGN_BYTES);
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= unit) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #start(at: number): number {
    return (this.#starts[at] as number) * ALIGN_BYTES;
  }
}
