/** Portable handlers for the tests. */

import { setTimeout as sleep } from 'node:timers/promises';
import { threadId } from 'node:worker_threads';
import type { Context, EventQueue, QueuedEvent } from '../../src/events/events.ts';
import { counters } from './kit.ts';

/** Counts in word 0, and in word 8 + its thread. */
export function count(): void {
  Atomics.add(counters, 0, 1);
  Atomics.add(counters, 8 + (threadId % 32), 1);
}

/** Writes what it was given into words: `{ at, value }`. */
export function write({ data }: QueuedEvent): void {
  const { at, value } = data as { at: number; value: number };
  Atomics.store(counters, at, value);
}

export async function countLater(): Promise<void> {
  await sleep(2);
  Atomics.add(counters, 0, 1);
}

export function throwText(): void {
  throw 'a text';
}

export async function reject(): Promise<void> {
  await sleep(1);
  throw new RangeError('too far', { cause: 7 });
}

/** Fails twice, then counts. */
export function thirdTime(_event: QueuedEvent, { attempt }: Context): void {
  if (attempt < 3) throw new Error(`attempt ${attempt}`);
  count();
}

/** Word 1 counts how many are in here at once, word 2 the most there have been. */
export async function together(): Promise<void> {
  const now = Atomics.add(counters, 1, 1) + 1;
  if (now > Atomics.load(counters, 2)) Atomics.store(counters, 2, now);
  const end = performance.now() + 5;
  while (performance.now() < end);
  Atomics.sub(counters, 1, 1);
  Atomics.add(counters, 0, 1);
}

/** Word 3 is 1 while it may not go on. */
export function block(): void {
  Atomics.add(counters, 4, 1);
  Atomics.notify(counters, 4);
  Atomics.wait(counters, 3, 1);
  count();
}

/** Does not come back, the first time. */
export function hang(): void {
  if (Atomics.add(counters, 5, 1) === 0) for (;;);
  count();
}

/** Ends its thread, the first `data` times. */
export function die({ data }: QueuedEvent): void {
  if (Atomics.add(counters, 5, 1) < (data as number)) process.exit(3);
  count();
}

/** Stops the pool from within a callback. */
export function stop(_event: QueuedEvent, { queue }: Context): void {
  void (queue as EventQueue).stop('keep');
  count();
}

/** Adds what comes next. */
export function addNext({ id }: QueuedEvent, { queue }: Context): void {
  count();
  const next = (id as number) + 1;
  if (next <= 5) (queue as EventQueue).add({ id: next, type: 'next' });
}

/** Word 1 is the step that comes next; word 2 counts those that came at another time. */
export function stepAt(step: number): void {
  if (Atomics.compareExchange(counters, 1, step, step + 1) !== step) Atomics.add(counters, 2, 1);
}

export function stepTwo(): void {
  stepAt(2);
}

export function stepFive(): void {
  stepAt(5);
}

/** Ends its thread by an error that nobody catches, the first time. */
export async function throwOutside(): Promise<void> {
  if (Atomics.add(counters, 5, 1) > 0) return count();
  setImmediate(() => {
    throw new Error('outside of every callback');
  });
  await new Promise(() => {});
}

/** Takes more memory than there is, the first time. */
export function fillMemory(): void {
  if (Atomics.add(counters, 5, 1) > 0) return count();
  // In small pieces: a large one that finds no room ends the whole process.
  let list: unknown;
  for (;;) list = { list };
}
