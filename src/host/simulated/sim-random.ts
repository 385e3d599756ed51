/** Chance that comes again: one seed, one sequence (xoshiro128**, seeded through splitmix32). For simulations only; anyone can foretell it. */

import type { Random } from '../random.ts';

export class SimRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** Any number; seeds that differ in their lowest 32 bits or above give unrelated sequences. */
  constructor(seed: number) {
    let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) | 0;
    const next = () => {
      state = (state + 0x9e3779b9) | 0;
      let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  u32(): number {
    const b5 = Math.imul(this.#b, 5);
    const result = Math.imul((b5 << 7) | (b5 >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  float(): number {
    return ((this.u32() >>> 5) * 2 ** 26 + (this.u32() >>> 6)) / 2 ** 53;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 4) {
      const word = this.u32();
      for (let j = 0; j < 4 && i + j < length; j++) bytes[i + j] = word >>> (8 * j);
    }
    return bytes;
  }

  /** A whole number, 0 to `below` - 1; `below` up to 2^32. */
  int(below: number): number {
    return Math.floor((this.u32() / 2 ** 32) * below);
  }

  /** True once in `1 / probability` times. Draws even for 0 and 1, so that turning a fault off does not shift what follows. */
  chance(probability: number): boolean {
    return this.u32() / 2 ** 32 < probability;
  }

  /** Throws on an empty list: there is nothing to pick. */
  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('There is nothing to pick from in an empty list.');
    return from[this.int(from.length)] as T;
  }

  /** An independent sequence that this one's state decides; for a part whose number of draws should not disturb the others. */
  fork(): SimRandom {
    return new SimRandom(this.u32() * 2 ** 20 + (this.u32() >>> 12));
  }
}
