/** Settlements of a channel, gathered while what a socket brought is read, and told the engine in one go per queue. */

import type { Engine, Settle } from '../../model/engine.ts';

/** Where deliveries came from: a consumer's queue, or one that was got from. */
export interface Source {
  readonly queue: string;
  /** The queue takes messages back after a while: what it took back must not be settled for another. */
  readonly leased: boolean;
  /** Its messages are only counted: nothing is to be told the engine. */
  readonly counted?: boolean;
  /** So many of its messages are held no longer. */
  freed(count: number): void;
}

interface Group {
  readonly source: Source;
  readonly outcome: Settle['outcome'];
  readonly lease: number | undefined;
  /** First, count, first, count … */
  readonly runs: number[];
  count: number;
}

export class Settling {
  #groups: Group[] = [];
  #last: Group | undefined;

  add(source: Source, number: number, lease: number, outcome: Settle['outcome']): void {
    if (source.counted === true) {
      source.freed(1);
      return;
    }
    let group = this.#last;
    if (group === undefined || group.source !== source || group.outcome !== outcome || (source.leased && group.lease !== lease)) {
      group = { source, outcome, lease: source.leased ? lease : undefined, runs: [], count: 0 };
      this.#groups.push(group);
      this.#last = group;
    }
    group.count++;
    const { runs } = group;
    const last = runs.length - 2;
    if (last >= 0 && (runs[last] as number) + (runs[last + 1] as number) === number) (runs[last + 1] as number)++;
    else runs.push(number, 1);
  }

  get isEmpty(): boolean {
    return this.#last === undefined;
  }

  /** What was gathered, as settlements. */
  take(): Settle[] {
    const groups = this.#groups;
    this.#groups = [];
    this.#last = undefined;
    return groups.map(({ source, outcome, lease, runs, count }) => {
      source.freed(count);
      const settle: Settle = { queue: source.queue, runs: Float64Array.from(runs), outcome, lazy: outcome === 'ack' };
      return lease === undefined ? settle : { ...settle, lease };
    });
  }

  /** Tells the engine; `failed` hears of what it could not do. Resolves when all is safe. */
  async flush(engine: Engine, failed: (error: unknown) => void): Promise<void> {
    const settles = this.take();
    await Promise.all(settles.map((settle) => engine.settle(settle).catch(failed)));
  }
}
