/** Reads blocks back from the disk: the one that holds a position and, in the same read, what follows it. */

import { byteOf, type Position, position, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import type { View } from './arena.ts';
import {
  ALIGN_BYTES,
  align,
  type BlockHeader,
  checkBlock,
  emptyHeader,
  type Fault,
  HEADER_BYTES,
  type Identity,
  readHeader,
} from './block.ts';
import { BlockIndex } from './block-index.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import { newerFormat } from './walk.ts';

/** Small blocks are read so many bytes at a time: draining a backlog of them one by one would cost a trip to the pool each. */
const RUN_BYTES = 256 * 1024;
/** Idle buffers kept. */
const POOL_MAX = 4;
const WALK_BYTES = 64 * 1024;

export class Reader {
  readonly #segments: Segments;
  readonly #journal: Identity;
  readonly #pool: Uint8Array[] = [];
  readonly #walks = new Map<Segment, Promise<void>>();

  constructor(segments: Segments, journal: Identity) {
    this.#segments = segments;
    this.#journal = journal;
  }

  /** Rejects with `Refused('damaged')` when the block is not there whole. */
  async fetch(at: Position): Promise<View> {
    const segment = this.#segments.find(segmentOf(at));
    if (segment === undefined) {
      throw new Refused(
        'damaged',
        `Segment ${segmentOf(at)} of the journal, which should hold position ${at}, is not there. Run "signalbox doctor".`,
      );
    }
    // From here on it is not recycled until it has been read.
    this.#segments.files.hold(segment);
    try {
      const byte = byteOf(at);
      if (byte < segment.index.knownFromByte) await this.#walkOnce(segment);
      const from = segment.index.floor(byte);
      if (from < 0) throw damaged(segment.path, byte, 'absent');
      return await this.#read(segment, from, segment.index.run(from, RUN_BYTES));
    } finally {
      this.#segments.files.done(segment);
    }
  }

  async #read(segment: Segment, from: number, end: number): Promise<View> {
    const sizeBytes = end - from;
    const buffer = this.#take(sizeBytes);
    const bytes = buffer.length === sizeBytes ? buffer : buffer.subarray(0, sizeBytes);
    try {
      const file = await this.#segments.files.use(segment);
      let got: number;
      try {
        got = await file.read(bytes, from);
      } finally {
        this.#segments.files.done(segment);
      }
      const whole = wholeBytes(bytes, got, segment, from, this.#journal);
      return new FetchedView(bytes, position(segment.number, from), whole, () => this.#give(buffer));
    } catch (error) {
      this.#give(buffer);
      if (error instanceof Refused) throw error;
      throw new Refused('damaged', `${segment.path} cannot be read at byte ${from}: ${String(error)}. Check the drive.`, { cause: error });
    }
  }

  #walkOnce(segment: Segment): Promise<void> {
    let walk = this.#walks.get(segment);
    if (walk === undefined) {
      walk = this.#walk(segment).finally(() => this.#walks.delete(segment));
      this.#walks.set(segment, walk);
    }
    return walk;
  }

  /**
   * Finds the blocks of a segment that recovery had no need to read, up to the first place where none begins. Only their headers are
   * looked at: `fetch` checks what it gives.
   */
  async #walk(segment: Segment): Promise<void> {
    const untilByte = segment.index.knownFromByte;
    const found = new BlockIndex();
    const header = emptyHeader();
    const bytes = new Uint8Array(WALK_BYTES);
    const view = new DataView(bytes.buffer);
    let windowByte = 0;
    let windowBytes = 0;
    const file = await this.#segments.files.use(segment);
    try {
      for (let byte = 0; byte < untilByte; byte = found.endByte) {
        if (byte + HEADER_BYTES > windowByte + windowBytes) {
          windowByte = byte;
          windowBytes = await file.read(bytes, byte);
          if (windowBytes < HEADER_BYTES) break;
        }
        const fault = readHeader(view, byte - windowByte, position(segment.number, byte), this.#journal, header);
        if (fault !== undefined || byte + header.sizeBytes > segment.sizeBytes) break;
        found.add(byte, header.sizeBytes);
      }
    } finally {
      this.#segments.files.done(segment);
    }
    segment.index.prepend(found);
  }

  #take(sizeBytes: number): Uint8Array {
    for (let i = this.#pool.length - 1; i >= 0; i--) {
      const buffer = this.#pool[i] as Uint8Array;
      if (buffer.length >= sizeBytes) return this.#pool.splice(i, 1)[0] as Uint8Array;
    }
    return new Uint8Array(Math.max(sizeBytes, RUN_BYTES));
  }

  #give(buffer: Uint8Array): void {
    if (this.#pool.length < POOL_MAX) this.#pool.push(buffer);
  }
}

class FetchedView implements View {
  readonly bytes: Uint8Array;
  readonly base: Position;
  readonly end: Position;
  #give: (() => void) | undefined;

  constructor(bytes: Uint8Array, base: Position, sizeBytes: number, give: () => void) {
    this.bytes = bytes;
    this.base = base;
    this.end = (base + sizeBytes) as Position;
    this.#give = give;
  }

  release(): void {
    this.#give?.();
    this.#give = undefined;
  }
}

/**
 * How far the blocks that were read are whole. Throws when the first one, which was asked for, is not. Those behind it come along for
 * free: the last of a segment may be torn, if a process died while writing it and the next one went on in another segment.
 */
function wholeBytes(bytes: Uint8Array, got: number, segment: Segment, from: number, journal: Identity): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header: BlockHeader = emptyHeader();
  let at = 0;
  while (at < bytes.length) {
    const fault = faultOf(bytes, view, at, got, position(segment.number, from + at), journal, header);
    if (fault === undefined) at += align(header.sizeBytes);
    else if (at > 0) return at;
    else if (fault === 'format') throw new Refused('format', newerFormat(header.format));
    else throw damaged(segment.path, from, fault);
  }
  return bytes.length;
}

function faultOf(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  got: number,
  where: Position,
  journal: Identity,
  header: BlockHeader,
): Fault | undefined {
  if (at + HEADER_BYTES > got) return 'truncated';
  const fault = readHeader(view, at, where, journal, header);
  if (fault !== undefined) return fault;
  return at + header.sizeBytes > got ? 'truncated' : checkBlock(bytes, view, at, header);
}

const WHAT: Readonly<Record<Fault, string>> = {
  absent: 'no block begins there',
  moved: 'the block there belongs to another place',
  foreign: 'the block there belongs to another journal',
  malformed: 'the block there contradicts itself',
  truncated: 'the file ends in the middle of the block there',
  checksum: 'the block there does not have its checksum',
  format: 'the block there is in a newer format',
  unlinked: 'the block there does not continue from the one before',
};

/** What stands at a place instead of the block that should. */
export function describeFault(fault: Fault): string {
  return WHAT[fault];
}

export function damaged(path: string, byte: number, fault: Fault): Refused {
  return new Refused(
    'damaged',
    `${path} is damaged at byte ${byte}: ${describeFault(fault)}. Run "signalbox doctor" on the data directory to see what can be saved.`,
  );
}

/** Whether a block may begin at this byte. */
export function isBlockStart(byte: number): boolean {
  return byte % ALIGN_BYTES === 0;
}
