/** The queues at work: who is served, what time has come for, what goes back, what is over. */

import {
  type Burial,
  countOf,
  decideReturn,
  decideSettle,
  decideTurn,
  type Entry,
  held,
  isDurable,
  over,
  type Queue,
  type Rules,
  runsOf,
  type Taking,
  type Tenant,
} from '../core/core.ts';
import type { Host } from '../host/host.ts';
import type { Peek, Peeked, Runs, Settle } from '../model/engine.ts';
import { isRefusal, Refused } from '../model/refusal.ts';
import { Alarms } from './alarms.ts';
import { checkMs, checkRuns, checkWhole } from './checks.ts';
import { Consumers, type LiveTaker } from './consumers.ts';
import { copyMessages } from './copies.ts';
import type { DeathListener } from './death-listener.ts';
import { LazySync } from './lazy-sync.ts';
import type { Ledger } from './ledger.ts';
import { Morgue } from './morgue.ts';
import type { Reader } from './reader.ts';
import type { Staying } from './staying.ts';
import { Unused } from './unused.ts';

const ENDED_MAX = 1024;
/** A turn that comes later than this, by a full disk say, gives nothing that has expired meanwhile. */
const LATE_MS = 1000;

const OUTCOMES: ReadonlySet<string> = new Set(['ack', 'nack', 'requeue', 'reject']);
const ended = new Float64Array(ENDED_MAX);

export class Queues {
  readonly consumers: Consumers;
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #reader: Reader;
  readonly #alarms: Alarms;
  readonly morgue: Morgue;
  readonly #unused = new Unused();
  /** Since when each has had something to be looked at. */
  #touched = new Map<Queue, number>();
  #turn = false;
  /** Somebody waits for what was recorded, or should not lose it: the journal is asked to be safe when the turn ends. */
  #syncDue = false;
  readonly #lazy: LazySync;
  #stopped = false;

