/** Deciding what becomes of messages in flight: acked, back with the retry policy's wait, or buried. */

import type { RetryPolicy } from '../model/declaration.ts';
import type { DeathReason, Runs, Settle } from '../model/engine.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Entry } from './entry.ts';
import type { Plan } from './plan.ts';
import type { Queue } from './queue/queue.ts';
import type { Tenant } from './state.ts';

/** Messages that are over and go to the queue's dead-letter target, bytes and all. Until then nobody else gets them. */
export interface Burial {
  readonly queue: Queue;
  readonly numbers: readonly number[];
  readonly reason: DeathReason;
}

export interface SettleDecision {
  readonly queue: Queue;
  readonly entries: readonly Entry[];
  readonly burials: readonly Burial[];
  /** Those of the asked-for messages that were still held. */
  readonly runs: Runs;
  readonly count: number;
}

/** Draws the jitter of retries: 0 <= x < 1. */
export type Draw = () => number;

export function decideSettle(tenant: Tenant, settle: Settle, nowMs: number, draw: Draw, plan?: Plan): SettleDecision | Refusal {
  const queue = tenant.queues.get(settle.queue);
  if (queue === undefined) return refuse('unknown', `There is no queue "${settle.queue}": it was removed, and its messages with it.`);
  const runs = held(queue, settle.runs, settle.lease, plan);
  const count = countOf(runs);
  if (count === 0) return { queue, entries: [], burials: [], runs, count };
  switch (settle.outcome) {
    case 'ack':
      return { queue, entries: [{ kind: 'settled', queue: queue.id, as: 'acked', runs }], burials: [], runs, count };
    case 'requeue': {
      const dueMs = settle.delayMs ? nowMs + settle.delayMs : 0;
      return { queue, entries: [{ kind: 'returned', queue: queue.id, dueMs, as: 'requeued', runs }], burials: [], runs, count };
    }
    case 'reject':
      return { queue, ...over(queue, [...numbersOf(runs)], 'rejected'), runs, count };
    case 'nack':
      return { queue, ...decideReturn(queue, runs, nowMs, draw, settle.delayMs), runs, count };
  }
}

/** Failed deliveries: each goes back after its wait, or is buried when it has had its attempts. */
export function decideReturn(
  queue: Queue,
  runs: Runs,
  nowMs: number,
  draw: Draw,
  delayMs?: number,
): { entries: readonly Entry[]; burials: readonly Burial[] } {
  const { retry } = queue.spec;
  if (retry === undefined) {
    const dueMs = delayMs ? nowMs + delayMs : 0;
    return { entries: [{ kind: 'returned', queue: queue.id, dueMs, as: 'failed', runs }], burials: [] };
  }
  const spent: number[] = [];
  const byDue = new Map<number, number[]>();
  for (const number of numbersOf(runs)) {
    const attempts = queue.attempts(number);
    if (attempts >= retry.attempts) spent.push(number);
    else {
      const wait = delayMs ?? backoff(retry, attempts, draw);
      const dueMs = wait > 0 ? nowMs + wait : 0;
      const list = byDue.get(dueMs);
      if (list === undefined) byDue.set(dueMs, [number]);
      else list.push(number);
    }
  }
  const entries: Entry[] = [];
  for (const [dueMs, numbers] of byDue) entries.push({ kind: 'returned', queue: queue.id, dueMs, as: 'failed', runs: runsOf(numbers) });
  const ends = over(queue, spent, 'attempts');
  return { entries: [...entries, ...ends.entries], burials: ends.burials };
}

/** The end of messages in this queue: buried where dead letters go, or gone when there is no such place. */
export function over(
  queue: Queue,
  numbers: readonly number[],
  reason: DeathReason,
): { entries: readonly Entry[]; burials: readonly Burial[] } {
  if (numbers.length === 0) return { entries: [], burials: [] };
  if (queue.spec.deadLetter !== undefined) return { entries: [], burials: [{ queue, numbers, reason }] };
  return {
    entries: [{ kind: 'settled', queue: queue.id, as: reason === 'expired' ? 'expired' : 'dropped', runs: runsOf(numbers) }],
    burials: [],
  };
}

export function backoff(retry: RetryPolicy, attempts: number, draw: Draw): number {
  const base = retry.backoffMs ?? 0;
  const wait = Math.min(base * (retry.factor ?? 2) ** (attempts - 1), retry.backoffMaxMs ?? Number.POSITIVE_INFINITY);
  return Math.round(wait * (1 - (retry.jitter ?? 0) * draw()));
}

/** Those of the runs that are in flight, under this lease if one is named, and not already settled by an earlier step of the plan. */
export function held(queue: Queue, asked: Runs, lease: number | undefined, plan?: Plan): Runs {
  const runs = inQueue(queue, asked);
  const isHeld = (number: number) => {
    const holder = queue.leaseOf(number);
    if (holder === 0 || (lease !== undefined && holder !== lease)) return false;
    if (plan === undefined) return true;
    const key = `${queue.id}/${number}`;
    if (plan.settled.has(key)) return false;
    plan.settled.add(key);
    return true;
  };
  let all = true;
  const kept: number[] = [];
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] ?? 0;
    const count = runs[r + 1] ?? 0;
    for (let number = first; number < first + count; number++) {
      if (isHeld(number)) {
        if (!all || plan !== undefined) kept.push(number);
      } else if (all) {
        all = false;
        if (plan === undefined) keepBefore(runs, r, number, kept);
      }
    }
  }
  return all ? runs : runsOf(kept);
}

/** Runs cut to what the queue can hold: however much is asked for, no more is looked at. */
function inQueue(queue: Queue, runs: Runs): Runs {
  const { oldest, tail } = queue;
  let inside = true;
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] ?? 0;
    if (first < oldest || first + (runs[r + 1] ?? 0) > tail) inside = false;
  }
  if (inside) return runs;
  const cut: number[] = [];
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = Math.max(oldest, runs[r] ?? 0);
    const count = Math.min(tail, (runs[r] ?? 0) + (runs[r + 1] ?? 0)) - first;
    if (count > 0) cut.push(first, count);
  }
  return Float64Array.from(cut);
}

function keepBefore(runs: Runs, r: number, number: number, into: number[]): void {
  for (let q = 0; q < r; q += 2) for (let n = runs[q] ?? 0; n < (runs[q] ?? 0) + (runs[q + 1] ?? 0); n++) into.push(n);
  for (let n = runs[r] ?? 0; n < number; n++) into.push(n);
}

export function* numbersOf(runs: Runs): Generator<number> {
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] ?? 0;
    for (let k = 0; k < (runs[r + 1] ?? 0); k++) yield first + k;
  }
}

export function countOf(runs: Runs): number {
  let count = 0;
  for (let r = 1; r < runs.length; r += 2) count += runs[r] ?? 0;
  return count;
}

/** Numbers as runs: neighbours in ascending order share one. */
export function runsOf(numbers: ArrayLike<number>, count: number = numbers.length): Runs {
  const out: number[] = [];
  for (let i = 0; i < count; i++) {
    const number = numbers[i] ?? 0;
    const last = out.length - 2;
    if (last >= 0 && (out[last] ?? 0) + (out[last + 1] ?? 0) === number) out[last + 1] = (out[last + 1] ?? 0) + 1;
    else out.push(number, 1);
  }
  return Float64Array.from(out);
}
