/** All rows of one queue by message number: chunks that come with the tail and go when the last message in them is settled. */

import { byteOf, type Position, position, SEGMENT_BYTES, segmentOf } from '../../model/lines.ts';
import { CHUNK, type Chunk, giveBack, grown, SETTLED, SPARSE_BELOW, STATE_MASK, takeChunk, thinned } from './chunk.ts';

/** Told how many messages more (or fewer, negative) lie in a journal segment; called once per run of equal segments. */
export interface SegmentLive {
  add(segment: number, count: number): void;
}

/** A queue this long gets whole chunks from the start. */
const LONG = 512;
/** So many given-back places at the front of the directory are cut off at once. */
const CUT_AT = 64;

export class Rows {
  /** The number the next message gets. */
  tail = 0;
  /** Messages not settled. */
  live = 0;
  /** Their bytes. */
  sizeBytes = 0;
  readonly #segmentLive: SegmentLive;
  /** `#chunks[i]` holds the numbers from `(#first + i) * CHUNK`; none of the first `#gone` is there. */
  readonly #chunks: (Chunk | undefined)[] = [];
  #first = 0;
  #gone = 0;
  /** The chunk the tail is in, when it is there. */
  #open: Chunk | undefined;
  #oldest = 0;

  constructor(segmentLive: SegmentLive) {
    this.#segmentLive = segmentLive;
  }

  /** Lowest unsettled number, or the tail. Walks on from the last answer: settled numbers never come back. */
  get oldest(): number {
    let number = this.#oldest;
    for (let chunk = this.from(number); chunk !== undefined; chunk = this.from(chunk.base + CHUNK)) {
      for (let row = chunk.rowFrom(number); row < chunk.used; row++) {
        if (((chunk.flags[row] as number) & STATE_MASK) === SETTLED) continue;
        this.#oldest = chunk.numberAt(row);
        return this.#oldest;
      }
      number = chunk.base + CHUNK;
    }
    this.#oldest = this.tail;
    return this.tail;
  }

  /** The chunk that holds `number`, if any of it is left. */
  at(number: number): Chunk | undefined {
    return this.#chunks[Math.floor(number / CHUNK) - this.#first];
  }

