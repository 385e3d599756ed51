/** From whole numbers (1 to 2^53) to slots (1 to 2^32), in typed arrays: no object per entry, whatever comes and goes. */

/** Typed arrays of 64 bytes lie within their object. */
const SIZE_MIN = 8;
const NO_KEYS = new Float64Array(0);
const NO_SLOTS = new Uint32Array(0);
/** 2^32 divided by the golden ratio: neighbours are spread far apart. */
const SPREAD = 0x9e3779b1;

/** Open addressing with linear probing. At most half of it is in use. Until something comes, it holds no memory. */
export class IdTable {
  #keys = NO_KEYS;
  /** 0 = the place is empty. */
  #slots = NO_SLOTS;
  #count = 0;
  #shift = 0;

  /** 0 when the key is not there. */
  get(key: number): number {
    if (this.#count === 0) return 0;
    const mask = this.#slots.length - 1;
    for (let at = this.#home(key); ; at = (at + 1) & mask) {
      const slot = this.#slots[at] as number;
      if (slot === 0 || this.#keys[at] === key) return slot;
    }
  }

  set(key: number, slot: number): void {
    if (this.#slots.length === 0) this.#resize(SIZE_MIN);
    const mask = this.#slots.length - 1;
    let at = this.#home(key);
    while (this.#slots[at] !== 0 && this.#keys[at] !== key) at = (at + 1) & mask;
    if (this.#slots[at] === 0) this.#count++;
    this.#keys[at] = key;
    this.#slots[at] = slot;
    if (this.#count * 2 > this.#slots.length) this.#resize(this.#slots.length * 2);
  }

  delete(key: number): void {
    if (this.#count === 0) return;
    const slots = this.#slots;
    const keys = this.#keys;
    const mask = slots.length - 1;
    let hole = this.#home(key);
    while (slots[hole] !== 0 && keys[hole] !== key) hole = (hole + 1) & mask;
    if (slots[hole] === 0) return;
    // What stands behind moves up, unless its home lies behind the hole: so no search ends too early.
    for (let at = (hole + 1) & mask; slots[at] !== 0; at = (at + 1) & mask) {
      const home = this.#home(keys[at] as number);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      keys[hole] = keys[at] as number;
      slots[hole] = slots[at] as number;
      hole = at;
    }
    slots[hole] = 0;
    this.#count--;
    if (this.#count * 8 < slots.length && slots.length > SIZE_MIN) this.#resize(slots.length / 2);
  }

  #home(key: number): number {
    return Math.imul((key | 0) ^ Math.floor(key / 2 ** 32), SPREAD) >>> this.#shift;
  }

  #resize(size: number): void {
    const keys = this.#keys;
    const slots = this.#slots;
    this.#keys = new Float64Array(size);
    this.#slots = new Uint32Array(size);
    this.#shift = Math.clz32(size) + 1;
    this.#count = 0;
    for (let i = 0; i < slots.length; i++) if (slots[i] !== 0) this.set(keys[i] as number, slots[i] as number);
  }
}
