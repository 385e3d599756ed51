/**
 * Compaction: of each key only the last record stays. Offsets never change, and the batches left go on covering the offsets of those that
 * are gone, so that a log without gaps can be told from one that lost something.
 *
 * Oldest segments first: when a tombstone goes, what it buried has gone before it. What a pack holds has no key here: a log that was not
 * compacted before may hold some, and what stands up to the last of them stays as it is, and with it all tombstones behind.
 */

import type { File } from '../host/disk.ts';
import { bodyAt, RECORD_HEAD_BYTES, sizeOf } from '../model/record.ts';
import { HEADER_BYTES, Header } from './batch.ts';
import { damaged } from './damaged.ts';
import type { Parts } from './parts.ts';
import { Replacement } from './replacement.ts';
import { BATCH, END, MORE, Scan } from './scan.ts';
import type { Segment } from './segment.ts';

export type KeyOf = (bytes: Uint8Array, at: number) => Uint8Array | undefined;

export interface Compaction {
  readonly keyOf: KeyOf;
  /** Only segments wholly before this offset. */
  readonly before: number;
  /** Tombstones of batches with an earlier time are removed, too. */
  readonly tombstonesBeforeMs: number;
  readonly segmentBytes: number;
  /** How many keys are kept in memory at once, about; the rest of the log waits for the next compaction. */
  readonly keysMax: number;
}

/** Offsets that one batch may cover: they are counted in 32 bits. */
const SPAN_MAX = 2 ** 31;

/** Answers how many records were removed. Rejects with `Refused('damaged')`, `Refused('disk-full')` or the disk's error; the log is whole then, too. */
export async function compact(parts: Parts, compaction: Compaction): Promise<number> {
  const { segments, writer } = parts;
  writer.check();
  let ready = 0;
  let dirty = 0;
  /** Behind the last packs. */
  let first = 0;
  let oldestMs = Number.POSITIVE_INFINITY;
  for (; ready < segments.count && segments.at(ready).settled && segments.at(ready).end <= compaction.before; ready++) {
    const { compacted, tombstoneMs, packed } = segments.at(ready);
    if (packed) first = ready + 1;
    if (packed || (compacted && dirty === ready)) dirty = ready + 1;
    oldestMs = Math.min(oldestMs, tombstoneMs);
  }
  const tombstonesBeforeMs = first > 0 ? Number.NEGATIVE_INFINITY : compaction.tombstonesBeforeMs;
  if (dirty === ready && oldestMs >= tombstonesBeforeMs) return 0;
  const last = new LastOffsets(compaction.keyOf);
  let until = dirty;
  for (; until < ready && (until === dirty || last.count < compaction.keysMax); until++) await last.learn(parts, segments.at(until));
  let removed = 0;
  for (let at = first; at < until; at++) {
    const count = groupAt(parts, at, until, compaction.segmentBytes);
    removed += await new Rewrite(parts, { ...compaction, tombstonesBeforeMs }, last, at, count).run();
    until -= count - 1;
  }
  return removed;
}

/** How many segments from number `at` on become one: what compaction leaves of them should not stay a crowd of small files. */
function groupAt({ segments }: Parts, at: number, until: number, segmentBytes: number): number {
  const { base, sizeBytes } = segments.at(at);
  let sumBytes = sizeBytes;
  let count = 1;
  for (; at + count < until; count++) {
    const next = segments.at(at + count);
    sumBytes += next.sizeBytes;
    if (sumBytes > segmentBytes || next.end - base >= SPAN_MAX) break;
  }
  return count;
}

/** Of each key the offset of its last record, over the segments not compacted yet. */
class LastOffsets {
  readonly #keyOf: KeyOf;
  readonly #offsets = new Map<string, number>();

  constructor(keyOf: KeyOf) {
    this.#keyOf = keyOf;
  }

  get count(): number {
    return this.#offsets.size;
  }

