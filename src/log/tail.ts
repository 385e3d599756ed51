/** The end of a log in memory: what was appended and is not on its way to the file yet, and a little of what was written last. */

import type { RecordColumns } from '../model/packs.ts';
import { type Records, sizeOf } from '../model/record.ts';
import { BATCH_BYTES, extendBatch, HEADER_BYTES, Header, sealBatch } from './batch.ts';
import { BLOCK_BYTES, type Block, type LogFiles, newBlock } from './files.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

const CHUNK_BYTES_MIN = 4096;
/** Offsets of a segment are counted from its base in 32 bits. */
const SPAN_MAX = 0xffff_ffff;

/** Consecutive batches of one segment. Bytes up to `writtenBytes` are in the file, those up to `sealedBytes` never change again. */
export interface Chunk {
  readonly segment: Segment;
  /** Where in the file it begins. */
  readonly at: number;
  readonly block: Block;
  usedBytes: number;
  sealedBytes: number;
  writtenBytes: number;
  /** The first offset behind it. */
  end: number;
}

export class Tail {
  readonly #segments: Segments;
  readonly #files: LogFiles;
  readonly #segmentBytes: number;
  readonly #cacheBytes: number;
  /** Oldest first. */
  #chunks: Chunk[] = [];
  /** Where in the last chunk the batch begins that still takes records; -1 = none. */
  #openAt = -1;
  #openMs = 0;
  #unwrittenBytes = 0;
  /** As much as the last chunk came to hold, so that a busy partition gets large ones at once and a quiet one keeps small ones. */
  #chunkBytes = CHUNK_BYTES_MIN;

  constructor(segments: Segments, files: LogFiles, segmentBytes: number, cacheBytes: number) {
    this.#segments = segments;
    this.#files = files;
    this.#segmentBytes = segmentBytes;
    this.#cacheBytes = cacheBytes;
  }

  get unwrittenBytes(): number {
    return this.#unwrittenBytes;
  }

  /**
   * Copies records `first` to `last` to the end of the log. They go into the batch at hand as long as its time is the same and it has
   * room: a thousand publishes of one record in one millisecond make one batch.
   */
  append(records: Records, first: number, last: number, timeMs: number): void {
    const { bytes, ends } = records;
    let from = first === 0 ? records.start : (ends[first - 1] ?? 0);
    checkSizes(records, first, last, from);
    for (let i = first; i <= last; ) {
      const sizeBytes = (ends[i] ?? 0) - from;
      let room = this.#room(timeMs);
      if (sizeBytes > room) room = this.#begin(timeMs, sizeBytes);
      const until = furthest(ends, i, last, from + room);
      const to = ends[until] ?? 0;
      this.#copy(bytes, from, to, until - i + 1);
      from = to;
      i = until + 1;
    }
  }

