/** A first-in first-out line of numbers in blocks, so that a long one is neither copied nor held for ever. */

const BLOCK = 1024;

export class NumberFifo {
  readonly #blocks: Float64Array[] = [];
  /** Place of the first number in the first block. */
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(number: number): void {
    const at = this.#head + this.#length++;
    if (at === this.#blocks.length * BLOCK) this.#blocks.push(new Float64Array(BLOCK));
    (this.#blocks[Math.floor(at / BLOCK)] as Float64Array)[at % BLOCK] = number;
  }

  /** The `i`th from the front. */
  at(i: number): number {
    const at = this.#head + i;
    return (this.#blocks[Math.floor(at / BLOCK)] as Float64Array)[at % BLOCK] as number;
  }

  /** Takes the front out. */
  shift(): void {
    this.#length--;
    if (++this.#head < BLOCK && this.#length > 0) return;
    if (this.#length === 0) this.#head = 0;
    else {
      this.#head = 0;
      this.#blocks.shift();
    }
  }

  /** Keeps those for which `keep` answers true. */
  filter(keep: (number: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.#length; i++) {
      const number = this.at(i);
      if (!keep(number)) continue;
      const at = this.#head + kept++;
      (this.#blocks[Math.floor(at / BLOCK)] as Float64Array)[at % BLOCK] = number;
    }
    this.#length = kept;
    this.#blocks.length = Math.ceil((this.#head + kept) / BLOCK);
  }
}
