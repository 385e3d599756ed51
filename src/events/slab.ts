/**
 * A stock of equal things (records, nodes, pages) for all threads. Nothing is ever allocated but from it, so memory does not grow.
 *
 * Each thread has two chains of its own, linked through the things themselves: one to take from, one to give to. Whole chains of
 * `CHUNK` go to and from the common stock, whose ring holds the first of each. Things come round in turn, and `rest` chains lie between:
 * so long is the time until the same thing is used again. More would only be more memory that no cache holds: things that were never
 * used are begun when fewer chains than that have come back.
 *
 * Death: both chains and what is being done with them stand in the thread's block. A thing in somebody's hands says whose it is.
 */

import { FREE, kindOf, LOOSE, life, TAKEN } from './life.ts';
import { CACHE_WORDS, CHUNK, LIFE, LINK, type SlabPlace } from './memory.ts';
import { Ring } from './ring.ts';

/** Words of a thread's block that a slab uses. */
const TAKING = 0;
const GIVING = 1;
const GIVEN_COUNT = 2;
/** A chain's first thing on its way from the common stock, and to it. */
const COMING = 3;
const GOING = 4;
const LINKING = 5;

/** Rest of the life word of a chain that was never used: its things follow each other and are not linked yet. */
const FRESH = 1;
/** Rest of the life word of the first thing of a chain that was just taken: the whole chain is its owner's. */
const CHAIN = 1;

export class Slab {
  readonly base: number;
  readonly stride: number;
  readonly #words: Int32Array;
  readonly #count: number;
  readonly #cache: number;
  readonly #taken: number;
  readonly #ring: Ring;
  readonly #fresh: number;
  readonly #rest: number;

  /** `cache`: this slab's words in the block of thread `me`. */
  constructor(words: Int32Array, place: SlabPlace, cache: number, me: number) {
    this.#words = words;
    this.base = place.base;
    this.stride = place.stride;
    this.#count = place.count;
    this.#cache = cache;
    this.#taken = life(TAKEN, me, 0);
    this.#ring = new Ring(words, place.free);
    this.#fresh = place.fresh;
    this.#rest = place.rest;
  }

  /** Once, by the thread that makes the memory. */
  static stock(words: Int32Array, place: SlabPlace): void {
    for (let first = 1; first <= place.count; first += CHUNK) words[place.base + first * place.stride + LIFE] = life(LOOSE, 0, FRESH);
  }

  /** One thing, `TAKEN` by this thread; 0 when there is none left. */
  take(): number {
    const words = this.#words;
    const cache = this.#cache;
    let thing = words[cache + TAKING] as number;
    if (thing === 0) {
      if (!this.#fetch()) return 0;
      thing = words[cache + TAKING] as number;
    }
    const at = this.base + thing * this.stride;
    words[at + LIFE] = this.#taken;
    words[cache + TAKING] = words[at + LINK] as number;
    return thing;
  }

  /** Back to the stock. It must be this thread's own. */
  give(thing: number): void {
    const words = this.#words;
    const cache = this.#cache;
    const at = this.base + thing * this.stride;
    words[at + LIFE] = this.#taken;
    words[at + LINK] = words[cache + GIVING] as number;
    words[cache + GIVING] = thing;
    words[at + LIFE] = FREE;
    const count = (words[cache + GIVEN_COUNT] as number) + 1;
    words[cache + GIVEN_COUNT] = count;
    if (count >= CHUNK) this.flush();
  }

  /** Hands the chain of what was given back to the common stock. */
  flush(): void {
    this.#handOver(GIVING);
    this.#words[this.#cache + GIVEN_COUNT] = 0;
  }

  /** Hands back all that this thread keeps for itself. */
  release(): void {
    this.#handOver(GIVING);
    this.#handOver(TAKING);
    this.#words[this.#cache + GIVEN_COUNT] = 0;
  }

  /** Gets a chain from the common stock. */
  #fetch(): boolean {
    const words = this.#words;
    const cache = this.#cache;
    let flushed = false;
    for (;;) {
      const first = this.#next();
      if (first === 0) {
        words[cache + COMING] = 0;
        if (flushed) return false;
        // Only what this thread has given back itself may be left.
        this.flush();
        flushed = true;
        continue;
      }
      const at = this.base + first * this.stride + LIFE;
      const seen = words[at] as number;
      if (kindOf(seen) !== LOOSE) continue;
      const fresh = (seen & FRESH) !== 0;
      if (fresh) words[cache + LINKING] = first;
      if (Atomics.compareExchange(words, at, seen, this.#taken | CHAIN) === seen) {
        if (fresh) this.#chain(first);
        words[cache + TAKING] = first;
        words[cache + COMING] = 0;
        words[cache + LINKING] = 0;
        return true;
      }
      words[cache + LINKING] = 0;
    }
  }

  /** The first of a chain that may be there to take: one that has come back if enough have, else one that was never used. 0: none. */
  #next(): number {
    const words = this.#words;
    const coming = this.#cache + COMING;
    let used = words[this.#fresh] as number;
    while (used < this.#count && this.#ring.size() <= this.#rest) {
      words[coming] = used + 1;
      const seen = Atomics.compareExchange(words, this.#fresh, used, used + CHUNK);
      if (seen === used) return used + 1;
      used = seen;
    }
    return this.#ring.pop(coming);
  }

  /** Links the things of a chunk that was never used. */
  #chain(first: number): void {
    const words = this.#words;
    const last = first + CHUNK - 1 < this.#count ? first + CHUNK - 1 : this.#count;
    for (let thing = first; thing <= last; thing++) words[this.base + thing * this.stride + LINK] = thing < last ? thing + 1 : 0;
  }

  /** Makes one of this thread's chains common. */
  #handOver(chain: number): void {
    const words = this.#words;
    const cache = this.#cache;
    const first = words[cache + chain] as number;
    if (first === 0) return;
    const at = this.base + first * this.stride + LIFE;
    // So that a half-done hand-over can be told from one that others have gone on with.
    words[at] = this.#taken;
    words[cache + GOING] = first;
    words[cache + chain] = 0;
    Atomics.store(words, at, life(LOOSE, 0, 0));
    this.#ring.push(first);
    words[cache + GOING] = 0;
  }

