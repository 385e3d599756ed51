/** Work run side by side, at most so many at once; work of one lane (a key, a partition) one after the other, in order. */

type Work = () => Promise<void>;

interface Caller {
  readonly lane: string | undefined;
  readonly work: Work;
  readonly takenOn: () => void;
}

/** Work taken on that waits for its lane. Whoever brings more waits too: what comes behind must not be taken without end. */
const WAITING_MAX = 1024;

export class Lanes {
  readonly #limit: number;
  readonly #waitingMax: number;
  /** Per lane in which something runs: what waits for it. */
  readonly #lines = new Map<string, Work[]>();
  #running = 0;
  #waiting = 0;
  /** Not taken on yet, in the order in which they came. */
  readonly #callers: Caller[] = [];
  readonly #idle: (() => void)[] = [];

  constructor(limit: number, waitingMax: number = WAITING_MAX) {
    this.#limit = limit;
    this.#waitingMax = waitingMax;
  }

  /**
   * Resolves when the work has been taken on: it runs, or waits for its lane without keeping others from running. `lane` undefined: in
   * no order. The work must not reject.
   */
  run(lane: string | undefined, work: Work): Promise<void> {
    return new Promise((takenOn) => {
      this.#callers.push({ lane, work, takenOn });
      this.#admit();
    });
  }

  /** Resolves when nothing runs or waits any more. */
  drained(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #admit(): void {
    for (let first = this.#callers[0]; first !== undefined && this.#place(first); first = this.#callers[0]) {
      this.#callers.shift();
      first.takenOn();
    }
  }

  #place({ lane, work }: Caller): boolean {
    // One at a time is in order as it is: nothing is taken on before its turn.
    const line = lane === undefined || this.#limit === 1 ? undefined : this.#lines.get(lane);
    if (line === undefined) {
      if (this.#running >= this.#limit) return false;
      if (lane !== undefined) this.#lines.set(lane, []);
      this.#start(lane, work);
      return true;
    }
    if (this.#waiting >= this.#waitingMax) return false;
    this.#waiting++;
    line.push(work);
    return true;
  }

  #start(lane: string | undefined, work: Work): void {
    this.#running++;
    void work().finally(() => this.#finished(lane));
  }

  #finished(lane: string | undefined): void {
    this.#running--;
    const next = lane === undefined ? undefined : this.#lines.get(lane)?.shift();
    if (next !== undefined) {
      this.#waiting--;
      this.#start(lane, next);
    } else if (lane !== undefined) this.#lines.delete(lane);
    this.#admit();
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
