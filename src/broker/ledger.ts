/** The one road of a change: decided, written into the journal, applied; and the pause in which a checkpoint is taken. */

import { apply, decodeEntry, digest, type Effects, type Entry, encodeEntry, ofCheckpoint, restate, State, sizeMax } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import { type Durability, Journal } from '../journal/journal.ts';
import type { Position } from '../model/lines.ts';
import { type Refusal, Refused, refuse } from '../model/refusal.ts';
import { Gate } from './gate.ts';

export interface LedgerOptions {
  readonly directory: string;
  readonly durability: Durability;
  readonly blockBytesMax?: number;
  readonly segmentBytes?: number;
  readonly cacheBytes?: number;
  /** Called when a disk error has ended everything. */
  readonly onFailure: (error: Error) => void;
  /** Called after each write that made more of the journal safe. */
  readonly onSafe: () => void;
}

/** Bytes on their way to the disk above which publishers should wait, and below which they go on. */
const PRESSED_BYTES = 32 * 1024 * 1024;

export class Ledger {
  readonly state: State = new State();
  readonly gate: Gate = new Gate();
  readonly #host: Host;
  #journal: Journal | undefined;
  /** Set by the broker before the first entry. */
  effects: Effects | undefined;
  /** Called after each recording, when its entries are applied. */
  recorded: (() => void) | undefined;
  /** Position and size of the entry being replayed; undefined while live. */
  replaying: { position: Position; sizeBytes: number } | undefined;
  /** Where the last complete checkpoint begins. */
  checkpointStart = 0;
  checkpointBytes = 0;
  /** How often a write has made more of the journal safe. */
  syncs = 0;
  #paused: (() => void)[] | undefined;
  #relief: (() => void)[] = [];
  #timeOffset = 0;
  #closed: Refused | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  get journal(): Journal {
    if (this.#journal === undefined) throw new Refused('closed', 'The broker is not open yet.');
    return this.#journal;
  }

  /** Opens the journal and replays it into the state. */
  async open(options: LedgerOptions): Promise<void> {
    let restoring = true;
    const { directory, durability, blockBytesMax, segmentBytes, cacheBytes } = options;
    this.#journal = await Journal.open(
      this.#host,
      {
        directory,
        durability,
        ...(blockBytesMax !== undefined && { blockBytesMax }),
        ...(segmentBytes !== undefined && { segmentBytes }),
        ...(cacheBytes !== undefined && { cacheBytes }),
        onSafe: (safe) => this.#onSafe(safe, options.onSafe),
        onFailure: options.onFailure,
      },
      (bytes, at, sizeBytes, position) => {
        // A checkpoint restates what is known already, unless replay begins with it.
        const restated = ofCheckpoint(bytes, at);
        if (restated && !restoring) return;
        if (!restated) restoring = false;
        this.replaying = { position, sizeBytes };
        apply(this.state, decodeEntry(bytes, at, sizeBytes, position), this.#effects());
      },
    );
    this.replaying = undefined;
    this.checkpointStart = this.#journal.tip;
    this.gate.open(this.#journal.safe);
    this.#timeOffset = Math.max(this.#host.clock.wallMs(), this.state.nowMs) - this.#host.clock.monotonicMs();
  }

  /** The broker's time: the wall clock at the start, never earlier than anything journaled, and from then on without jumps. */
  nowMs(): number {
    return Math.floor(this.#host.clock.monotonicMs() + this.#timeOffset);
  }

  /** Writes what was decided into the journal and applies it. More than one entry is one transaction. Answers where safety lies. */
  record(entries: readonly Entry[]): Position {
    const only = entries[0];
    if (only === undefined) return this.journal.tip;
    this.#write(entries.length === 1 ? only : { kind: 'transaction', entries }, false);
    this.recorded?.();
    return this.journal.tip;
  }

  /** True while too much is on its way to the disk. */
  get pressed(): boolean {
    return this.journal.pendingBytes > PRESSED_BYTES;
  }

  relief(): Promise<void> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    return this.pressed ? new Promise((resolve) => this.#relief.push(resolve)) : Promise.resolve();
  }

  /** Throws when the broker has been closed or has failed. */
  check(): void {
    if (this.#closed !== undefined) throw this.#closed;
  }

  /** Runs a change now, or after the checkpoint being taken. What it throws rejects. */
  run<T>(change: () => T | Promise<T>): Promise<T> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#paused === undefined) {
      try {
        return Promise.resolve(change());
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      this.#paused?.push(() => {
        try {
          resolve(change());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  /**
   * Restates the state while nothing else changes it. `before` is awaited in that pause: what the journal is about to forget must be
   * safe elsewhere. Resolves when replay would begin here.
   */
  async checkpoint(before: () => Promise<void>): Promise<void> {
    if (this.#paused !== undefined || this.#closed !== undefined) return;
    this.#paused = [];
    try {
      await before();
      const { journal } = this;
      const start = journal.tip;
      let first: Position | undefined;
      for (const entry of restate(this.state)) {
        const at = this.#write(entry, true);
        first ??= at;
        if (journal.pendingBytes > PRESSED_BYTES) {
          journal.sync();
          await this.gate.passed(journal.tip);
        }
      }
      journal.checkpointed(first ?? start);
      journal.sync();
      await this.gate.passed(journal.tip);
      this.checkpointStart = first ?? start;
      this.checkpointBytes = journal.tip - start;
    } finally {
      const waiting = this.#paused ?? [];
      this.#paused = undefined;
      for (const go of waiting) go();
    }
  }

  digest(): string {
    return digest(this.state);
  }

  /** Why nothing is changed any more; undefined while it is. */
  get ended(): Refusal | undefined {
    return this.#closed && refuse(this.#closed.code, this.#closed.message);
  }

  /** From now on every change is refused. */
  shut(reason: Refused): void {
    this.#closed ??= reason;
  }

  /** Journal or log could not be written: nothing is changed or confirmed any more, and who waits is told. */
  fail(error: Error): void {
    const refused = new Refused(
      'closed',
      `The disk could not be written (${error.message}). Nothing more is confirmed; start again once the disk is well.`,
      { cause: error },
    );
    this.shut(refused);
    this.gate.fail(refused);
    for (const go of this.#relief.splice(0)) go();
  }

  #write(entry: Entry, checkpoint: boolean): Position {
    const { journal } = this;
    const room = journal.begin(sizeMax(entry));
    const { position } = room;
    journal.end(encodeEntry(entry, room, checkpoint));
    if (!checkpoint) apply(this.state, entry, this.#effects());
    return position;
  }

  #effects(): Effects {
    if (this.effects === undefined) throw new Error('the ledger has no effects');
    return this.effects;
  }

  #onSafe(safe: Position, then: () => void): void {
    this.syncs++;
    this.gate.open(safe);
    if (this.#relief.length > 0 && !this.pressed) {
      const waiting = this.#relief;
      this.#relief = [];
      for (const go of waiting) go();
    }
    then();
  }
}
