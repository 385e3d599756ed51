/** The logs of all partitions: opened when first needed, fed by what is applied, read up to where the journal is safe. */

import { messagesIn, type PartitionEnds, stableEnd, type Topic } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import { discard, PartitionLog } from '../log/log.ts';
import type { Fetch, Fetched } from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import type { RecordColumns } from '../model/packs.ts';
import { copyOf, type Language, type Records } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import { catchUp, type Slot } from './catch-up.ts';
import type { Ledger } from './ledger.ts';
import { type Cuts, Unpacker } from './packs.ts';
import { Reading } from './reading.ts';
import type { Staying } from './staying.ts';

export class Partitions {
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #reading: Reading;
  readonly #directory: string;
  readonly #segmentBytes: number | undefined;
  readonly #languages: ReadonlyMap<number, Language>;
  readonly #keyOf: (bytes: Uint8Array, at: number) => Uint8Array | undefined;
  readonly #fail: (error: Error) => void;
  readonly #slots = new Map<string, Slot>();
  readonly #cuts: Cuts = new Map();
  #grown = new Set<Slot>();

  constructor(
    host: Host,
    ledger: Ledger,
    staying: Staying,
    options: {
      readonly directory: string;
      readonly segmentBytes?: number | undefined;
      readonly languages: ReadonlyMap<number, Language>;
      readonly keyOf: (bytes: Uint8Array, at: number) => Uint8Array | undefined;
      readonly onFailure: (error: Error) => void;
    },
  ) {
    this.#host = host;
    this.#ledger = ledger;
    this.#reading = new Reading(host, ledger, staying);
    this.#directory = options.directory;
    this.#segmentBytes = options.segmentBytes;
    this.#languages = options.languages;
    this.#keyOf = options.keyOf;
    this.#fail = options.onFailure;
  }

  /** Records applied to a partition. Copied at once, or found again in the journal when replaying. */
  append(
    topic: Topic,
    partition: number,
    base: number,
    timeMs: number,
    records: Records,
    picks: Uint32Array | undefined,
    columns: RecordColumns | undefined,
  ): void {
    // The end has moved on already: what is appended now is not safe yet.
    const slot = this.#slot(topic, partition, base);
    const count = messagesIn(records.count, picks, columns?.packs);
    const { replaying } = this.#ledger;
    if (replaying !== undefined) {
      const last = slot.replayed.at(-1);
      const nth = last?.position === replaying.position ? last.nth + 1 : 0;
      slot.replayed.push({ ...replaying, base, count, nth });
      slot.safe = base + count;
      return;
    }
    if (slot.log !== undefined) slot.log.append(offset(base), timeMs, records, picks, columns);
    else {
      slot.early.push({ base, timeMs, records: copied(records), picks, columns: columns && copiedColumns(columns) });
      void this.#open(slot).catch(() => undefined);
    }
    this.#grown.add(slot);
  }

