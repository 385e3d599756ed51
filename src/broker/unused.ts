/** Queues that go when nobody has used them for as long as they say: without consumers, receives or a renewed declaration. */

import type { Queue } from '../core/core.ts';

export class Unused {
  readonly #since = new Map<Queue, number>();

  /** It is used now, and from now on it is not. */
  used(queue: Queue, nowMs: number): void {
    if (queue.spec.expiresMs !== undefined) this.#since.set(queue, nowMs);
  }

  /** When it has been unused for too long, `Infinity` while somebody takes from it or if it stays for ever. */
  endMs(queue: Queue, hasTakers: boolean, nowMs: number): number {
    const { expiresMs } = queue.spec;
    if (expiresMs === undefined) return Number.POSITIVE_INFINITY;
    if (hasTakers) {
      this.#since.delete(queue);
      return Number.POSITIVE_INFINITY;
    }
    const since = this.#since.get(queue) ?? nowMs;
    this.#since.set(queue, since);
    return since + expiresMs;
  }

  forget(queue: Queue): void {
    this.#since.delete(queue);
  }
}
