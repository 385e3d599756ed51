/** Follows the chain of blocks from segment to segment, checking each, until it breaks. */

import type { Disk } from '../host/disk.ts';
import { byteOf, type Position, position, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import {
  align,
  type BlockHeader,
  checkBlock,
  emptyHeader,
  type Fault,
  HEADER_BYTES,
  type Identity,
  isLinked,
  readHeader,
} from './block.ts';
import { BlockIndex } from './block-index.ts';
import { Stream, type StreamBuffers } from './stream.ts';

/** A numbered file of the journal's directory. */
export interface SegmentFile {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
}

/** A block in memory: `bytes[at]` is its first byte. Borrowed: the next block may be put in its place. */
export type Visit = (bytes: Uint8Array, view: DataView, at: number, header: BlockHeader) => void;

export class Walk {
  /** The last block of the chain; a copy to keep. */
  last: BlockHeader | undefined;
  /** Where the block after `last` was looked for, and why what stands there is not it. */
  next: Position;
  fault: Fault | undefined;
  /** Blocks seen in each segment. */
  readonly indexes: Map<number, BlockIndex> = new Map();
  readonly #disk: Disk;
  readonly #files: ReadonlyMap<number, SegmentFile>;
  readonly #journal: Identity;
  readonly #buffers: StreamBuffers;
  /** The one being read; trades places with `last`. */
  #header = emptyHeader();

  constructor(disk: Disk, files: ReadonlyMap<number, SegmentFile>, journal: Identity, buffers: StreamBuffers) {
    this.#disk = disk;
    this.#files = files;
    this.#journal = journal;
    this.#buffers = buffers;
    this.next = 0 as Position;
  }

  /** From the block at `start`, which is taken whatever stood before it, to the end of the chain, or to block number `until`. */
  async run(start: Position, visit: Visit | undefined, until: number = Number.POSITIVE_INFINITY): Promise<void> {
    this.last = undefined;
    this.next = start;
    this.fault = undefined;
    for (let segment = segmentOf(start); ; segment++) {
      const first = segment === segmentOf(start);
      const before = first ? -1 : this.#latest()?.number;
      const file = this.#files.get(segment);
      const fault = file === undefined ? 'absent' : await this.#segment(file, first ? byteOf(start) : 0, visit, until);
      // A segment whose first block is not linked is not part of the chain: the break is where the one before ended.
      const last = this.#latest();
      if (last?.number === before) return;
      this.fault = fault;
      if (last === undefined) return;
      this.next = position(segment, byteOf(last.position) + align(last.sizeBytes));
      if (fault === undefined) return;
    }
  }

  #latest(): BlockHeader | undefined {
    return this.last;
  }

  /** Why the chain broke in this file; nothing when `until` was reached. */
  async #segment(file: SegmentFile, fromByte: number, visit: Visit | undefined, until: number): Promise<Fault | undefined> {
    const handle = await this.#disk.open(file.path);
    const stream = new Stream(handle, file.path, file.sizeBytes, fromByte, this.#buffers);
    const index = new BlockIndex(fromByte);
    try {
      for (;;) {
        const fault = await readBlock(stream, file.number, this.#journal, this.#header);
        if (fault !== undefined) return fault;
        if (this.last !== undefined && !isLinked(this.last, this.#header)) return 'unlinked';
        const header = this.#header;
        this.#header = this.last ?? emptyHeader();
        this.last = header;
        index.add(stream.byte, header.sizeBytes);
        visit?.(stream.bytes, stream.view, stream.at, header);
        if (header.number >= until) return undefined;
        stream.skip(Math.min(align(header.sizeBytes), stream.available));
      }
    } finally {
      this.#keep(file.number, index);
      await stream.close();
      await handle.close();
    }
  }

  /** What an earlier walk knows of the segment already may be more. */
  #keep(segment: number, index: BlockIndex): void {
    const known = this.indexes.get(segment);
    if (known !== undefined && known.knownFromByte <= index.knownFromByte && known.endByte >= index.endByte) return;
    if (index.endByte > index.knownFromByte) this.indexes.set(segment, index);
  }
}

/** Checks the block at the front of the window, and leaves it there whole. Throws `Refused('format')` at an intact block of a newer layout. */
export async function readBlock(stream: Stream, segment: number, journal: Identity, header: BlockHeader): Promise<Fault | undefined> {
  if (stream.available < HEADER_BYTES && !(await stream.need(HEADER_BYTES))) return stream.leftBytes === 0 ? 'absent' : 'truncated';
  const fault = readHeader(stream.view, stream.at, position(segment, stream.byte), journal, header);
  if (fault !== undefined) return fault;
  // The padding too, unless the file was cut there, which hurts nobody.
  const wanted = Math.max(header.sizeBytes, Math.min(align(header.sizeBytes), stream.leftBytes));
  if (stream.available < wanted && !(await stream.need(wanted))) return 'truncated';
  const check = checkBlock(stream.bytes, stream.view, stream.at, header);
  if (check === 'format') throw new Refused('format', newerFormat(header.format));
  return check;
}

export function newerFormat(format: number): string {
  return `The journal was written in format ${format} by a newer signalbox than this one; open it with that version or a later one.`;
}
