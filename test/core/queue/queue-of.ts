/** Queues to test, and short ways to fill and ask them. */

import { Queue } from '../../../src/core/queue/queue.ts';
import type { QueueSpec } from '../../../src/model/declaration.ts';
import { type Position, position } from '../../../src/model/lines.ts';

export const FOREVER: number = Number.POSITIVE_INFINITY;

/** Live counts per journal segment, as the core keeps them. */
export class Live {
  readonly counts: Map<number, number> = new Map();
  calls = 0;

  add(segment: number, count: number): void {
    this.calls++;
    const now = (this.counts.get(segment) ?? 0) + count;
    if (now === 0) this.counts.delete(segment);
    else this.counts.set(segment, now);
  }
}

export function queueOf(spec: Partial<QueueSpec> = {}, live: Live = new Live()): Queue {
  return new Queue(7, '/', { kind: 'queue', name: 'work', ...spec }, live);
}

/** Pushes `count` messages of 100 bytes from `at` on as one run. */
export function fill(queue: Queue, count: number, at: Position = position(0, 0), nowMs = 0): number {
  const ends = Uint32Array.from({ length: count }, (_, i) => (i + 1) * 100);
  return queue.pushRun(at, 0, ends, count, nowMs);
}

export interface Special {
  readonly nowMs?: number;
  readonly priority?: number;
  readonly dueMs?: number;
  readonly expiresMs?: number;
  readonly group?: string;
}

/** Pushes one message with something special about it. */
export function push(queue: Queue, special: Special = {}): number {
  const { nowMs = 0, priority = 0, dueMs = 0, expiresMs = FOREVER, group } = special;
  return queue.push(position(0, queue.tail), 10, nowMs, priority, dueMs, expiresMs, group);
}

export function nextOf(queue: Queue, nowMs = 0, countMax = 100): number[] {
  const take = new Float64Array(countMax);
  return [...take.subarray(0, queue.next(nowMs, countMax, take))];
}

export function expiredOf(queue: Queue, nowMs: number, countMax = 100): number[] {
  const into = new Float64Array(countMax);
  return [...into.subarray(0, queue.expired(nowMs, countMax, into))];
}

/** The numbers given, each a run of its own. */
export function one(...numbers: number[]): Float64Array {
  return Float64Array.from(numbers.flatMap((number) => [number, 1]));
}

/** `count` numbers from `first` on. */
export function run(first: number, count: number): Float64Array {
  return Float64Array.of(first, count);
}

/** A new queue that was restored from this one. */
export function copyOf(queue: Queue, live?: Live): Queue {
  const copy = new Queue(queue.id, queue.tenant, queue.spec, live);
  for (const piece of queue.restate()) copy.restore(piece);
  return copy;
}