  /** The same with what is told of them. Such a batch carries it before its records, so it is complete at once and takes no more. */
  appendTold(records: Records, first: number, last: number, timeMs: number, columns: RecordColumns): void {
    const { bytes, ends } = records;
    let from = first === 0 ? records.start : (ends[first - 1] ?? 0);
    checkSizes(records, first, last, from);
    const header = told;
    header.packed = columns.packs !== undefined;
    header.timed = columns.timesMs !== undefined;
    header.timeMs = timeMs;
    const sizeBytesMax = Math.min(BATCH_BYTES, this.#segmentBytes);
    for (let i = first; i <= last; ) {
      header.count = 0;
      header.span = 0;
      let until = from;
      for (let k = i; k <= last; k++) {
        const sizeBytes = HEADER_BYTES + (header.count + 1) * header.rowBytes + (ends[k] ?? 0) - from;
        const span = header.span + (columns.packs?.[k] ?? 1);
        if (k > i && (sizeBytes > sizeBytesMax || span > SPAN_MAX)) break;
        header.sizeBytes = sizeBytes;
        header.span = span;
        header.count++;
        until = ends[k] ?? 0;
      }
      this.#put(header, bytes, from, until, columns, i);
      from = until;
      i += header.count;
    }
  }

  /** The chunk that holds byte `at` of the segment's file, if it is in memory. */
  chunkAt(segment: Segment, at: number): Chunk | undefined {
    for (let i = this.#chunks.length - 1; i >= 0; i--) {
      const chunk = this.#chunks[i];
      if (chunk !== undefined && chunk.segment === segment && at >= chunk.at && at < chunk.at + chunk.usedBytes) return chunk;
    }
    return undefined;
  }

  /** How much of a segment has to be read from its file; the rest is here. */
  fileBytes(segment: Segment): number {
    for (const chunk of this.#chunks) if (chunk.segment === segment) return chunk.at;
    return segment.sizeBytes;
  }

  /** The batch at this byte still takes records: it is not a place to remember the end of. */
  isOpen(segment: Segment, at: number): boolean {
    const last = this.#last;
    return last !== undefined && this.#openAt >= 0 && last.segment === segment && last.at + this.#openAt === at;
  }

  /** The oldest chunk with bytes that are not in the file. */
  get unwritten(): Chunk | undefined {
    for (const chunk of this.#chunks) if (chunk.writtenBytes < chunk.usedBytes) return chunk;
    return undefined;
  }

  /** Completes all batches of a chunk, so that it can be written as it is now. */
  seal(chunk: Chunk): void {
    const { block, segment } = chunk;
    while (chunk.sealedBytes < chunk.usedBytes) {
      const at = chunk.sealedBytes;
      chunk.sealedBytes += sealBatch(block.bytes, block.view, at, segment.syncedBytes);
      segment.sealed(chunk.at + at, block.view.getUint32(at + 4, true));
    }
    if (chunk === this.#last) this.#openAt = -1;
  }

  /** Bytes of the chunk up to `to` are in the file now. Older chunks stay as a cache while they are few. */
  wrote(chunk: Chunk, to: number): void {
    this.#unwrittenBytes -= to - chunk.writtenBytes;
    chunk.writtenBytes = to;
    let heldBytes = 0;
    for (const one of this.#chunks) heldBytes += one.block.bytes.length;
    while (this.#chunks.length > 1 && heldBytes - this.#unwrittenBytes > this.#cacheBytes) {
      const oldest = this.#chunks[0];
      if (oldest === undefined || oldest.writtenBytes < oldest.usedBytes) break;
      heldBytes -= oldest.block.bytes.length;
      this.#drop();
    }
  }

  /** Lets go of all that is written: what nobody writes to costs no memory. */
  release(): void {
    while (this.#chunks[0] !== undefined && this.#chunks[0].writtenBytes === this.#chunks[0].usedBytes) this.#drop();
  }

  get #last(): Chunk | undefined {
    return this.#chunks[this.#chunks.length - 1];
  }

  /** Bytes that the batch at hand can still take. */
  #room(timeMs: number): number {
    const chunk = this.#last;
    if (this.#openAt < 0 || timeMs !== this.#openMs || chunk === undefined) return -1;
    const { segment, block, usedBytes } = chunk;
    if (segment.full) return -1;
    return Math.min(BATCH_BYTES - (usedBytes - this.#openAt), block.bytes.length - usedBytes, this.#segmentBytes - segment.sizeBytes);
  }

  /** Begins a batch for records of which the first has `sizeBytes`; answers how many bytes of records it can take. */
  #begin(timeMs: number, sizeBytes: number): number {
    const chunk = this.#chunkFor(HEADER_BYTES + sizeBytes, BATCH_BYTES);
    this.#openAt = chunk.usedBytes;
    this.#openMs = timeMs;
    scratch.sizeBytes = HEADER_BYTES;
    scratch.timeMs = timeMs;
    this.#head(chunk, scratch, timeMs);
    this.#grow(chunk, HEADER_BYTES, 0);
    return Math.max(sizeBytes, this.#room(timeMs));
  }

  /** Writes a whole batch: bytes `from` to `to` of `bytes`, of which the first is record `first` of what `columns` tell of. */
  #put(header: Header, bytes: Uint8Array, from: number, to: number, { packs, timesMs }: RecordColumns, first: number): void {
    const chunk = this.#chunkFor(header.sizeBytes, header.span);
    const { view, bytes: block } = chunk.block;
    let at = chunk.usedBytes + HEADER_BYTES;
    if (packs !== undefined) {
      let delta = 0;
      for (let i = first; i < first + header.count; i++) {
        view.setUint32(at, delta, true);
        delta += packs[i] ?? 1;
        at += 4;
      }
    }
    if (timesMs !== undefined) {
      for (let i = first; i < first + header.count; i++) {
        view.setFloat64(at, timesMs[i] ?? 0, true);
        at += 8;
      }
    }
    block.set(bytes.subarray(from, to), at);
    this.#openAt = -1;
    this.#head(chunk, header, header.latestMs(view, chunk.usedBytes));
    this.#grow(chunk, header.sizeBytes, header.span);
  }

  /** Where a batch of this size, of so many offsets at most, goes. */
  #chunkFor(sizeBytes: number, span: number): Chunk {
    let segment = this.#segments.active;
    const fits = segment.sizeBytes + sizeBytes <= this.#segmentBytes && segment.end + span - segment.base <= SPAN_MAX;
    if (!segment.isEmpty && (segment.full || !fits)) segment = this.#segments.roll();
    const chunk = this.#last;
    if (chunk !== undefined && chunk.segment === segment && chunk.block.bytes.length - chunk.usedBytes >= sizeBytes) return chunk;
    return this.#newChunk(segment, sizeBytes);
  }

  /** Writes the header of a batch that begins at the end of the chunk. */
  #head(chunk: Chunk, header: Header, latestMs: number): void {
    const { segment } = chunk;
    header.base = segment.end;
    header.salt = segment.salt;
    header.write(chunk.block.view, chunk.usedBytes);
    segment.begin(header, latestMs);
  }

  #copy(bytes: Uint8Array, from: number, to: number, count: number): void {
    const chunk = this.#last;
    if (chunk === undefined) throw new Error('Records were copied before a batch was begun.');
    chunk.block.bytes.set(bytes.subarray(from, to), chunk.usedBytes);
    extendBatch(chunk.block.view, this.#openAt, to - from, count);
    this.#grow(chunk, to - from, count);
  }

  #grow(chunk: Chunk, sizeBytes: number, span: number): void {
    chunk.usedBytes += sizeBytes;
    chunk.segment.grow(sizeBytes, span);
    chunk.end = chunk.segment.end;
    this.#unwrittenBytes += sizeBytes;
  }

  #newChunk(segment: Segment, needed: number): Chunk {
    const before = this.#last;
    if (before !== undefined) this.#chunkBytes = Math.min(BLOCK_BYTES, Math.max(CHUNK_BYTES_MIN, 2 * before.block.bytes.length));
    const sizeBytes = Math.max(needed, this.#chunkBytes);
    const block = sizeBytes >= BLOCK_BYTES ? this.#files.takeBlock(sizeBytes) : newBlock(sizeBytes);
    const chunk = { segment, at: segment.sizeBytes, block, usedBytes: 0, sealedBytes: 0, writtenBytes: 0, end: segment.end };
    this.#chunks.push(chunk);
    return chunk;
  }

  #drop(): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return;
    if (this.#chunks.length === 0) {
      this.#openAt = -1;
      this.#chunkBytes = Math.min(BLOCK_BYTES, Math.max(CHUNK_BYTES_MIN, powerOfTwo(chunk.usedBytes)));
    }
    this.#files.giveBlock(chunk.block);
  }
}

/** A batch with no records yet: what differs is filled in. */
const scratch = new Header();
/** A batch that is complete at once. */
const told = new Header();

/** A record that says another size than it has would make all behind it unreadable: never let one in. */
function checkSizes(records: Records, first: number, last: number, start: number): void {
  let at = start;
  for (let i = first; i <= last; i++) {
    const end = records.ends[i] ?? 0;
    if (sizeOf(records.bytes, at) !== end - at) {
      throw new Error(
        `Record ${i} of a batch ends at byte ${end}, but begins at ${at} and says it has ${sizeOf(records.bytes, at)} bytes.`,
      );
    }
    at = end;
  }
}

/** The last record up to `last` that ends at or before byte `limit`; the caller knows that `first` does. */
function furthest(ends: Uint32Array, first: number, last: number, limit: number): number {
  if ((ends[last] ?? 0) <= limit) return last;
  let low = first;
  let high = last;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((ends[middle] ?? 0) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

function powerOfTwo(sizeBytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, sizeBytes)));
}
