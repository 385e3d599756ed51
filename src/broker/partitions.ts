/** The logs of all partitions: opened when first needed, fed by what is applied, read up to where the journal is safe. */

import { messagesIn, type Topic } from '../core/core.ts';
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
import type { Staying } from './staying.ts';

const FETCH_BYTES = 1024 * 1024;

export class Partitions {
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #staying: Staying;
  readonly #directory: string;
  readonly #segmentBytes: number | undefined;
  readonly #languages: ReadonlyMap<number, Language>;
  readonly #keyOf: (bytes: Uint8Array, at: number) => Uint8Array | undefined;
  readonly #fail: (error: Error) => void;
  readonly #slots = new Map<string, Slot>();
  readonly #cuts: Cuts = new Map();
  #grown = new Map<Slot, number>();

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
    this.#staying = staying;
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
    this.#grown.set(slot, base + count);
  }

  /** What has been appended since the last call becomes readable once the journal is safe up to here. */
  hold(): void {
    if (this.#grown.size === 0) return;
    const grown = this.#grown;
    this.#grown = new Map();
    this.#ledger.gate.hold(
      this.#ledger.journal.tip,
      () => {
        for (const [slot, end] of grown) {
          slot.safe = Math.max(slot.safe, end);
          wake(slot);
        }
      },
      () => {
        for (const slot of grown.keys()) wake(slot);
      },
    );
  }

  async fetch(topic: Topic, fetch: Fetch): Promise<Fetched> {
    const slot = this.#slot(topic, fetch.partition);
    const log = await this.#open(slot);
    const ends = () => topic.partitions[fetch.partition] ?? { start: 0, end: 0 };
    if (fetch.offset === slot.safe && (fetch.waitMs ?? 0) > 0) {
      await this.#wait(slot, fetch);
      this.#ledger.check();
    }
    if (!Number.isInteger(fetch.offset) || fetch.offset > slot.safe || fetch.offset < ends().start) {
      throw new Refused(
        'out-of-range',
        `Offset ${fetch.offset} is not in partition ${fetch.partition} of topic "${topic.spec.name}": it holds ${ends().start} to ${slot.safe}.`,
      );
    }
    const sizeBytesMax = fetch.sizeBytesMax ?? FETCH_BYTES;
    const slice = await log.fetch(fetch.offset, offset(slot.safe), sizeBytesMax, fetch.room).catch((error: unknown) => {
      throw unreadable(slot, error);
    });
    const asked = fetch.packed === true ? slice : slot.unpacker.singly(slice, fetch.offset, sizeBytesMax);
    return { ...asked, start: offset(ends().start), end: offset(slot.safe) };
  }

  /** Where readers may read up to. */
  safeEnd(topic: Topic, partition: number): Offset {
    return offset(this.#slot(topic, partition).safe);
  }

  async offsetAt(topic: Topic, partition: number, timeMs: number): Promise<Offset> {
    const slot = this.#slot(topic, partition);
    const log = await this.#open(slot);
    for (;;) {
      const at = Math.max(await log.offsetAt(timeMs, offset(slot.safe)), topic.partitions[partition]?.start ?? 0);
      if (at >= slot.safe || !log.packed) return offset(at);
      const slice = await log.fetch(offset(at), offset(slot.safe), 0).catch((error: unknown) => {
        // Trimmed away meanwhile.
        if (at < (topic.partitions[partition]?.start ?? 0)) return undefined;
        throw unreadable(slot, error);
      });
      if (slice !== undefined) return slot.unpacker.messageAt(slice, at, timeMs);
    }
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
        if (start > (topic.partitions[p]?.start ?? 0) && start <= slot.safe) await trim(topic, p, start);
        if (compact === true) await log.compact(nowMs, offset(slot.safe), tombstoneMs);
      }
    }
  }

  /** The journal says the partition begins later: once that is safe, the log may forget what is before. */
  trimmed(topic: Topic, partition: number): void {
    if (this.#ledger.replaying !== undefined) return;
    const slot = this.#slot(topic, partition);
    const start = topic.partitions[partition]?.start ?? 0;
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
  #slot(topic: Topic, partition: number, safe: number = topic.partitions[partition]?.end ?? 0): Slot {
    const key = `${topic.id}/${partition}`;
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      const unpacker = new Unpacker(this.#languages, this.#cuts);
      slot = {
        topic,
        partition,
        log: undefined,
        opening: undefined,
        early: [],
        replayed: [],
        safe,
        trimming: 0,
        waiting: new Set(),
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

  #wait(slot: Slot, { waitMs = 0, signal }: Fetch): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        if (!slot.waiting.delete(done)) return;
        stop();
        this.#staying.leave();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const stop = this.#host.clock.after(waitMs, done);
      slot.waiting.add(done);
      this.#staying.enter();
      signal?.addEventListener('abort', done, { once: true });
      if (signal?.aborted === true) done();
    });
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

/** What the log refuses stays as it is; an error of the drive becomes a refusal that says which partition it struck. */
function unreadable({ topic, partition }: Slot, error: unknown): Refused {
  if (error instanceof Refused) return error;
  const { message } = error as Error;
  return new Refused(
    'damaged',
    `The log of partition ${partition} of topic "${topic.spec.name}" cannot be read: ${message}. Check the drive.`,
    { cause: error },
  );
}

function wake(slot: Slot): void {
  for (const done of [...slot.waiting]) done();
}
