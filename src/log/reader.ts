/** Reads a log: from memory what is there, the rest from its files in blocks, every batch checked. */

import type { File } from '../host/disk.ts';
import { type Offset, offset } from '../model/lines.ts';
import { damaged, isDamaged, outOfRange } from './damaged.ts';
import type { Block, LogFiles } from './files.ts';
import { BATCH, END, MORE, Scan } from './scan.ts';
import { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import { type LogSlice, SliceBuilder } from './slice.ts';
import type { Tail } from './tail.ts';
import { walk } from './walk.ts';

/** Read beside what was asked for: the way from the nearest place in the index, and headers. */
const LEAD_BYTES = 64 * 1024;
const SEARCH_BYTES = 256 * 1024;
/** What is read at once, however much is wanted. */
const WINDOW_BYTES_MAX = 2 * 1024 * 1024;
const PLACES = 4;

interface Place {
  readonly segment: Segment;
  readonly next: number;
  readonly at: number;
}

/** Looks at the batch a scan has found. True: it was the last one wanted. */
type Visit = (scan: Scan) => boolean;

export class LogReader {
  readonly #segments: Segments;
  readonly #tail: Tail;
  readonly #files: LogFiles;
  /** Where the last few fetches ended, for those who come back to read on. */
  #places: Place[] | undefined;
  #place = 0;

  constructor(segments: Segments, tail: Tail, files: LogFiles) {
    this.#segments = segments;
    this.#tail = tail;
    this.#files = files;
  }

  async fetch(from: number, before: number, sizeBytesMax: number, room?: Uint8Array): Promise<LogSlice> {
    const slice = new SliceBuilder(from, Math.min(before, this.#segments.end), sizeBytesMax, room);
    while (!slice.full) {
      const { first } = this.#segments;
      if (slice.next < first.base) {
        if (slice.count > 0) break;
        throw outOfRange(first.directory, slice.next, first.base, this.#segments.end);
      }
      const segment = this.#segments.holding(slice.next);
      await this.#trusting(segment, () => this.#read(segment, slice));
    }
    return slice.take();
  }

  /** The first record from `start` on that is not earlier than `timeMs`; the end of the log when there is none. */
  async offsetAt(timeMs: number, start: number): Promise<Offset> {
    for (let from = start; from < this.#segments.end; ) {
      const segment = this.#segments.holding(from);
      const end = segment.end;
      const found = segment.latestMs >= timeMs ? await this.#trusting(segment, () => this.#search(segment, timeMs, from)) : undefined;
      if (found !== undefined) return offset(found);
      if (this.#segments.has(segment)) from = end;
    }
    return offset(this.#segments.end);
  }

  /** What a footer told may be wrong: before a segment is called damaged on its word, it is walked through. */
  async #trusting<T>(segment: Segment, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      // Replaced or removed while it was read: the caller looks again at what is there now.
      if (!this.#segments.has(segment)) return undefined;
      if (!isDamaged(error) || !segment.hinted) throw error;
      await this.#learn(segment);
      return work();
    }
  }

  /** Takes the index from the batches themselves. The segment may be growing meanwhile: what it says of its end stays. */
  async #learn(segment: Segment): Promise<void> {
    const scratch = new Segment(segment.directory, segment.base, segment.generation, segment.salt);
    const fileBytes = this.#tail.fileBytes(segment);
    const block = this.#files.takeBlock();
    try {
      const walked = await this.#files.use(segment.handle, (file) => walk(file, fileBytes, scratch, block));
      if (walked.faultAt !== undefined) throw damaged(segment.path, walked.faultAt, 'no whole batch stands there');
    } finally {
      this.#files.giveBlock(block);
    }
    segment.index = scratch.index;
    segment.lastMs = Math.max(segment.lastMs, scratch.lastMs);
    segment.latestMs = Math.max(segment.latestMs, scratch.latestMs);
    segment.hinted = false;
  }

  async #read(segment: Segment, slice: SliceBuilder): Promise<void> {
    const { end } = segment;
    let at = this.#placeOf(segment, slice.next);
    const want = () => Math.max(0, slice.roomBytes) + LEAD_BYTES;
    await this.#each(segment, at, want, (scan) => {
      const { header } = scan;
      at = scan.at;
      if (header.base > slice.next) throw damaged(segment.path, scan.at, `a batch with offset ${slice.next} should stand there or before`);
      if (header.end <= slice.next) return false;
      check(segment, scan);
      if (!slice.add(scan, segment.end)) throw damaged(segment.path, scan.at, 'the records of a batch do not add up');
      if (slice.next >= header.end && !this.#tail.isOpen(segment, scan.at)) at += header.sizeBytes;
      return slice.full || slice.next >= segment.end;
    });
    if (!slice.full && slice.next < end) throw damaged(segment.path, segment.sizeBytes, `offset ${slice.next} is missing`);
    this.#remember({ segment, next: slice.next, at });
  }

  async #search(segment: Segment, timeMs: number, from: number): Promise<number | undefined> {
    const { index, base } = segment;
    let found: number | undefined;
    const start = Math.max(index.byTime(timeMs), index.byOffset(Math.max(0, from - base)));
    await this.#each(segment, start, searchBytes, (scan) => {
      check(segment, scan);
      if (scan.header.timed || scan.header.timeMs >= timeMs) found = firstRecord(scan, timeMs, from, segment.end);
      return found !== undefined;
    });
    return found;
  }

  /** Visits the batches of a segment from the one at byte `at` on. */
  async #each(segment: Segment, at: number, want: () => number, visit: Visit): Promise<void> {
    let source: { readonly file: File; readonly block: Block } | undefined;
    try {
      for (let stop = false; !stop && at < segment.sizeBytes; ) {
        const chunk = this.#tail.chunkAt(segment, at);
        let scan: Scan;
        if (chunk !== undefined) scan = new Scan(undefined, chunk.block, at, chunk.at + chunk.usedBytes, chunk.at);
        else {
          source ??= { file: await this.#files.pin(segment.handle), block: this.#files.takeBlock(Math.min(want(), WINDOW_BYTES_MAX)) };
          scan = new Scan(source.file, source.block, at, this.#tail.fileBytes(segment));
        }
        stop = await run(segment, scan, want, visit);
        at = scan.at;
      }
    } finally {
      if (source !== undefined) {
        this.#files.unpin(segment.handle);
        this.#files.giveBlock(source.block);
      }
    }
  }

  #placeOf(segment: Segment, next: number): number {
    for (const place of this.#places ?? []) if (place.segment === segment && place.next === next) return place.at;
    return segment.index.byOffset(next - segment.base);
  }

  #remember(place: Place): void {
    this.#places ??= [];
    this.#places[this.#place] = place;
    this.#place = (this.#place + 1) % PLACES;
  }
}

