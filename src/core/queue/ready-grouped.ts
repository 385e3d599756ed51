/**
 * Grouped queues: of each group only the first unsettled message is deliverable, so one at a time is in flight, and a first message that
 * was returned, or is delayed, keeps its group waiting. Only first messages stand in the lines, so picking never looks at blocked ones.
 * A message without a group waits for nobody.
 */

import { CHUNK, type Chunk, LISTED, READY, SETTLED, STATE_MASK } from './chunk.ts';
import type { ReadyOrder } from './ready.ts';
import type { ReadyPriority } from './ready-priority.ts';
import type { Rows } from './rows.ts';

/** So many numbers more than twice those unsettled may stand in a group's list. */
const STALE_MAX = 16;

interface Group {
  readonly name: string;
  /** Ascending from `head` on: all its unsettled messages, the first of them at `head`, and some that were settled before their turn. */
  numbers: number[];
  head: number;
  live: number;
}

export class ReadyGrouped implements ReadyOrder {
  readonly #rows: Rows;
  readonly #lines: ReadyPriority;
  readonly #byName = new Map<string, number>();
  /** By slot, as the rows keep it; slot 0 is "none". */
  readonly #groups: (Group | undefined)[] = [undefined];
  readonly #free: number[] = [];

  constructor(rows: Rows, lines: ReadyPriority) {
    this.#rows = rows;
    this.#lines = lines;
  }

  /** A new message belongs to the group of this name. Before it is added. */
  join(name: string, number: number, chunk: Chunk, row: number): void {
    let slot = this.#byName.get(name);
    if (slot === undefined) {
      slot = this.#free.pop() ?? this.#groups.length;
      this.#groups[slot] = { name, numbers: [], head: 0, live: 0 };
      this.#byName.set(name, slot);
    }
    const group = this.#groups[slot] as Group;
    if (group.numbers.length - group.head > 2 * group.live + STALE_MAX) this.#sweep(group);
    group.numbers.push(number);
    group.live++;
    chunk.groups()[row] = slot;
  }

  nameOf(slot: number): string | undefined {
    return this.#groups[slot]?.name;
  }

  add(number: number, chunk: Chunk, row: number): void {
    const slot = chunk.group === undefined ? 0 : (chunk.group[row] as number);
    const group = this.#groups[slot];
    if (group === undefined || group.numbers[group.head] === number) this.#lines.add(number, chunk, row);
  }

  /** A message of the group in this slot was settled: was it the first, the next one has its turn. */
  leave(slot: number, number: number): void {
    const group = this.#groups[slot];
    if (group === undefined) return;
    if (--group.live === 0) {
      this.#groups[slot] = undefined;
      this.#byName.delete(group.name);
      this.#free.push(slot);
      return;
    }
    if (group.numbers[group.head] !== number) return;
    while (this.#rows.stateOf(group.numbers[group.head] as number) === SETTLED) group.head++;
    if (group.head > STALE_MAX && group.head * 2 > group.numbers.length) {
      group.numbers.splice(0, group.head);
      group.head = 0;
    }
    const first = group.numbers[group.head] as number;
    const chunk = this.#rows.at(first) as Chunk;
    const row = chunk.find(first);
    if (((chunk.flags[row] as number) & (STATE_MASK | LISTED)) === READY) this.#lines.add(first, chunk, row);
  }

  next(nowMs: number, countMax: number, take: Float64Array): number {
    return this.#lines.next(nowMs, countMax, take);
  }

  /**
   * The oldest ready ones, whether their group lets them through or not: all of them count towards the limit. Looks through what is in
   * flight or delayed before them.
   */
  heads(countMax: number, into: Float64Array): number {
    const rows = this.#rows;
    const max = Math.min(countMax, into.length);
    let count = 0;
    for (let chunk = rows.from(rows.oldest); chunk !== undefined && count < max; chunk = rows.from(chunk.base + CHUNK)) {
      for (let row = 0; row < chunk.used && count < max; row++) {
        if (((chunk.flags[row] as number) & STATE_MASK) === READY) into[count++] = chunk.numberAt(row);
      }
    }
    return count;
  }

  #sweep(group: Group): void {
    group.numbers = group.numbers.filter((number, i) => i >= group.head && this.#rows.stateOf(number) !== SETTLED);
    group.head = 0;
  }
}
