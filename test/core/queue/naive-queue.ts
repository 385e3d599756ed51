/** A queue as an array of objects, looked through for every question: what the real one must agree with. */

import type { QueueSpec } from '../../../src/model/declaration.ts';
import type { Death } from '../../../src/model/engine.ts';

export interface NaiveMessage {
  readonly number: number;
  at: number;
  readonly size: number;
  state: 'ready' | 'delayed' | 'in-flight' | undefined;
  attempts: number;
  lease: number;
  untilMs: number;
  dueMs: number;
  readonly expiresMs: number;
  readonly priority: number;
  readonly sinceMs: number;
  readonly group: string | undefined;
  deaths: readonly Death[] | undefined;
}

export type End = 'acked' | 'deadLettered' | 'expired' | 'dropped' | 'purged';

export class NaiveQueue {
  readonly spec: QueueSpec;
  readonly all: NaiveMessage[] = [];
  readonly totals: Record<'published' | End, number> = { published: 0, acked: 0, deadLettered: 0, expired: 0, dropped: 0, purged: 0 };
  readonly ids: Map<string, { number: number; atMs: number }> = new Map();

  constructor(spec: QueueSpec) {
    this.spec = spec;
  }

  push(at: number, size: number, nowMs: number, priority: number, dueMs: number, expiresMs: number, group: string | undefined): void {
    const { delayMs = 0, ttlMs = Number.POSITIVE_INFINITY, priorityMax = 0 } = this.spec;
    const due = dueMs > 0 ? dueMs : nowMs + delayMs;
    this.totals.published++;
    this.all.push({
      number: this.all.length,
      at,
      size,
      state: due > nowMs ? 'delayed' : 'ready',
      attempts: 0,
      lease: 0,
      untilMs: 0,
      dueMs: due,
      expiresMs: Math.min(expiresMs, nowMs + ttlMs),
      priority: Math.min(priority, priorityMax),
      sinceMs: nowMs,
      group: this.spec.grouped ? group : undefined,
      deaths: undefined,
    });
  }

  *among(runs: Float64Array): Generator<NaiveMessage> {
    for (let r = 0; r < runs.length; r += 2) {
      const first = runs[r] ?? 0;
      for (let number = Math.max(0, first); number < Math.min(this.all.length, first + (runs[r + 1] ?? 0)); number++) {
        const message = this.all[number];
        if (message?.state !== undefined) yield message;
      }
    }
  }

  lease(runs: Float64Array, lease: number, untilMs: number): number {
    let count = 0;
    for (const message of this.among(runs)) {
      if (message.state !== 'ready') continue;
      Object.assign(message, { state: 'in-flight', lease, untilMs, attempts: message.attempts + 1 });
      count++;
    }
    return count;
  }

  settle(runs: Float64Array, as: End): number {
    let count = 0;
    for (const message of this.among(runs)) {
      message.state = undefined;
      message.deaths = undefined;
      count++;
    }
    this.totals[as] += count;
    return count;
  }

  back(runs: Float64Array, dueMs: number, countAttempt: boolean): number {
    let count = 0;
    for (const message of this.among(runs)) {
      if (message.state !== 'in-flight') continue;
      message.state = dueMs > 0 ? 'delayed' : 'ready';
      message.dueMs = dueMs;
      message.lease = 0;
      if (!countAttempt) message.attempts = Math.max(0, message.attempts - 1);
      count++;
    }
    return count;
  }

  extend(runs: Float64Array, lease: number, untilMs: number): number {
    const found = [...this.among(runs)].filter((m) => m.state === 'in-flight');
    for (const message of found) Object.assign(message, { lease, untilMs });
    return found.length;
  }

  due(nowMs: number, countMax: number): number {
    const waiting = this.in('delayed').filter((m) => m.dueMs <= nowMs);
    waiting.sort((a, b) => a.dueMs - b.dueMs || a.number - b.number);
    const moved = waiting.slice(0, countMax);
    for (const message of moved) message.state = 'ready';
    return moved.length;
  }

  in(state: NaiveMessage['state']): NaiveMessage[] {
    return this.all.filter((m) => m.state === state);
  }

  get unsettled(): NaiveMessage[] {
    return this.all.filter((m) => m.state !== undefined);
  }

  next(nowMs: number): number[] {
    const { priorityAgeMs } = this.spec;
    const first = new Map<string, number>();
    for (const { group, number } of this.unsettled) if (group !== undefined && !first.has(group)) first.set(group, number);
    const counts = (m: NaiveMessage) => m.priority + (priorityAgeMs ? Math.max(0, Math.floor((nowMs - m.sinceMs) / priorityAgeMs)) : 0);
    const deliverable = this.in('ready').filter((m) => m.expiresMs >= nowMs && (m.group === undefined || first.get(m.group) === m.number));
    if (priorityAgeMs === undefined) return deliverable.sort((a, b) => b.priority - a.priority || a.number - b.number).map((m) => m.number);
    // Within a level by number only: with a clock that jumps back, the front speaks for its level.
    const levels = Map.groupBy(deliverable, (m) => m.priority);
    const order: number[] = [];
    for (;;) {
      const fronts = [...levels.values()].flatMap((level) => level[0] ?? []);
      const best = fronts.sort((a, b) => counts(b) - counts(a) || a.number - b.number)[0];
      if (best === undefined) return order;
      order.push(best.number);
      levels.get(best.priority)?.shift();
    }
  }

  heads(): number[] {
    const ready = this.in('ready');
    if (!this.spec.grouped) ready.sort((a, b) => a.priority - b.priority || a.number - b.number);
    return ready.map((m) => m.number);
  }

  expired(nowMs: number): number[] {
    return this.unsettled.filter((m) => m.state !== 'in-flight' && m.expiresMs <= nowMs).map((m) => m.number);
  }

  nextTimeMs(): number {
    const times = this.unsettled.map((m) => {
      if (m.state === 'in-flight') return m.untilMs;
      return m.state === 'delayed' ? Math.min(m.dueMs, m.expiresMs) : m.expiresMs;
    });
    return times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  }
}
