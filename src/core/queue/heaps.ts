/** Two small binary heaps: the lowest number first, and the earliest time (then the lowest number) first. */

/** A min-heap of numbers. Adding them in ascending order costs nothing extra. */
export class NumberHeap {
  #numbers: number[] = [];

  get size(): number {
    return this.#numbers.length;
  }

  push(number: number): void {
    const heap = this.#numbers;
    let at = heap.length;
    heap.push(number);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as number;
      if (above <= number) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = number;
  }

  /** The lowest, or undefined when empty. */
  peek(): number | undefined {
    return this.#numbers[0];
  }

  /** Takes the lowest out. */
  pop(): number | undefined {
    const heap = this.#numbers;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length === 0 || last === undefined) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++;
      const below = heap[child] as number;
      if (below >= last) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return top;
  }

  /** Keeps those for which `keep` answers true. */
  filter(keep: (number: number) => boolean): void {
    // A sorted array is a heap.
    this.#numbers = Array.from(Float64Array.from(this.#numbers.filter(keep)).sort());
  }
}

const NOTHING = new Float64Array(0);
/** Typed arrays of 64 bytes lie within their object. */
const SIZE_MIN = 8;

/** A min-heap of (time, number). Empty, it holds no memory. */
export class TimeHeap {
  #times = NOTHING;
  #numbers = NOTHING;
  #size = 0;
  #swept = 0;

  get size(): number {
    return this.#size;
  }

  /** Time of the top; `Infinity` when empty. */
  get timeMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** Number of the top; -1 when empty. */
  get number(): number {
    return this.#size === 0 ? -1 : (this.#numbers[0] as number);
  }

  push(timeMs: number, number: number): void {
    if (this.#size === this.#times.length) this.#resize(Math.max(SIZE_MIN, this.#size * 2));
    this.#rise(this.#size++, timeMs, number);
  }

  /** Takes the top out. */
  pop(): void {
    if (this.#size === 0) return;
    this.#remove(0);
    if (this.#size * 4 < this.#times.length && this.#times.length > 64) this.#resize(this.#times.length / 2);
  }

  clear(): void {
    this.#size = 0;
  }

  /**
   * Looks at the next `steps` of all, round and round, and takes out those for which `keep` answers false: so what is stale goes bit by
   * bit, never all at once.
   */
  sweep(steps: number, keep: (timeMs: number, number: number) => boolean): void {
    for (let step = 0; step < steps && this.#size > 0; step++) {
      if (this.#swept >= this.#size) this.#swept = 0;
      if (keep(this.#times[this.#swept] as number, this.#numbers[this.#swept] as number)) this.#swept++;
      else this.#remove(this.#swept);
    }
  }

  /** All of them, in no order. */
  each(visit: (timeMs: number, number: number) => void): void {
    for (let i = 0; i < this.#size; i++) visit(this.#times[i] as number, this.#numbers[i] as number);
  }

  #remove(at: number): void {
    const last = --this.#size;
    if (at === last) return;
    const timeMs = this.#times[last] as number;
    const number = this.#numbers[last] as number;
    const parent = (at - 1) >> 1;
    if (at > 0 && this.#isBefore(last, parent)) this.#rise(at, timeMs, number);
    else this.#sink(at, timeMs, number);
  }

  #rise(from: number, timeMs: number, number: number): void {
    const times = this.#times;
    const numbers = this.#numbers;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const time = times[parent] as number;
      if (time < timeMs || (time === timeMs && (numbers[parent] as number) <= number)) break;
      times[at] = time;
      numbers[at] = numbers[parent] as number;
      at = parent;
    }
    times[at] = timeMs;
    numbers[at] = number;
  }

  #sink(from: number, timeMs: number, number: number): void {
    const times = this.#times;
    const numbers = this.#numbers;
    const size = this.#size;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, child)) child++;
      const time = times[child] as number;
      if (time > timeMs || (time === timeMs && (numbers[child] as number) >= number)) break;
      times[at] = time;
      numbers[at] = numbers[child] as number;
      at = child;
    }
    times[at] = timeMs;
    numbers[at] = number;
  }

  #isBefore(a: number, b: number): boolean {
    const difference = (this.#times[a] as number) - (this.#times[b] as number);
    return difference < 0 || (difference === 0 && (this.#numbers[a] as number) < (this.#numbers[b] as number));
  }

  #resize(capacity: number): void {
    const times = new Float64Array(capacity);
    const numbers = new Float64Array(capacity);
    times.set(this.#times.subarray(0, this.#size));
    numbers.set(this.#numbers.subarray(0, this.#size));
    this.#times = times;
    this.#numbers = numbers;
  }
}
