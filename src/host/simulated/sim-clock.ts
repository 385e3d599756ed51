/** Time that stands still until someone turns it, and then jumps from one due callback to the next. */

import type { Clock } from '../clock.ts';

interface Due {
  readonly atMs: number;
  /** Order of asking: decides between callbacks due at the same time. */
  readonly turn: number;
  fn: (() => void) | undefined;
}

export interface SimClockOptions {
  /** Wall time at the start. Default: 2026-01-01. */
  readonly wallMs?: number;
}

/** Every so many callbacks the real event loop gets a turn, so that a test's time limit and Ctrl-C still work. */
const BREATH = 4096;

export class SimClock implements Clock {
  /** A binary heap, soonest first. */
  readonly #due: Due[] = [];
  #turn = 0;
  #cancelled = 0;
  #nowMs = 0;
  #wallOffsetMs: number;
  #fired = 0;

  constructor(options: SimClockOptions = {}) {
    this.#wallOffsetMs = options.wallMs ?? Date.UTC(2026, 0, 1);
  }

  wallMs(): number {
    return Math.floor(this.#nowMs + this.#wallOffsetMs);
  }

  /** Starts at 0. */
  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, fn: () => void): () => void {
    const due: Due = { atMs: this.#nowMs + Math.max(0, delayMs), turn: this.#turn++, fn };
    if (due.atMs !== Number.POSITIVE_INFINITY) this.#push(due);
    return () => {
      if (due.fn === undefined) return;
      due.fn = undefined;
      if (++this.#cancelled > 1024 && this.#cancelled > this.#due.length / 2) this.#sweep();
    };
  }

  soon(fn: () => void): void {
    this.#push({ atMs: this.#nowMs, turn: this.#turn++, fn });
  }

  /** Simulated processes do not end by themselves. */
  stay(): () => void {
    return () => {};
  }

  /** Moves the wall clock alone, either way: what an operator or NTP does. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** When the next callback is due, on the monotonic line; `undefined` when nothing waits. */
  get nextMs(): number | undefined {
    return this.#peek()?.atMs;
  }

  /** Fires the next callback and lets every promise that follows from it settle. False: nothing waits. */
  async step(): Promise<boolean> {
    await settled();
    const next = this.#peek();
    if (next === undefined) return false;
    await this.#fire(next);
    return true;
  }

  /** Fires what is due up to `untilMs` (monotonic) and stands there; without it, until nothing waits, which with a repeating timer is never. */
  async run(untilMs: number = Number.POSITIVE_INFINITY): Promise<void> {
    await settled();
    for (let next = this.#peek(); next !== undefined && next.atMs <= untilMs; next = this.#peek()) await this.#fire(next);
    if (untilMs !== Number.POSITIVE_INFINITY) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** `run` for so much longer. */
  advance(ms: number): Promise<void> {
    return this.run(this.#nowMs + ms);
  }

  /** Fires until `condition` holds. False: it never did, because nothing waits any more or `untilMs` (monotonic) was reached. */
  async runUntil(condition: () => boolean, untilMs: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    await settled();
    while (!condition()) {
      const next = this.#peek();
      if (next === undefined || next.atMs > untilMs) return false;
      await this.#fire(next);
    }
    return true;
  }

  /** Runs until the promise settles, and is what it is. Rejects when nothing is left that could settle it. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    const over = () => {
      done = true;
    };
    promise.then(over, over);
    if (await this.runUntil(() => done)) return promise;
    throw new Error(`At ${this.#nowMs} ms of simulated time nothing waits any more, and the promise is still not settled.`);
  }

  /** A view for one process: `kill` and none of its callbacks ever fires again, as after kill -9. */
  process(): { readonly clock: Clock; kill(): void } {
    let alive = true;
    const guarded = (fn: () => void) => () => {
      if (alive) fn();
    };
    const clock: Clock = {
      wallMs: () => this.wallMs(),
      monotonicMs: () => this.monotonicMs(),
      after: (delayMs, fn) => this.after(delayMs, guarded(fn)),
      soon: (fn) => this.soon(guarded(fn)),
      stay: () => this.stay(),
    };
    return {
      clock,
      kill: () => {
        alive = false;
      },
    };
  }

  async #fire(next: Due): Promise<void> {
    this.#pop();
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    const fn = next.fn;
    next.fn = undefined;
    fn?.();
    if (++this.#fired % BREATH === 0) await new Promise<void>((done) => setImmediate(done));
    await settled();
  }

  #peek(): Due | undefined {
    let first = this.#due[0];
    while (first !== undefined && first.fn === undefined) {
      this.#pop();
      this.#cancelled--;
      first = this.#due[0];
    }
    return first;
  }

  #push(due: Due): void {
    const heap = this.#due;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Due;
      if (!before(due, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#due;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (!before(heap[child] as Due, last)) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
  }

  /** Timers that are set and cancelled all day must not fill the heap. */
  #sweep(): void {
    const live = this.#due.filter((due) => due.fn !== undefined);
    this.#due.length = 0;
    this.#cancelled = 0;
    for (const due of live) this.#push(due);
  }
}

function before(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.turn < b.turn);
}

/**
 * Resolves when all promises that can settle without time passing have settled: Node runs ticks only when the queue of microtasks is
 * empty. Code that uses `process.nextTick` or `setImmediate` itself is not waited for; it has no business in a simulation.
 */
function settled(): Promise<void> {
  return Promise.resolve().then(() => new Promise((done) => process.nextTick(done)));
}
