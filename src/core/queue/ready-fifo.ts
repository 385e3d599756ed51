/** Plain queues: ready messages in the order of their numbers, returned ones in their place. */

import { CHUNK, type Chunk, LISTED, READY, SETTLED, STATE_MASK } from './chunk.ts';
import { NumberHeap } from './heaps.ts';
import type { ReadyOrder } from './ready.ts';
import type { Rows } from './rows.ts';

/** More entries in the heap than twice the messages waiting, and this many: time to throw out what is no longer ready. */
const STALE_MAX = 1024;

export class ReadyFifo implements ReadyOrder {
  readonly #rows: Rows;
  /** Every ready message before it is in `#back`. Moves on over what is not ready, so each row is passed once. */
  #head = 0;
  readonly #back = new NumberHeap();
  readonly #aside: number[] = [];

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  add(number: number, chunk: Chunk, row: number): void {
    if (number >= this.#head) return;
    if (this.#back.size > 2 * this.#rows.live + STALE_MAX) this.#sweep();
    chunk.flags[row] = (chunk.flags[row] as number) | LISTED;
    this.#back.push(number);
  }

  next(nowMs: number, countMax: number, take: Float64Array): number {
    const max = Math.min(countMax, take.length);
    const count = this.#back.size === 0 ? 0 : this.#returned(nowMs, max, take);
    return count < max ? this.#onward(nowMs, count, max, take) : count;
  }

  heads(countMax: number, into: Float64Array): number {
    return this.next(Number.NEGATIVE_INFINITY, countMax, into);
  }

  /** Those that came back stand before the head, so they go first. What is no longer ready leaves the heap. */
  #returned(nowMs: number, max: number, take: Float64Array): number {
    const aside = this.#aside;
    let count = 0;
    while (count < max) {
      const number = this.#back.pop();
      if (number === undefined) break;
      const chunk = this.#rows.at(number);
      const row = chunk === undefined ? -1 : chunk.find(number);
      if (chunk === undefined || row < 0) continue;
      const flags = chunk.flags[row] as number;
      if ((flags & STATE_MASK) !== READY) {
        chunk.flags[row] = flags & ~LISTED;
        continue;
      }
      aside.push(number);
      if (chunk.expiresAt(row) >= nowMs) take[count++] = number;
    }
    for (const number of aside) this.#back.push(number);
    aside.length = 0;
    return count;
  }

  #onward(nowMs: number, found: number, max: number, take: Float64Array): number {
    const rows = this.#rows;
    let count = found;
    let first = -1;
    let from = this.#head;
    for (let chunk = rows.from(from); chunk !== undefined && count < max; chunk = rows.from(from)) {
      const { flags, expires, used } = chunk;
      for (let row = chunk.rowFrom(from); row < used && count < max; row++) {
        if (((flags[row] as number) & STATE_MASK) !== READY) continue;
        const number = chunk.numberAt(row);
        if (first < 0) first = number;
        if (expires === undefined || (expires[row] as number) >= nowMs) take[count++] = number;
      }
      from = chunk.base + CHUNK;
    }
    this.#head = first < 0 ? rows.tail : first;
    return count;
  }

  #sweep(): void {
    this.#back.filter((number) => {
      const chunk = this.#rows.at(number);
      const row = chunk === undefined ? -1 : chunk.find(number);
      if (chunk === undefined || row < 0) return false;
      const flags = chunk.flags[row] as number;
      if ((flags & STATE_MASK) === READY) return true;
      if ((flags & STATE_MASK) !== SETTLED) chunk.flags[row] = flags & ~LISTED;
      return false;
    });
  }
}
