/** Work run side by side, at most so many at once; work of one lane (a key, a partition) one after the other, in order. */

export class Lanes {
  readonly #limit: number;
  readonly #last = new Map<string, Promise<void>>();
  #running = 0;
  readonly #turns: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Resolves when the work has been taken on: there was room for it. `lane` undefined: in no order. The work must not reject. */
  async run(lane: string | undefined, work: () => Promise<void>): Promise<void> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#turns.push(resolve));
    else this.#running++;
    const before = lane === undefined ? undefined : this.#last.get(lane);
    const done = (before === undefined ? work() : before.then(work)).finally(() => this.#finished(lane, done));
    if (lane !== undefined) this.#last.set(lane, done);
  }

  /** Resolves when nothing runs any more. */
  drained(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  #finished(lane: string | undefined, done: Promise<void>): void {
    if (lane !== undefined && this.#last.get(lane) === done) this.#last.delete(lane);
    const next = this.#turns.shift();
    if (next !== undefined) return next();
    this.#running--;
    if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
