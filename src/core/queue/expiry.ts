/**
 * Messages whose time to live will be over. Where the queue has one time for all, messages end in the order they came, and a cursor
 * walks along them; those that end out of order (a time of their own, a clock set back, a return after delivery) are in a heap.
 */

import { CHUNK, type Chunk, EXPIRING, IN_FLIGHT, SETTLED, STATE_MASK } from './chunk.ts';
import { TimeHeap } from './heaps.ts';
import type { Rows } from './rows.ts';

/** More than twice those unsettled, and this many: each addition looks at a few others and throws out what is stale. */
const STALE_MAX = 1024;
const SWEEP = 8;
/** So many stale ones are taken off the top in one asking for the next time, not to stop the house when a great many were settled. */
const SKIP_MAX = 1024;

export class Expiry {
  readonly #rows: Rows;
  readonly #heap = new TimeHeap();
  readonly #aside: number[] = [];
  /** Unmarked messages from here on, when they have an end, end in ascending order. Those before it that still count are marked. */
  #cursor = 0;
  /** The last number that joined the line, and when it ends. */
  #lineEnd = -1;
  #lineMs: number = Number.NEGATIVE_INFINITY;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /**
   * `count` new messages from `first` on end at `expiresMs`. `isForAll`: the queue has a time to live, and none ends later than that
   * says: so the line's last end never runs ahead of what is to come.
   */
  join(first: number, count: number, expiresMs: number, isForAll: boolean): void {
    if (isForAll && expiresMs >= this.#lineMs) {
      this.#lineMs = expiresMs;
      this.#lineEnd = first + count - 1;
      return;
    }
    for (let number = first; number < first + count; number++) {
      const chunk = this.#rows.at(number) as Chunk;
      this.mark(number, chunk, chunk.find(number));
    }
  }

  /** The message is no longer in flight: its end counts again. */
  mark(number: number, chunk: Chunk, row: number): void {
    const flags = chunk.flags[row] as number;
    const expiresMs = chunk.expiresAt(row);
    if (expiresMs === Number.POSITIVE_INFINITY || (flags & EXPIRING) !== 0) return;
    if (this.#heap.size > 2 * this.#rows.live + STALE_MAX) this.#heap.sweep(SWEEP, (_, waiting) => this.#isWaiting(waiting));
    chunk.flags[row] = flags | EXPIRING;
    this.#heap.push(expiresMs, number);
  }

  /** Fills `into` with at most `countMax` numbers whose time is over: those out of order first, earliest end first, then the line. */
  over(nowMs: number, countMax: number, into: Float64Array): number {
    const max = Math.min(countMax, into.length);
    const aside = this.#aside;
    let count = 0;
    while (count < max && this.#heapMs(Number.POSITIVE_INFINITY) <= nowMs && this.#heap.size > 0) {
      const { timeMs, number } = this.#heap;
      this.#heap.pop();
      aside.push(timeMs, number);
      into[count++] = number;
    }
    for (let i = 0; i < aside.length; i += 2) this.#heap.push(aside[i] as number, aside[i + 1] as number);
    aside.length = 0;
    return this.#lineOver(nowMs, count, max, into);
  }

  /** When the next one's time is over, or, while there is much to clear away, earlier; `Infinity` when none ends. */
  nextMs(): number {
    const chunk = this.#lineTop();
    const lineMs = chunk === undefined ? Number.POSITIVE_INFINITY : chunk.expiresAt(chunk.rowFrom(this.#cursor));
    return Math.min(this.#heapMs(SKIP_MAX), lineMs);
  }

  /** The chunk of the first message of the line that waits. Moves the cursor there: what it passes is marked when it comes back. */
  #lineTop(): Chunk | undefined {
    while (this.#cursor <= this.#lineEnd) {
      const chunk = this.#rows.from(this.#cursor);
      if (chunk === undefined) break;
      for (let row = chunk.rowFrom(this.#cursor); row < chunk.used; row++) {
        if (!isInLine(chunk, row)) continue;
        this.#cursor = chunk.numberAt(row);
        return this.#cursor <= this.#lineEnd ? chunk : undefined;
      }
      // Rows may yet be added to the last chunk.
      this.#cursor = Math.min(chunk.base + CHUNK, this.#lineEnd + 1);
    }
    return undefined;
  }

  #lineOver(nowMs: number, found: number, max: number, into: Float64Array): number {
    let count = found;
    if (count === max || this.#lineTop() === undefined) return count;
    let from = this.#cursor;
    for (let chunk = this.#rows.from(from); chunk !== undefined; chunk = this.#rows.from(from)) {
      for (let row = chunk.rowFrom(from); row < chunk.used; row++) {
        if (!isInLine(chunk, row)) continue;
        const number = chunk.numberAt(row);
        if (count === max || number > this.#lineEnd || chunk.expiresAt(row) > nowMs) return count;
        into[count++] = number;
      }
      from = chunk.base + CHUNK;
    }
    return count;
  }

  #heapMs(skipMax: number): number {
    for (let i = 0; i < skipMax && this.#heap.size > 0 && !this.#isWaiting(this.#heap.number); i++) this.#heap.pop();
    return this.#heap.timeMs;
  }

  /** Whether a number of the heap is ready or delayed. One in flight is unmarked: it leaves the heap until it comes back. */
  #isWaiting(number: number): boolean {
    const chunk = this.#rows.at(number);
    const row = chunk === undefined ? -1 : chunk.find(number);
    if (chunk === undefined || row < 0) return false;
    const flags = chunk.flags[row] as number;
    if ((flags & STATE_MASK) === SETTLED) return false;
    if ((flags & STATE_MASK) !== IN_FLIGHT) return true;
    chunk.flags[row] = flags & ~EXPIRING;
    return false;
  }
}

function isInLine(chunk: Chunk, row: number): boolean {
  const flags = chunk.flags[row] as number;
  const state = flags & STATE_MASK;
  return state !== SETTLED && state !== IN_FLIGHT && (flags & EXPIRING) === 0 && chunk.expiresAt(row) < Number.POSITIVE_INFINITY;
}