  constructor(host: Host, ledger: Ledger, reader: Reader, rules: Rules, staying: Staying, onDeath: DeathListener | undefined) {
    this.consumers = new Consumers(staying);
    this.#host = host;
    this.#ledger = ledger;
    this.#reader = reader;
    this.#lazy = new LazySync(host.clock, ledger);
    this.#alarms = new Alarms(
      host.clock,
      () => ledger.nowMs(),
      (queue) => this.touch(queue),
    );
    this.morgue = new Morgue(host, ledger, reader, rules, onDeath);
  }

  /** Something changed for this queue: it is looked at when the turn ends. */
  touch(queue: Queue, sinceMs: number = this.#ledger.nowMs()): void {
    if (!this.#touched.has(queue)) this.#touched.set(queue, sinceMs);
    this.#endTurnSoon();
  }

  /** Somebody has used the queue: if it goes by itself, its time begins anew. */
  used(queue: Queue): void {
    this.#unused.used(queue, this.#ledger.nowMs());
    this.touch(queue);
  }

  /** Ends the turn soon: deliveries are decided and the journal is asked to be safe. */
  endTurn(): void {
    this.#syncDue = true;
    this.#endTurnSoon();
  }

  #endTurnSoon(): void {
    if (this.#turn || this.#stopped) return;
    this.#turn = true;
    this.#host.clock.soon(() => {
      this.#turn = false;
      if (!this.#stopped) void this.#ledger.run(() => this.#serve());
    });
  }

  removed(queue: Queue): void {
    this.#touched.delete(queue);
    this.#alarms.forget(queue);
    this.#unused.forget(queue);
    this.consumers.queueGone(queue, new Refused('unknown', `Queue "${queue.spec.name}" was removed.`));
  }

  /** True when nothing is under way here that no event from outside is needed for. */
  get idle(): boolean {
    return !this.#turn && this.#touched.size === 0 && this.morgue.idle;
  }

  stop(reason: string): void {
    this.#stopped = true;
    this.#alarms.stop();
    this.#lazy.stop();
    this.consumers.endAll(new Refused('closed', reason));
  }

  /** Serves one queue now. Called while the ledger may be changed. */
  serve(queue: Queue): void {
    this.#serveQueue(queue, this.#ledger.nowMs(), this.#touched.get(queue));
  }

  #serve(): void {
    const touched = this.#touched;
    this.#touched = new Map();
    const nowMs = this.#ledger.nowMs();
    for (const [queue, sinceMs] of touched) this.#serveQueue(queue, nowMs, sinceMs);
    if (this.#syncDue) this.#ledger.journal.sync();
    else this.#lazy.ask();
    this.#syncDue = false;
  }

  #record(entry: Entry): void {
    this.#syncDue = true;
    this.#ledger.record([entry]);
  }

  /** `sinceMs`: what came then to live no longer than that is served first, though a little time has passed. */
  #serveQueue(queue: Queue, nowMs: number, sinceMs?: number): void {
    const asOfMs = sinceMs === undefined ? nowMs : Math.max(sinceMs, nowMs - LATE_MS);
    if (this.#ledger.state.queues.get(queue.id) !== queue) return;
    if (queue.nextTimeMs() <= nowMs) this.#onTime(queue, nowMs);
    const takers = this.consumers.of(queue);
    if (takers !== undefined) {
      for (;;) {
        const turn = decideTurn(queue, takers, nowMs, this.#ledger.state.nextLease, asOfMs);
        if (turn === undefined) break;
        const { entry, taking, spent } = turn;
        // Nobody waits for it to be safe that somebody holds them.
        if (entry !== undefined) this.#ledger.record([entry]);
        if (taking !== undefined) {
          this.consumers.leased(taking.lease, taking.taker, taking.numbers);
          this.#give(taking.taker, taking);
        }
        if (spent.length > 0) this.end(over(queue, spent, 'attempts'));
      }
    }
    // After serving: what somebody is ready to take does not overflow, and a time to live of 0 means "now or never".
    this.#overflow(queue);
    this.#expire(queue, nowMs);
    this.#touched.delete(queue);
    const endMs = this.#unused.endMs(queue, this.consumers.of(queue) !== undefined, nowMs);
    if (endMs <= nowMs) {
      this.#record({ kind: 'removed', tenant: queue.tenant, what: 'queue', name: queue.spec.name });
      return;
    }
    // What is being buried is past its time already: it is not worth a turn of its own.
    this.#alarms.set(queue, Math.max(Math.min(queue.nextTimeMs(), endMs), nowMs + 1));
  }

  #give(taker: LiveTaker, taking: Taking<LiveTaker>): void {
    // What is gone at restart anyway need not be safe before it is seen.
    if (!isDurable(taker.queue.spec)) return taker.give(taking);
    let safeAt = taker.safeAt;
    for (let i = 0; i < taking.numbers.length; i++) safeAt = Math.max(safeAt, taker.queue.position(taking.numbers[i] ?? 0) + 1);
    taker.safeAt = safeAt;
    if (safeAt > this.#ledger.gate.safe) this.#syncDue = true;
    this.#ledger.gate.hold(
      safeAt,
      () => taker.give(taking),
      () => undefined,
    );
  }

  #onTime(queue: Queue, nowMs: number): void {
    if (queue.nextDueMs() <= nowMs) this.#record({ kind: 'due', queue: queue.id, nowMs });
    for (let count = queue.leaseEnds(nowMs, ended); count > 0; count = queue.leaseEnds(nowMs, ended)) {
      for (const lease of ended.slice(0, count)) this.giveBack(queue, queue.heldBy(lease, nowMs), lease);
    }
  }

  #expire(queue: Queue, nowMs: number): void {
    for (;;) {
      const count = queue.expired(nowMs, ENDED_MAX, ended);
      const numbers = Array.from(ended.subarray(0, count)).filter((n) => !this.morgue.isDying(queue, n));
      if (numbers.length === 0) return;
      this.end(over(queue, numbers, 'expired'));
    }
  }

  #overflow(queue: Queue): void {
    const { countMax = Number.POSITIVE_INFINITY, sizeBytesMax = Number.POSITIVE_INFINITY, overflow } = queue.spec;
    if (overflow !== 'drop-head' && overflow !== 'dead-letter-head') return;
    while (queue.ready > 0 && (queue.ready > countMax || queue.sizeBytes > sizeBytesMax)) {
      const excess = queue.sizeBytes > sizeBytesMax ? 1 : Math.min(ENDED_MAX, queue.ready - countMax);
      const count = queue.heads(excess, ended);
      if (count === 0) return;
      const numbers = Array.from(ended.subarray(0, count));
      if (overflow === 'dead-letter-head') this.end(over(queue, numbers, 'overflow'));
      else this.#record({ kind: 'settled', queue: queue.id, as: 'dropped', runs: runsOf(numbers) });
    }
  }

  /** What was held under a lease goes back, or is over. */
  giveBack(queue: Queue, runs: Runs, lease: number, delayMs?: number): void {
    if (runs.length === 0) return;
    this.end(decideReturn(queue, runs, this.#ledger.nowMs(), () => this.#host.random.float(), delayMs));
    this.consumers.freed(lease, countOf(runs));
  }

  /** Records an end of messages and buries those that go elsewhere. Answers how many are being buried. */
  end(decided: { entries: readonly Entry[]; burials: readonly Burial[] }): number {
    for (const entry of decided.entries) this.#record(entry);
    let buried = 0;
    for (const burial of decided.burials) {
      buried += burial.numbers.length;
      void this.morgue.bury(burial);
    }
    return buried;
  }

  async settle(tenant: Tenant, settle: Settle): Promise<number> {
    checkRuns(settle.runs);
    checkMs('delayMs', settle.delayMs);
    if (!OUTCOMES.has(settle.outcome))
      throw new Refused('invalid', `There is no outcome "${settle.outcome}": ack, nack, requeue or reject.`);
    const { done, count } = await this.#ledger.run(() => {
      const decided = decideSettle(tenant, settle, this.#ledger.nowMs(), () => this.#host.random.float());
      if (isRefusal(decided)) throw Refused.of(decided);
      const { queue } = decided;
      this.free(queue, decided.runs);
      for (const entry of decided.entries) this.#ledger.record([entry]);
      const buried = decided.burials.map((burial) => this.morgue.bury(burial));
      const done =
        buried.length > 0
          ? Promise.all(buried)
          : settle.lazy === true || !isDurable(queue.spec)
            ? undefined
            : this.#ledger.gate.passed(this.#ledger.journal.tip);
      if (settle.lazy !== true) this.endTurn();
      return { done, count: decided.count };
    });
    await done;
    return count;
  }

  /** Gives takers their room back for messages about to be settled. */
  free(queue: Queue, runs: Runs): void {
    this.freed(this.holders(queue, runs));
  }

  /** Which leases hold these messages: lease, count, lease, count … */
  holders(queue: Queue, runs: Runs): number[] {
    const held: number[] = [];
    for (let r = 0; r + 1 < runs.length; r += 2) {
      const first = runs[r] ?? 0;
      for (let k = 0; k < (runs[r + 1] ?? 0); k++) {
        const holder = queue.leaseOf(first + k);
        const last = held.length - 2;
        if (holder === 0) continue;
        if (held[last] === holder) held[last + 1] = (held[last + 1] ?? 0) + 1;
        else held.push(holder, 1);
      }
    }
    return held;
  }

  /** Messages of these holders have been settled. */
  freed(holders: readonly number[]): void {
    for (let h = 0; h + 1 < holders.length; h += 2) this.consumers.freed(holders[h] ?? 0, holders[h + 1] ?? 0);
  }

  /** What was just recorded for a publisher: who listens hears of messages that died on their way in. */
  announce(entries: readonly Entry[]): void {
    this.morgue.announce(entries);
  }

  async extend(queue: Queue, lease: number, runs: Runs, leaseMs: number): Promise<number> {
    checkRuns(runs);
    checkMs('leaseMs', leaseMs);
    const { count, tip } = await this.#ledger.run(() => {
      const kept = held(queue, runs, lease);
      const count = countOf(kept);
      if (count > 0)
        this.#ledger.record([{ kind: 'extended', queue: queue.id, lease, untilMs: this.#ledger.nowMs() + leaseMs, runs: kept }]);
      this.endTurn();
      return { count, tip: this.#ledger.journal.tip };
    });
    await this.#ledger.gate.passed(tip);
    return count;
  }

  /** Throws away what is ready or delayed; answers how much. Called while the ledger may be changed. */
  purge(queue: Queue): number {
    const found = new Float64Array(ENDED_MAX);
    let purged = 0;
    for (let from = queue.oldest; from < queue.tail; ) {
      const count = queue.browse(from, ENDED_MAX, found);
      if (count === 0) break;
      const numbers = found.subarray(0, count).filter((n) => queue.leaseOf(n) === 0);
      from = (found[count - 1] ?? 0) + 1;
      if (numbers.length > 0) this.#ledger.record([{ kind: 'settled', queue: queue.id, as: 'purged', runs: runsOf(numbers) }]);
      purged += numbers.length;
    }
    this.endTurn();
    return purged;
  }

  async peek(queue: Queue, peek: Peek): Promise<Peeked> {
    checkWhole('countMax', peek.countMax, 1);
    checkWhole('from', peek.from, 0);
    const numbers = new Float64Array(Math.min(peek.countMax ?? 10, 1000));
    const count = queue.browse(peek.from ?? queue.oldest, numbers.length, numbers);
    let last = 0;
    for (let i = 0; i < count; i++) last = Math.max(last, queue.position(numbers[i] ?? 0));
    this.#ledger.journal.sync();
    await this.#ledger.gate.passed(last + 1);
    const copy = await copyMessages(this.#reader, queue, numbers.subarray(0, count), 0);
    return { ...copy, states: Array.from(copy.numbers, (n) => queue.state(n) ?? 'in-flight') };
  }
}
