/** The dedup window: which ids were seen lately, and the number of the first message with each. */

interface Seen {
  readonly number: number;
  readonly atMs: number;
}

/** Seen ids that are over wait at the front of the line until so many are there. */
const CUT_AT = 1024;

export class Dedup {
  readonly #byId = new Map<string, Seen>();
  /** In the order they were remembered; an id remembered anew stands twice, and its former place means nothing. */
  readonly #ids: string[] = [];
  readonly #seen: Seen[] = [];
  #front = 0;

  seen(id: string, nowMs: number, windowMs: number): number | undefined {
    const seen = this.#byId.get(id);
    return seen !== undefined && seen.atMs + windowMs > nowMs ? seen.number : undefined;
  }

  /** Also forgets what is over by `nowMs`: each is touched once. */
  remember(id: string, number: number, nowMs: number, windowMs: number): void {
    while (this.#front < this.#ids.length) {
      const first = this.#ids[this.#front] as string;
      const seen = this.#seen[this.#front] as Seen;
      const isStale = this.#byId.get(first) !== seen;
      if (!isStale && seen.atMs + windowMs > nowMs) break;
      if (!isStale) this.#byId.delete(first);
      this.#front++;
    }
    if (this.#front >= CUT_AT && this.#front * 2 >= this.#ids.length) {
      this.#ids.splice(0, this.#front);
      this.#seen.splice(0, this.#front);
      this.#front = 0;
    }
    this.add(id, number, nowMs);
  }

  /** As `remember`, forgetting nothing. */
  add(id: string, number: number, atMs: number): void {
    const seen = { number, atMs };
    this.#byId.set(id, seen);
    this.#ids.push(id);
    this.#seen.push(seen);
  }

  /** What is remembered, in order. */
  *entries(): Generator<readonly [id: string, number: number, atMs: number]> {
    for (let i = this.#front; i < this.#ids.length; i++) {
      const id = this.#ids[i] as string;
      const seen = this.#seen[i] as Seen;
      if (this.#byId.get(id) === seen) yield [id, seen.number, seen.atMs];
    }
  }
}
