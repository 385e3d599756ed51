/** The order in which ready messages are delivered: what every kind of queue answers in its own way. */

import type { Chunk } from './chunk.ts';

export interface ReadyOrder {
  /** A message has become ready and is not marked `LISTED`. Plain queues need not be told of new ones. */
  add(number: number, chunk: Chunk, row: number): void;
  /**
   * Fills `take` with at most `countMax` numbers deliverable next, in order: ready, and `nowMs` not past the end of their time to live.
   * Asking changes nothing.
   */
  next(nowMs: number, countMax: number, take: Float64Array): number;
  /** Ready numbers that go first when the queue is over its limit: lowest priority first, the oldest of each. */
  heads(countMax: number, into: Float64Array): number;
}
