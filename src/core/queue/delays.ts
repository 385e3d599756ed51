/** Messages that wait for their time: published with a delay, or back for a retry. */

import { DELAYED } from './chunk.ts';
import { TimeHeap } from './heaps.ts';
import type { Rows } from './rows.ts';

const STALE_MAX = 1024;

export class Delays {
  readonly #rows: Rows;
  /** (due, number). A message is in it once, or, when it was settled meanwhile, stale. */
  readonly #heap = new TimeHeap();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  add(number: number, dueMs: number): void {
    if (this.#heap.size > 2 * this.#rows.live + STALE_MAX) this.#heap.filter((_, waiting) => this.#rows.stateOf(waiting) === DELAYED);
    this.#heap.push(dueMs, number);
  }

  /** When the next is due; `Infinity` when none waits. */
  nextMs(): number {
    while (this.#heap.size > 0 && this.#rows.stateOf(this.#heap.number) !== DELAYED) this.#heap.pop();
    return this.#heap.timeMs;
  }

  /** Takes out the next that is due, the earliest first; -1 when there is none. */
  take(nowMs: number): number {
    if (this.nextMs() > nowMs) return -1;
    const { number } = this.#heap;
    this.#heap.pop();
    return number;
  }

  /** Every delayed message with its time, in no order. */
  each(visit: (number: number, dueMs: number) => void): void {
    this.#heap.each((dueMs, number) => {
      if (this.#rows.stateOf(number) === DELAYED) visit(number, dueMs);
    });
  }
}
