/** A segment: one file of a log, what is known of it, and a sparse index into it. */

import { HEADER_BYTES, type Header } from './batch.ts';
import { Handle } from './files.ts';
import { SparseIndex } from './sparse-index.ts';

const NAME = /^(\d{20})-(\d{1,9})\.log$/;
/** A file that is being made; it counts for nothing until it has its name. */
export const UNFINISHED = '.new';

/**
 * `00000000000000012345-2.log`: the offset it begins with, and its generation. A rewritten file gets the next generation, and lives
 * beside the former one until that is gone: the highest that holds anything is the one that counts.
 */
export function segmentName(base: number, generation: number): string {
  return `${String(base).padStart(20, '0')}-${generation}.log`;
}

export function parseSegmentName(name: string): { base: number; generation: number } | undefined {
  const parts = NAME.exec(name);
  if (parts === null) return undefined;
  const base = Number(parts[1]);
  return Number.isSafeInteger(base) ? { base, generation: Number(parts[2]) } : undefined;
}

export class Segment {
  readonly base: number;
  generation: number;
  readonly directory: string;
  readonly handle: Handle;
  /** Every batch of the file carries it, so that a batch inside some record's body is never taken for one of the file. */
  salt: number;
  /** The first offset behind its batches. */
  batchesEnd: number;
  /** Offsets from here on were dropped: what the file holds of them is dead. */
  cap: number = Number.POSITIVE_INFINITY;
  /** Bytes of batches, those still in memory included. */
  sizeBytes = 0;
  /** Bytes known to survive a power cut. */
  syncedBytes = 0;
  firstMs: number = Number.POSITIVE_INFINITY;
  lastMs: number = Number.NEGATIVE_INFINITY;
  /** The latest time by which a record of it is found. */
  latestMs: number = Number.NEGATIVE_INFINITY;
  /** Time of the oldest batch that holds a tombstone; known only once compacted, `Infinity` = none. */
  tombstoneMs: number = Number.POSITIVE_INFINITY;
  /** It went through a compaction: nothing in it is made void by anything up to its end. */
  compacted = false;
  /** The highest version of the format among its batches. */
  version: 1 | 2 = 1;
  /** It holds packs. */
  packed = false;
  /** Its first batch is the mark of a truncation: the segment before it ends where this one begins. */
  cut = false;
  /** Closed, synced, and nothing is written to it any more. */
  settled = false;
  /** Behind the batches stands a footer. */
  footed = false;
  /** What is known of it comes from its footer, unchecked. */
  hinted = false;
  /** Its file is marked as being removed. */
  erased = false;
  /** Retention wants it closed: the next batch begins another. */
  full = false;
  /** Where the last sealed batch begins, and its CRC. */
  tailAt = 0;
  tailCrc = 0;
  index: SparseIndex = new SparseIndex();

  constructor(directory: string, base: number, generation: number, salt: number) {
    this.directory = directory;
    this.base = base;
    this.generation = generation;
    this.salt = salt;
    this.batchesEnd = base;
    this.handle = new Handle(`${directory}/${segmentName(base, generation)}`);
  }

  /** The first offset behind it. */
  get end(): number {
    return Math.min(this.batchesEnd, this.cap);
  }

  /** No offset was ever given out in it. */
  get isEmpty(): boolean {
    return this.batchesEnd === this.base;
  }

  /** Nothing but the mark of a truncation is in it. */
  get isCut(): boolean {
    return this.isEmpty && this.sizeBytes === HEADER_BYTES;
  }

  get path(): string {
    return this.handle.path;
  }

  rename(generation: number): void {
    this.generation = generation;
    this.handle.path = `${this.directory}/${segmentName(this.base, generation)}`;
  }

  /** A batch begins at the end of the segment; `grow` follows for its bytes. `latestMs`: the latest time by which a record of it is found. */
  begin({ base, timeMs, packed, timed }: Header, latestMs: number): void {
    this.index.note(base - this.base, this.sizeBytes, this.latestMs);
    if (this.firstMs === Number.POSITIVE_INFINITY) this.firstMs = timeMs;
    if (timeMs > this.lastMs) this.lastMs = timeMs;
    if (latestMs > this.latestMs) this.latestMs = latestMs;
    this.compacted = false;
    if (packed) this.packed = true;
    if (packed || timed) this.version = 2;
  }

  grow(sizeBytes: number, span: number): void {
    this.sizeBytes += sizeBytes;
    this.batchesEnd += span;
  }

  /** Takes in a whole batch that was found at the end of what is known, and stands at `at` of `view`. */
  take(header: Header, view: DataView, at: number): void {
    const compacted = (header.compacted || header.cut) && (this.compacted || this.sizeBytes === 0);
    if (header.cut) this.cut = true;
    if (header.count > 0) this.begin(header, header.latestMs(view, at));
    this.compacted = compacted;
    this.sealed(this.sizeBytes, header.crc);
    this.grow(header.sizeBytes, header.span);
  }

  sealed(at: number, crc: number): void {
    this.tailAt = at;
    this.tailCrc = crc;
  }

  /** Forgets everything but its name: to be found out again by a walk. */
  reset(): void {
    this.batchesEnd = this.base;
    this.sizeBytes = 0;
    this.firstMs = Number.POSITIVE_INFINITY;
    this.lastMs = Number.NEGATIVE_INFINITY;
    this.latestMs = Number.NEGATIVE_INFINITY;
    this.version = 1;
    this.packed = false;
    this.compacted = false;
    this.cut = false;
    this.hinted = false;
    this.index = new SparseIndex();
  }
}
