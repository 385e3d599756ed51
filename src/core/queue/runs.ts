/** Runs of message numbers: first, count, first, count … */

import type { Runs } from '../../model/engine.ts';

export const NO_RUNS: Runs = new Float64Array(0);

/** Gathers numbers into runs; neighbours given in ascending order share one. */
export class RunList {
  readonly #runs: number[] = [];

  add(first: number, count: number): void {
    const runs = this.#runs;
    const last = runs.length - 2;
    if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === first) runs[last + 1] = (runs[last + 1] as number) + count;
    else runs.push(first, count);
  }

  addAll(other: RunList): void {
    for (let r = 0; r < other.#runs.length; r += 2) this.add(other.#runs[r] as number, other.#runs[r + 1] as number);
  }

  /** How many runs there are. */
  get size(): number {
    return this.#runs.length / 2;
  }

  toRuns(): Runs {
    return this.#runs.length === 0 ? NO_RUNS : Float64Array.from(this.#runs);
  }

  /** The same numbers as ascending runs that neither touch nor overlap. */
  sorted(): Runs {
    const order = Array.from({ length: this.size }, (_, i) => i).sort(
      (a, b) => (this.#runs[2 * a] as number) - (this.#runs[2 * b] as number),
    );
    const merged: number[] = [];
    for (const i of order) {
      const first = this.#runs[2 * i] as number;
      const end = first + (this.#runs[2 * i + 1] as number);
      const last = merged.length - 2;
      const reach = last < 0 ? -1 : (merged[last] as number) + (merged[last + 1] as number);
      if (last >= 0 && first <= reach) merged[last + 1] = Math.max(reach, end) - (merged[last] as number);
      else merged.push(first, end - first);
    }
    return Float64Array.from(merged);
  }
}
