/**
 * A ring of hints: numbers of things to look at, first in, first out, for any number of threads.
 *
 * ```
 *             head ─▶                tail ─▶
 *  ┌──────┬──────┬──────┬──────┬──────┬──────┐      slot = lap (12 bits) | number (20 bits)
 *  │ 8│ – │ 7│41 │ 7│ 6 │ 7│13 │ 7│ – │ 7│ – │      number 0: empty, to be filled in that lap
 *  └──────┴──────┴──────┴──────┴──────┴──────┘
 * ```
 *
 * A slot is filled, and emptied for the next lap, by one compare-and-swap each, so there is never a half-done slot: a thread may die
 * between any two instructions and the ring is whole. Head and tail are lower bounds that anyone pushes on; reading them late costs a
 * look at one more slot and nothing else. Slots are filled and emptied strictly in order.
 *
 * A ring has more slots than there are things to put in, so it is never full. Laps are counted modulo 4096 of at least 4096 slots:
 * a compare-and-swap could be fooled only if its thread stood still, between reading a slot and changing it, for a multiple of 16 million puts.
 */

import { INDEX_BITS, INDEX_MASK, LINE, type RingPlace } from './memory.ts';

const LAP_MASK = 0xfff;

export class Ring {
  readonly #words: Int32Array;
  readonly #head: number;
  readonly #tail: number;
  readonly #slots: number;
  readonly #bits: number;
  readonly #mask: number;

  constructor(words: Int32Array, place: RingPlace) {
    this.#words = words;
    this.#head = place.at;
    this.#tail = place.at + LINE;
    this.#slots = place.at + 2 * LINE;
    this.#bits = place.bits;
    this.#mask = 2 ** place.bits - 1;
  }

  /** Puts a number (not 0) at the end. Answers its position. */
  push(number: number): number {
    const words = this.#words;
    let position = words[this.#tail] as number;
    for (;;) {
      const empty = this.#emptyAt(position);
      const seen = Atomics.compareExchange(words, this.#slots + (position & this.#mask), empty, empty | number);
      // Filled, by me or before me: the tail is further.
      Atomics.compareExchange(words, this.#tail, position, (position + 1) | 0);
      if (seen === empty) return position;
      position = Atomics.load(words, this.#tail);
    }
  }

  /** Puts the `count` numbers that stand in the words from `list` on. */
  pushMany(list: number, count: number): void {
    const words = this.#words;
    const from = words[this.#tail] as number;
    let position = from;
    let done = 0;
    while (done < count) {
      const empty = this.#emptyAt(position);
      const number = words[list + done] as number;
      const seen = Atomics.compareExchange(words, this.#slots + (position & this.#mask), empty, empty | number);
      if (seen === empty) done++;
      position = (position + 1) | 0;
    }
    this.#advance(this.#tail, from, position);
  }

  /**
   * Takes the number at the front, 0 when there is none. It is written to the word `intent` before it leaves the ring, and stays
   * there, so that it is not lost with the thread. The last `left` are not taken.
   */
  pop(intent: number, left = 0): number {
    const words = this.#words;
    let position = words[this.#head] as number;
    for (;;) {
      const slot = this.#slots + (position & this.#mask);
      const seen = words[slot] as number;
      if (seen >>> INDEX_BITS === ((position >>> this.#bits) & LAP_MASK)) {
        const number = seen & INDEX_MASK;
        // By the position itself: of two who both see one too many only one takes it.
        if (number === 0 || (left > 0 && (((words[this.#tail] as number) - position) | 0) <= left)) return 0;
        words[intent] = number;
        const taken = Atomics.compareExchange(words, slot, seen, this.#emptyAt((position + this.#mask + 1) | 0)) === seen;
        Atomics.compareExchange(words, this.#head, position, (position + 1) | 0);
        if (taken) return number;
      } else {
        // Emptied before me.
        Atomics.compareExchange(words, this.#head, position, (position + 1) | 0);
      }
      position = Atomics.load(words, this.#head);
    }
  }

  /** Takes up to `max` numbers into the words from `list` on; each stands there before it leaves the ring, and is counted in the word `counter`. */
  popMany(counter: number, list: number, max: number): number {
    const words = this.#words;
    const from = words[this.#head] as number;
    let position = from;
    let done = 0;
    while (done < max) {
      const slot = this.#slots + (position & this.#mask);
      const seen = words[slot] as number;
      if (seen >>> INDEX_BITS === ((position >>> this.#bits) & LAP_MASK)) {
        const number = seen & INDEX_MASK;
        if (number === 0) break;
        words[list + done] = number;
        words[counter] = done + 1;
        if (Atomics.compareExchange(words, slot, seen, this.#emptyAt((position + this.#mask + 1) | 0)) === seen) done++;
      }
      position = (position + 1) | 0;
    }
    words[counter] = done;
    this.#advance(this.#head, from, position);
    return done;
  }

  /** The number at the front without taking it; 0 when there is surely none at this moment: the look before going to sleep. */
  first(): number {
    const words = this.#words;
    for (;;) {
      const position = Atomics.load(words, this.#head);
      const seen = Atomics.load(words, this.#slots + (position & this.#mask));
      if (seen >>> INDEX_BITS === ((position >>> this.#bits) & LAP_MASK)) return seen & INDEX_MASK;
      Atomics.compareExchange(words, this.#head, position, (position + 1) | 0);
    }
  }

  /** What may come so many places behind the front: a number to look at beforehand, or 0. */
  ahead(places: number): number {
    const words = this.#words;
    return (words[this.#slots + (((words[this.#head] as number) + places) & this.#mask)] as number) & INDEX_MASK;
  }

  /** How many there are, to a few that others are putting and taking just now. */
  size(): number {
    const size = ((this.#words[this.#tail] as number) - (this.#words[this.#head] as number)) | 0;
    return size > 0 ? size : 0;
  }

  /** Position of the next number to be put. */
  tail(): number {
    return this.#words[this.#tail] as number;
  }

  /** A slot as it is before it is filled at this position. */
  #emptyAt(position: number): number {
    return ((position >>> this.#bits) & LAP_MASK) << INDEX_BITS;
  }

  /** Pushes a cursor on to where this thread knows that it is, if nobody else has. */
  #advance(cursor: number, from: number, to: number): void {
    const words = this.#words;
    let seen = from;
    while (((to - seen) | 0) > 0) {
      const found = Atomics.compareExchange(words, cursor, seen, to);
      if (found === seen) return;
      seen = found;
    }
  }
}
