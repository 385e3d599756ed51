/** Reads one partition for a subscription: fetches ahead within a bound, and knows up to where everything has been dealt with. */

import type { Engine, Fetched } from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';

/** A record on its way to a subscriber. */
export interface Fresh {
  readonly reader: PartitionReader;
  readonly fetched: Fetched;
  readonly i: number;
  readonly offset: Offset;
}

const WAIT_MS = 30_000;

export class PartitionReader {
  readonly topic: string;
  readonly partition: number;
  readonly #engine: Engine;
  readonly #sizeBytesMax: number | undefined;
  #next: Offset;
  #stopped = new AbortController();
  #paused: { promise: Promise<void>; resolve: () => void } | undefined;
  /** Read, but not yet handed out. */
  #ahead = 0;
  /** Offsets handed out and not yet dealt with. */
  readonly #open = new Set<number>();
  #highest: number;
  /** Behind the last record that somebody has begun with. */
  #begun: number;
  #drained: (() => void)[] = [];
  /** End of the partition as last seen. */
  end: Offset;

  constructor(engine: Engine, topic: string, partition: number, from: Offset, sizeBytesMax?: number) {
    this.#engine = engine;
    this.topic = topic;
    this.partition = partition;
    this.#next = from;
    this.#highest = from;
    this.#begun = from;
    this.#sizeBytesMax = sizeBytesMax;
    this.end = from;
  }

  get stopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Everything below has been dealt with. */
  get done(): Offset {
    let low = this.#highest;
    // In order of insertion, hence of offset: the first is the lowest.
    for (const first of this.#open) {
      low = first;
      break;
    }
    return offset(low);
  }

  /** What lies here and beyond has come before nobody. */
  get begun(): Offset {
    return offset(this.#begun);
  }

  /** Records read and not yet dealt with, and those not yet read. */
  get lag(): number {
    return Math.max(0, this.end - this.done);
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  pause(): void {
    this.#paused ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#paused?.resolve();
    this.#paused = undefined;
  }

  /** Reads until stopped. `take` gets each batch and resolves when there is room for more. */
  async run(take: (fetched: Fetched, reader: PartitionReader) => Promise<void>): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#paused?.promise;
      if (signal.aborted) return;
      const fetched = await this.#fetch(signal);
      if (fetched === undefined || signal.aborted) continue;
      this.end = fetched.end;
      this.#next = fetched.next;
      if (fetched.records.count > 0) {
        this.#ahead += fetched.records.count;
        await take(fetched, this);
      } else if (this.#ahead === 0) this.#highest = Math.max(this.#highest, fetched.next);
    }
  }

  async #fetch(signal: AbortSignal): Promise<Fetched | undefined> {
    const size = this.#sizeBytesMax === undefined ? {} : { sizeBytesMax: this.#sizeBytesMax };
    try {
      return await this.#engine.fetch({
        topic: this.topic,
        partition: this.partition,
        offset: this.#next,
        waitMs: WAIT_MS,
        signal,
        ...size,
      });
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof Refused) || error.code !== 'out-of-range') throw error;
      // Retention has overtaken us: go on with the oldest record there is.
      const topic = await this.#engine.describe('topic', this.topic);
      const ends = topic?.kind === 'topic' ? topic.partitions[this.partition] : undefined;
      if (ends === undefined || ends.start <= this.#next) throw error;
      this.#next = ends.start;
      this.#highest = Math.max(this.#highest, ends.start);
      return undefined;
    }
  }

  handedOut(at: number): void {
    this.#ahead--;
    this.#open.add(at);
    this.#highest = Math.max(this.#highest, at + 1);
  }

  begin(at: number): void {
    this.#begun = Math.max(this.#begun, at + 1);
  }

  /** The record at this offset has been dealt with. */
  finished(at: number): void {
    this.#open.delete(at);
    if (this.#open.size === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Ends reading; resolves when everything handed out has been dealt with. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.resume();
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  /** Forgets what was handed out: for a seek, or when nobody is going to finish it. */
  abandon(): void {
    this.#stopped.abort();
    this.resume();
    this.#open.clear();
    for (const resolve of this.#drained.splice(0)) resolve();
  }
}
