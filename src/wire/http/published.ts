/** What a publisher is told: where its messages went, for one message, a batch, or a stream of batches. */

import type { Published } from '../../model/engine.ts';

/** Messages next to each other in one partition, both ends included. */
export interface OffsetRange {
  readonly partition: number;
  readonly first: number;
  readonly last: number;
}

export interface PublishedAnswer {
  /** How many messages were taken. */
  readonly count: number;
  /** How many queues and partitions took the (last) batch. 0: nothing was bound. */
  readonly routed: number;
  /** How many were known already, by dedup id, and not stored again. */
  readonly duplicates?: number;
  /** Of a single message, when there is a topic of the address's name. */
  readonly partition?: number;
  readonly offset?: number;
  /** Of several; empty when there would be more than 10,000 ranges. */
  readonly offsets?: readonly OffsetRange[];
}

/** Adds up what engines answer, batch after batch. */
export class Tally {
  #count = 0;
  #routed = 0;
  #duplicates = 0;
  readonly #ranges = new Map<number, { partition: number; first: number; last: number }[]>();
  /** Offsets in a partition that others write to as well are many short ranges; beyond this many they are not told. */
  static readonly RANGES_MAX: number = 10_000;
  #ranged = 0;

  get count(): number {
    return this.#count;
  }

  /** Messages `from .. to` of a batch that an engine has confirmed. */
  add(published: Published, from: number, to: number): void {
    this.#count += to - from;
    this.#routed = published.routed;
    const { partitions, offsets, duplicates } = published;
    for (let i = from; i < to; i++) {
      if (duplicates !== undefined && ((duplicates[i >> 3] ?? 0) & (1 << (i & 7))) !== 0) this.#duplicates += 1;
      else if (partitions !== undefined && offsets !== undefined) this.#place(partitions[i] ?? 0, offsets[i] ?? 0);
    }
  }

  answer(): PublishedAnswer {
    const offsets = [...this.#ranges.values()].flat().sort((a, b) => a.partition - b.partition || a.first - b.first);
    const [only] = offsets;
    return {
      count: this.#count,
      routed: this.#routed,
      ...(this.#duplicates > 0 ? { duplicates: this.#duplicates } : {}),
      ...(this.#count === 1 && only !== undefined ? { partition: only.partition, offset: only.first } : {}),
      ...(this.#count !== 1 && offsets.length > 0 ? { offsets: this.#ranged > Tally.RANGES_MAX ? [] : offsets } : {}),
    };
  }

  #place(partition: number, offset: number): void {
    const ranges = this.#ranges.get(partition);
    const last = ranges?.at(-1);
    if (last !== undefined && last.last + 1 === offset) {
      last.last = offset;
      return;
    }
    this.#ranged += 1;
    if (this.#ranged > Tally.RANGES_MAX) return;
    const range = { partition, first: offset, last: offset };
    if (ranges === undefined) this.#ranges.set(partition, [range]);
    else ranges.push(range);
  }
}
