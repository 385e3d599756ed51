/** The gate: nothing leaves the house before the journal is safe past the position it speaks of. */

interface Held {
  readonly position: number;
  readonly release: () => void;
  readonly fail: (error: Error) => void;
}

export class Gate {
  #held: Held[] = [];
  #head = 0;
  #safe = 0;
  #failed: Error | undefined;

  get safe(): number {
    return this.#safe;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#held.length - this.#head;
  }

  /** Calls `release` once the journal is safe up to `position`; at once if it is. Positions come in any order; callers mostly in theirs. */
  hold(position: number, release: () => void, fail: (error: Error) => void): void {
    if (this.#failed !== undefined) fail(this.#failed);
    else if (position <= this.#safe) release();
    else this.#insert({ position, release, fail });
  }

  /** A promise for it. */
  passed(position: number): Promise<void> {
    return new Promise((resolve, reject) => this.hold(position, resolve, reject));
  }

  /** The journal is safe up to here. */
  open(safe: number): void {
    if (safe <= this.#safe || this.#failed !== undefined) return;
    this.#safe = safe;
    while (this.#head < this.#held.length) {
      const held = this.#held[this.#head];
      if (held === undefined || held.position > this.#safe) break;
      this.#head++;
      held.release();
    }
    if (this.#head === this.#held.length) {
      this.#held = [];
      this.#head = 0;
    } else if (this.#head > 4096) {
      this.#held = this.#held.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Nothing passes any more. */
  fail(error: Error): void {
    if (this.#failed !== undefined) return;
    this.#failed = error;
    const held = this.#held.slice(this.#head);
    this.#held = [];
    this.#head = 0;
    for (const one of held) one.fail(error);
  }

  #insert(held: Held): void {
    let at = this.#held.length;
    while (at > this.#head && (this.#held[at - 1]?.position ?? 0) > held.position) at--;
    if (at === this.#held.length) this.#held.push(held);
    else this.#held.splice(at, 0, held);
  }
}
