/** Where messages go that are over: read, given their death, and moved to the dead-letter target in one entry. */

import { type Burial, decideDeadLetter, type Entry, type Queue, type Rules, runsOf, startOf } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import type { DeadLetterSpec } from '../model/declaration.ts';
import type { Death, Deliveries } from '../model/engine.ts';
import { type Records, readMessage, sizeOf } from '../model/record.ts';
import { copyMessages, isThere, only } from './copies.ts';
import type { DeathListener } from './death-listener.ts';
import type { Ledger } from './ledger.ts';
import type { Reader } from './reader.ts';

const DEATHS_MAX = 16;
/** After an error of the disk. */
const AGAIN_MS = 10_000;
/** About so much is read and moved at once. */
const PORTION_BYTES = 1024 * 1024;
/** What is told of its deaths, about. */
const DEATH_BYTES = 512;

export class Morgue {
  readonly #ledger: Ledger;
  readonly #reader: Reader;
  readonly #rules: Rules;
  readonly #host: Host;
  readonly #onDeath: DeathListener | undefined;
  /** Burials of one queue follow each other, so that dead letters keep its order. */
  readonly #last = new Map<Queue, Promise<void>>();
  readonly #dying = new Map<Queue, Set<number>>();

  constructor(host: Host, ledger: Ledger, reader: Reader, rules: Rules, onDeath: DeathListener | undefined) {
    this.#ledger = ledger;
    this.#reader = reader;
    this.#rules = rules;
    this.#host = host;
    this.#onDeath = onDeath;
  }

  get idle(): boolean {
    return this.#last.size === 0;
  }

  /** Takes the messages away from everybody now; resolves when their move is safe. Called while the ledger may be changed. */
  bury(burial: Burial): Promise<void> {
    const { queue } = burial;
    const lease = this.#ledger.state.nextLease;
    this.#seize(burial, lease);
    const before = this.#last.get(queue) ?? Promise.resolve();
    const done = before.then(() => this.#move(burial, lease));
    const settled = done.catch((error: unknown) => this.#later(burial, lease, error));
    this.#last.set(queue, settled);
    void settled.then(() => {
      if (this.#last.get(queue) === settled) this.#last.delete(queue);
    });
    return done;
  }

  /** What could not be read now is tried again after a while; others need not wait for it. */
  #later(burial: Burial, lease: number, error: unknown): void {
    if (this.#ledger.ended !== undefined) return;
    this.#host.logger.error('dead-letter.failed', { queue: burial.queue.spec.name, error: String(error) });
    this.#host.clock.after(AGAIN_MS, () => {
      this.#move(burial, lease).catch((cause: unknown) => this.#later(burial, lease, cause));
    });
  }

  /**
   * Keeps everybody else from them until they are moved. What has expired nobody is given anyway, and only has to be known here; the
   * rest is held under a lease of the morgue's own that does not end.
   */
  #seize({ queue, numbers, reason }: Burial, lease: number): void {
    if (reason === 'expired') {
      const dying = this.#dying.get(queue) ?? new Set();
      this.#dying.set(queue, dying);
      for (const number of numbers) dying.add(number);
      return;
    }
    const waiting = numbers.filter((n) => queue.leaseOf(n) === 0);
    const inFlight = numbers.filter((n) => queue.leaseOf(n) !== 0);
    const untilMs = Number.POSITIVE_INFINITY;
    if (inFlight.length > 0) this.#ledger.record([{ kind: 'extended', queue: queue.id, lease, untilMs, runs: runsOf(inFlight) }]);
    if (waiting.length > 0) this.#ledger.record([{ kind: 'leased', queue: queue.id, lease, untilMs, runs: runsOf(waiting) }]);
  }

  /** Expired and on its way out already. */
  isDying(queue: Queue, number: number): boolean {
    return this.#dying.get(queue)?.has(number) === true;
  }

  /** In portions: however much dies at once, little of it is in memory, and each entry fits the journal. */
  async #move(burial: Burial, lease: number): Promise<void> {
    const { queue, numbers, reason } = burial;
    const holder = reason === 'expired' ? 0 : lease;
    const bytesMax = Math.min(PORTION_BYTES, this.#ledger.journal.entryBytesMax / 4);
    for (let from = 0; from < numbers.length; ) {
      let to = from;
      for (let sizeBytes = 0; to < numbers.length; to++) {
        const number = numbers[to] ?? 0;
        if (isThere(queue, number, holder)) sizeBytes += queue.sizeOf(number) + DEATH_BYTES;
        if (sizeBytes > bytesMax && to > from) break;
      }
      await this.#movePortion({ queue, numbers: numbers.slice(from, to), reason }, holder);
      from = to;
    }
  }

