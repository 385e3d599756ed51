/** Rows of messages: columns of typed arrays for a stretch of 4,096 numbers, or for the few of them that are left. */

/** Numbers in one chunk: number `n` lives in chunk `floor(n / CHUNK)` at place `n % CHUNK`. */
export const CHUNK = 4096;

/** A closed chunk with fewer unsettled messages than this keeps only those. */
export const SPARSE_BELOW = 64;

/** A row's flags: bits 0 and 1 its state, then the marks below, and in bits 6 and 7 its attempts (3 = see the column). */
export const STATE_MASK = 3;
export const SETTLED = 0;
export const READY = 1;
export const DELAYED = 2;
export const IN_FLIGHT = 3;
/** It stands in a structure of the ready order, so it need not be added again. */
export const LISTED = 4;
/** It stands in the heap of times to live. */
export const EXPIRING = 8;
/** It brought deaths along. */
export const DIED = 16;
/** It was handed out before and came back, whether or not that counted as an attempt. */
export const RETURNED = 32;
export const ATTEMPT_SHIFT = 6;
export const ATTEMPT_ONE: number = 1 << ATTEMPT_SHIFT;
/** From this many attempts on the column tells. */
export const ATTEMPT_COLUMN = 3;
export const ATTEMPTS_MAX = 0xffff;

/** Rows a chunk may have room for. The last chunk of a queue starts small, so that ten thousand short queues stay small. */
const CAPACITIES = [SPARSE_BELOW, 512, CHUNK] as const;
const SPARES_MAX = 64;
const spares: Chunk[][] = CAPACITIES.map(() => []);

type Column = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/**
 * Row `r` is number `base + start + r`, or `base + places[r]` in the sparse form. The first four columns are always there (11 bytes a
 * row); the others are made when a row first needs one, and go with the chunk.
 */
export class Chunk {
  readonly capacity: number;
  /** Offset in the journal segment. */
  readonly offset: Uint32Array;
  readonly size: Uint32Array;
  /** Journal segment modulo 65,536; see `segmentAt`. */
  readonly segment: Uint16Array;
  readonly flags: Uint8Array;
  /** Slot of the lease that holds it; means something only in flight. */
  lease: Uint32Array | undefined;
  /** Means something only where the flags say `ATTEMPT_COLUMN`. */
  attempts: Uint16Array | undefined;
  /** When its time to live is over; `Infinity` = never. */
  expires: Float64Array | undefined;
  priority: Uint8Array | undefined;
  /** Since when it waits, for ageing priorities. */
  since: Float64Array | undefined;
  /** Slot of its group; 0 = none. */
  group: Uint32Array | undefined;

  base = 0;
  start = 0;
  used = 0;
  live = 0;
  places: Uint16Array | undefined;
  /** No unsettled row lies outside these segments. */
  segmentMin: number = Number.POSITIVE_INFINITY;
  segmentMax = 0;

  constructor(capacity: number) {
    const bytes = new ArrayBuffer(capacity * 11);
    this.capacity = capacity;
    this.offset = new Uint32Array(bytes, 0, capacity);
    this.size = new Uint32Array(bytes, capacity * 4, capacity);
    this.segment = new Uint16Array(bytes, capacity * 8, capacity);
    this.flags = new Uint8Array(bytes, capacity * 10, capacity);
  }

  /** Starts over, empty, with its first row at `place`. Columns stay: whoever adds a row writes all that are there. */
  begin(base: number, place: number): void {
    this.base = base;
    this.start = place;
    this.used = 0;
    this.live = 0;
    this.places = undefined;
    this.segmentMin = Number.POSITIVE_INFINITY;
    this.segmentMax = 0;
  }

  /** First row whose number is at least `number`; `used` when there is none. */
  rowFrom(number: number): number {
    const place = number - this.base;
    if (this.places !== undefined) return lowerBound(this.places, this.used, place);
    const row = place - this.start;
    return row < 0 ? 0 : Math.min(row, this.used);
  }

  /** The row of `number`, or -1. A row may be settled. */
  find(number: number): number {
    const row = this.rowFrom(number);
    return row < this.used && this.numberAt(row) === number ? row : -1;
  }

  numberAt(row: number): number {
    return this.base + (this.places === undefined ? this.start + row : (this.places[row] as number));
  }

  /** The whole segment number: live segments span fewer than 65,536, and `segmentMax` is at least this one. */
  segmentAt(row: number): number {
    return this.segmentMax - ((this.segmentMax - (this.segment[row] as number)) & 0xffff);
  }

  spanSegment(segment: number): void {
    if (segment < this.segmentMin) this.segmentMin = segment;
    if (segment > this.segmentMax) this.segmentMax = segment;
  }

  /** Rows `from` to `to` are new: what columns there are say nothing of them yet. */
  blank(from: number, to: number): void {
    this.expires?.fill(Number.POSITIVE_INFINITY, from, to);
    this.priority?.fill(0, from, to);
    this.since?.fill(0, from, to);
    this.group?.fill(0, from, to);
  }

