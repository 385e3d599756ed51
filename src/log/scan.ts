/** Steps from batch to batch through a window of bytes that slides over a file, or over a piece of memory. */

import type { File } from '../host/disk.ts';
import { batchCrc, HEADER_BYTES, Header } from './batch.ts';
import { type Block, newBlock } from './files.ts';

export const BATCH = 0;
/** The window has to slide: `await fill()` and step again. */
export const MORE = 1;
export const END = 2;
/** No whole batch begins at `at`. */
export const BAD = 3;
export type Step = typeof BATCH | typeof MORE | typeof END | typeof BAD;

export class Scan {
  readonly header: Header = new Header();
  /** Where the batch found begins: in the file … */
  at: number;
  /** … and in `bytes`. */
  place = 0;
  bytes: Uint8Array;
  view: DataView;
  readonly #file: File | undefined;
  readonly #block: Block;
  #limit: number;
  #next: number;
  #windowAt: number;
  #windowBytes: number;
  #wanted = 0;

  /** Over bytes `from` to `limit` of a file, through `block`; or, without a file, over a block that begins at byte `blockAt` of one. */
  constructor(file: File | undefined, block: Block, from: number, limit: number, blockAt = 0) {
    this.#file = file;
    this.#block = block;
    this.bytes = block.bytes;
    this.view = block.view;
    this.at = from;
    this.#next = from;
    this.#limit = limit;
    this.#windowAt = file === undefined ? blockAt : from;
    this.#windowBytes = file === undefined ? limit - blockAt : 0;
  }

  /** Goes behind the batch found before and looks at the next. After `BATCH`, all of it stands in `bytes` from `place` on. */
  step(): Step {
    const at = this.#next;
    this.at = at;
    if (at === this.#limit) return END;
    const inWindow = this.#windowAt + this.#windowBytes - at;
    this.#wanted = HEADER_BYTES;
    if (inWindow < HEADER_BYTES) return this.#limit - at < HEADER_BYTES ? BAD : MORE;
    this.place = at - this.#windowAt;
    const header = this.header;
    if (!header.read(this.view, this.place) || header.sizeBytes > this.#limit - at) return BAD;
    this.#wanted = header.sizeBytes;
    if (header.sizeBytes > inWindow) return MORE;
    this.#next = at + header.sizeBytes;
    return BATCH;
  }

  /**
   * Slides the window to the batch at hand: as much as the block holds, or `sizeBytesMax`, but never less than the batch. Finding the file
   * shorter than was said moves the limit, so that the next step is `BAD`.
   */
  async fill(sizeBytesMax: number = Number.POSITIVE_INFINITY): Promise<void> {
    if (this.#file === undefined) throw new Error('A scan of memory has all its bytes at hand.');
    const block = this.#wanted > this.#block.bytes.length ? newBlock(this.#wanted) : this.#block;
    const sizeBytes = Math.min(block.bytes.length, this.#limit - this.at, Math.max(sizeBytesMax, this.#wanted));
    const got = await this.#file.read(block.bytes.subarray(0, sizeBytes), this.at);
    this.bytes = block.bytes;
    this.view = block.view;
    this.#windowAt = this.at;
    this.#windowBytes = got;
    if (got < sizeBytes) this.#limit = this.at + got;
  }

  /** The bytes come from a file, where they may have been damaged. */
  get isFile(): boolean {
    return this.#file !== undefined;
  }

  /** Bytes at hand from the beginning of the batch found. */
  get aheadBytes(): number {
    return this.#windowBytes - this.place;
  }

  /** The CRC of the batch found is right. */
  intact(): boolean {
    return batchCrc(this.bytes, this.place, this.header.sizeBytes) === this.header.crc;
  }
}
