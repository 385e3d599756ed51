/** The segments of one log, in order and without gaps; the last one is written to. There is always one, if only in memory. */

import { Segment } from './segment.ts';

export class Segments {
  readonly directory: string;
  readonly #salt: () => number;
  readonly #items: Segment[];

  constructor(directory: string, items: Segment[], salt: () => number) {
    this.directory = directory;
    this.#salt = salt;
    this.#items = items;
    if (items.length === 0) items.push(new Segment(directory, 0, 0, salt()));
  }

  get count(): number {
    return this.#items.length;
  }

  get first(): Segment {
    return this.at(0);
  }

  get active(): Segment {
    return this.at(this.#items.length - 1);
  }

  get end(): number {
    return this.active.end;
  }

  get sizeBytes(): number {
    let sum = 0;
    for (const segment of this.#items) sum += segment.sizeBytes;
    return sum;
  }

  get packed(): boolean {
    return this.#items.some((segment) => segment.packed);
  }

  at(i: number): Segment {
    const segment = this.#items[i];
    if (segment === undefined)
      throw new RangeError(`The log ${this.directory} has ${this.#items.length} segments; there is no number ${i}.`);
    return segment;
  }

  /** Number of the segment that holds `offset`: the last that begins at or before it. */
  indexOf(offset: number): number {
    let low = 0;
    let high = this.#items.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.at(middle).base <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The segment that holds `offset`, or will. */
  holding(offset: number): Segment {
    return this.at(this.indexOf(offset));
  }

  has(segment: Segment): boolean {
    return this.#items[this.indexOf(segment.base)] === segment;
  }

  /** Closes the active segment; what follows goes into the one that is answered. */
  roll(): Segment {
    const next = new Segment(this.directory, this.end, 0, this.#salt());
    this.#items.push(next);
    return next;
  }

  replace(from: number, count: number, by: readonly Segment[]): Segment[] {
    return this.#items.splice(from, count, ...by);
  }
}
