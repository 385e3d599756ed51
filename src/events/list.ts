/**
 * The list of one-shot callbacks of a record: appended to by any thread, walked by the one that runs the event, closed when it has
 * run them all. Portable ones stand in slots of the record itself as long as there are any, all others are nodes.
 *
 * ```
 *  record: slot 0 │ slot 1 │ ─▶ node 12 ─▶ node 3 ─▶ EMPTY (stamp)      to append: compare-and-swap EMPTY by a link, or by a slot's word
 *                                                    CLOSED (stamp)     to close:  compare-and-swap EMPTY by CLOSED
 *  slot = link (2 bits) | slot (1) | state (2) | lowest bits of the record's uses (17) | handler (10)
 * ```
 *
 * Both go for the same word, so either the runner sees the callback or who registers it sees that the event is finished. Then it swaps
 * CLOSED by its link and has the event run on from there. The stamp says for which use of which record the end is meant: an end seen
 * long ago fits nothing later.
 */

import { life, TAKEN } from './life.ts';
import { GEN, INDEX_BITS, INDEX_MASK, LIFE } from './memory.ts';

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
/** There is no slot left. */
export const NO_SLOT = 3;

/** What is in a list is known by a number: a node's, or this and the number of its slot. */
export const SLOT: number = 1 << INDEX_BITS;
const SLOT_MARK: number = 1 << 29;
const SLOT_STATE_SHIFT = 27;
const SLOT_STATE_MASK = 3;
const SLOT_GEN_SHIFT = 10;
const SLOT_GEN_MASK = 0x1ffff;
const SLOT_WHAT_MASK = 0x3ff;
/** States of a slot: waiting, begun, disposed of, and waiting for sure: nobody can dispose of it. */
export const SLOT_WAITING = 0;
export const SLOT_BEGUN = 1;
export const SLOT_GONE = 2;
export const SLOT_SURE = 3;

export function isSlot(item: number): boolean {
  return item >= SLOT;
}

/** The word of a slot. `gen`: the record's count of uses. `what`: number of the spec. */
export function slotWord(state: number, gen: number, what: number): number {
  return linkTo(0) | SLOT_MARK | (state << SLOT_STATE_SHIFT) | ((gen & SLOT_GEN_MASK) << SLOT_GEN_SHIFT) | what;
}

export function slotState(word: number): number {
  return (word >>> SLOT_STATE_SHIFT) & SLOT_STATE_MASK;
}

export function slotWhat(word: number): number {
  return word & SLOT_WHAT_MASK;
}

/** The same slot's word in another state. */
export function inState(word: number, state: number): number {
  return (word & ~(SLOT_STATE_MASK << SLOT_STATE_SHIFT)) | (state << SLOT_STATE_SHIFT);
}

/** True for the word of a slot that is the callback of a record in this use. */
export function isSlotOf(word: number, gen: number): boolean {
  return isInSlot(word) && ((word >>> SLOT_GEN_SHIFT) & SLOT_GEN_MASK) === (gen & SLOT_GEN_MASK);
}

function isInSlot(word: number): boolean {
  return isLink(word) && (word & SLOT_MARK) !== 0;
}

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

/** The lists of a queue. `first` and `next`: the word of the link in a record and in a node. `slots`: how many a record has. */
export class Lists {
  readonly #words: Int32Array;
  readonly #records: { base: number; stride: number };
  readonly #nodes: { base: number; stride: number };
  readonly #first: number;
  readonly #next: number;
  readonly #slots: number;

  constructor(
    words: Int32Array,
    records: { base: number; stride: number },
    nodes: { base: number; stride: number },
    first: number,
    next: number,
    slots: number,
  ) {
    this.#words = words;
    this.#records = records;
    this.#nodes = nodes;
    this.#first = first;
    this.#next = next;
    this.#slots = slots;
  }

  get slots(): number {
    return this.#slots;
  }

  /** The word of a slot. */
  slotAt(record: number, item: number): number {
    return this.#records.base + record * this.#records.stride + this.#first + (item - SLOT);
  }