  async learn(parts: Parts, segment: Segment): Promise<void> {
    await eachBatch(parts, segment, (scan) => {
      eachRecord(segment, scan, (place, offset) => {
        const key = this.#keyOf(scan.bytes, place);
        if (key !== undefined) this.#offsets.set(text(key), offset);
      });
      return undefined;
    });
  }

  /** A record that compaction leaves: `'record'`, or `'tombstone'`. Undefined: a later one has its key. */
  kind(bytes: Uint8Array, at: number, offset: number): 'record' | 'tombstone' | undefined {
    const key = this.#keyOf(bytes, at);
    if (key === undefined) return 'record';
    if ((this.#offsets.get(text(key)) ?? offset) > offset) return undefined;
    return bodyAt(bytes, at) === at + sizeOf(bytes, at) ? 'tombstone' : 'record';
  }
}

/** Keys are compared byte by byte; a string of their bytes is what a `Map` can look up. */
function text(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}

/** Makes one segment of a group of them. */
class Rewrite {
  readonly #parts: Parts;
  readonly #compaction: Compaction;
  readonly #last: LastOffsets;
  readonly #at: number;
  readonly #group: readonly Segment[];
  #removed = 0;
  /** Records of the batch at hand, whether they stay or not. */
  #alive = 0;
  /** Offsets before it are covered by the batches written. */
  #covered: number;
  #oldestTombstoneMs = Number.POSITIVE_INFINITY;
  readonly #out = new Header();
  /** Of each record left in the batch at hand: where it begins, its offset, and the time it is found by. */
  #places = new Uint32Array(1024);
  #offsets = new Float64Array(1024);
  #times = new Float64Array(1024);

  constructor(parts: Parts, compaction: Compaction, last: LastOffsets, at: number, count: number) {
    this.#parts = parts;
    this.#compaction = compaction;
    this.#last = last;
    this.#at = at;
    this.#group = Array.from({ length: count }, (_, i) => parts.segments.at(at + i));
    this.#covered = parts.segments.at(at).base;
  }

  async run(): Promise<number> {
    const [first] = this.#group;
    if (first === undefined) return 0;
    if (this.#group.length === 1 && !(await this.#wouldShrink(first))) {
      first.compacted = true;
      first.tombstoneMs = this.#oldestTombstoneMs;
      return 0;
    }
    this.#oldestTombstoneMs = Number.POSITIVE_INFINITY;
    const next = await Replacement.begin(this.#parts, first.base);
    await next.fill(true, () => this.#fill(next));
    await next.install(this.#at, this.#group.length);
    return this.#removed;
  }

  /** Most segments of a compacted log have nothing to lose most of the time: they are read, not written again. */
  async #wouldShrink(segment: Segment): Promise<boolean> {
    let shrinks = false;
    await eachBatch(this.#parts, segment, (scan) => {
      shrinks = this.#select(segment, scan) < this.#alive;
      return shrinks ? 'enough' : undefined;
    });
    return shrinks;
  }

  async #fill(next: Replacement): Promise<void> {
    // Still needed: the segment before it may hold more than counts.
    if (this.#group[0]?.cut === true) next.putCut();
    for (const segment of this.#group) {
      await eachBatch(this.#parts, segment, (scan) => {
        const { header } = scan;
        const count = this.#select(segment, scan);
        this.#removed += this.#alive - count;
        if (count === 0) return undefined;
        const sizeBytes = header.sizeBytes + 4 * count;
        const end = Math.min(header.end, segment.end);
        if (next.fits(sizeBytes)) return this.#put(next, scan, count, end);
        return next.makeRoom(sizeBytes).then(() => this.#put(next, scan, count, end));
      });
    }
    const end = this.#group.at(-1)?.end ?? this.#covered;
    if (this.#covered < end) {
      if (!next.fits(HEADER_BYTES)) await next.makeRoom(HEADER_BYTES);
      this.#putHeader(next, 0, HEADER_BYTES, end, 0);
    }
    next.segment.tombstoneMs = this.#oldestTombstoneMs;
  }

  /** Finds out which records of the batch stay; answers how many. */
  #select(segment: Segment, scan: Scan): number {
    const { header, bytes } = scan;
    if (header.count > this.#places.length) {
      this.#places = new Uint32Array(header.count);
      this.#offsets = new Float64Array(header.count);
      this.#times = new Float64Array(header.count);
    }
    const expired = header.timeMs < this.#compaction.tombstonesBeforeMs;
    let count = 0;
    this.#alive = 0;
    eachRecord(segment, scan, (place, offset, i) => {
      this.#alive++;
      const kind = this.#last.kind(bytes, place, offset);
      if (kind === undefined || (kind === 'tombstone' && expired)) return;
      if (kind === 'tombstone') this.#oldestTombstoneMs = Math.min(this.#oldestTombstoneMs, header.timeMs);
      this.#places[count] = place;
      this.#times[count] = header.timeOf(scan.view, scan.place, i);
      this.#offsets[count++] = offset;
    });
    return count;
  }

  #put(next: Replacement, { bytes, header }: Scan, count: number, covered: number): undefined {
    const { block, at } = next;
    let to = at + HEADER_BYTES + 4 * count;
    if (header.timed) for (let i = 0; i < count; i++, to += 8) block.view.setFloat64(to, this.#times[i] ?? 0, true);
    for (let i = 0; i < count; ) {
      const from = this.#places[i] ?? 0;
      let end = from;
      for (; i < count && this.#places[i] === end; i++) {
        block.view.setUint32(at + HEADER_BYTES + 4 * i, (this.#offsets[i] ?? 0) - this.#covered, true);
        end += sizeOf(bytes, end);
      }
      block.bytes.set(bytes.subarray(from, end), to);
      to += end - from;
    }
    this.#putHeader(next, count, to - at, covered, header.timeMs, header.timed);
  }

  #putHeader(next: Replacement, count: number, sizeBytes: number, end: number, timeMs: number, timed = false): void {
    const out = this.#out;
    out.compacted = true;
    out.timed = timed;
    out.count = count;
    out.sizeBytes = sizeBytes;
    out.base = this.#covered;
    out.span = end - this.#covered;
    out.timeMs = timeMs;
    next.put(out);
    this.#covered = end;
  }
}

/** Visits all batches of a closed segment, each checked; a promise is waited for, `'enough'` ends it. */
async function eachBatch(parts: Parts, segment: Segment, visit: (scan: Scan) => Promise<unknown> | 'enough' | undefined): Promise<void> {
  const block = parts.files.takeBlock();
  try {
    await parts.files.use(segment.handle, async (file: File) => {
      const scan = new Scan(file, block, 0, segment.sizeBytes);
      for (let step = scan.step(); step !== END; step = scan.step()) {
        if (step === MORE) {
          await scan.fill();
          continue;
        }
        if (step !== BATCH || !scan.intact()) throw damaged(segment.path, scan.at, 'no whole batch stands there');
        const answer = visit(scan);
        if (answer === 'enough') return;
        if (answer !== undefined) await answer;
      }
    });
  } finally {
    parts.files.giveBlock(block);
  }
}

/** Visits all living records of the batch found: where each begins, its offset, and its number in the batch. */
function eachRecord(segment: Segment, scan: Scan, visit: (place: number, offset: number, i: number) => void): void {
  const { header, bytes, view, place, at } = scan;
  if (header.packed) throw damaged(segment.path, at, 'packs stand there, of which the footer does not know');
  const end = place + header.sizeBytes;
  let from = place + header.recordsAt;
  for (let i = 0; i < header.count; i++) {
    const sizeBytes = end - from >= RECORD_HEAD_BYTES ? sizeOf(bytes, from) : 0;
    if (sizeBytes < RECORD_HEAD_BYTES || sizeBytes > end - from) break;
    const offset = header.base + header.deltaOf(view, place, i);
    if (offset < segment.end) visit(from, offset, i);
    from += sizeBytes;
  }
  if (from !== end) throw damaged(segment.path, at, 'the records of a batch do not add up');
}