const searchBytes = () => SEARCH_BYTES;

async function run(segment: Segment, scan: Scan, want: () => number, visit: Visit): Promise<boolean> {
  const { header } = scan;
  for (let expected = -1; ; expected = header.end) {
    let step = scan.step();
    while (step === MORE) {
      await scan.fill(want());
      step = scan.step();
    }
    if (step === END) return false;
    if (step !== BATCH || header.salt !== segment.salt) throw damaged(segment.path, scan.at, 'no whole batch stands there');
    if (expected >= 0 && header.base !== expected)
      throw damaged(segment.path, scan.at, `the batch there should begin with offset ${expected}`);
    if (visit(scan)) return true;
  }
}

/** Bytes in memory were never away and need no check. */
function check(segment: Segment, scan: Scan): void {
  if (scan.isFile && !scan.intact()) throw damaged(segment.path, scan.at, 'the checksum of the batch there is wrong');
}

/** Where to begin to read what is not earlier than `timeMs`: at a record of the batch found that reaches beyond `from`, and not beyond `end`. */
function firstRecord({ header, view, place }: Scan, timeMs: number, from: number, end: number): number | undefined {
  const { base, count, packed } = header;
  let delta = header.deltaOf(view, place, 0);
  for (let i = 0; i < count; i++) {
    const next = header.deltaOf(view, place, i + 1);
    const last = packed ? next - 1 : delta;
    if (base + last >= end) return undefined;
    if (base + last >= from && header.timeOf(view, place, i) >= timeMs) return Math.max(from, base + delta);
    delta = next;
  }
  return undefined;
}
