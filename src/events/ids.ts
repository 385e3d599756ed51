/**
 * The index of ids: which record has which id. A hash table whose chains are kept in order of hash by compare-and-swap alone
 * (after Harris and Michael), so no thread ever waits for another, alive or dead.
 *
 * ```
 *  bucket ─▶ record 17 ─▶ record 4 ─▶ –        link = tag (11 bits) | leaving (1 bit) | record (20 bits)
 * ```
 *
 * A record leaves in two steps: the bit `leaving` in its own link, after which nothing can be put behind it; then whoever passes by
 * takes it out. The tag changes with every change of a link, and records are used again in turn, thousands of others in between.
 * A new record goes behind all that have the same hash, so two threads that add one id at once try to change the same link.
 */

import { HASH, ID_FORM, ID_HIGH, ID_LOW, INDEX_BITS, INDEX_MASK, LIFE, NEXT } from './memory.ts';

const LEAVING = 1 << INDEX_BITS;
const TAG_SHIFT: number = INDEX_BITS + 1;

/** Forms of an id. */
export const ID_NONE = 0;
export const ID_INTEGER = 1;
export const ID_TEXT = 2;

/** Says whether a record has the id that is looked for, beyond what hash and words say: the bytes of a text. */
export interface TextMatch {
  sameText(record: number): boolean;
}

export class Ids {
  readonly #words: Int32Array;
  readonly #buckets: number;
  readonly #shift: number;
  readonly #base: number;
  readonly #stride: number;
  readonly #match: TextMatch;
  /** Where the last search ended: the word that links to what comes next, and what it held. */
  #before = 0;
  #link = 0;
  /** Whether it went past the record it was to begin behind. */
  #passed = false;

  constructor(words: Int32Array, buckets: number, bucketBits: number, records: { base: number; stride: number }, match: TextMatch) {
    this.#words = words;
    this.#buckets = buckets;
    this.#shift = 32 - bucketBits;
    this.#base = records.base;
    this.#stride = records.stride;
    this.#match = match;
  }

  /**
   * The first record with this id; 0 when there is none, and then `insert` may follow. With `after`, one behind that record: for ids
   * that are there more than once.
   */
  find(hash: number, form: number, low: number, high: number, after: number): number {
    const words = this.#words;
    for (;;) {
      let before = this.#buckets + (hash >>> this.#shift);
      let link = Atomics.load(words, before);
      let passed = after === 0;
      let restart = false;
      while (!restart) {
        const record = link & INDEX_MASK;
        if (record === 0) {
          this.#end(before, link, passed);
          return 0;
        }
        const at = this.#base + record * this.#stride;
        const next = Atomics.load(words, at + NEXT);
        const theirs = words[at + HASH] as number;
        const same = theirs === hash && passed && this.#same(record, at, form, low, high);
        // Still linked from there: so what was read belongs to a record of this chain.
        if (Atomics.load(words, before) !== link) {
          restart = true;
        } else if ((next & LEAVING) !== 0) {
          const without = this.#retag(link, next & INDEX_MASK);
          if (Atomics.compareExchange(words, before, link, without) === link) link = without;
          else restart = true;
        } else {
          if (same) return record;
          if (theirs >>> 0 > hash >>> 0) {
            this.#end(before, link, passed);
            return 0;
          }
          if (record === after) passed = true;
          before = at + NEXT;
          link = next;
        }
      }
    }
  }

  /** Puts a record where the last `find` ended without result. False when something has changed there: search again. */
  insert(record: number): boolean {
    const words = this.#words;
    const at = this.#base + record * this.#stride + NEXT;
    words[at] = this.#retag(words[at] as number, this.#link & INDEX_MASK);
    return Atomics.compareExchange(words, this.#before, this.#link, this.#retag(this.#link, record)) === this.#link;
  }

  /** Takes out a record whose life word is `word`. Fine when others have begun it, or done it. */
  remove(record: number, word: number): void {
    const words = this.#words;
    this.leave(record, word);
    const at = this.#base + record * this.#stride;
    const hash = words[at + HASH] as number;
    // Most often it is the first of its bucket. What is behind one that is leaving does not change any more.
    const bucket = this.#buckets + (hash >>> this.#shift);
    const link = words[bucket] as number;
    const next = words[at + NEXT] as number;
    const isFirst = (link & INDEX_MASK) === record && (next & LEAVING) !== 0;
    if (isFirst && Atomics.compareExchange(words, bucket, link, this.#retag(link, next & INDEX_MASK)) === link) return;
    // A search for the place behind all of its hash takes out what is leaving on the way.
    this.find(hash, ID_NONE, 0, 0, 0);
  }

  /** First step of `remove`: from here on it is not found. Does nothing once the life word is another, as then it is another record. */
  leave(record: number, word: number): void {
    const words = this.#words;
    const at = this.#base + record * this.#stride;
    for (;;) {
      const next = Atomics.load(words, at + NEXT);
      if ((next & LEAVING) !== 0 || Atomics.load(words, at + LIFE) !== word) return;
      if (Atomics.compareExchange(words, at + NEXT, next, this.#retag(next, next & INDEX_MASK) | LEAVING) === next) return;
    }
  }

  /** Looks at what removing a record will look at, without meaning anything by it. */
  look(record: number): number {
    const words = this.#words;
    return words[this.#buckets + ((words[this.#base + record * this.#stride + HASH] as number) >>> this.#shift)] as number;
  }

  /** True when the record is in the index. */
  has(record: number): boolean {
    this.find(this.#words[this.#base + record * this.#stride + HASH] as number, ID_NONE, 0, 0, record);
    return this.#passed;
  }

  #end(before: number, link: number, passed: boolean): void {
    this.#before = before;
    this.#link = link;
    this.#passed = passed;
  }

  #same(record: number, at: number, form: number, low: number, high: number): boolean {
    const words = this.#words;
    if (words[at + ID_FORM] !== form || words[at + ID_LOW] !== low) return false;
    return form === ID_TEXT ? this.#match.sameText(record) : form === ID_INTEGER && words[at + ID_HIGH] === high;
  }

  #retag(link: number, record: number): number {
    return (((link >>> TAG_SHIFT) + 1) << TAG_SHIFT) | record;
  }
}
