/** What a queue consists of: rows, and the structures over them, each there for one question. */

import type { QueueSpec } from '../../model/declaration.ts';
import type { Death } from '../../model/engine.ts';
import type { Chunk } from './chunk.ts';
import { CHUNK, DIED, LISTED, STATE_MASK } from './chunk.ts';
import { Dedup } from './dedup.ts';
import { Delays } from './delays.ts';
import { Expiry } from './expiry.ts';
import { Leases } from './leases.ts';
import type { ReadyOrder } from './ready.ts';
import { ReadyFifo } from './ready-fifo.ts';
import { ReadyGrouped } from './ready-grouped.ts';
import { ReadyPriority } from './ready-priority.ts';
import { Rows, type SegmentLive } from './rows.ts';

export interface Totals {
  published: number;
  acked: number;
  deadLettered: number;
  expired: number;
  dropped: number;
  purged: number;
}

export class Contents {
  readonly rows: Rows;
  readonly leases: Leases;
  readonly delays: Delays;
  readonly expiry: Expiry;
  readonly order: ReadyOrder;
  /** The order of a grouped queue. */
  readonly groups: ReadyGrouped | undefined;
  /** The order wants to be told of every message that becomes ready, new ones too. */
  readonly isOrdered: boolean;
  readonly deaths: Map<number, readonly Death[]> = new Map();
  readonly dedup: Dedup = new Dedup();
  /** Sooner or later true for good: saves asking each message while it is not. */
  hasReturned = false;
  readonly totals: Totals = { published: 0, acked: 0, deadLettered: 0, expired: 0, dropped: 0, purged: 0 };
  /** Counts calls that may have changed something. */
  changes = 0;
  ready = 0;
  delayed = 0;
  inFlight = 0;

  constructor(spec: QueueSpec, segmentLive: SegmentLive) {
    this.rows = new Rows(segmentLive);
    this.leases = new Leases(this.rows);
    this.delays = new Delays(this.rows);
    this.expiry = new Expiry(this.rows);
    this.isOrdered = spec.grouped === true || (spec.priorityMax ?? 0) > 0;
    const lines = this.isOrdered ? new ReadyPriority(this.rows, spec.priorityAgeMs ?? 0) : undefined;
    this.groups = spec.grouped === true && lines !== undefined ? new ReadyGrouped(this.rows, lines) : undefined;
    this.order = this.groups ?? lines ?? new ReadyFifo(this.rows);
  }

  /** `count` new messages from `first` on take their places in the structures over the rows. */
  admit(spec: QueueSpec, first: number, count: number, nowMs: number, dueMs: number, expiresMs: number): void {
    const { ttlMs } = spec;
    this.totals.published += count;
    const endMs = ttlMs === undefined ? expiresMs : Math.min(expiresMs, nowMs + ttlMs);
    if (endMs < Number.POSITIVE_INFINITY) this.expire(first, count, endMs, ttlMs !== undefined);
    if ((spec.priorityAgeMs ?? 0) > 0) this.wait(first, count, nowMs);
    if (dueMs > 0) {
      this.delayed += count;
      for (let number = first; number < first + count; number++) this.delays.add(number, dueMs);
      return;
    }
    this.ready += count;
    if (!this.isOrdered) return;
    for (let number = first; number < first + count; number++) {
      const chunk = this.chunkOf(number);
      this.enlist(number, chunk, chunk.find(number));
    }
  }

  /** A message that has become ready takes its place in the order, unless it still stands there. */
  enlist(number: number, chunk: Chunk, row: number): void {
    if (((chunk.flags[row] as number) & LISTED) === 0) this.order.add(number, chunk, row);
  }

  /** `count` new messages from `first` on end at `expiresMs`; see `Expiry.join`. */
  expire(first: number, count: number, expiresMs: number, isForAll: boolean): void {
    const end = first + count;
    for (let chunk = this.rows.from(first); chunk !== undefined; chunk = this.rows.from(chunk.base + CHUNK)) {
      chunk.expiries().fill(expiresMs, chunk.rowFrom(first), chunk.rowFrom(end));
    }
    this.expiry.join(first, count, expiresMs, isForAll);
  }

  /** `count` new messages from `first` on wait since now, for ageing priorities. */
  wait(first: number, count: number, nowMs: number): void {
    for (let chunk = this.rows.from(first); chunk !== undefined; chunk = this.rows.from(chunk.base + CHUNK)) {
      chunk.sinces().fill(nowMs, chunk.rowFrom(first), chunk.rowFrom(first + count));
    }
  }

  /** The chunk of an unsettled message; `find` in it answers its row. Throws when there is no such message. */
  chunkOf(number: number): Chunk {
    const chunk = this.rows.at(number);
    const row = chunk === undefined ? -1 : chunk.find(number);
    if (chunk === undefined || row < 0 || ((chunk.flags[row] as number) & STATE_MASK) === 0) {
      throw new RangeError(`Message ${number} is not in this queue (any more). Ask for its state first.`);
    }
    return chunk;
  }

  setDeaths(number: number, deaths: readonly Death[]): void {
    const chunk = this.chunkOf(number);
    const row = chunk.find(number);
    if (deaths.length === 0) {
      chunk.flags[row] = (chunk.flags[row] as number) & ~DIED;
      this.deaths.delete(number);
      return;
    }
    chunk.flags[row] = (chunk.flags[row] as number) | DIED;
    this.deaths.set(number, deaths);
  }
}
