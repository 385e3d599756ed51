/** What a channel has been given and has not settled, by delivery tag: a window of typed arrays. */

const SETTLED = 0;
const HELD = 1;
/** Settled in a transaction that has not ended. */
const PENDING = 2;

const CAPACITY_FIRST = 16;

/** Gets one message that is settled now: its number and lease in the queue, and the source it came from. */
export type Visit = (number: number, lease: number, source: number) => void;

export class Unacked {
  /** Nothing at first: many channels never hold anything. */
  #capacity = 0;
  #numbers = new Float64Array(this.#capacity);
  #leases = new Float64Array(this.#capacity);
  #sources = new Int32Array(this.#capacity);
  #states = new Uint8Array(this.#capacity);
  /** The oldest tag not settled, or the next one. */
  #first = 1;
  #next = 1;
  /** How many are held or pending. */
  count = 0;

  /** The tag of one more delivery, which the client will settle. */
  add(number: number, lease: number, source: number): number {
    if (this.#next - this.#first === this.#capacity) this.#grow();
    const tag = this.#next++;
    const at = tag & (this.#capacity - 1);
    this.#numbers[at] = number;
    this.#leases[at] = lease;
    this.#sources[at] = source;
    this.#states[at] = HELD;
    this.count++;
    return tag;
  }

  /** The tag of a delivery that nobody settles. */
  skip(): number {
    if (this.#first === this.#next) {
      this.#first++;
      return this.#next++;
    }
    if (this.#next - this.#first === this.#capacity) this.#grow();
    const tag = this.#next++;
    this.#states[tag & (this.#capacity - 1)] = SETTLED;
    return tag;
  }

  isHeld(tag: number): boolean {
    return tag >= this.#first && tag < this.#next && this.#states[tag & (this.#capacity - 1)] === HELD;
  }

  /** Settles one, or all up to it; 0 with `multiple` is all there are. False when the tag is not held. */
  settle(tag: number, multiple: boolean, visit: Visit): boolean {
    if (!this.#begins(tag, multiple)) return false;
    const last = tag === 0 ? this.#next - 1 : tag;
    for (let t = multiple ? this.#first : tag; t <= last; t++) if (this.#states[t & (this.#capacity - 1)] === HELD) this.#end(t, visit);
    this.#advance();
    return true;
  }

  /** Sets the same aside until the transaction ends; answers the tags, or undefined when the tag is not held. */
  setAside(tag: number, multiple: boolean): number[] | undefined {
    if (!this.#begins(tag, multiple)) return undefined;
    const last = tag === 0 ? this.#next - 1 : tag;
    const tags: number[] = [];
    for (let t = multiple ? this.#first : tag; t <= last; t++) {
      const at = t & (this.#capacity - 1);
      if (this.#states[at] !== HELD) continue;
      this.#states[at] = PENDING;
      tags.push(t);
    }
    return tags;
  }

  /** Number, lease and source of what was set aside, without settling it. */
  look(tags: readonly number[], visit: Visit): void {
    for (const tag of tags) {
      const at = tag & (this.#capacity - 1);
      if (this.#states[at] === PENDING) visit(this.#numbers[at] ?? 0, this.#leases[at] ?? 0, this.#sources[at] ?? 0);
    }
  }

  /** The transaction has ended well: what was set aside is settled. */
  finish(tags: readonly number[], visit: Visit): void {
    for (const tag of tags) if (this.#states[tag & (this.#capacity - 1)] === PENDING) this.#end(tag, visit);
    this.#advance();
  }

  /** The transaction was rolled back: what was set aside is held as before. */
  restore(tags: readonly number[]): void {
    for (const tag of tags) {
      const at = tag & (this.#capacity - 1);
      if (this.#states[at] === PENDING) this.#states[at] = HELD;
    }
  }

  #begins(tag: number, multiple: boolean): boolean {
    return (multiple && tag === 0) || this.isHeld(tag);
  }

  #end(tag: number, visit: Visit): void {
    const at = tag & (this.#capacity - 1);
    this.#states[at] = SETTLED;
    this.count--;
    visit(this.#numbers[at] as number, this.#leases[at] as number, this.#sources[at] as number);
  }

  #advance(): void {
    while (this.#first < this.#next && this.#states[this.#first & (this.#capacity - 1)] === SETTLED) this.#first++;
  }

  #grow(): void {
    const capacity = Math.max(CAPACITY_FIRST, this.#capacity * 2);
    const numbers = new Float64Array(capacity);
    const leases = new Float64Array(capacity);
    const sources = new Int32Array(capacity);
    const states = new Uint8Array(capacity);
    for (let tag = this.#first; tag < this.#next; tag++) {
      const from = tag & (this.#capacity - 1);
      const to = tag & (capacity - 1);
      numbers[to] = this.#numbers[from] ?? 0;
      leases[to] = this.#leases[from] ?? 0;
      sources[to] = this.#sources[from] ?? 0;
      states[to] = this.#states[from] ?? 0;
    }
    this.#capacity = capacity;
    this.#numbers = numbers;
    this.#leases = leases;
    this.#sources = sources;
    this.#states = states;
  }
}
