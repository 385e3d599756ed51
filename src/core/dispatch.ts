/** Who gets what: takers of a queue served in turn, by priority, within their credit. Pure but for the takers' own counters. */

import type { Entry } from './entry.ts';
import type { Queue } from './queue/queue.ts';
import { runsOf } from './settle.ts';

/** A live consumer, or one waiting `receive`. Dies with the process; never journaled. */
export interface Taker {
  readonly id: number;
  readonly queue: Queue;
  readonly priority: number;
  readonly exclusive: boolean;
  /** How long it may hold a message; Infinity = while it lives. */
  readonly leaseMs: number;
  /** How many more it may hold. */
  room: number;
  /** Takes one time only (a waiting `receive`), however much room is left. */
  readonly once: boolean;
}

/** Messages given to a taker. */
export interface Taking<T extends Taker> {
  readonly taker: T;
  readonly lease: number;
  readonly numbers: Float64Array;
}

/** One taker gets at most this many before the next has its turn. */
const TURN_MAX = 256;

/** The takers of one queue, highest priority first, and whose turn it is. */
export class Takers<T extends Taker> {
  readonly #takers: T[] = [];
  #turn = 0;
  /** What each gets in this round, and how many have not had it. */
  #share = 0;
  #left = 0;

  get count(): number {
    return this.#takers.length;
  }

  all(): readonly T[] {
    return this.#takers;
  }

  /** `inOrder`: by arrival only, as a single active consumer is never pushed aside. */
  add(taker: T, inOrder: boolean): void {
    let at = this.#takers.length;
    while (!inOrder && at > 0 && (this.#takers[at - 1]?.priority ?? 0) < taker.priority) at--;
    this.#takers.splice(at, 0, taker);
  }

  remove(taker: T): boolean {
    const at = this.#takers.indexOf(taker);
    if (at < 0) return false;
    this.#takers.splice(at, 1);
    if (at < this.#turn) this.#turn--;
    return true;
  }

  /** The next one with room: the highest priority that has any, in turn among equals. */
  next(singleActive: boolean): T | undefined {
    const takers = this.#takers;
    if (singleActive) return takers[0] !== undefined && takers[0].room > 0 ? takers[0] : undefined;
    for (let from = 0; from < takers.length; ) {
      const priority = takers[from]?.priority;
      let to = from;
      while (to < takers.length && takers[to]?.priority === priority) to++;
      const size = to - from;
      for (let k = 0; k < size; k++) {
        const at = from + ((this.#turn + k) % size);
        const taker = takers[at];
        if (taker !== undefined && taker.room > 0) {
          this.#turn = (at - from + 1) % size;
          return taker;
        }
      }
      from = to;
    }
    return undefined;
  }

  /** An even part of what waits when a round begins: the same for all, or who comes first would get most. */
  share(ready: number): number {
    if (this.#left === 0) {
      this.#left = Math.max(1, this.#withRoom());
      this.#share = Math.ceil(ready / this.#left);
    }
    this.#left--;
    return this.#share;
  }

  endRound(): void {
    this.#left = 0;
  }

  #withRoom(): number {
    let count = 0;
    for (const taker of this.#takers) if (taker.room > 0) count++;
    return count;
  }
}

const scratch = new Float64Array(TURN_MAX);

/** What the next turn of a queue gives: messages to a taker, and those that have had all their attempts. */
export interface Turn<T extends Taker> {
  readonly entry: Entry | undefined;
  readonly taking: Taking<T> | undefined;
  /** Came back by a crash after their last attempt: they are over, not delivered again. */
  readonly spent: readonly number[];
}

/**
 * Decides the next turn of this queue, or undefined when there is nothing to give or nobody to give it to. What has expired since `asOfMs`
 * is still given. What it decided must be done before it is called again.
 */
export function decideTurn<T extends Taker>(
  queue: Queue,
  takers: Takers<T>,
  nowMs: number,
  lease: number,
  asOfMs: number = nowMs,
): Turn<T> | undefined {
  const single = queue.spec.singleActiveConsumer === true;
  const taker = queue.ready === 0 ? undefined : takers.next(single);
  if (taker === undefined) {
    takers.endRound();
    return undefined;
  }
  const share = single || takers.count === 1 ? TURN_MAX : takers.share(queue.ready);
  const count = queue.next(asOfMs, Math.min(TURN_MAX, taker.room, share), scratch);
  if (count === 0) {
    takers.endRound();
    return undefined;
  }
  const attemptsMax = queue.spec.retry?.attempts;
  const found = scratch.slice(0, count);
  const numbers = attemptsMax === undefined ? found : found.filter((n) => queue.attempts(n) < attemptsMax);
  const spent = attemptsMax === undefined ? NONE : [...found.filter((n) => queue.attempts(n) >= attemptsMax)];
  if (numbers.length === 0) return { entry: undefined, taking: undefined, spent };
  taker.room = taker.once ? 0 : taker.room - numbers.length;
  const entry: Entry = { kind: 'leased', queue: queue.id, lease, untilMs: nowMs + taker.leaseMs, runs: runsOf(numbers) };
  return { entry, taking: { taker, lease, numbers }, spent };
}

const NONE: readonly number[] = [];
