/** Messages that wait for their time: published with a delay, or back for a retry. */

import { DELAYED } from './chunk.ts';
import { TimeHeap } from './heaps.ts';
import type { Rows } from './rows.ts';

/** More than twice those unsettled, and this many: each addition looks at a few others and throws out what is stale. */
const STALE_MAX = 1024;
const SWEEP = 8;
/** So many stale ones are taken off the top in one asking for the next time, not to stop the house when a great many were settled. */
const SKIP_MAX = 1024;

export class Delays {
  readonly #rows: Rows;
  /** (due, number). A message is in it once, or, when it was settled meanwhile, stale. */
  readonly #heap = new TimeHeap();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  add(number: number, dueMs: number): void {
    if (this.#heap.size > 2 * this.#rows.live + STALE_MAX) this.#heap.sweep(SWEEP, (_, waiting) => this.#rows.stateOf(waiting) === DELAYED);
    this.#heap.push(dueMs, number);
  }

  /** When the next is due, or, while there is much to clear away, earlier; `Infinity` when none waits. */
  nextMs(): number {
    for (let i = 0; i < SKIP_MAX && this.#heap.size > 0 && this.#rows.stateOf(this.#heap.number) !== DELAYED; i++) this.#heap.pop();
    return this.#heap.timeMs;
  }

  /** Takes out the next that is due, the earliest first; -1 when there is none. */
  take(nowMs: number): number {
    while (this.#heap.size > 0 && this.#heap.timeMs <= nowMs) {
      const { number } = this.#heap;
      this.#heap.pop();
      if (this.#rows.stateOf(number) === DELAYED) return number;
    }
    return -1;
  }

  /** Every delayed message with its time, in no order. */
  each(visit: (number: number, dueMs: number) => void): void {
    this.#heap.each((dueMs, number) => {
      if (this.#rows.stateOf(number) === DELAYED) visit(number, dueMs);
    });
  }
}
