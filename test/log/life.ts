/**
 * A log as a broker uses it, on a simulated machine that fails: what was appended is known here, so that after every crash it can be said
 * what the log must still hold, what it may hold, and what it must not.
 */

import assert from 'node:assert/strict';
import type { FaultRates } from '../../src/host/simulated/sim-device.ts';
import { type SimHost, simHost } from '../../src/host/simulated/sim-host.ts';
import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { PartitionLog } from '../../src/log/log.ts';
import { DIRECTORY, keyOf, offset, readAll, recordsOf, type Seen, seenIn } from './fixture.ts';

export interface LifeOptions {
  readonly lives: number;
  readonly steps: number;
  /** Errors, short writes and failing syncs beside crashes. */
  readonly faults: boolean;
  /** Records have keys, and the log is compacted. */
  readonly compacted: boolean;
  /** Some records have times of their own; with `packs`, and stand for several messages. */
  readonly told?: 'times' | 'packs';
  readonly segmentBytes: number;
  readonly bufferBytes: number;
  readonly capacityBytes?: number;
  /** One line per operation of the disk: how a failing seed came about. */
  readonly trace?: (line: string) => void;
}

/** A message: what its record holds, and where that begins. */
interface Appended {
  readonly key: string;
  readonly value: string;
  readonly timeMs: number;
  /** By what it is found. */
  readonly foundMs: number;
  /** Offset of the first message of its record, and how many there are. */
  readonly first: number;
  readonly messages: number;
}

/** The process or the machine is gone: nothing that was asked for will be answered. */
const DEAD = Symbol('dead');

export class Life {
  readonly options: LifeOptions;
  crashes = 0;
  failures = 0;
  removed = 0;
  #sim: SimHost;
  #log: PartitionLog | undefined;
  readonly #random: SimRandom;
  /** Everything appended, by offset, as the journal would tell it again. */
  #truth: Appended[] = [];
  /** Records below are safe in the journal … */
  #journalled = 0;
  /** … and those below here it has forgotten, because the log said they were safe. */
  #forgotten = 0;
  /** The highest that the log ever said to be safe, in this line of history. */
  #synced = 0;
  #start = 0;
  #compactedBefore = 0;
  #tombstonesBeforeMs = Number.NEGATIVE_INFINITY;
  #nowMs = 1000;
  #values = 0;
  #failed = false;
  #healed = false;

  constructor(seed: number, options: LifeOptions) {
    this.options = options;
    const { capacityBytes, trace } = options;
    this.#sim = simHost(seed, { ...(capacityBytes !== undefined && { capacityBytes }), ...(trace !== undefined && { trace }) });
    this.#random = this.#sim.random;
  }

