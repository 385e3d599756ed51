/** What transactions leave in one partition: where records of open ones stand, and those of aborted ones, which nobody is to read. */

/** What an aborted transaction left: from its first record to its mark. */
export interface AbortedPart {
  readonly producer: number;
  readonly first: number;
  /** Where its mark stands. */
  readonly mark: number;
  /** Where the partition was stable once it had ended: what is aborted later begins there or behind. */
  readonly stable: number;
}

/** Offsets as runs: first, end, first, end … */
export type OffsetRuns = readonly number[];

export class Uncommitted {
  /** Records of the open transaction of each producer. */
  readonly #open = new Map<number, number[]>();
  /** In the order of their marks. */
  #aborted: AbortedPart[] = [];
  /** Records of aborted transactions, in the order of the log. */
  #runs: number[] = [];

  /** Up to where everything is committed or aborted, in a partition that ends at `end`. */
  stable(end: number): number {
    let stable = end;
    for (const runs of this.#open.values()) stable = Math.min(stable, runs[0] ?? end);
    return stable;
  }

  /** First offset of what this producer has open here. */
  firstOf(producer: number): number | undefined {
    return this.#open.get(producer)?.[0];
  }

  /** Records of this producer's open transaction were appended. */
  add(producer: number, first: number, end: number): void {
    const runs = this.#open.get(producer);
    if (runs === undefined) this.#open.set(producer, [first, end]);
    else if (runs.at(-1) === first) runs[runs.length - 1] = end;
    else runs.push(first, end);
  }

  /** The transaction ended; its mark stands at `mark`, the last record of the partition. */
  end(producer: number, mark: number, outcome: 'commit' | 'abort'): void {
    const runs = this.#open.get(producer);
    this.#open.delete(producer);
    const first = runs?.[0];
    if (outcome === 'commit' || runs === undefined || first === undefined) return;
    this.#aborted.push({ producer, first, mark, stable: this.stable(mark + 1) });
    this.#mergeRuns(runs);
  }

  /** The partition begins later: what is before is forgotten. */
  trim(start: number): void {
    const gone = this.#aborted.findIndex(({ mark }) => mark >= start);
    this.#aborted = gone < 0 ? [] : this.#aborted.slice(gone);
    const at = this.#runAt(start);
    if (at > 0) this.#runs = this.#runs.slice(at);
  }

  /** Aborted transactions with records, or their mark, from `from` to before `before`. */
  abortedIn(from: number, before: number): AbortedPart[] {
    const found: AbortedPart[] = [];
    for (let i = this.#firstMarkAt(from); i < this.#aborted.length; i++) {
      const part = this.#aborted[i];
      if (part === undefined) break;
      if (part.first < before) found.push(part);
      if (part.stable >= before) break;
    }
    return found;
  }

  isAborted(offset: number): boolean {
    const at = this.#runAt(offset);
    return offset >= (this.#runs[at] ?? Number.POSITIVE_INFINITY);
  }

  get open(): ReadonlyMap<number, OffsetRuns> {
    return this.#open;
  }

  get aborted(): readonly AbortedPart[] {
    return this.#aborted;
  }

  get abortedRuns(): OffsetRuns {
    return this.#runs;
  }

  /** A piece of what a checkpoint restates; later pieces follow behind. */
  restore(aborted: readonly AbortedPart[], runs: OffsetRuns): void {
    for (const part of aborted) this.#aborted.push(part);
    for (const offset of runs) this.#runs.push(offset);
  }

  /** Index of the run that ends behind `offset`: it holds it, or is the next. */
  #runAt(offset: number): number {
    let low = 0;
    let high = this.#runs.length / 2;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[2 * middle + 1] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return 2 * low;
  }

  #firstMarkAt(offset: number): number {
    let low = 0;
    let high = this.#aborted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#aborted[middle]?.mark ?? 0) >= offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Transactions that were open side by side lie between each other: only the end of the list is merged. */
  #mergeRuns(runs: readonly number[]): void {
    const from = this.#runAt(runs[0] ?? 0);
    const known = this.#runs.splice(from);
    let k = 0;
    for (let i = 0; i < runs.length; i += 2) {
      const first = runs[i] ?? 0;
      for (; k < known.length && (known[k] ?? 0) < first; k += 2) this.#push(known[k] ?? 0, known[k + 1] ?? 0);
      this.#push(first, runs[i + 1] ?? 0);
    }
    for (; k < known.length; k += 2) this.#push(known[k] ?? 0, known[k + 1] ?? 0);
  }

  #push(first: number, end: number): void {
    if (this.#runs.length > 0 && this.#runs.at(-1) === first) this.#runs[this.#runs.length - 1] = end;
    else this.#runs.push(first, end);
  }
}
