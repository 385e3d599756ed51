/**
 * The list of one-shot callbacks of a record: appended to by any thread, walked by the one that runs the event, closed when it has
 * run them all.
 *
 * ```
 *  record ─▶ node 12 ─▶ node 3 ─▶ EMPTY (stamp)      to append: compare-and-swap EMPTY by a link
 *                                 CLOSED (stamp)     to close:  compare-and-swap EMPTY by CLOSED
 * ```
 *
 * Both go for the same word, so either the runner sees the callback or who registers it sees that the event is finished. Then it swaps
 * CLOSED by its link and has the event run on from there. The stamp says for which use of which record the end is meant: an end seen
 * long ago fits nothing later.
 */

import { life, TAKEN } from './life.ts';
import { GEN, INDEX_MASK, LIFE } from './memory.ts';

const FORM_SHIFT = 30;
const STAMP_MASK: number = (1 << FORM_SHIFT) - 1;
const FORM_EMPTY = 0;
const FORM_LINK = 1;
const FORM_CLOSED = 2;
const FORM_DEAD = 3;
/** How many bits of a record's count of uses go into its stamp, above them its number's lowest 20. */
const GEN_BITS = 10;

export const APPENDED = 0;
export const REOPENED = 1;
/** The record is another by now. */
export const GONE = 2;

export function stampOf(record: number, gen: number): number {
  return ((record << GEN_BITS) | (gen & ((1 << GEN_BITS) - 1))) & STAMP_MASK;
}

/** The record that a stamp is for. */
export function recordOf(stamp: number): number {
  return stamp >>> GEN_BITS;
}

export function emptyEnd(stamp: number): number {
  return (FORM_EMPTY << FORM_SHIFT) | stamp;
}

export function closedEnd(stamp: number): number {
  return (FORM_CLOSED << FORM_SHIFT) | stamp;
}

export function linkTo(node: number): number {
  return (FORM_LINK << FORM_SHIFT) | node;
}

export function isLink(word: number): boolean {
  return word >>> FORM_SHIFT === FORM_LINK;
}

export function nodeOf(word: number): number {
  return word & INDEX_MASK;
}

/** The lists of a queue. `first` and `next`: the word of the link in a record and in a node. */
export class Lists {
  readonly #words: Int32Array;
  readonly #records: { base: number; stride: number };
  readonly #nodes: { base: number; stride: number };
  readonly #first: number;
  readonly #next: number;

  constructor(
    words: Int32Array,
    records: { base: number; stride: number },
    nodes: { base: number; stride: number },
    first: number,
    next: number,
  ) {
    this.#words = words;
    this.#records = records;
    this.#nodes = nodes;
    this.#first = first;
    this.#next = next;
  }

  /** The list of a record that was just taken: empty, or of one node. */
  begin(record: number, node: number): void {
    const words = this.#words;
    const at = this.#records.base + record * this.#records.stride;
    const end = emptyEnd(stampOf(record, words[at + GEN] as number));
    words[at + this.#first] = node === 0 ? end : linkTo(node);
    if (node !== 0) words[this.#nodes.base + node * this.#nodes.stride + this.#next] = end;
  }

  /** Adds a node behind all others. */
  append(record: number, stamp: number, node: number): number {
    const words = this.#words;
    const empty = emptyEnd(stamp);
    const closed = closedEnd(stamp);
    words[this.#nodes.base + node * this.#nodes.stride + this.#next] = empty;
    let at = this.#records.base + record * this.#records.stride + this.#first;
    let seen = words[at] as number;
    for (;;) {
      if (isLink(seen)) {
        at = this.#nodes.base + nodeOf(seen) * this.#nodes.stride + this.#next;
        seen = words[at] as number;
      } else if (seen === empty || seen === closed) {
        const found = Atomics.compareExchange(words, at, seen, linkTo(node));
        if (found === seen) return seen === empty ? APPENDED : REOPENED;
        seen = found;
      } else {
        return GONE;
      }
    }
  }

  /** The node behind `after` (0: the first), 0 when that seems to be the last: `close` knows. */
  next(record: number, after: number): number {
    const seen = this.#words[this.#endOf(record, after)] as number;
    return isLink(seen) ? nodeOf(seen) : 0;
  }

  /** The last node, as far as can be seen; 0 when there is none. */
  last(record: number): number {
    let last = 0;
    for (let node = this.next(record, 0); node !== 0; node = this.next(record, node)) last = node;
    return last;
  }

  /** True when there is surely a node behind `after`. */
  hasMore(record: number, after: number): boolean {
    return isLink(Atomics.load(this.#words, this.#endOf(record, after)));
  }

  /** Closes the list behind the node `last`. False when there is another by now. */
  close(record: number, stamp: number, last: number): boolean {
    const empty = emptyEnd(stamp);
    const seen = Atomics.compareExchange(this.#words, this.#endOf(record, last), empty, closedEnd(stamp));
    return !isLink(seen);
  }

  /**
   * Ends the list for good when its record is retired: nothing can be added to it any more. All its nodes are then `owner`'s; they are
   * written to `into`, and only after that may the first be used again.
   */
  bury(record: number, stamp: number, owner: number, into: number[]): void {
    const words = this.#words;
    let at = this.#endOf(record, 0);
    let seen = Atomics.load(words, at);
    for (;;) {
      if (isLink(seen)) {
        const node = nodeOf(seen);
        words[this.#nodes.base + node * this.#nodes.stride + LIFE] = life(TAKEN, owner, 0);
        into.push(node);
        at = this.#endOf(record, node);
        seen = Atomics.load(words, at);
      } else {
        const found = Atomics.compareExchange(words, at, seen, (FORM_DEAD << FORM_SHIFT) | stamp);
        if (found === seen) return;
        seen = found;
      }
    }
  }

  /** True when the node is in the record's list. */
  has(record: number, node: number): boolean {
    let seen = Atomics.load(this.#words, this.#endOf(record, 0));
    while (isLink(seen)) {
      if (nodeOf(seen) === node) return true;
      seen = Atomics.load(this.#words, this.#endOf(record, nodeOf(seen)));
    }
    return false;
  }

  /** True when a dead thread had closed it. */
  isClosed(record: number, stamp: number): boolean {
    const words = this.#words;
    let at = this.#endOf(record, 0);
    for (let seen = Atomics.load(words, at); ; seen = Atomics.load(words, at)) {
      if (!isLink(seen)) return seen === closedEnd(stamp);
      at = this.#endOf(record, nodeOf(seen));
    }
  }

  #endOf(record: number, node: number): number {
    if (node === 0) return this.#records.base + record * this.#records.stride + this.#first;
    return this.#nodes.base + node * this.#nodes.stride + this.#next;
  }
}