  async run(): Promise<void> {
    for (let life = 0; life < this.options.lives; life++) {
      await this.#open();
      for (let step = 0; step < this.options.steps && this.#log !== undefined; step++) await this.#step();
      await this.#end();
    }
    this.#healed = true;
    this.#sim.disk.heal();
    this.#sim.disk.setCapacity(Number.POSITIVE_INFINITY);
    const log = await this.#open();
    assert.equal(log.end, this.#truth.length);
    await this.#answer(log.sync());
    assert.equal(log.synced, log.end);
    assert.notEqual(await this.#answer(log.close()), DEAD);
  }

  /** Opens, replays and truncates, through as many crashes as come in the way. */
  async #open(): Promise<PartitionLog> {
    const known = this.#upTo(this.#truth.length);
    for (let attempt = 0; ; attempt++) {
      this.#log = undefined;
      this.#failed = false;
      const { disk } = this.#sim;
      disk.setFaults(this.#faults(attempt));
      // Somebody makes room.
      if (attempt > 6) disk.setCapacity(Number.POSITIVE_INFINITY);
      if (attempt < 4 && !this.#healed && this.#random.chance(0.3)) disk.failAt(disk.operations + 1 + this.#random.int(40), 'crash');
      const log = await this.#try(() => this.#begin(known));
      if (log !== undefined) {
        this.#log = log;
        return log;
      }
      this.#restart();
    }
  }

  async #begin(known: number): Promise<PartitionLog> {
    const { segmentBytes, bufferBytes } = this.options;
    const onFailure = () => {
      assert.equal(this.#failed, false, 'a failure is told once');
      this.#failed = true;
      this.failures++;
    };
    const atLeast = offset(this.#forgotten);
    const log = await PartitionLog.open(this.#sim.host, { directory: DIRECTORY, segmentBytes, bufferBytes, keyOf, atLeast, onFailure });
    assert.ok(log.end >= this.#synced, `the log ends with ${log.end}, but was safe up to ${this.#synced}`);
    assert.ok(log.end <= this.#truth.length, `the log ends with ${log.end}, but only ${this.#truth.length} were appended`);
    assert.ok(log.synced <= log.end && log.start <= this.#start, `start ${log.start}, asked for ${this.#start}`);
    await this.#checkAll(log);
    if (this.#random.chance(0.5) && this.#forgotten < log.end && this.#forgotten >= log.start) {
      // As the broker does it: what lies behind the checkpoint is written again from the journal.
      this.#synced = Math.min(this.#synced, this.#forgotten);
      await log.truncate(offset(this.#forgotten));
    }
    for (let at = this.#forgotten; at < known; ) {
      const end = this.#edge(Math.min(at + 1 + this.#random.int(5), known), known);
      this.#append(log, at, end);
      at = end;
    }
    this.#synced = Math.min(this.#synced, known);
    await log.truncate(offset(known));
    assert.equal(log.end, known);
    if (this.#start > log.start) await log.trim(offset(Math.min(this.#start, known)));
    this.#truth.length = known;
    this.#journalled = known;
    await this.#checkAll(log);
    return log;
  }

  async #step(): Promise<void> {
    const log = this.#log;
    if (log === undefined) return;
    this.#nowMs += this.#random.int(4) - 1;
    const dice = this.#random.int(100);
    if (dice < 50) this.#appendNew(log);
    else if (dice < 65) this.#journalled = this.#upTo(this.#truth.length);
    else if (dice < 75) await this.#maybeAwait(() => this.#sync(log));
    else if (dice < 85) await this.#maybeAwait(() => this.#fetch(log));
    else if (dice < 88) await this.#maybeAwait(() => this.#offsetAt(log));
    else if (dice < 91) await this.#maybeAwait(() => this.#trim(log));
    else if (dice < 94 && this.options.compacted) await this.#maybeAwait(() => this.#compact(log));
    else if (dice === 94) this.#sim.disk.failAt(this.#sim.disk.operations + 1 + this.#random.int(20), 'crash');
    else await this.#sim.clock.advance(this.#random.float() * 3);
    if (this.#sim.disk.halted) this.#log = undefined;
  }

  /** An offset from what is journalled on, where a record begins. */
  #upTo(end: number): number {
    return this.#edge(this.#journalled + this.#random.int(end - this.#journalled + 1), end);
  }

  /** Where the record ends that offset `at` is inside of. */
  #edge(at: number, end: number): number {
    const one = this.#truth[at];
    return one === undefined || at >= end || one.first === at ? at : one.first + one.messages;
  }

  #appendNew(log: PartitionLog): void {
    const count = 1 + this.#random.int(6);
    const base = log.end;
    const { told } = this.options;
    const alike = told === undefined || this.#random.chance(0.3);
    for (let i = 0; i < count; i++) {
      const key = this.options.compacted && this.#random.chance(0.9) ? `k${this.#random.int(12)}` : '';
      const value = key !== '' && this.#random.chance(0.15) ? '' : `${this.#values++}:${'x'.repeat(this.#random.int(80))}`;
      const foundMs = alike ? this.#nowMs : this.#nowMs + this.#random.int(60) - 30;
      const messages = alike || told !== 'packs' ? 1 : 1 + this.#random.int(5);
      const one: Appended = { key, value, timeMs: this.#nowMs, foundMs, first: this.#truth.length, messages };
      for (let k = 0; k < messages; k++) this.#truth.push(one);
    }
    this.#append(log, base, this.#truth.length);
  }

  /** As batches of one moment each. */
  #append(log: PartitionLog, base: number, end: number): void {
    for (let i = base; i < end; ) {
      const rows: Appended[] = [];
      const timeMs = this.#truth[i]?.timeMs ?? 0;
      let next = i;
      for (let one = this.#truth[next]; one !== undefined && next < end && one.timeMs === timeMs; one = this.#truth[next]) {
        rows.push(one);
        next += one.messages;
      }
      const packs = rows.some(({ messages }) => messages > 1) ? Uint32Array.from(rows, ({ messages }) => messages) : undefined;
      const timesMs = rows.some(({ foundMs }) => foundMs !== timeMs) ? Float64Array.from(rows, ({ foundMs }) => foundMs) : undefined;
      log.append(offset(i), timeMs, recordsOf(rows), undefined, { packs, timesMs });
      i = next;
    }
  }

  async #sync(log: PartitionLog): Promise<void> {
    const { end } = log;
    const journalled = this.#journalled;
    await log.sync();
    assert.ok(log.synced >= end);
    this.#synced = log.synced;
    this.#forgotten = Math.max(this.#forgotten, Math.min(journalled, end));
  }

  async #fetch(log: PartitionLog): Promise<void> {
    const from = log.start + this.#random.int(log.end - log.start + 1);
    const before = log.start + this.#random.int(log.end - log.start + 1);
    const slice = await log.fetch(offset(from), offset(before), this.#random.int(600)).catch((error: unknown) => {
      // Trimmed away meanwhile.
      if (from < log.start) return undefined;
      throw error;
    });
    if (slice === undefined) return;
    const seen = seenIn(slice);
    this.#check(seen, from, slice.next);
    assert.ok(slice.next >= from && slice.next <= Math.max(from, before));
    const one = this.#truth[from];
    const cut = one !== undefined && one.first + one.messages > before;
    assert.ok(from >= before || slice.next > from || cut, 'a fetch goes on');
  }

  async #offsetAt(log: PartitionLog): Promise<void> {
    const timeMs = this.#nowMs - this.#random.int(40);
    const { start, end } = log;
    const found = await log.offsetAt(timeMs, end);
    const first = this.#truth.findIndex((one, i) => i >= start && one.foundMs >= timeMs);
    assert.ok(found >= (first < 0 ? end : first), `time ${timeMs} is first at ${first}, not ${found}`);
    if (!this.options.compacted && log.start === start) assert.equal(found, first < 0 || first > end ? end : first);
  }

  async #trim(log: PartitionLog): Promise<void> {
    const retained = log.retainFrom(this.#nowMs, this.#random.chance(0.5) ? this.#random.int(60) : undefined, this.#random.int(3000));
    let start = Math.min(this.#journalled, retained);
    // By hand, somebody may cut anywhere.
    if (this.options.told === 'packs' && this.#random.chance(0.2)) start = Math.min(this.#journalled, log.start + this.#random.int(8));
    if (start <= log.start) return;
    this.#start = Math.max(this.#start, start);
    await log.trim(offset(start));
  }

  async #compact(log: PartitionLog): Promise<void> {
    this.#compactedBefore = Math.max(this.#compactedBefore, this.#journalled);
    const tombstoneMs = this.#random.int(100);
    this.#tombstonesBeforeMs = Math.max(this.#tombstonesBeforeMs, this.#nowMs - tombstoneMs);
    this.removed += (await log.compact(this.#nowMs, offset(this.#journalled), tombstoneMs)).removed;
  }

  /** The process ends: it closes its log, is killed, or the power goes. */
  async #end(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    if (log !== undefined && !this.#sim.disk.halted && this.#random.chance(0.3)) {
      if ((await this.#try(() => log.close())) !== undefined) return;
    }
    this.#restart();
  }

  #restart(): void {
    this.#log = undefined;
    this.crashes++;
    // The power goes, or only the process: then the machine goes on showing what it may have lost.
    if (this.#sim.disk.halted || this.#random.chance(0.5)) this.#sim = this.#sim.crash();
    else this.#sim = this.#sim.kill();
  }

  async #checkAll(log: PartitionLog): Promise<void> {
    const seen = await readAll(log, log.start, log.end, 1 + this.#random.int(2000));
    this.#check(seen, log.start, log.end);
    this.#checkBuried(seen, log.end);
  }

  /** `seen` is all that a log holds from `from` up to `end`. */
  #check(seen: readonly Seen[], from: number, end: number): void {
    let next = from;
    for (const one of seen) {
      for (; next < one.offset; next++) this.#checkMissing(next);
      const { offset: first, key, value, timeMs, messages = 1 } = one;
      const { foundMs, ...expected } = this.#truth[first] ?? { foundMs: 0 };
      assert.deepEqual({ key, value, timeMs, first, messages }, expected, `offset ${first}`);
      // From an offset inside of a pack, reading begins with the pack.
      assert.ok(first === next || (next === from && first + messages > from), 'offsets go up');
      next = first + messages;
    }
    for (; next < end; next++) this.#checkMissing(next);
    assert.equal(next, end);
  }

  #checkMissing(missing: number): void {
    const one = this.#truth[missing];
    const later = this.#truth.slice(missing + 1, this.#compactedBefore).some(({ key }) => key === one?.key);
    const expired = one?.value === '' && one.timeMs < this.#tombstonesBeforeMs;
    assert.ok(one !== undefined && one.key !== '' && missing < this.#compactedBefore && (later || expired), `offset ${missing} is missing`);
  }

  /** What is made void by a later record goes before that record does. Not so for one fetch while files are being replaced. */
  #checkBuried(seen: readonly Seen[], end: number): void {
    const last = new Map<string, Seen>();
    for (const one of seen) if (one.key !== '') last.set(one.key, one);
    for (const [key, one] of last) {
      const hidden = this.#truth.slice(one.offset + 1, end).some((later) => later.key === key);
      assert.ok(!hidden, `offset ${one.offset} is shown as the last of ${key}, which it is not`);
    }
  }

  /** Runs the clock until there is an answer. */
  async #answer<T>(promise: Promise<T>): Promise<T | typeof DEAD> {
    let settled = false;
    const over = () => {
      settled = true;
    };
    promise.then(over, over);
    await this.#sim.clock.runUntil(() => settled || this.#sim.disk.halted);
    if (!settled && this.#sim.disk.halted) return DEAD;
    return promise;
  }

  /** Undefined: it died on the way, or the disk failed. */
  async #try<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await this.#answer(work());
      return answer === DEAD ? undefined : answer;
    } catch (error) {
      if (!this.#excused(error)) throw error;
      return undefined;
    }
  }

  async #maybeAwait(work: () => Promise<void>): Promise<void> {
    const born = this.crashes;
    const guarded = work().catch((error: unknown) => {
      // Nobody hears what a dead process says.
      if (born === this.crashes && !this.#excused(error)) this.#unexcused = error;
    });
    if (this.#random.chance(0.7)) await this.#answer(guarded);
    if (this.#unexcused !== undefined) throw this.#unexcused;
    if (this.#failed) this.#log = undefined;
  }

  #unexcused: unknown;

  #excused(error: unknown): boolean {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'closed') return this.#failed || this.#log === undefined;
    if (code === 'disk-full') return this.options.capacityBytes !== undefined || this.options.faults;
    return code === 'EIO' && this.options.faults;
  }

  #faults(attempt: number): FaultRates {
    if (!this.options.faults || this.#healed || attempt > 3) return {};
    const rate = () => (this.#random.chance(0.4) ? this.#random.float() * 0.03 : 0);
    return { shortWrite: 4 * rate(), writeError: rate(), readError: rate(), syncError: 2 * rate(), stall: rate() };
  }
}