  /** The list of a record that was just taken: empty, or of one node. */
  begin(record: number, node: number): void {
    const words = this.#words;
    const at = this.#records.base + record * this.#records.stride;
    const end = emptyEnd(stampOf(record, words[at + GEN] as number));
    words[at + this.#first] = node === 0 ? end : linkTo(node);
    for (let slot = 1; slot <= this.#slots; slot++) words[at + this.#first + slot] = end;
    if (node !== 0) words[this.#nodes.base + node * this.#nodes.stride + this.#next] = end;
  }

  /** Puts a handler into the next slot of a record that nobody else knows of yet, whose list has no nodes. False when there is none left. */
  fill(record: number, slot: number, what: number): boolean {
    const words = this.#words;
    if (slot >= this.#slots) return false;
    const at = this.#records.base + record * this.#records.stride;
    words[at + this.#first + slot] = slotWord(SLOT_SURE, words[at + GEN] as number, what);
    return true;
  }

  /** Puts the word of a slot behind all others. Answers where it is if that is a slot; else `GONE`, `NO_SLOT`, or minus where it is, if the list had been closed. */
  appendSlot(record: number, stamp: number, word: number): number {
    const words = this.#words;
    const empty = emptyEnd(stamp);
    const closed = closedEnd(stamp);
    const first = this.#records.base + record * this.#records.stride + this.#first;
    let slot = 0;
    let seen = words[first] as number;
    while (slot < this.#slots) {
      if (isInSlot(seen)) {
        slot++;
        seen = words[first + slot] as number;
      } else if (seen === empty || seen === closed) {
        const found = Atomics.compareExchange(words, first + slot, seen, word);
        if (found === seen) return seen === empty ? SLOT + slot : -(SLOT + slot);
        seen = found;
      } else {
        return isLink(seen) ? NO_SLOT : GONE;
      }
    }
    return NO_SLOT;
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
        at = isInSlot(seen) ? at + 1 : this.#nodes.base + nodeOf(seen) * this.#nodes.stride + this.#next;
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

  /** What comes behind `after` (0: the first), a slot or a node; 0 when that seems to be the last: `close` knows. */
  next(record: number, after: number): number {
    const words = this.#words;
    return this.#itemOf(words[this.#endOf(record, after)] as number, after);
  }

  /** Likewise, the next that is a node. */
  nextNode(record: number, after: number): number {
    let item = this.next(record, after);
    while (isSlot(item)) item = this.next(record, item);
    return item;
  }

  /** The last of the list, as far as can be seen; 0 when there is none. */
  last(record: number): number {
    let last = 0;
    for (let node = this.next(record, 0); node !== 0; node = this.next(record, node)) last = node;
    return last;
  }

  /** True when there is surely something behind `after`. */
  hasMore(record: number, after: number): boolean {
    return isLink(Atomics.load(this.#words, this.#endOf(record, after)));
  }

  /** Closes the list behind `last`. False when there is another by now. */
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
    // Links do not change any more, and the end is compared.
    let seen = words[at] as number;
    for (;;) {
      if (isInSlot(seen)) {
        at++;
        seen = words[at] as number;
      } else if (isLink(seen)) {
        const node = nodeOf(seen);
        words[this.#nodes.base + node * this.#nodes.stride + LIFE] = life(TAKEN, owner, 0);
        into.push(node);
        at = this.#endOf(record, node);
        seen = words[at] as number;
      } else {
        const found = Atomics.compareExchange(words, at, seen, (FORM_DEAD << FORM_SHIFT) | stamp);
        if (found === seen) return;
        seen = found;
      }
    }
  }

  /** True when the node is in the record's list. */
  has(record: number, node: number): boolean {
    for (let item = this.#loadNext(record, 0); item !== 0; item = this.#loadNext(record, item)) if (item === node) return true;
    return false;
  }

  /** True when the list is closed and has not been added to since. */
  isClosed(record: number, stamp: number): boolean {
    const words = this.#words;
    let last = 0;
    for (let item = this.#loadNext(record, 0); item !== 0; item = this.#loadNext(record, item)) last = item;
    return Atomics.load(words, this.#endOf(record, last)) === closedEnd(stamp);
  }

  #loadNext(record: number, after: number): number {
    return this.#itemOf(Atomics.load(this.#words, this.#endOf(record, after)), after);
  }

  /** What the word behind `after` links to. */
  #itemOf(word: number, after: number): number {
    if (!isLink(word)) return 0;
    if (!isInSlot(word)) return nodeOf(word);
    return after === 0 ? SLOT : after + 1;
  }

  /** The word behind `item`; 0: the first. */
  #endOf(record: number, item: number): number {
    if (item === 0) return this.#records.base + record * this.#records.stride + this.#first;
    if (isSlot(item)) return this.slotAt(record, item) + 1;
    return this.#nodes.base + item * this.#nodes.stride + this.#next;
  }
}