  async #movePortion({ queue, numbers, reason }: Burial, holder: number): Promise<void> {
    const mine = numbers.filter((n) => isThere(queue, n, holder));
    const read = await copyMessages(this.#reader, queue, mine, holder);
    const { end, tip } = await this.#ledger.run(() => {
      const end = this.decide(
        queue,
        only(read, (n) => isThere(queue, n, holder)),
        reason,
      );
      this.#ledger.record(end.entries);
      for (const number of numbers) this.#dying.get(queue)?.delete(number);
      this.#ledger.journal.sync();
      return { end, tip: this.#ledger.journal.tip };
    });
    await this.#ledger.gate.passed(tip);
    end.tell();
  }

  /** What takes these messages out of their queue and into its dead-letter target, to be recorded in this turn, as one. */
  decide(queue: Queue, copy: Deliveries, reason: Death['reason']): End {
    if (copy.count === 0) return { entries: [], tell: () => undefined };
    const target = queue.spec.deadLetter;
    const tenant = this.#ledger.state.tenant(queue.tenant);
    const nowMs = this.#ledger.nowMs();
    const entries: Entry[] = [];
    if (target !== undefined) {
      for (const group of this.#byAddress(copy, queue, target, reason, nowMs)) {
        entries.push(...decideDeadLetter(tenant, target, group.records, group.deaths, group.address, nowMs, this.#rules));
      }
    }
    const taken = entries.length > 0;
    const as = taken ? 'deadLettered' : reason === 'expired' ? 'expired' : 'dropped';
    entries.push({ kind: 'settled', queue: queue.id, as, runs: runsOf(copy.numbers) });
    return { entries, tell: () => (taken ? this.#onDeath?.(queue.spec.name, copy, reason) : undefined) };
  }

  /** The end of messages whose records were read before, decided now; undefined unless all of them were. */
  decideRead({ queue, numbers, reason }: Burial, read: Read | undefined): End | undefined {
    if (read?.queue !== queue) return undefined;
    const wanted = new Set(numbers);
    const copy = only(read.copy, (number) => wanted.has(number));
    return copy.count === wanted.size ? this.decide(queue, copy, reason) : undefined;
  }

  async read({ queue, numbers }: Burial): Promise<Read> {
    return { queue, copy: await copyMessages(this.#reader, queue, numbers, 0) };
  }

  /** What was just recorded may hold messages that died before they came in: turned away by a full queue, or unfit. */
  announce(entries: readonly Entry[]): void {
    const onDeath = this.#onDeath;
    if (onDeath === undefined) return;
    for (const entry of entries) {
      if (entry.kind !== 'messages' || entry.deaths === undefined) continue;
      const [death] = entry.deaths[0] ?? [];
      if (death === undefined) continue;
      const { bytes, count } = entry.records;
      const at = Uint32Array.from({ length: count }, (_, i) => startOf(entry.records, i));
      const attempts = new Uint16Array(count);
      const deliveries = {
        queue: death.queue,
        count,
        numbers: new Float64Array(count),
        lease: 0,
        bytes,
        at,
        attempts,
        deaths: entry.deaths,
      };
      this.#ledger.gate.hold(
        this.#ledger.journal.tip,
        () => onDeath(death.queue, deliveries, death.reason),
        () => undefined,
      );
    }
  }

  /** Neighbours of one address share an entry. */
  *#byAddress(copy: Deliveries, queue: Queue, target: DeadLetterSpec, reason: Death['reason'], atMs: number): Generator<Group> {
    let group: Group | undefined;
    let ends: number[] = [];
    for (let i = 0; i < copy.count; i++) {
      const at = copy.at[i] ?? 0;
      const before = copy.deaths?.[i] ?? [];
      // A message that has died before came from where that sent it.
      const { exchange, address } = before[0]?.to ?? readMessage(copy.bytes, at, this.#rules.languages);
      const to = { exchange: target.exchange, address: target.address ?? address };
      const deaths = withDeath(before, { reason, queue: queue.spec.name, exchange, address, to, atMs, count: 1 });
      if (group !== undefined && group.address !== address) {
        yield closed(group, ends);
        group = undefined;
      }
      if (group === undefined) {
        group = { address, deaths: [], records: { bytes: copy.bytes, start: at, ends: new Uint32Array(0), count: 0 } };
        ends = [];
      }
      group.deaths.push(deaths);
      ends.push(at + sizeOf(copy.bytes, at));
    }
    if (group !== undefined) yield closed(group, ends);
  }
}

/** Messages of one queue, read because they may have to be buried. */
export interface Read {
  readonly queue: Queue;
  readonly copy: Deliveries;
}

/** The end of messages that died: to be recorded, and told to who listens once that is safe. */
export interface End {
  readonly entries: readonly Entry[];
  readonly tell: () => void;
}

interface Group {
  readonly address: string;
  readonly deaths: (readonly Death[])[];
  readonly records: Records;
}

function closed(group: Group, ends: readonly number[]): Group {
  return { ...group, records: { ...group.records, ends: Uint32Array.from(ends), count: ends.length } };
}

/** Newest first; a death like an earlier one in the same queue is counted there. */
function withDeath(before: readonly Death[], death: Death): readonly Death[] {
  const same = before.find((d) => d.queue === death.queue && d.reason === death.reason);
  const rest = before.filter((d) => d !== same);
  return [{ ...death, atMs: same?.atMs ?? death.atMs, count: (same?.count ?? 0) + 1 }, ...rest].slice(0, DEATHS_MAX);
}
