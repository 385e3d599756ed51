/** Leases: who holds what until when. A row knows its lease's slot, and a slot its lease: arrays, not an object per taking. */

import type { Runs } from '../../model/engine.ts';
import { CHUNK, IN_FLIGHT, STATE_MASK } from './chunk.ts';
import { TimeHeap } from './heaps.ts';
import { IdTable } from './id-table.ts';
import type { Rows } from './rows.ts';
import { RunList } from './runs.ts';

/** A lease that takes again and again has its list of runs looked through when it grows past this. */
const RUNS_MAX = 32;
const STALE_MAX = 64;
/** Typed arrays of 64 bytes lie within their object. */
const SLOTS_MIN = 8;
const NO_FLOATS = new Float64Array(0);
const NO_WORDS = new Uint32Array(0);

/**
 * A *part* is what a slot stands for: messages of one lease id that end at one time. A lease is one part, or several after an extension
 * of only some of its messages. A part goes with the last message it holds.
 */
export class Leases {
  readonly #rows: Rows;
  /** From a lease's id to its first part. */
  readonly #byId = new IdTable();
  // By slot; slot 0 is never used.
  #ids = NO_FLOATS;
  #untilsMs = NO_FLOATS;
  /** Messages in flight under it. */
  #counts = NO_WORDS;
  /** Another part of the same id; of a free slot, another free one; 0 = none. */
  #nexts = NO_WORDS;
  /** All it holds lies from first to end, or in its runs when there are some; not all there is still held. */
  #firsts = NO_FLOATS;
  #ends = NO_FLOATS;
  readonly #runs = new Map<number, RunList>();
  #used = 1;
  #free = 0;
  #size = 0;
  /** (end, lease id); stale when the lease has no part that ends then. */
  readonly #deadlines = new TimeHeap();

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** Slot of the part of lease `id` that ends at `untilMs`, made if need be. `hold` must follow, or `release` with 0. */
  part(id: number, untilMs: number): number {
    const first = this.#byId.get(id);
    for (let slot = first; slot !== 0; slot = this.#nexts[slot] as number) if (this.#untilsMs[slot] === untilMs) return slot;
    let slot = this.#free;
    if (slot !== 0) this.#free = this.#nexts[slot] as number;
    else {
      slot = this.#used++;
      if (slot >= this.#ids.length) this.#resize(Math.max(SLOTS_MIN, slot * 2));
    }
    this.#ids[slot] = id;
    this.#untilsMs[slot] = untilMs;
    this.#counts[slot] = 0;
    this.#nexts[slot] = first;
    this.#firsts[slot] = 0;
    this.#ends[slot] = 0;
    this.#byId.set(id, slot);
    this.#size++;
    this.#schedule(untilMs, id);
    return slot;
  }

  idOf(slot: number): number {
    return this.#ids[slot] as number;
  }

  untilMsOf(slot: number): number {
    return this.#untilsMs[slot] as number;
  }

  countOf(slot: number): number {
    return this.#counts[slot] as number;
  }

  /** It holds `held` messages more, all among the `count` numbers from `first` on. */
  hold(slot: number, held: number, first: number, count: number): void {
    this.#counts[slot] = (this.#counts[slot] as number) + held;
    let runs = this.#runs.get(slot);
    if (runs === undefined) {
      const end = this.#ends[slot] as number;
      if (end === 0) this.#firsts[slot] = first;
      if (end === 0 || end === first) {
        this.#ends[slot] = first + count;
        return;
      }
      runs = this.#runsOf(slot);
      this.#runs.set(slot, runs);
    }
    runs.add(first, count);
    if (runs.size <= RUNS_MAX || runs.size <= 2 * this.countOf(slot)) return;
    const left = new RunList();
    this.#held(runs, (other) => other === slot, left);
    this.#runs.set(slot, left);
  }

  /** So many of its messages are no longer held by it. */
  release(slot: number, count: number): void {
    const left = (this.#counts[slot] as number) - count;
    this.#counts[slot] = left;
    if (left > 0) return;
    const id = this.#ids[slot] as number;
    const next = this.#nexts[slot] as number;
    let part = this.#byId.get(id);
    if (part !== slot) {
      while (this.#nexts[part] !== slot) part = this.#nexts[part] as number;
      this.#nexts[part] = next;
    } else if (next === 0) this.#byId.delete(id);
    else this.#byId.set(id, next);
    if (this.#runs.size > 0) this.#runs.delete(slot);
    this.#nexts[slot] = this.#free;
    this.#free = slot;
    this.#size--;
  }

  /** Moves the end of a whole lease, if this part is all of it; answers whether it did. */
  moveEnd(slot: number, untilMs: number): boolean {
    const id = this.idOf(slot);
    if (this.#nexts[slot] !== 0 || this.#byId.get(id) !== slot) return false;
    if (this.#untilsMs[slot] !== untilMs) {
      this.#untilsMs[slot] = untilMs;
      this.#schedule(untilMs, id);
    }
    return true;
  }

  /** What is in flight under a lease, ascending: of its parts those that end by `endedByMs`. */
  heldBy(id: number, endedByMs: number): Runs {
    const all = new RunList();
    for (let slot = this.#byId.get(id); slot !== 0; slot = this.#nexts[slot] as number) {
      if (this.untilMsOf(slot) <= endedByMs) all.addAll(this.#runs.get(slot) ?? this.#runsOf(slot));
    }
    const held = new RunList();
    this.#held(all, (slot) => this.#ids[slot] === id && this.untilMsOf(slot) <= endedByMs, held);
    return held.toRuns();
  }

  /** The earliest end of any lease; `Infinity` when none ends. */
  nextMs(): number {
    while (this.#deadlines.size > 0 && !this.#isTopTrue()) this.#deadlines.pop();
    return this.#deadlines.timeMs;
  }

  /** Ids of the leases of which at least a part is over, the earliest end first; at most `into.length`. */
  over(nowMs: number, into: Float64Array): number {
    const parts: [number, number][] = [];
    const seen = new Set<number>();
    while (seen.size < into.length && this.nextMs() <= nowMs && this.#deadlines.size > 0) {
      const { timeMs, number } = this.#deadlines;
      this.#deadlines.pop();
      const last = parts.at(-1);
      if (last?.[0] === timeMs && last[1] === number) continue;
      parts.push([timeMs, number]);
      if (!seen.has(number)) into[seen.size] = number;
      seen.add(number);
    }
    for (const [timeMs, id] of parts) this.#deadlines.push(timeMs, id);
    return seen.size;
  }

  #isTopTrue(): boolean {
    const { timeMs } = this.#deadlines;
    for (let slot = this.#byId.get(this.#deadlines.number); slot !== 0; slot = this.#nexts[slot] as number) {
      if (this.#untilsMs[slot] === timeMs) return true;
    }
    return false;
  }

  #schedule(untilMs: number, id: number): void {
    if (untilMs === Number.POSITIVE_INFINITY) return;
    this.#deadlines.push(untilMs, id);
    if (this.#deadlines.size <= 2 * this.#size + STALE_MAX) return;
    this.#deadlines.clear();
    for (let slot = 1; slot < this.#used; slot++) {
      const endMs = this.untilMsOf(slot);
      if (endMs < Number.POSITIVE_INFINITY && this.#isPart(slot)) this.#deadlines.push(endMs, this.idOf(slot));
    }
  }

  /** Whether the slot is in use. */
  #isPart(slot: number): boolean {
    let part = this.#byId.get(this.idOf(slot));
    while (part !== 0 && part !== slot) part = this.#nexts[part] as number;
    return part === slot;
  }

  #runsOf(slot: number): RunList {
    const first = this.#firsts[slot] as number;
    const runs = new RunList();
    runs.add(first, (this.#ends[slot] as number) - first);
    return runs;
  }

  #held(among: RunList, isWanted: (slot: number) => boolean, into: RunList): void {
    const runs = among.sorted();
    for (let r = 0; r < runs.length; r += 2) {
      const first = runs[r] as number;
      const end = first + (runs[r + 1] as number);
      for (let chunk = this.#rows.from(first); chunk !== undefined && chunk.base < end; chunk = this.#rows.from(chunk.base + CHUNK)) {
        const { lease, flags } = chunk;
        if (lease === undefined) continue;
        const to = chunk.rowFrom(end);
        for (let row = chunk.rowFrom(first); row < to; row++) {
          if (((flags[row] as number) & STATE_MASK) === IN_FLIGHT && isWanted(lease[row] as number)) into.add(chunk.numberAt(row), 1);
        }
      }
    }
  }

  #resize(slots: number): void {
    this.#ids = resized(this.#ids, new Float64Array(slots));
    this.#untilsMs = resized(this.#untilsMs, new Float64Array(slots));
    this.#counts = resized(this.#counts, new Uint32Array(slots));
    this.#nexts = resized(this.#nexts, new Uint32Array(slots));
    this.#firsts = resized(this.#firsts, new Float64Array(slots));
    this.#ends = resized(this.#ends, new Float64Array(slots));
  }
}

function resized<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