  /** The first chunk with numbers at or behind `number`. */
  from(number: number): Chunk | undefined {
    const chunks = this.#chunks;
    for (let i = Math.max(Math.floor(number / CHUNK) - this.#first, this.#gone); i < chunks.length; i++) {
      const chunk = chunks[i];
      if (chunk !== undefined) return chunk;
    }
    return undefined;
  }

  /** State of a message: `SETTLED` also for numbers never given. */
  stateOf(number: number): number {
    const chunk = this.at(number);
    const row = chunk === undefined ? -1 : chunk.find(number);
    return row < 0 ? SETTLED : ((chunk as Chunk).flags[row] as number) & STATE_MASK;
  }

  /** Adds one message with these flags; `enterSegment` is left to do. Its row is the last of the chunk answered; its columns are blank. */
  append(at: Position, sizeBytes: number, flags: number): Chunk {
    const chunk = this.#room(1);
    const segment = segmentOf(at);
    const row = chunk.used++;
    chunk.offset[row] = byteOf(at);
    chunk.segment[row] = segment;
    chunk.size[row] = sizeBytes;
    chunk.flags[row] = flags;
    chunk.blank(row, row + 1);
    chunk.spanSegment(segment);
    chunk.live++;
    this.tail++;
    this.live++;
    this.sizeBytes += sizeBytes;
    return chunk;
  }

  /** Adds messages that lie side by side: the first at `at`, record `i` ending `ends[i] - start` bytes behind it. */
  appendRun(at: Position, start: number, ends: Uint32Array, count: number, flags: number): void {
    let segment = segmentOf(at);
    let byte = byteOf(at);
    let former = start;
    let counted = 0;
    for (let i = 0; i < count; ) {
      const part = Math.min(count - i, CHUNK - (this.tail % CHUNK));
      const chunk = this.#room(part);
      const { offset, size, used } = chunk;
      chunk.spanSegment(segment);
      for (let row = used; row < used + part; row++) {
        const end = ends[i++] as number;
        if (byte >= SEGMENT_BYTES) {
          this.#segmentLive.add(segment, i - 1 - counted);
          counted = i - 1;
          segment += Math.floor(byte / SEGMENT_BYTES);
          byte %= SEGMENT_BYTES;
          chunk.spanSegment(segment);
        }
        offset[row] = byte;
        size[row] = end - former;
        chunk.segment[row] = segment;
        byte += end - former;
        former = end;
      }
      chunk.flags.fill(flags, used, used + part);
      chunk.blank(used, used + part);
      chunk.used = used + part;
      chunk.live += part;
      this.tail += part;
    }
    this.live += count;
    this.sizeBytes += former - start;
    if (count > counted) this.#segmentLive.add(segment, count - counted);
  }

  /** `count` rows of the chunk, of these bytes, were settled. The chunk may be another one afterwards, or gone. */
  settled(chunk: Chunk, count: number, sizeBytes: number): void {
    chunk.live -= count;
    this.live -= count;
    this.sizeBytes -= sizeBytes;
    const isOpen = chunk === this.#open && this.tail < chunk.base + CHUNK;
    if (!isOpen) {
      if (chunk === this.#open) this.#open = undefined;
      this.#tidy(chunk);
    } else if (chunk.live === 0) {
      // A short queue that keeps running empty goes on in the small chunk it has.
      if (chunk.capacity === SPARSE_BELOW) chunk.begin(chunk.base, this.tail - chunk.base);
      else {
        this.#open = undefined;
        this.#drop(chunk);
      }
    }
  }

  /** So many messages more lie in that segment. */
  enterSegment(segment: number, count: number): void {
    this.#segmentLive.add(segment, count);
  }

  /** So many messages in that segment are no longer unsettled. */
  leaveSegment(segment: number, count: number): void {
    this.#segmentLive.add(segment, -count);
  }

  positionAt(chunk: Chunk, row: number): Position {
    return position(chunk.segmentAt(row), chunk.offset[row] as number);
  }

  /** The bytes of an unsettled message are elsewhere from now on; answers where they were. */
  relocate(chunk: Chunk, row: number, to: Position): Position {
    const former = this.positionAt(chunk, row);
    const segment = segmentOf(to);
    this.#segmentLive.add(segmentOf(former), -1);
    this.#segmentLive.add(segment, 1);
    chunk.spanSegment(segment);
    chunk.offset[row] = byteOf(to);
    chunk.segment[row] = segment;
    return former;
  }

  /** What is left out before `number` is settled: the next message gets it. For restoring, and only upwards. */
  skipTo(number: number): void {
    this.tail = number;
    const chunk = this.#open;
    if (chunk === undefined || number < chunk.base + CHUNK) return;
    this.#open = undefined;
    this.#tidy(chunk);
  }

  /** The open chunk, with room for `want` more rows; `want` does not reach over its end. */
  #room(want: number): Chunk {
    const place = this.tail % CHUNK;
    const base = this.tail - place;
    let chunk = this.#open;
    if (chunk !== undefined && chunk.base !== base) {
      this.#open = undefined;
      this.#tidy(chunk);
      chunk = undefined;
    }
    if (chunk === undefined) {
      chunk = takeChunk(this.live >= LONG ? CHUNK : want);
      chunk.begin(base, place);
      this.#put(chunk);
      this.#open = chunk;
    }
    const rows = place - chunk.start + want;
    if (rows > chunk.capacity) {
      chunk = grown(chunk, rows);
      this.#put(chunk);
      this.#open = chunk;
    }
    while (chunk.used < place - chunk.start) chunk.flags[chunk.used++] = SETTLED;
    return chunk;
  }

  /** A chunk that gets no more rows goes when it is empty, and shrinks when it is nearly so. */
  #tidy(chunk: Chunk): void {
    if (chunk.live === 0) this.#drop(chunk);
    else if (chunk.live < SPARSE_BELOW && chunk.places === undefined) this.#put(thinned(chunk));
  }

  #put(chunk: Chunk): void {
    const index = chunk.base / CHUNK;
    const chunks = this.#chunks;
    if (chunks.length === 0) {
      this.#first = index;
      this.#gone = 0;
    }
    while (chunks.length <= index - this.#first) chunks.push(undefined);
    chunks[index - this.#first] = chunk;
  }

  #drop(chunk: Chunk): void {
    const chunks = this.#chunks;
    chunks[chunk.base / CHUNK - this.#first] = undefined;
    giveBack(chunk);
    while (this.#gone < chunks.length && chunks[this.#gone] === undefined) this.#gone++;
    if (this.#gone === chunks.length) chunks.length = 0;
    else if (this.#gone >= CUT_AT && this.#gone * 2 >= chunks.length) chunks.splice(0, this.#gone);
    else return;
    this.#first += this.#gone;
    this.#gone = 0;
  }
}
