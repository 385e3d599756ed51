/** Keeps the journal short: checkpoints, recycling of segments nobody needs, carrying forward what holds an old one. */

import type { Entry, Queue } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import { type Position, segmentOf } from '../model/lines.ts';
import { copyMessages } from './copies.ts';
import type { Ledger } from './ledger.ts';
import type { Partitions } from './partitions.ts';
import type { Reader } from './reader.ts';
import type { UpkeepOptions } from './upkeep-options.ts';

const CARRY_BATCH = 512;
const CARRY_BYTES = 1024 * 1024;
const TIGHT_BYTES = 4 * 1024 * 1024;

export class Upkeep {
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #partitions: Partitions;
  readonly #reader: Reader;
  readonly #options: UpkeepOptions;
  readonly #trim: Parameters<Partitions['upkeep']>[2];
  #stopTimer: (() => void) | undefined;
  #working: Promise<void> | undefined;
  #stopped = false;
  #lastSegment = 0;

  constructor(
    host: Host,
    ledger: Ledger,
    partitions: Partitions,
    reader: Reader,
    options: UpkeepOptions,
    trim: Parameters<Partitions['upkeep']>[2],
  ) {
    this.#host = host;
    this.#ledger = ledger;
    this.#partitions = partitions;
    this.#reader = reader;
    this.#options = options;
    this.#trim = trim;
  }

  start(): void {
    const tick = () => {
      if (this.#stopped) return;
      this.wake(true);
      this.#stopTimer = this.#host.clock.after(this.#options.intervalMs, tick);
    };
    this.#stopTimer = this.#host.clock.after(this.#options.intervalMs, tick);
  }

  /** Looks whether something is due. Called after every write; cheap when nothing is. */
  wake(byTimer = false): void {
    if (this.#stopped || this.#working !== undefined) return;
    const segment = segmentOf(this.#ledger.journal.tip);
    const due = this.#checkpointDue();
    if (!byTimer && !due && segment === this.#lastSegment) return;
    this.#lastSegment = segment;
    this.#working = this.#work(due, byTimer)
      .catch((error: Error) => {
        if (!this.#stopped) this.#host.logger.error('upkeep.failed', { error: error.message });
      })
      .finally(() => {
        this.#working = undefined;
      });
  }

  get idle(): boolean {
    return this.#working === undefined;
  }

  /** Ends after what is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopTimer?.();
    await this.#working;
  }

  /** A checkpoint now: the logs hold what the journal is about to forget. */
  async checkpoint(): Promise<void> {
    // Most of it while everybody goes on; what came meanwhile is little, and waits in the pause.
    await this.#partitions.sync();
    await this.#ledger.checkpoint(() => this.#partitions.sync());
  }

  #checkpointDue(): boolean {
    const { tip } = this.#ledger.journal;
    const written = tip - this.#ledger.checkpointStart;
    // A full disk cannot wait: what a checkpoint lets go of is room again.
    if (this.#ledger.journal.tight) return written >= Math.min(this.#options.checkpointBytes, TIGHT_BYTES);
    return written >= Math.max(this.#options.checkpointBytes, 8 * this.#ledger.checkpointBytes);
  }

  async #work(checkpoint: boolean, byTimer: boolean): Promise<void> {
    if (byTimer) await this.#partitions.upkeep(this.#ledger.nowMs(), this.#options.tombstoneMs, this.#trim);
    if (checkpoint) await this.checkpoint();
    this.#recycle();
    await this.#carry();
    this.#recycle();
  }

  /** Segments before the last checkpoint that hold no message any more. The journal lets go of them once it is safe that they do not. */
  #recycle(): void {
    const { journal, state } = this.#ledger;
    const needed = segmentOf(this.#ledger.checkpointStart as Position);
    const empty = journal.segments().filter(({ number }) => number < needed && state.segmentLive.count(number) === 0);
    for (const { number } of empty) journal.recycle(number);
    if (empty.length > 0) journal.sync();
  }

  /** Writes the few messages of the oldest segment again, so that it can go. */
  async #carry(): Promise<void> {
    const { journal, state } = this.#ledger;
    const needed = segmentOf(this.#ledger.checkpointStart as Position);
    const segments = journal.segments();
    if (segments.length <= this.#options.segmentsMin) return;
    for (const { number } of segments.slice(0, segments.length - this.#options.segmentsMin)) {
      const live = state.segmentLive.count(number);
      if (number >= needed || live === 0 || live > this.#options.carryCountMax) continue;
      for (const queue of [...state.queues.values()]) {
        const numbers: number[] = [];
        queue.inSegment(number, (n) => numbers.push(n));
        for (const batch of batchesOf(queue, numbers)) {
          // What is left of a full disk is for acks and removals: they make room, this needs it first.
          if (journal.tight) return;
          await this.#carryBatch(queue, batch, number);
        }
      }
    }
  }

  async #carryBatch(queue: Queue, numbers: readonly number[], segment: number): Promise<void> {
    const copy = await copyMessages(this.#reader, queue, numbers, 0);
    await this.#ledger.run(() => {
      const kept: number[] = [];
      for (let i = 0; i < copy.count; i++) {
        const number = copy.numbers[i] ?? 0;
        if (queue.state(number) !== undefined && segmentOf(queue.position(number)) === segment) kept.push(i);
      }
      if (kept.length === 0) return;
      const ends = Uint32Array.from({ length: copy.count }, (_, i) => copy.at[i + 1] ?? copy.bytes.length);
      const entry: Entry = {
        kind: 'carried',
        records: { bytes: copy.bytes, start: 0, ends, count: copy.count },
        recordsAt: 0 as Position,
        queues: new Uint32Array(kept.length).fill(queue.id),
        numbers: Float64Array.from(kept, (i) => copy.numbers[i] ?? 0),
        of: Uint32Array.from(kept),
      };
      this.#ledger.record([entry]);
      this.#ledger.journal.sync();
    });
    await this.#ledger.gate.passed(this.#ledger.journal.tip);
  }
}

/** Few enough, and small enough together, to be written while others wait. */
function* batchesOf(queue: Queue, numbers: readonly number[]): Generator<number[]> {
  let batch: number[] = [];
  let sizeBytes = 0;
  for (const number of numbers) {
    if (queue.state(number) === undefined) continue;
    const more = queue.sizeOf(number);
    if (batch.length > 0 && (batch.length === CARRY_BATCH || sizeBytes + more > CARRY_BYTES)) {
      yield batch;
      batch = [];
      sizeBytes = 0;
    }
    batch.push(number);
    sizeBytes += more;
  }
  if (batch.length > 0) yield batch;
}
