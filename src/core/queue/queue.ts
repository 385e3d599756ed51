/**
 * A queue, long because it is the one door to this folder: mostly contract, a line or two of code for each call.
 *
 * Messages are numbers in typed arrays; the queue knows what state each is in, and who gets which next. Pure: what it does follows from
 * what it is told, so replaying the same calls gives the same queue. Numbers count from 0 without gaps and are never used twice. A
 * message is ready, delayed, in flight, or settled (gone).
 */

import type { QueueSpec } from '../../model/declaration.ts';
import type { Death, MessageState, QueueTotals, Runs } from '../../model/engine.ts';
import { type Position, segmentOf } from '../../model/lines.ts';
import { extendRuns, leaseRuns, type ReturnedAs, returnRuns, settleRuns } from './changes.ts';
import { DELAYED, IN_FLIGHT, READY, RETURNED, STATE_MASK } from './chunk.ts';
import { Contents } from './contents.ts';
import { browse, inSegment, inState } from './look.ts';
import { Fingerprint } from './pieces.ts';
import { restate } from './restate.ts';
import { Restorer } from './restore.ts';
import type { SegmentLive } from './rows.ts';

export type { ReturnedAs } from './changes.ts';
export type { SegmentLive } from './rows.ts';

/** How a message came to its end; also the name of its count in the totals. */
export type SettledAs = Exclude<keyof QueueTotals, 'published'>;

const STATES: readonly (MessageState | undefined)[] = [undefined, 'ready', 'delayed', 'in-flight'];
const NOBODY: SegmentLive = { add: () => {} };

export class Queue {
  readonly id: number;
  readonly tenant: string;
  readonly #contents: Contents;
  #spec: QueueSpec;
  #restorer: Restorer | undefined;

  /** `segmentLive` is told how many unsettled messages lie in which journal segment, by differences. */
  constructor(id: number, tenant: string, spec: QueueSpec, segmentLive: SegmentLive = NOBODY) {
    this.id = id;
    this.tenant = tenant;
    this.#spec = spec;
    this.#contents = new Contents(spec, segmentLive);
  }

  get spec(): QueueSpec {
    return this.#spec;
  }

  /**
   * A new time to live or delay holds for messages that come from now on; a new dedup window at once. Throws when the order of delivery
   * would be another: priorities and groups are for life.
   */
  set spec(spec: QueueSpec) {
    const { priorityMax, priorityAgeMs, grouped } = this.#spec;
    if (
      (spec.priorityMax ?? 0) !== (priorityMax ?? 0) ||
      (spec.priorityAgeMs ?? 0) !== (priorityAgeMs ?? 0) ||
      (spec.grouped ?? false) !== (grouped ?? false)
    ) {
      throw new RangeError(`Queue "${spec.name}" cannot change its priorities or groups. Remove it and declare it anew.`);
    }
    this.#spec = spec;
  }

  /** Number the next message gets. */
  get tail(): number {
    return this.#contents.rows.tail;
  }

  get ready(): number {
    return this.#contents.ready;
  }

  get delayed(): number {
    return this.#contents.delayed;
  }

  get inFlight(): number {
    return this.#contents.inFlight;
  }

  /** Of all messages not settled. */
  get sizeBytes(): number {
    return this.#contents.rows.sizeBytes;
  }

  /** Lowest unsettled number, or `tail`. */
  get oldest(): number {
    return this.#contents.rows.oldest;
  }

  get totals(): QueueTotals {
    return this.#contents.totals;
  }

  // Changes: for the core's apply only. The same calls in the same order give the same queue.

