/** Where in a segment some offsets and times are found: one place every 256 KiB, sixteen bytes each. */

const EVERY_BYTES = 256 * 1024;

/**
 * Row `i`: at byte `at[i]` a batch begins that has offset `base + delta[i]`, and nothing before it is later than `beforeMs[i]`.
 * The first batch needs no row. Times need not be in order: `beforeMs` is a running maximum, and so it is.
 */
export class SparseIndex {
  #delta: Uint32Array = NOTHING;
  #at: Uint32Array = NOTHING;
  #beforeMs: Float64Array = NO_TIMES;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A batch begins at `at`; kept if the last place kept is far enough behind. */
  note(delta: number, at: number, beforeMs: number): void {
    const last = this.#count === 0 ? 0 : (this.#at[this.#count - 1] ?? 0);
    if (at - last >= EVERY_BYTES) this.add(delta, at, beforeMs);
  }

  add(delta: number, at: number, beforeMs: number): void {
    if (this.#count === this.#at.length) this.#grow();
    this.#delta[this.#count] = delta;
    this.#at[this.#count] = at;
    this.#beforeMs[this.#count++] = beforeMs;
  }

  row(i: number): { readonly delta: number; readonly at: number; readonly beforeMs: number } {
    return { delta: this.#delta[i] ?? 0, at: this.#at[i] ?? 0, beforeMs: this.#beforeMs[i] ?? 0 };
  }

  /** A byte where a batch begins, at or before the batch with this offset. */
  byOffset(delta: number): number {
    return this.#last((i) => (this.#delta[i] ?? 0) <= delta);
  }

  /** A byte where a batch begins, at or before the first batch that is not earlier than `timeMs`. */
  byTime(timeMs: number): number {
    return this.#last((i) => (this.#beforeMs[i] ?? 0) < timeMs);
  }

  #last(holds: (i: number) => boolean): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(middle)) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? 0 : (this.#at[low - 1] ?? 0);
  }

  #grow(): void {
    const room = Math.max(4, this.#at.length * 2);
    const delta = new Uint32Array(room);
    const at = new Uint32Array(room);
    const beforeMs = new Float64Array(room);
    delta.set(this.#delta);
    at.set(this.#at);
    beforeMs.set(this.#beforeMs);
    this.#delta = delta;
    this.#at = at;
    this.#beforeMs = beforeMs;
  }
}

/** Shared by the many segments too small for a row. */
const NOTHING = new Uint32Array(0);
const NO_TIMES = new Float64Array(0);
