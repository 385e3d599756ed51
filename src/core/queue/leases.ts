/** Leases: who holds what until when. One object per taking, and in each row only the lease's slot. */

import type { Runs } from '../../model/engine.ts';
import { CHUNK, IN_FLIGHT, STATE_MASK } from './chunk.ts';
import { TimeHeap } from './heaps.ts';
import type { Rows } from './rows.ts';
import { RunList } from './runs.ts';

/** A lease that takes again and again has its list of runs looked through when it grows past this. */
const RUNS_MAX = 32;
const STALE_MAX = 64;

/** Messages of one lease id that end at one time. An extension of only some of a lease's messages makes it two of the same id. */
export interface Lease {
  readonly id: number;
  untilMs: number;
  readonly slot: number;
  /** Messages in flight under it. It goes with the last. */
  count: number;
  /** All it holds lies in these; not all in these is still held. */
  runs: RunList;
  /** Another part of the same id. */
  next: Lease | undefined;
}

export class Leases {
  readonly #rows: Rows;
  readonly #byId = new Map<number, Lease>();
  /** By slot; slot 0 is never used. */
  readonly #slots: (Lease | undefined)[] = [undefined];
  readonly #free: number[] = [];
  #size = 0;
  /** (end, lease id); stale when the lease has no part that ends then. */
  readonly #ends = new TimeHeap();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** The part of lease `id` that ends at `untilMs`, made if need be. Give it messages at once, or `release` it with 0. */
  part(id: number, untilMs: number): Lease {
    const first = this.#byId.get(id);
    for (let part = first; part !== undefined; part = part.next) if (part.untilMs === untilMs) return part;
    const slot = this.#free.pop() ?? this.#slots.length;
    const lease: Lease = { id, untilMs, slot, count: 0, runs: new RunList(), next: first };
    this.#slots[slot] = lease;
    this.#byId.set(id, lease);
    this.#size++;
    this.#schedule(untilMs, id);
    return lease;
  }

  at(slot: number): Lease {
    const lease = this.#slots[slot];
    if (lease === undefined)
      throw new Error(`No lease has slot ${slot}: the rows of this queue and its leases do not agree. Report this as a bug.`);
    return lease;
  }

  /** The numbers from `first` on, `count` of them at most, are (partly) held by it now. */
  hold(lease: Lease, first: number, count: number): void {
    lease.runs.add(first, count);
    if (lease.runs.size <= RUNS_MAX || lease.runs.size <= 2 * lease.count) return;
    const left = new RunList();
    this.#held(lease.runs, (held) => held === lease, left);
    lease.runs = left;
  }

  /** So many of its messages are no longer held by it. */
  release(lease: Lease, count: number): void {
    lease.count -= count;
    if (lease.count > 0) return;
    this.#slots[lease.slot] = undefined;
    this.#free.push(lease.slot);
    this.#size--;
    const first = this.#byId.get(lease.id);
    if (first === lease) {
      if (lease.next === undefined) this.#byId.delete(lease.id);
      else this.#byId.set(lease.id, lease.next);
      return;
    }
    let part = first;
    while (part !== undefined && part.next !== lease) part = part.next;
    if (part !== undefined) part.next = lease.next;
  }

  /** Moves the end of a whole lease, if nothing but `lease` bears its id; answers whether it did. */
  moveEnd(lease: Lease, untilMs: number): boolean {
    if (lease.next !== undefined || this.#byId.get(lease.id) !== lease) return false;
    if (lease.untilMs !== untilMs) {
      lease.untilMs = untilMs;
      this.#schedule(untilMs, lease.id);
    }
    return true;
  }

  /** What is in flight under a lease, ascending: of its parts those that end by `endedByMs`. */
  heldBy(id: number, endedByMs: number): Runs {
    const all = new RunList();
    for (let part = this.#byId.get(id); part !== undefined; part = part.next) {
      if (part.untilMs > endedByMs) continue;
      const runs = part.runs.toRuns();
      for (let r = 0; r < runs.length; r += 2) all.add(runs[r] as number, runs[r + 1] as number);
    }
    const held = new RunList();
    this.#held(all, (lease) => lease.id === id && lease.untilMs <= endedByMs, held);
    return held.toRuns();
  }

  /** The earliest end of any lease; `Infinity` when none ends. */
  nextMs(): number {
    while (this.#ends.size > 0 && !this.#isTopTrue()) this.#ends.pop();
    return this.#ends.timeMs;
  }

  /** Ids of the leases of which at least a part is over, the earliest end first; at most `into.length`. */
  over(nowMs: number, into: Float64Array): number {
    const parts: [number, number][] = [];
    const seen = new Set<number>();
    while (seen.size < into.length && this.nextMs() <= nowMs) {
      const { timeMs, number } = this.#ends;
      this.#ends.pop();
      const last = parts.at(-1);
      if (last?.[0] === timeMs && last[1] === number) continue;
      parts.push([timeMs, number]);
      if (!seen.has(number)) into[seen.size] = number;
      seen.add(number);
    }
    for (const [timeMs, id] of parts) this.#ends.push(timeMs, id);
    return seen.size;
  }

  #isTopTrue(): boolean {
    const { timeMs } = this.#ends;
    for (let part = this.#byId.get(this.#ends.number); part !== undefined; part = part.next) if (part.untilMs === timeMs) return true;
    return false;
  }

  #schedule(untilMs: number, id: number): void {
    if (untilMs === Number.POSITIVE_INFINITY) return;
    if (this.#ends.size > 2 * this.#size + STALE_MAX) {
      this.#ends.clear();
      for (const lease of this.#slots)
        if (lease !== undefined && lease.untilMs < Number.POSITIVE_INFINITY) this.#ends.push(lease.untilMs, lease.id);
      return;
    }
    this.#ends.push(untilMs, id);
  }

  #held(among: RunList, isWanted: (lease: Lease) => boolean, into: RunList): void {
    const runs = among.sorted();
    for (let r = 0; r < runs.length; r += 2) {
      const first = runs[r] as number;
      const end = first + (runs[r + 1] as number);
      for (let chunk = this.#rows.from(first); chunk !== undefined && chunk.base < end; chunk = this.#rows.from(chunk.base + CHUNK)) {
        const { lease, flags } = chunk;
        if (lease === undefined) continue;
        const to = chunk.rowFrom(end);
        for (let row = chunk.rowFrom(first); row < to; row++) {
          if (((flags[row] as number) & STATE_MASK) !== IN_FLIGHT || !isWanted(this.at(lease[row] as number))) continue;
          into.add(chunk.numberAt(row), 1);
        }
      }
    }
  }
}