  /**
   * Adds one message; answers its number. `dueMs`: not before then, 0 = nothing said (the queue's delay holds). `expiresMs`: when its time
   * to live is over, `Infinity` = nothing said; the queue's own may be earlier. Priority and group count where the queue has them.
   */
  push(
    at: Position,
    sizeBytes: number,
    nowMs: number,
    priority: number,
    dueMs: number,
    expiresMs: number,
    group: string | undefined,
  ): number {
    const contents = this.#change();
    const { rows, groups } = contents;
    const dueAtMs = this.#dueMs(dueMs, nowMs);
    const number = rows.tail;
    const chunk = rows.append(at, sizeBytes, dueAtMs > 0 ? DELAYED : READY);
    rows.enterSegment(segmentOf(at), 1);
    const level = Math.min(priority, this.#spec.priorityMax ?? 0);
    if (level > 0) chunk.priorities()[chunk.used - 1] = level;
    if (groups !== undefined && group !== undefined) groups.join(group, number, chunk, chunk.used - 1);
    contents.admit(this.#spec, number, 1, nowMs, dueAtMs, expiresMs);
    return number;
  }

  /**
   * Adds `count` messages of which nothing special is said and that lie side by side in the journal: the first at `at`, of
   * `ends[0] - start` bytes, each further one of `ends[i] - ends[i - 1]`. Answers the first one's number.
   */
  pushRun(at: Position, start: number, ends: Uint32Array, count: number, nowMs: number): number {
    const contents = this.#change();
    const { rows } = contents;
    const dueAtMs = this.#dueMs(0, nowMs);
    const first = rows.tail;
    rows.appendRun(at, start, ends, count, dueAtMs > 0 ? DELAYED : READY);
    contents.admit(this.#spec, first, count, nowMs, dueAtMs, Number.POSITIVE_INFINITY);
    return first;
  }

  /** Ready to in flight under `lease` until `untilMs` (`Infinity` = no end), one attempt more. Answers how many: others are passed over. */
  lease(runs: Runs, lease: number, untilMs: number): number {
    return leaseRuns(this.#change(), runs, lease, untilMs);
  }

  /** Any unsettled state to gone, counted under `as`. Answers how many were settled now. */
  settle(runs: Runs, as: SettledAs): number {
    const settled = settleRuns(this.#change(), runs);
    this.#contents.totals[as] += settled;
    return settled;
  }

  /**
   * In flight to ready, in its place; to delayed until `dueMs` when that is not 0. Only a failed delivery counts as an attempt. Answers
   * how many.
   */
  back(runs: Runs, dueMs: number, as: ReturnedAs): number {
    return returnRuns(this.#change(), runs, dueMs, as);
  }

  /** The messages among `runs` in flight, whoever held them, are held under `lease` until `untilMs` from now on. Answers how many (twice what is named twice). */
  extend(runs: Runs, lease: number, untilMs: number): number {
    return extendRuns(this.#change(), runs, lease, untilMs);
  }

  /** Delayed messages whose time has come become ready, the earliest first and `countMax` at most. Answers how many. */
  due(nowMs: number, countMax: number = Number.POSITIVE_INFINITY): number {
    const contents = this.#change();
    let count = 0;
    for (; count < countMax; count++) {
      const number = contents.delays.take(nowMs);
      if (number < 0) break;
      const chunk = contents.chunkOf(number);
      const row = chunk.find(number);
      chunk.flags[row] = ((chunk.flags[row] as number) & ~STATE_MASK) | READY;
      contents.enlist(number, chunk, row);
    }
    contents.delayed -= count;
    contents.ready += count;
    return count;
  }

  /** The message's bytes stand elsewhere from now on; answers where they stood. Throws when it is settled. */
  relocate(number: number, to: Position): Position {
    const chunk = this.#change().chunkOf(number);
    return this.#contents.rows.relocate(chunk, chunk.find(number), to);
  }

  /** For a message that came from another queue. Throws when it is settled. */
  setAttempts(number: number, attempts: number): void {
    const chunk = this.#change().chunkOf(number);
    chunk.setAttempts(chunk.find(number), attempts);
  }

  /** Why it was dead-lettered on its way here. Throws when it is settled. */
  setDeaths(number: number, deaths: readonly Death[]): void {
    this.#change().setDeaths(number, deaths);
  }

  /** Remembers a dedup id with its message, and forgets those whose window is over. A queue without a window remembers none. */
  remember(dedupId: string, number: number, nowMs: number): void {
    const { dedupWindowMs } = this.#spec;
    if (dedupWindowMs !== undefined) this.#change().dedup.remember(dedupId, number, nowMs, dedupWindowMs);
  }

  /**
   * Takes back the pieces of `restate`, in order, in a new queue of the same specification: the same digest then. Throws a RangeError when
   * they are damaged or not in order.
   */
  restore(piece: Uint8Array): void {
    const contents = this.#change();
    this.#restorer ??= new Restorer(contents, this.#spec.ttlMs !== undefined);
    if (this.#restorer.take(piece)) this.#restorer = undefined;
  }

  // Questions: asking changes nothing.

  /** The durable state in pieces of at most about half a MiB, for `restore`. Throws when the queue changes before the last was taken. */
  *restate(): Generator<Uint8Array> {
    const { changes } = this.#contents;
    for (const piece of restate(this.#contents)) {
      yield piece;
      if (this.#contents.changes !== changes)
        throw new Error(`Queue "${this.#spec.name}" changed while it was restated. Take all pieces at once.`);
    }
  }

  /** Fingerprint of the durable state: equal states have equal ones, however they came about. Walks everything. */
  digest(): string {
    const fingerprint = new Fingerprint();
    for (const piece of restate(this.#contents)) fingerprint.add(piece);
    return fingerprint.toString();
  }

  /** Number of the first message with this dedup id inside the window. */
  seen(dedupId: string, nowMs: number): number | undefined {
    return this.#contents.dedup.seen(dedupId, nowMs, this.#spec.dedupWindowMs ?? 0);
  }

  /**
   * Fills `take` with at most `countMax` numbers deliverable next, in order; answers how many. Deliverable is what is ready and not past
   * the end of its time to live: at that very millisecond it is both deliverable and `expired`, so that a time to live of 0 means
   * "now or never".
   */
  next(nowMs: number, countMax: number, take: Float64Array): number {
    return this.#contents.order.next(nowMs, countMax, take);
  }

  /** Fills `into` with at most `countMax` numbers, ready or delayed, whose time to live is over; answers how many. */
  expired(nowMs: number, countMax: number, into: Float64Array): number {
    return this.#contents.expiry.over(nowMs, countMax, into);
  }

  /**
   * When something will happen by itself: a delayed message is due, a lease or a time to live ends. `Infinity` if nothing. Never late; it
   * may be early when very many messages with a time to live of their own were settled: ask again then.
   */
  nextTimeMs(): number {
    const { delays, leases, expiry } = this.#contents;
    return Math.min(delays.nextMs(), leases.nextMs(), expiry.nextMs());
  }

  /** When the next delayed message is due; `Infinity` = none is. Never late; early as `nextTimeMs` may be. */
  nextDueMs(): number {
    return this.#contents.delays.nextMs();
  }

  /** Fills `into` with ids of leases that are over, at least in part, the earliest end first; answers how many. */
  leaseEnds(nowMs: number, into: Float64Array): number {
    return this.#contents.leases.over(nowMs, into);
  }

  /** What is in flight under a lease. After an extension of only some of it, ends differ: `endedByMs` picks what has ended by then. */
  heldBy(lease: number, endedByMs: number = Number.POSITIVE_INFINITY): Runs {
    return this.#contents.leases.heldBy(lease, endedByMs);
  }

  /** All that is in flight. */
  held(): Runs {
    return inState(this.#contents.rows, IN_FLIGHT);
  }

  /** All that is ready. */
  waiting(): Runs {
    return inState(this.#contents.rows, READY);
  }

  /** Id of the lease that holds it; 0 = not in flight. */
  leaseOf(number: number): number {
    const chunk = this.#contents.rows.at(number);
    const row = chunk === undefined ? -1 : chunk.find(number);
    if (chunk === undefined || row < 0 || ((chunk.flags[row] as number) & STATE_MASK) !== IN_FLIGHT) return 0;
    return this.#contents.leases.idOf((chunk.lease as Uint32Array)[row] as number);
  }

  /** Undefined: settled, or never there. */
  state(number: number): MessageState | undefined {
    return STATES[this.#contents.rows.stateOf(number)];
  }

  /** Where its bytes stand. Throws when it is settled, as the next four do. */
  position(number: number): Position {
    const chunk = this.#contents.chunkOf(number);
    return this.#contents.rows.positionAt(chunk, chunk.find(number));
  }

  sizeOf(number: number): number {
    const chunk = this.#contents.chunkOf(number);
    return chunk.size[chunk.find(number)] as number;
  }

  /** How often it has been delivered; a requeue is taken off again. */
  attempts(number: number): number {
    const chunk = this.#contents.chunkOf(number);
    return chunk.attemptsAt(chunk.find(number));
  }

  /** False: no message of this queue was ever handed out and came back. */
  get hasReturned(): boolean {
    return this.#contents.hasReturned;
  }

  /** It was handed out before this time, whether or not that counted as an attempt. */
  wasReturned(number: number): boolean {
    const chunk = this.#contents.chunkOf(number);
    return ((chunk.flags[chunk.find(number)] as number) & RETURNED) !== 0;
  }

  /** When its time to live is over; `Infinity` = never. */
  expiresMs(number: number): number {
    const chunk = this.#contents.chunkOf(number);
    return chunk.expiresAt(chunk.find(number));
  }

  /** Undefined: it never died. */
  deaths(number: number): readonly Death[] | undefined {
    return this.#contents.deaths.get(number);
  }

  /** `position`, `sizeOf` and `attempts` of the first `count` of `numbers` at once. Throws when one is settled. */
  locate(numbers: Float64Array, count: number, positions: Float64Array, sizes: Uint32Array, attempts: Uint16Array): void {
    for (let i = 0; i < count; i++) {
      const number = numbers[i] as number;
      const chunk = this.#contents.chunkOf(number);
      const row = chunk.find(number);
      positions[i] = this.#contents.rows.positionAt(chunk, row);
      sizes[i] = chunk.size[row] as number;
      attempts[i] = chunk.attemptsAt(row);
    }
  }

  /** Fills `into` with at most `countMax` unsettled numbers from `from` on, ascending, in any state; answers how many. */
  browse(from: number, countMax: number, into: Float64Array): number {
    return browse(this.#contents.rows, from, countMax, into);
  }

  /** Fills `into` with at most `countMax` ready numbers to drop first when the queue is over its limit: lowest priority, then oldest. */
  heads(countMax: number, into: Float64Array): number {
    return this.#contents.order.heads(countMax, into);
  }

  /** Visits all unsettled messages whose bytes stand in a journal segment. `visit` may relocate what it is shown and change nothing else. */
  inSegment(segment: number, visit: (number: number) => void): void {
    inSegment(this.#contents.rows, segment, visit);
  }

  #change(): Contents {
    this.#contents.changes++;
    return this.#contents;
  }

  #dueMs(dueMs: number, nowMs: number): number {
    const dueAtMs = dueMs > 0 ? dueMs : nowMs + (this.#spec.delayMs ?? 0);
    return dueAtMs > nowMs ? dueAtMs : 0;
  }
}
