/**
 * One seed, several lives of one journal on a simulated disk (long because one class holds the whole model): random appends, syncs,
 * checkpoints, recycling and reads, ended by a close, a kill or a power cut, with or without disk errors. After each opening the promises
 * of the journal are checked against a plain list.
 */

import assert from 'node:assert/strict';
import type { DiskFault } from '../../src/host/simulated/sim-device.ts';
import { type SimHost, simHost } from '../../src/host/simulated/sim-host.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { type Durability, Journal, type View } from '../../src/journal/journal.ts';
import { byteOf, type Position, segmentOf } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';

export interface LifeOptions {
  readonly durability?: Durability;
  /** Disk errors now and then. */
  readonly faults?: boolean;
  /** A disk so small that it fills up. */
  readonly full?: boolean;
  readonly lives?: number;
  /** What the first process meets at its so-manieth operation. */
  readonly failAt?: { readonly operation: number; readonly fault: DiskFault };
  readonly trace?: (line: string) => void;
}

/** What a run did, so that a test can tell that it was about something. */
export interface Counts {
  entries: number;
  acked: number;
  replayed: number;
  cut: number;
  crashes: number;
  kills: number;
  failures: number;
  recycled: number;
  tight: number;
  fetched: number;
}

interface Entry {
  readonly position: Position;
  readonly sizeBytes: number;
  readonly number: number;
}

interface Checkpoint {
  readonly start: Position;
  /** Entries there were when it was complete, and the tip. */
  readonly entries: number;
  readonly tip: Position;
}

const DIRECTORY = 'data/journal';
const NOISE = new SimRandom(7).bytes(64 * 1024);
const WRITES = /^\d+ (write|rename|remove|truncate|sync|syncDirectory) /;
const FAULTS: readonly DiskFault[] = ['eio', 'eio', 'eio', 'enospc', 'short', 'stall', 'crash'];

export async function live(seed: number, options: LifeOptions = {}): Promise<Counts> {
  const world = new World(seed, options);
  const lives = options.lives ?? 2 + world.random.int(4);
  for (let i = 0; i < lives; i++) await world.life();
  await world.last();
  return world.counts;
}

class World {
  readonly random: SimRandom;
  readonly counts: Counts = {
    entries: 0,
    acked: 0,
    replayed: 0,
    cut: 0,
    crashes: 0,
    kills: 0,
    failures: 0,
    recycled: 0,
    tight: 0,
    fetched: 0,
  };
  readonly #options: LifeOptions;
  readonly #durability: Durability;
  readonly #sizes: { blockBytesMax: number; segmentBytes: number; cacheBytes: number };
  #sim: SimHost;
  /** All that is in the journal, as far as anyone can know. */
  #entries: Entry[] = [];
  #checkpoints: Checkpoint[] = [];
  #next = 0;
  /** Of `#entries`, so many were reported safe; so many survive a power cut whatever the durability. */
  #acked = 0;
  #durable = 0;
  #ackedCheckpoint = 0 as Position;
  #journal: Journal | undefined;
  #failure: Error | undefined;
  #wroteAfterFailure: string | undefined;
  #safeAtFailure = 0 as Position;
  #safe = 0 as Position;

