/**
 * Queues with priorities: a line per level in use, higher levels first, the lowest number first within one.
 *
 * The ageing rule, where `priorityAgeMs` is set: a message counts `priority + floor(waited / priorityAgeMs)`, where it has waited since
 * it was published; the highest count goes first, and among equals the lowest number (the oldest). Counts are not capped at the
 * queue's highest priority, so the rule holds among messages that have aged past it. Within one level the lowest number goes first, and
 * has waited longest, so a pick compares one message per level in use.
 */

import { type Chunk, LISTED, READY, STATE_MASK } from './chunk.ts';
import { NumberHeap } from './heaps.ts';
import { NumberFifo } from './number-fifo.ts';
import type { ReadyOrder } from './ready.ts';
import type { Rows } from './rows.ts';

/** After so many additions it is looked whether too much is stale. */
const STALE_MAX = 1024;
const NONE: number = Number.POSITIVE_INFINITY;

/**
 * The numbers of one level: those that came in order in a FIFO, the others in a heap. What is no longer ready stays in until it comes to
 * the front, marked `LISTED`, so that coming back costs nothing.
 */
class Level {
  readonly priority: number;
  readonly #rows: Rows;
  readonly #fifo = new NumberFifo();
  readonly #heap = new NumberHeap();
  #last = -1;
  // While an answer is put together: the next of either, and what was taken out of the heap and goes back.
  #at = 0;
  #fromFifo = NONE;
  #fromHeap = NONE;
  #nowMs = 0;
  readonly #aside: number[] = [];

  constructor(priority: number, rows: Rows) {
    this.priority = priority;
    this.#rows = rows;
  }

  get size(): number {
    return this.#fifo.length + this.#heap.size;
  }

  add(number: number): void {
    if (this.#fifo.length > 0 && number < this.#last) {
      this.#heap.push(number);
      return;
    }
    this.#fifo.push(number);
    this.#last = number;
  }

  /** Begins an answer; `end` must follow. */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#at = 0;
    this.#seekFifo();
    this.#seekHeap();
  }

  /** The next number of this level, `Infinity` when there is no more. */
  get top(): number {
    return Math.min(this.#fromFifo, this.#fromHeap);
  }

  advance(): void {
    if (this.#fromFifo < this.#fromHeap) {
      this.#at++;
      this.#seekFifo();
    } else this.#seekHeap();
  }

  end(): void {
    for (const number of this.#aside) this.#heap.push(number);
    this.#aside.length = 0;
  }

  sweep(): void {
    this.#fifo.filter((number) => this.#keep(number));
    this.#heap.filter((number) => this.#keep(number));
  }

  #seekFifo(): void {
    const fifo = this.#fifo;
    if (this.#at === 0) while (fifo.length > 0 && !this.#keep(fifo.at(0))) fifo.shift();
    for (; this.#at < fifo.length; this.#at++) {
      this.#fromFifo = fifo.at(this.#at);
      if (this.#isDeliverable(this.#fromFifo)) return;
    }
    this.#fromFifo = NONE;
  }

  #seekHeap(): void {
    for (;;) {
      const number = this.#heap.pop();
      this.#fromHeap = number ?? NONE;
      if (number === undefined) return;
      if (!this.#keep(number)) continue;
      this.#aside.push(number);
      if (this.#isDeliverable(number)) return;
    }
  }

  #isDeliverable(number: number): boolean {
    const chunk = this.#rows.at(number);
    const row = chunk === undefined ? -1 : chunk.find(number);
    if (chunk === undefined || row < 0) return false;
    return ((chunk.flags[row] as number) & STATE_MASK) === READY && chunk.expiresAt(row) >= this.#nowMs;
  }

  /** Whether it is ready; if not, it leaves the level. */
  #keep(number: number): boolean {
    const chunk = this.#rows.at(number);
    const row = chunk === undefined ? -1 : chunk.find(number);
    if (chunk === undefined || row < 0) return false;
    const flags = chunk.flags[row] as number;
    if ((flags & STATE_MASK) === READY) return true;
    chunk.flags[row] = flags & ~LISTED;
    return false;
  }
}

export class ReadyPriority implements ReadyOrder {
  readonly #rows: Rows;
  readonly #ageMs: number;
  readonly #levels: (Level | undefined)[] = [];
  /** Those in use, highest first. */
  readonly #ranked: Level[] = [];
  #added = 0;

  /** `ageMs` 0 = no ageing. */
  constructor(rows: Rows, ageMs: number) {
    this.#rows = rows;
    this.#ageMs = ageMs;
  }

  add(number: number, chunk: Chunk, row: number): void {
    if (++this.#added === STALE_MAX) this.#sweep();
    chunk.flags[row] = (chunk.flags[row] as number) | LISTED;
    this.#levelOf(chunk.priority === undefined ? 0 : (chunk.priority[row] as number)).add(number);
  }

  next(nowMs: number, countMax: number, take: Float64Array): number {
    const max = Math.min(countMax, take.length);
    return this.#ageMs > 0 ? this.#aged(nowMs, max, take) : this.#inTurn(this.#ranked, nowMs, max, take);
  }

  heads(countMax: number, into: Float64Array): number {
    return this.#inTurn(this.#ranked.toReversed(), Number.NEGATIVE_INFINITY, Math.min(countMax, into.length), into);
  }

  #inTurn(levels: readonly Level[], nowMs: number, max: number, take: Float64Array): number {
    let count = 0;
    for (const level of levels) {
      if (count === max) break;
      if (level.size === 0) continue;
      level.begin(nowMs);
      for (; count < max && level.top < NONE; level.advance()) take[count++] = level.top;
      level.end();
    }
    return count;
  }

  #aged(nowMs: number, max: number, take: Float64Array): number {
    const levels = this.#ranked.filter((level) => level.size > 0);
    for (const level of levels) level.begin(nowMs);
    let count = 0;
    while (count < max) {
      let best: Level | undefined;
      let bestCount = -1;
      for (const level of levels) {
        if (level.top === NONE) continue;
        const counts = this.#countOf(level, nowMs);
        if (counts < bestCount || (best !== undefined && counts === bestCount && level.top > best.top)) continue;
        best = level;
        bestCount = counts;
      }
      if (best === undefined) break;
      take[count++] = best.top;
      best.advance();
    }
    for (const level of levels) level.end();
    return count;
  }

  #countOf(level: Level, nowMs: number): number {
    const chunk = this.#rows.at(level.top) as Chunk;
    const sinceMs = chunk.since === undefined ? nowMs : (chunk.since[chunk.find(level.top)] as number);
    return level.priority + Math.max(0, Math.floor((nowMs - sinceMs) / this.#ageMs));
  }

  #levelOf(priority: number): Level {
    let level = this.#levels[priority];
    if (level === undefined) {
      level = new Level(priority, this.#rows);
      this.#levels[priority] = level;
      this.#ranked.push(level);
      this.#ranked.sort((a, b) => b.priority - a.priority);
    }
    return level;
  }

  /** Throws out what is no longer ready when there is more of it than of what waits. Asking does so too, where it looks. */
  #sweep(): void {
    this.#added = 0;
    let size = 0;
    for (const level of this.#ranked) size += level.size;
    if (size <= 2 * this.#rows.live + STALE_MAX) return;
    for (const level of this.#ranked) level.sweep();
  }
}