  /** Everything that was ever in somebody's hands. */
  used(): number[] {
    const words = this.#words;
    const used: number[] = [];
    for (let first = 1; first <= this.#count; first += CHUNK) {
      if (words[this.base + first * this.stride + LIFE] === life(LOOSE, 0, FRESH)) continue;
      for (let thing = first; thing < first + CHUNK && thing <= this.#count; thing++) used.push(thing);
    }
    return used;
  }

  /**
   * Takes over what a dead thread had in its hands. `cache`: its words. May be begun again by another thread if this one dies too.
   * Answers how many things came back.
   */
  reclaim(cache: number, owner: number): number {
    const words = this.#words;
    const theirs = life(TAKEN, owner, 0);
    this.#finishHandOver(cache, theirs);
    const linking = words[cache + LINKING] as number;
    if (linking !== 0 && words[this.base + linking * this.stride + LIFE] === (theirs | CHAIN)) this.#chain(linking);
    const coming = words[cache + COMING] as number;
    if (coming !== 0) {
      const word = words[this.base + coming * this.stride + LIFE] as number;
      if (kindOf(word) === LOOSE) this.#ring.push(coming);
      else if (word === (theirs | CHAIN)) this.#markChain(coming, theirs);
    }
    this.#markChain(words[cache + TAKING] as number, theirs);
    this.#markChain(words[cache + GIVING] as number, theirs);
    // From here on the marks alone say what was theirs.
    for (let word = 0; word < CACHE_WORDS; word++) words[cache + word] = 0;
    return this.#giveMarked(theirs);
  }

  #finishHandOver(cache: number, theirs: number): void {
    const words = this.#words;
    const going = words[cache + GOING] as number;
    if (going === 0 || going === words[cache + GIVING] || going === words[cache + TAKING]) return;
    const at = this.base + going * this.stride + LIFE;
    const word = words[at] as number;
    if (word === theirs) Atomics.store(words, at, life(LOOSE, 0, 0));
    if (word === theirs || kindOf(word) === LOOSE) this.#ring.push(going);
    words[cache + GOING] = 0;
  }

  #markChain(first: number, mark: number): void {
    const words = this.#words;
    for (let thing = first; thing !== 0; ) {
      const at = this.base + thing * this.stride;
      words[at + LIFE] = mark;
      thing = words[at + LINK] as number;
    }
  }

  #giveMarked(mark: number): number {
    const words = this.#words;
    let count = 0;
    for (let first = 1; first <= this.#count; first += CHUNK) {
      if (words[this.base + first * this.stride + LIFE] === life(LOOSE, 0, FRESH)) continue;
      for (let thing = first; thing < first + CHUNK && thing <= this.#count; thing++) {
        if (words[this.base + thing * this.stride + LIFE] !== mark) continue;
        this.give(thing);
        count++;
      }
    }
    return count;
  }
}