  constructor(seed: number, options: LifeOptions) {
    this.#options = options;
    const trace = (line: string) => {
      options.trace?.(line);
      if (this.#failure !== undefined && WRITES.test(line)) this.#wroteAfterFailure = line;
    };
    this.#sim = simHost(seed, { trace });
    this.random = this.#sim.random;
    if (options.failAt !== undefined) this.#sim.disk.failAt(options.failAt.operation, options.failAt.fault);
    this.#durability = options.durability ?? 'fsync';
    const blockBytesMax = this.random.pick([4096, 8192, 16384]);
    const segmentBytes = blockBytesMax * this.random.pick([4, 6, 8]);
    this.#sizes = { blockBytesMax, segmentBytes, cacheBytes: this.random.pick([0, 4 * blockBytesMax, 64 * blockBytesMax]) };
    if (options.full === true) this.#sim.disk.setCapacity(segmentBytes * (5 + this.random.int(5)));
  }

  /** Opens, does this and that, and comes to some end. */
  async life(): Promise<void> {
    if (!(await this.#open())) return;
    if (this.#options.faults === true && this.random.chance(0.6)) this.#plan();
    const steps = 5 + this.random.int(60);
    for (let i = 0; i < steps && !this.#sim.disk.halted; i++) {
      await this.#step();
      this.#look();
    }
    await this.#end();
  }

  /** A last opening, without errors. */
  async last(): Promise<void> {
    while (!(await this.#open())) this.#sim.disk.heal();
    this.#sim.disk.heal();
    if (this.#sim.disk.halted) this.#die();
    else await this.#sim.clock.settle(this.#current.close());
  }

  get #current(): Journal {
    if (this.#journal === undefined) throw new Error('The journal is not open.');
    return this.#journal;
  }

  #plan(): void {
    const { disk } = this.#sim;
    if (this.random.chance(0.2)) {
      const rate = () => this.random.float() * 0.2;
      disk.setFaults({ shortWrite: rate(), writeError: rate(), syncError: rate(), stall: rate() / 4 });
    } else {
      disk.failAt(disk.operations + 1 + this.random.int(60), this.random.pick(FAULTS));
    }
  }

  /** False: the opening did not end well, for a reason that was planned; the process is dead. */
  async #open(): Promise<boolean> {
    const { disk, clock, host } = this.#sim;
    const struck = disk.struck;
    if (this.random.chance(0.2)) {
      const harm: DiskFault = this.#options.faults === true ? this.random.pick(FAULTS) : 'crash';
      disk.failAt(disk.operations + 1 + this.random.int(40), harm);
    }
    const replayed: Entry[] = [];
    this.#failure = undefined;
    this.#wroteAfterFailure = undefined;
    this.#safe = 0 as Position;
    let outcome: { journal: Journal } | { error: unknown } | undefined;
    Journal.open(
      host,
      {
        directory: DIRECTORY,
        durability: this.#durability,
        ...this.#sizes,
        onSafe: (safe) => this.#heard(safe),
        onFailure: (error) => this.#failed(error),
      },
      (bytes, at, sizeBytes, position) => replayed.push(this.#read(bytes, at, sizeBytes, position)),
    ).then(
      (journal) => {
        outcome = { journal };
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    await clock.runUntil(() => outcome !== undefined || disk.halted);
    if (outcome === undefined) {
      this.#die();
      return false;
    }
    if ('error' in outcome) {
      const full = this.#options.full === true && outcome.error instanceof Refused && outcome.error.code === 'disk-full';
      if (disk.struck === struck && !full) throw outcome.error;
      this.#die();
      this.#sim.disk.heal();
      return false;
    }
    this.#journal = outcome.journal;
    this.#check(replayed);
    return true;
  }

  /** Holds what was replayed against what was appended. */
  #check(replayed: readonly Entry[]): void {
    const journal = this.#current;
    const count = this.#entries.filter((entry) => entry.position < journal.tip).length;
    assert.ok(count >= this.#acked, `${this.#acked} entries were safe, ${count} are left`);
    assert.equal(journal.safe, journal.tip);
    this.counts.cut += this.#entries.length - count;
    this.counts.replayed += replayed.length;
    const first = count - replayed.length;
    assert.ok(first >= 0, 'more was replayed than was ever appended');
    for (const [i, entry] of replayed.entries()) {
      const { number, position: at, sizeBytes } = this.#entries[first + i] as Entry;
      const same = entry.number === number && entry.position === at && entry.sizeBytes === sizeBytes;
      assert.ok(same, `replayed ${entry.number} at ${where(entry.position)} instead of ${number} at ${where(at)}`);
    }
    const starts = [0 as Position, ...this.#checkpoints.filter((checkpoint) => checkpoint.entries <= count).map(({ start }) => start)];
    const start = starts.findLast((at) => {
      const before = this.#entries[first - 1];
      const after = this.#entries[first];
      return (before === undefined || before.position < at) && (first >= count || after === undefined || after.position >= at);
    });
    assert.ok(start !== undefined, 'replay began where no checkpoint did');
    assert.ok(start >= this.#ackedCheckpoint, 'replay began at an older checkpoint than was safe');
    this.#entries.length = count;
    // Complete as it may have been, a later one is stated nowhere on the disk.
    this.#checkpoints = this.#checkpoints.filter((checkpoint) => checkpoint.start <= start);
    this.#acked = count;
    this.#durable = count;
  }

  async #step(): Promise<void> {
    const { random } = this;
    const journal = this.#current;
    const dice = random.int(100);
    if (dice < 45) this.#append(1 + random.int(6));
    else if (dice < 65) journal.sync();
    else if (dice < 85) await this.#sim.clock.advance(random.float() * 4);
    else if (dice < 90) this.#checkpoint();
    else if (dice < 94) this.#recycle();
    else if (dice < 96) journal.begin(random.int(500));
    else if (dice < 99) await this.#fetch();
    else await this.#sim.clock.advance(2000);
  }

  #append(count: number): void {
    const journal = this.#current;
    if (journal.tight) {
      this.counts.tight++;
      if (this.random.chance(0.7)) return;
    }
    if (journal.pendingBytes > 8 * this.#sizes.segmentBytes) return;
    for (let i = 0; i < count; i++) {
      const sizeBytes = this.#size();
      const room = journal.begin(sizeBytes + this.random.int(3));
      const number = this.#next++;
      room.bytes.set(contentOf(number, sizeBytes), room.at);
      this.#entries.push({ position: room.position, sizeBytes, number });
      journal.end(sizeBytes);
      this.counts.entries++;
    }
  }

  #size(): number {
    const { blockBytesMax, segmentBytes } = this.#sizes;
    const dice = this.random.int(40);
    if (dice === 0) return segmentBytes - 84 - 3 - this.random.int(3);
    if (dice < 3) return blockBytesMax + this.random.int(blockBytesMax);
    if (dice < 6) return blockBytesMax - 84 - 3 + this.random.int(6);
    return 4 + this.random.int(dice < 20 ? 60 : 1500);
  }

  #checkpoint(): void {
    const journal = this.#current;
    const start = journal.tip;
    this.#append(this.random.int(3));
    journal.checkpointed(start);
    this.#checkpoints.push({ start, entries: this.#entries.length, tip: journal.tip });
  }

  #recycle(): void {
    const last = this.#checkpoints[this.#checkpoints.length - 1];
    if (last === undefined) return;
    for (const { number } of this.#current.segments()) {
      if (number >= segmentOf(last.start) || this.random.chance(0.3)) continue;
      this.#current.recycle(number);
      this.counts.recycled++;
    }
  }

  async #fetch(): Promise<void> {
    const journal = this.#current;
    const there = new Set(journal.segments().map(({ number }) => number));
    const entries = this.#entries.filter((entry) => there.has(segmentOf(entry.position)));
    if (entries.length === 0) return;
    const entry = this.random.pick(entries);
    const view = journal.view(entry.position);
    if (view !== undefined) this.#compare(view, entry);
    let fetched: View | undefined;
    let error: unknown;
    journal.fetch(entry.position).then(
      (got) => {
        fetched = got;
      },
      (failure: unknown) => {
        error = failure;
      },
    );
    // Whoever reads may go on reading.
    if (this.random.chance(0.3)) this.#recycle();
    const { disk, clock } = this.#sim;
    await clock.runUntil(() => fetched !== undefined || error !== undefined || disk.halted);
    if (disk.halted || (error !== undefined && disk.struck > 0)) return;
    if (error !== undefined) throw error;
    assert.ok(fetched !== undefined);
    this.#compare(fetched, entry);
    fetched.release();
    this.counts.fetched++;
  }

  #compare(view: View, entry: Entry): void {
    assert.ok(entry.position >= view.base && entry.position + entry.sizeBytes <= view.end, 'the view holds the entry');
    assert.deepEqual(this.#read(view.bytes, entry.position - view.base, entry.sizeBytes, entry.position), entry);
  }

  #read(bytes: Uint8Array, at: number, sizeBytes: number, position: Position): Entry {
    const number = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
    const same = Buffer.compare(bytes.subarray(at, at + sizeBytes), contentOf(number, sizeBytes)) === 0;
    assert.ok(same, `the entry at ${where(position)} is not what was appended`);
    return { position, sizeBytes, number };
  }

  #heard(safe: Position): void {
    assert.equal(this.#failure, undefined, 'something became safe after a failure');
    assert.ok(safe >= this.#safe, 'safe moved backwards');
    this.#look();
  }

  #failed(error: Error): void {
    assert.equal(this.#failure, undefined, 'onFailure was called twice');
    this.#failure = error;
    this.#safeAtFailure = this.#journal?.safe ?? (0 as Position);
    this.counts.failures++;
  }

  /** What has become safe by now. */
  #look(): void {
    const journal = this.#journal;
    if (journal === undefined) return;
    this.#safe = journal.safe;
    if (this.#failure !== undefined && this.#options.faults !== true && this.#options.failAt === undefined) {
      throw new Error('The journal failed although the disk did not.', { cause: this.#failure });
    }
    assert.equal(this.#wroteAfterFailure, undefined, 'something was written after a failure');
    if (this.#failure !== undefined) assert.equal(journal.safe, this.#safeAtFailure, 'safe moved after a failure');
    const acked = this.#entries.filter((entry) => entry.position < journal.safe).length;
    if (acked > this.#acked) this.counts.acked += acked - this.#acked;
    this.#acked = Math.max(this.#acked, acked);
    if (this.#durability === 'fsync') this.#durable = this.#acked;
    for (const { start, tip } of this.#checkpoints) if (tip < journal.safe && start > this.#ackedCheckpoint) this.#ackedCheckpoint = start;
  }

  async #end(): Promise<void> {
    const { disk, clock } = this.#sim;
    const dice = this.random.int(10);
    if (disk.halted || dice >= 4) return this.#die();
    let closed = false;
    let error: unknown;
    const finished = () => {
      closed = true;
    };
    this.#current.close().then(finished, (failure: unknown) => {
      error = failure;
      finished();
    });
    await clock.runUntil(() => closed || disk.halted);
    if (!closed || this.#failure !== undefined || disk.struck > 0) return this.#die();
    if (error !== undefined) {
      assert.ok(this.#options.full === true && error instanceof Refused && error.code === 'disk-full', String(error));
      return this.#die();
    }
    this.#look();
    assert.equal(this.#acked, this.#entries.length, 'close makes everything safe');
    this.#durable = this.#acked;
    if (this.random.chance(0.5)) return this.#die();
    this.#journal = undefined;
  }

  #die(): void {
    this.#look();
    this.#journal = undefined;
    if (this.random.chance(0.6)) {
      this.counts.crashes++;
      this.#sim = this.#sim.crash();
      this.#acked = this.#durable;
      if (this.#durability !== 'fsync') this.#ackedCheckpoint = 0 as Position;
    } else {
      this.counts.kills++;
      // What a planned crash cut off in the middle never happened; memory durability promises nothing after a kill.
      this.#sim = this.#sim.kill();
      if (this.#durability === 'memory') {
        this.#acked = this.#durable;
        this.#ackedCheckpoint = 0 as Position;
      }
    }
    this.#sim.disk.heal();
  }
}

function contentOf(number: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const from = (number * 97) % (NOISE.length / 2);
  for (let done = 0; done < sizeBytes; ) {
    const part = NOISE.subarray(from, Math.min(NOISE.length, from + sizeBytes - done));
    bytes.set(part, done);
    done += part.length;
  }
  if (sizeBytes >= 4) new DataView(bytes.buffer).setUint32(0, number, true);
  return bytes;
}

/** Segment and byte, for messages. */
function where(at: Position): string {
  return `${segmentOf(at)}:${byteOf(at)}`;
}
