/** The bytes of one file from front to back, in a window that holds as many in one piece as are asked for, reading one chunk ahead. */

import type { File } from '../host/disk.ts';
import { Refused } from '../model/refusal.ts';

/** The first read of a stream: often the last block alone is wanted, as after every clean end. Each further one is twice as large, up to a chunk. */
const FIRST_BYTES = 64 * 1024;

/** Two buffers that streams take turns in: one stream at a time. */
export class StreamBuffers {
  readonly chunkBytes: number;
  /** Each has room for what is left of the chunk before in front of a chunk. */
  readonly pair: readonly [Uint8Array, Uint8Array];

  constructor(chunkBytes: number) {
    this.chunkBytes = chunkBytes;
    this.pair = [new Uint8Array(2 * chunkBytes), new Uint8Array(2 * chunkBytes)];
  }
}

type Chunk = { readonly sizeBytes: number } | { readonly error: unknown };

export class Stream {
  /** The window is `bytes[at .. at + available)`; it moves with every `need` and `skip`. */
  bytes: Uint8Array;
  view: DataView;
  at = 0;
  available = 0;
  /** Where in the file the window begins. */
  byte: number;
  readonly sizeBytes: number;
  readonly #file: File;
  readonly #path: string;
  readonly #buffers: StreamBuffers;
  /** The buffer of the pair that the chunk under way goes to; its second half. */
  #turn: 0 | 1 = 0;
  #readBytes: number;
  #nextByte: number;
  #ahead: Promise<Chunk> | undefined;

  /** `sizeBytes`: that of the file; nothing beyond it is looked at, whatever lengths the file speaks of. */
  constructor(file: File, path: string, sizeBytes: number, fromByte: number, buffers: StreamBuffers) {
    this.#file = file;
    this.#path = path;
    this.sizeBytes = sizeBytes;
    this.byte = fromByte;
    this.#nextByte = fromByte;
    this.#buffers = buffers;
    this.#readBytes = Math.min(FIRST_BYTES, buffers.chunkBytes);
    this.bytes = buffers.pair[1];
    this.view = viewOf(this.bytes);
    this.#readAhead();
  }

  get leftBytes(): number {
    return Math.max(0, this.sizeBytes - this.byte);
  }

  /** Waits until the window holds `count` bytes; false when the file ends before. What the window held before has moved. */
  async need(count: number): Promise<boolean> {
    if (count > this.leftBytes) return false;
    while (this.available < count) {
      const got = await this.#arrived();
      if (got === 0) return false;
      if (count > this.#buffers.chunkBytes) await this.#gather(count, got);
      else this.#swap(got);
    }
    return true;
  }

  /** Moves the front of the window on by up to `available` bytes. */
  skip(count: number): void {
    this.at += count;
    this.available -= count;
    this.byte += count;
  }

  /** Waits for the read under way, so that the file can be closed and the buffers used again. */
  async close(): Promise<void> {
    await this.#ahead;
    this.#ahead = undefined;
  }

  async #arrived(): Promise<number> {
    const chunk = await this.#ahead;
    if (chunk === undefined) return 0;
    if ('error' in chunk) {
      throw new Refused(
        'damaged',
        `${this.#path} cannot be read at byte ${this.#nextByte}: ${String(chunk.error)}. Check the drive; nothing was changed.`,
        {
          cause: chunk.error,
        },
      );
    }
    this.#nextByte += chunk.sizeBytes;
    return chunk.sizeBytes;
  }

  #readAhead(): void {
    const { pair, chunkBytes } = this.#buffers;
    const count = Math.min(this.#readBytes, this.sizeBytes - this.#nextByte);
    if (count <= 0) {
      this.#ahead = undefined;
      return;
    }
    this.#readBytes = Math.min(2 * this.#readBytes, chunkBytes);
    const into = pair[this.#turn].subarray(chunkBytes, chunkBytes + count);
    this.#ahead = this.#file.read(into, this.#nextByte).then(
      (sizeBytes) => ({ sizeBytes }),
      (error: unknown) => ({ error }),
    );
  }

  /** What is left goes in front of the chunk that arrived, and the other buffer takes the next one. */
  #swap(got: number): void {
    const { pair, chunkBytes } = this.#buffers;
    const next = pair[this.#turn];
    next.set(this.bytes.subarray(this.at, this.at + this.available), chunkBytes - this.available);
    this.#look(next, chunkBytes - this.available, this.available + got);
    this.#turn = this.#turn === 0 ? 1 : 0;
    this.#readAhead();
  }

  /** A block larger than a chunk gets a buffer of its own; `count` bytes are known to be in the file. */
  async #gather(count: number, got: number): Promise<void> {
    const { pair, chunkBytes } = this.#buffers;
    const have = this.available + got;
    const large = new Uint8Array(Math.max(count, have));
    large.set(this.bytes.subarray(this.at, this.at + this.available));
    large.set(pair[this.#turn].subarray(chunkBytes, chunkBytes + got), this.available);
    let filled = have;
    while (filled < count) {
      const more = await this.#file
        .read(large.subarray(filled, Math.min(count, filled + chunkBytes)), this.#nextByte)
        .catch((error: unknown) => {
          throw new Refused(
            'damaged',
            `${this.#path} cannot be read at byte ${this.#nextByte}: ${String(error)}. Check the drive; nothing was changed.`,
            {
              cause: error,
            },
          );
        });
      if (more === 0) break;
      this.#nextByte += more;
      filled += more;
    }
    this.#look(large, 0, filled);
    this.#readAhead();
  }

  #look(bytes: Uint8Array, at: number, available: number): void {
    if (this.bytes !== bytes) {
      this.bytes = bytes;
      this.view = viewOf(bytes);
    }
    this.at = at;
    this.available = available;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