  /** What has been appended since the last call becomes readable once the journal is safe up to here. */
  hold(): void {
    if (this.#grown.size === 0) return;
    const grown = [...this.#grown].map((slot) => {
      const ends = slot.topic.partitions[slot.partition] ?? NOTHING;
      return { slot, end: ends.end, stable: stableEnd(ends) };
    });
    this.#grown.clear();
    this.#ledger.gate.hold(
      this.#ledger.journal.tip,
      () => {
        for (const { slot, end, stable } of grown) {
          const [isMore, isMoreStable] = [end > slot.safe, stable > slot.stable];
          slot.safe = Math.max(slot.safe, end);
          slot.stable = Math.max(slot.stable, stable);
          if (isMore) wakeAll(slot.waiting);
          if (isMoreStable) wakeAll(slot.waitingStable);
        }
      },
      () => {
        for (const { slot } of grown) wake(slot);
      },
    );
  }

  /** Replay is over: what was safe is told, also of what is open. */
  replayed(): void {
    for (const slot of this.#slots.values()) slot.stable = stableEnd(slot.topic.partitions[slot.partition] ?? NOTHING);
  }

  async fetch(topic: Topic, fetch: Fetch): Promise<Fetched> {
    const slot = this.#slot(topic, fetch.partition);
    return this.#reading.fetch(await this.#open(slot), slot, fetch);
  }

  async offsetAt(topic: Topic, partition: number, timeMs: number, uncommitted: 'open' | undefined): Promise<Offset> {
    const slot = this.#slot(topic, partition);
    return this.#reading.offsetAt(await this.#open(slot), slot, timeMs, uncommitted);
  }

  /** Where the partition ends as far as that is safe. */
  safeEnd(topic: Topic, partition: number): Offset {
    return offset(this.#slot(topic, partition).safe);
  }

  /** Where readers of what is committed may read up to. */
  stableEnd(topic: Topic, partition: number): Offset {
    return offset(this.#slot(topic, partition).stable);
  }

  async sizeBytes(topic: Topic): Promise<number> {
    const logs = await Promise.all(topic.partitions.map((_, p) => this.#open(this.#slot(topic, p))));
    return logs.reduce((sum, log) => sum + log.sizeBytes, 0);
  }

  /** Makes every log hold all that was applied, so that the journal may forget it. */
  async sync(): Promise<void> {
    const due = [...this.#slots.values()].filter((slot) => slot.replayed.length > 0 || slot.early.length > 0 || slot.log !== undefined);
    await Promise.all(due.map(async (slot) => (await this.#open(slot)).sync()));
  }

  /** Applies retention and compaction; `trim` journals a new start and resolves when it is safe. */
  async upkeep(nowMs: number, tombstoneMs: number, trim: (topic: Topic, partition: number, start: Offset) => Promise<void>): Promise<void> {
    for (const topic of [...this.#ledger.state.topics.values()]) {
      const { retentionMs, retentionBytes, compact } = topic.spec;
      if (retentionMs === undefined && retentionBytes === undefined && compact !== true) continue;
      for (let p = 0; p < topic.partitions.length; p++) {
        const slot = this.#slot(topic, p);
        const log = await this.#open(slot);
        const start = log.retainFrom(nowMs, retentionMs, retentionBytes);
        // What is open is kept until it has ended.
        if (start > (topic.partitions[p]?.start ?? 0) && start <= slot.stable) await trim(topic, p, start);
        if (compact === true) await log.compact(nowMs, offset(slot.stable), tombstoneMs);
      }
    }
  }

  /** The journal says the partition begins later: once that is safe, the log may forget what is before. */
  trimmed(topic: Topic, partition: number): void {
    if (this.#ledger.replaying !== undefined) return;
    const slot = this.#slot(topic, partition);
    const start = topic.partitions[partition]?.start ?? 0;
    // What is open may have been before.
    this.#grown.add(slot);
    slot.trimming++;
    this.#ledger.gate.hold(
      this.#ledger.journal.tip,
      () => {
        slot.trimming--;
        this.#open(slot)
          .then((log) => log.trim(offset(start)))
          .catch((error: Error) => this.#host.logger.error('log.trim', { topic: topic.spec.name, partition, error: error.message }));
      },
      () => undefined,
    );
  }

  /** The topic is gone: its logs are closed, and their files removed once the removal is safe. */
  removed(topic: Topic): void {
    for (let p = 0; p < topic.partitions.length; p++) {
      const slot = this.#slots.get(`${topic.id}/${p}`);
      this.#slots.delete(`${topic.id}/${p}`);
      if (slot !== undefined) wake(slot);
      const directory = this.#directoryOf(topic, p);
      if (this.#ledger.replaying !== undefined) continue;
      this.#ledger.gate.hold(
        this.#ledger.journal.tip,
        () => void this.#erase(slot, directory),
        () => undefined,
      );
    }
  }

  /** Removes what logs of topics no longer known have left (a crash between removal and erasing). */
  async sweep(): Promise<void> {
    for (const name of await this.#host.disk.list(this.#directory)) {
      const id = Number(name.split('-')[0]);
      if (Number.isInteger(id) && !this.#ledger.state.topics.has(id)) await this.#erase(undefined, `${this.#directory}/${name}`);
    }
  }

  async close(): Promise<void> {
    for (const slot of this.#slots.values()) {
      wake(slot);
      const log = slot.log ?? (await slot.opening?.catch(() => undefined));
      // What it could not write the journal has not forgotten.
      await log?.close().catch((error) => this.#host.logger.warn('log.close', { topic: slot.topic.id, error: String(error) }));
    }
  }

  wakeAll(): void {
    for (const slot of this.#slots.values()) wake(slot);
  }

  /** Made on first use: all that was there before is `safe`. */
  #slot(topic: Topic, partition: number, before?: number): Slot {
    const key = `${topic.id}/${partition}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      const unpacker = new Unpacker(this.#languages, this.#cuts);
      const ends = topic.partitions[partition] ?? NOTHING;
      const safe = before ?? ends.end;
      slot = {
        topic,
        partition,
        log: undefined,
        opening: undefined,
        early: [],
        replayed: [],
        safe,
        trimming: 0,
        stable: Math.min(safe, stableEnd(ends)),
        waiting: new Set(),
        waitingStable: new Set(),
        unpacker,
      };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #directoryOf(topic: Topic, partition: number): string {
    return `${this.#directory}/${topic.id}-${partition}`;
  }

  #open(slot: Slot): Promise<PartitionLog> {
    if (slot.log !== undefined) return Promise.resolve(slot.log);
    slot.opening ??= this.#openLog(slot).catch((error: unknown) => {
      slot.opening = undefined;
      if (error instanceof Refused) throw error;
      const { topic, partition } = slot;
      throw new Refused(
        'damaged',
        `The log of partition ${partition} of topic "${topic.spec.name}" cannot be opened: ${(error as Error).message}. Check the drive.`,
        { cause: error },
      );
    });
    return slot.opening;
  }

  async #openLog(slot: Slot): Promise<PartitionLog> {
    const { topic, partition } = slot;
    const log = await PartitionLog.open(this.#host, {
      directory: this.#directoryOf(topic, partition),
      ...(this.#segmentBytes !== undefined && { segmentBytes: this.#segmentBytes }),
      keyOf: this.#keyOf,
      onFailure: this.#fail,
    });
    await catchUp(log, slot, this.#ledger.journal);
    return log;
  }

  async #erase(slot: Slot | undefined, directory: string): Promise<void> {
    try {
      const log = slot?.log ?? (await slot?.opening?.catch(() => undefined));
      await log?.close().catch(() => undefined);
      if ((await this.#host.disk.list(directory)).length > 0) await discard(this.#host.disk, directory);
    } catch (error) {
      this.#host.logger.warn('log.erase', { directory, error: String(error) });
    }
  }
}

/** The publisher has its bytes back before the log is open. */
function copied(records: Records): Records {
  return { ...records, bytes: copyOf(records.bytes), ends: records.ends.slice() };
}

function copiedColumns({ packs, timesMs }: RecordColumns): RecordColumns {
  return { packs: packs?.slice(), timesMs: timesMs?.slice() };
}

const NOTHING: PartitionEnds = { start: 0, end: 0 };

function wake(slot: Slot): void {
  wakeAll(slot.waiting);
  wakeAll(slot.waitingStable);
}

function wakeAll(waiting: ReadonlySet<() => void>): void {
  for (const done of [...waiting]) done();
}