  expiresAt(row: number): number {
    return this.expires === undefined ? Number.POSITIVE_INFINITY : (this.expires[row] as number);
  }

  attemptsAt(row: number): number {
    const few = (this.flags[row] as number) >> ATTEMPT_SHIFT;
    return few < ATTEMPT_COLUMN ? few : (this.attempts?.[row] as number);
  }

  setAttempts(row: number, attempts: number): void {
    const few = Math.min(attempts, ATTEMPT_COLUMN);
    this.flags[row] = ((this.flags[row] as number) & (ATTEMPT_ONE - 1)) | (few << ATTEMPT_SHIFT);
    if (few < ATTEMPT_COLUMN) return;
    this.attempts ??= new Uint16Array(this.capacity);
    this.attempts[row] = Math.min(attempts, ATTEMPTS_MAX);
  }

  /** Makes the column if need be. */
  leases(): Uint32Array {
    this.lease ??= new Uint32Array(this.capacity);
    return this.lease;
  }

  expiries(): Float64Array {
    this.expires ??= new Float64Array(this.capacity).fill(Number.POSITIVE_INFINITY);
    return this.expires;
  }

  priorities(): Uint8Array {
    this.priority ??= new Uint8Array(this.capacity);
    return this.priority;
  }

  sinces(): Float64Array {
    this.since ??= new Float64Array(this.capacity);
    return this.since;
  }

  groups(): Uint32Array {
    this.group ??= new Uint32Array(this.capacity);
    return this.group;
  }
}

/** A chunk with room for at least `rows`, empty. */
export function takeChunk(rows: number): Chunk {
  const size = CAPACITIES.findIndex((capacity) => capacity >= rows);
  return spares[size]?.pop() ?? new Chunk(CAPACITIES[size] ?? CHUNK);
}

/** Gives a chunk back. The lease column, which every chunk comes to need, stays with it. */
export function giveBack(chunk: Chunk): void {
  const pool = spares[CAPACITIES.indexOf(chunk.capacity as (typeof CAPACITIES)[number])];
  if (pool === undefined || pool.length >= SPARES_MAX) return;
  chunk.attempts = undefined;
  chunk.expires = undefined;
  chunk.priority = undefined;
  chunk.since = undefined;
  chunk.group = undefined;
  pool.push(chunk);
}

/** The same rows with more room. The former chunk is given back. */
export function grown(chunk: Chunk, rows: number): Chunk {
  const next = takeChunk(rows);
  next.begin(chunk.base, chunk.start);
  return moved(chunk, next, undefined);
}

/** The unsettled rows alone: the sparse form. The former chunk is given back. */
export function thinned(chunk: Chunk): Chunk {
  const rows = new Uint16Array(chunk.live);
  const places = new Uint16Array(chunk.live);
  let kept = 0;
  for (let row = 0; row < chunk.used; row++) {
    if (((chunk.flags[row] as number) & STATE_MASK) === SETTLED) continue;
    places[kept] = chunk.numberAt(row) - chunk.base;
    rows[kept++] = row;
  }
  const next = takeChunk(kept);
  next.begin(chunk.base, 0);
  next.places = places;
  return moved(chunk, next, rows);
}

function moved(chunk: Chunk, next: Chunk, rows: Uint16Array | undefined): Chunk {
  const used = rows === undefined ? chunk.used : rows.length;
  next.used = used;
  next.live = chunk.live;
  next.segmentMin = chunk.segmentMin;
  next.segmentMax = chunk.segmentMax;
  copy(chunk.offset, next.offset, rows, used);
  copy(chunk.size, next.size, rows, used);
  copy(chunk.segment, next.segment, rows, used);
  copy(chunk.flags, next.flags, rows, used);
  if (chunk.lease !== undefined) copy(chunk.lease, next.leases(), rows, used);
  if (chunk.attempts !== undefined) {
    next.attempts = new Uint16Array(next.capacity);
    copy(chunk.attempts, next.attempts, rows, used);
  }
  if (chunk.expires !== undefined) copy(chunk.expires, next.expiries(), rows, used);
  if (chunk.priority !== undefined) copy(chunk.priority, next.priorities(), rows, used);
  if (chunk.since !== undefined) copy(chunk.since, next.sinces(), rows, used);
  if (chunk.group !== undefined) copy(chunk.group, next.groups(), rows, used);
  giveBack(chunk);
  return next;
}

function copy(from: Column, to: Column, rows: Uint16Array | undefined, used: number): void {
  if (rows === undefined) to.set(from.subarray(0, used));
  else for (let i = 0; i < used; i++) to[i] = from[rows[i] as number] as number;
}

function lowerBound(places: Uint16Array, used: number, place: number): number {
  let low = 0;
  let high = used;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] as number) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
