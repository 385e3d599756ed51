/** When each queue next has something to do by the clock: a heap of times behind one timer. */

import type { Queue } from '../core/core.ts';
import type { Clock } from '../host/clock.ts';

interface Alarm {
  readonly atMs: number;
  readonly queue: Queue;
}

export class Alarms {
  readonly #clock: Clock;
  readonly #nowMs: () => number;
  readonly #ring: (queue: Queue) => void;
  readonly #heap: Alarm[] = [];
  /** The earliest alarm of each queue; later ones in the heap are stale. */
  readonly #next = new Map<Queue, number>();
  #cancel: (() => void) | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, nowMs: () => number, ring: (queue: Queue) => void) {
    this.#clock = clock;
    this.#nowMs = nowMs;
    this.#ring = ring;
  }

  /** The queue wants to be rung at this time; Infinity = not at all. */
  set(queue: Queue, atMs: number): void {
    if ((this.#next.get(queue) ?? Number.POSITIVE_INFINITY) === atMs) return;
    if (atMs === Number.POSITIVE_INFINITY) {
      this.#next.delete(queue);
      return;
    }
    this.#next.set(queue, atMs);
    this.#push({ atMs, queue });
    this.#arm();
  }

  forget(queue: Queue): void {
    this.#next.delete(queue);
  }

  stop(): void {
    this.#cancel?.();
    this.#next.clear();
    this.#heap.length = 0;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#cancel = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const now = this.#nowMs();
    for (let top = this.#heap[0]; top !== undefined && top.atMs <= now; top = this.#heap[0]) {
      this.#pop();
      if (this.#next.get(top.queue) !== top.atMs) continue;
      this.#next.delete(top.queue);
      this.#ring(top.queue);
    }
    this.#arm();
  }

  #arm(): void {
    for (let top = this.#heap[0]; top !== undefined && this.#next.get(top.queue) !== top.atMs; top = this.#heap[0]) this.#pop();
    const top = this.#heap[0];
    if (top === undefined || top.atMs >= this.#timerAtMs) return;
    this.#cancel?.();
    this.#timerAtMs = top.atMs;
    this.#cancel = this.#clock.after(Math.max(0, top.atMs - this.#nowMs()), () => this.#fire());
  }

  #push(alarm: Alarm): void {
    const heap = this.#heap;
    let i = heap.push(alarm) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.atMs <= alarm.atMs) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = alarm;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right.atMs < left.atMs) child++;
      const smaller = heap[child];
      if (smaller === undefined || smaller.atMs >= last.atMs) break;
      heap[i] = smaller;
      i = child;
    }
    heap[i] = last;
  }
}
