/** A subscription to a topic, alone or as a member of a group: events in order per partition, cursors moved as they are dealt with. */

import type { CursorMove, Engine, Fetched, Membership, TopicPartition } from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import { Feed } from './feed.ts';
import { type Fresh, PartitionReader } from './partition-reader.ts';
import { type From, placeCursors, startIn, topicOf } from './starts.ts';
import { TopicEvent } from './topic-event.ts';
import type { Languages } from './value.ts';

export interface SubscribeOptions {
  /** Share the work with all members of this group, and go on where the group stands. */
  readonly group?: string;
  /** Where to begin; for a group only when it has no cursor yet. Default `latest`. */
  readonly from?: From;
  /** Alone only: these partitions; default all. */
  readonly partitions?: readonly number[];
  /** The cursor moves before an event is handed over: at most once. What was read ahead is lost in a crash, and given back by `stop`. */
  readonly atMostOnce?: boolean;
  /** Events read ahead at most. Default 1024. */
  readonly ahead?: number;
  readonly signal?: AbortSignal;
}

/** Read ahead of the subscriber, over all partitions: a partition gets its share, within what one fetch should have. */
const AHEAD_BYTES = 16 * 1024 * 1024;
const FETCH_BYTES_MIN = 64 * 1024;
const FETCH_BYTES_MAX = 1024 * 1024;

/** Partitions that a topic was given later are read after at most this long, from their beginning. */
const LOOK_MS = 5000;

export class TopicSubscription<T = unknown> implements AsyncIterable<TopicEvent<T>>, AsyncDisposable {
  readonly #engine: Engine;
  readonly #topic: string;
  readonly #options: SubscribeOptions;
  readonly #languages: Languages | undefined;
  readonly #feed: Feed<Fresh>;
  readonly #readers = new Map<number, PartitionReader>();
  readonly #moved = new Map<PartitionReader, number>();
  #membership: Membership | undefined;
  /** Partitions may be assigned, and read, before the membership is known here. */
  readonly #joined = Promise.withResolvers<Membership>();
  #room: (() => void)[] = [];
  /** The move of cursors under way. */
  #moving: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #before: Fresh | undefined;
  #halted = false;
  #allPaused = false;
  #cancelLook: () => void = () => undefined;

  private constructor(engine: Engine, topic: string, options: SubscribeOptions, languages: Languages | undefined) {
    this.#engine = engine;
    this.#topic = topic;
    this.#options = options;
    this.#languages = languages;
    this.#feed = new Feed(options.signal);
  }

  static async open<T>(engine: Engine, topic: string, options: SubscribeOptions, languages?: Languages): Promise<TopicSubscription<T>> {
    const subscription = new TopicSubscription<T>(engine, topic, options, languages);
    await subscription.#start();
    return subscription;
  }

  /** Its group membership, for transactions that move its cursors. */
  get membership(): Membership | undefined {
    return this.#membership;
  }

  get group(): string | undefined {
    return this.#options.group;
  }

  /** Records not yet dealt with in the partitions it reads. */
  get lag(): number {
    let sum = 0;
    for (const reader of this.#readers.values()) sum += reader.lag;
    return sum;
  }

  get partitions(): readonly number[] {
    return [...this.#readers.keys()].sort((a, b) => a - b);
  }

  /** Stops reading, of one partition or all, those that come later included; what has been read ahead still comes. */
  pause(partition?: number): void {
    if (partition === undefined) this.#allPaused = true;
    for (const reader of this.#chosen(partition)) reader.pause();
  }

  resume(partition?: number): void {
    if (partition === undefined) this.#allPaused = false;
    for (const reader of this.#chosen(partition)) reader.resume();
  }

  /** Goes on from another offset. */
  seek(partition: number, to: number): void {
    const reader = this.#readers.get(partition);
    if (reader === undefined)
      throw new Refused(
        'unknown',
        `This subscription does not read partition ${partition} of topic "${this.#topic}". Choose one of its own.`,
      );
    const { paused } = reader;
    reader.abandon();
    this.#read(partition, offset(to), paused);
  }

  /** The next event; undefined once stopped. Asking for it says that the one before has been dealt with. */
  async next(): Promise<TopicEvent<T> | undefined> {
    this.#settleBefore();
    const fresh = await this.take();
    this.#before = fresh;
    if (fresh !== undefined) this.begin(fresh);
    return fresh && new TopicEvent<T>(fresh, this.#languages);
  }

  /** For handlers that run side by side: an event that must be given to `begin`, and to `finish` when dealt with. */
  async take(): Promise<Fresh | undefined> {
    for (;;) {
      const fresh = await this.#feed.next();
      if (this.#feed.waiting < (this.#options.ahead ?? 1024) / 2) for (const go of this.#room.splice(0)) go();
      if (fresh === undefined) return undefined;
      // What was read of a partition that has gone elsewhere, or been left by a seek, is not handed out.
      if (fresh.reader.stopped) continue;
      fresh.reader.handedOut(fresh.offset);
      return fresh;
    }
  }

  begin(fresh: Fresh): void {
    fresh.reader.begin(fresh.offset);
  }

  finish(fresh: Fresh): void {
    fresh.reader.finished(fresh.offset);
    this.#move();
  }

  /** True once it hands out nothing more: what has not been begun is not to be. */
  get halted(): boolean {
    return this.#halted;
  }

  /** Hands out nothing more; what was handed out can still be finished. */
  halt(): void {
    this.#halted = true;
    this.#cancelLook();
    this.#feed.end();
    this.#feed.rest();
    for (const reader of this.#readers.values()) void reader.stop();
    for (const go of this.#room.splice(0)) go();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TopicEvent<T>, void> {
    try {
      for (let event = await this.next(); event !== undefined; event = await this.next()) yield event;
    } finally {
      await this.stop();
    }
  }

  /** Reads no more, moves the cursors to what has been dealt with, and leaves the group. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.halt();
    const readers = [...this.#readers.values()];
    const dealtWith = readers.map((reader) => ({ reader, done: reader.done }));
    for (const reader of readers) reader.abandon();
    try {
      await this.#moving;
      await this.#moveTo(dealtWith);
      await this.#giveBack(readers);
      await this.#membership?.leave();
    } catch (error) {
      if (!isOver(error)) throw error;
    }
  }

  async #start(): Promise<void> {
    const { group, from = 'latest', partitions } = this.#options;
    if (group !== undefined) return this.#join(group);
    const topic = await topicOf(this.#engine, this.#topic);
    for (const partition of partitions ?? []) {
      if (topic.partitions[partition] === undefined)
        throw new Refused(
          'unknown',
          `Topic "${this.#topic}" has ${topic.partitions.length} partitions; there is no partition ${partition}.`,
        );
    }
    for (const state of topic.partitions) {
      if (partitions !== undefined && !partitions.includes(state.partition)) continue;
      this.#read(state.partition, await startIn(this.#engine, this.#topic, state, from));
    }
    if (partitions === undefined) this.#lookLater();
  }

  /** A group is told of partitions that were added; who reads alone looks for them. */
  #lookLater(): void {
    if (this.#halted) return;
    this.#cancelLook = this.#engine.after(LOOK_MS, () => {
      this.#readAdded().then(
        () => this.#lookLater(),
        (error: Error) => this.#feed.fail(error),
      );
    });
  }

  /** Whatever is in a partition that was not there before has come since: it is read from the beginning. */
  async #readAdded(): Promise<void> {
    const topic = await this.#engine.describe('topic', this.#topic, { brief: true });
    if (this.#halted || topic?.kind !== 'topic') return;
    for (const { partition, start } of topic.partitions) if (!this.#readers.has(partition)) this.#read(partition, start);
  }

  async #join(group: string): Promise<void> {
    const { from = 'latest' } = this.#options;
    if (typeof from === 'object') await placeCursors(this.#engine, this.#topic, group, from);
    this.#membership = await this.#engine.join(
      { group, topics: [this.#topic], from: from === 'earliest' ? 'earliest' : 'latest' },
      { assigned: (moves) => this.#assigned(moves), revoked: (revoked) => this.#revoked(revoked) },
    );
    this.#joined.resolve(this.#membership);
  }

  #assigned(moves: readonly CursorMove[]): void {
    for (const { partition, offset: at } of moves) this.#read(partition, at);
  }

  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const readers = partitions.flatMap(({ partition }) => this.#readers.get(partition) ?? []);
    // What waits in the feed is not going to be handed out: only what has been is waited for.
    for (const reader of readers) this.#readers.delete(reader.partition);
    await Promise.all(readers.map((reader) => reader.stop()));
    await this.#moveTo(readers.map((reader) => ({ reader, done: reader.done })));
    await this.#giveBack(readers);
  }

  #read(partition: number, from: Offset, paused: boolean = this.#allPaused): void {
    const share = Math.floor(AHEAD_BYTES / (this.#readers.size + 1));
    const sizeBytesMax = Math.min(FETCH_BYTES_MAX, Math.max(FETCH_BYTES_MIN, share));
    const reader = new PartitionReader(this.#engine, this.#topic, partition, from, sizeBytesMax);
    if (paused) reader.pause();
    this.#readers.set(partition, reader);
    this.#moved.set(reader, from);
    reader
      .run((fetched) => this.#took(fetched, reader))
      .catch((error: Error) => {
        if (!reader.stopped) this.#feed.fail(error);
      });
  }

  async #took(fetched: Fetched, reader: PartitionReader): Promise<void> {
    if (this.#options.atMostOnce === true && this.#options.group !== undefined) {
      const membership = await this.#joined.promise;
      if (reader.stopped) return;
      this.#moved.set(reader, fetched.next);
      await membership.move([{ topic: this.#topic, partition: reader.partition, offset: fetched.next }]);
    }
    for (let i = 0; i < fetched.records.count && !reader.stopped; i++) {
      const at = fetched.offsets[i] ?? 0;
      this.#feed.push({ reader, fetched, i, offset: offset(at) });
    }
    if (this.#feed.waiting >= (this.#options.ahead ?? 1024)) await new Promise<void>((resolve) => this.#room.push(resolve));
  }

  #settleBefore(): void {
    const before = this.#before;
    this.#before = undefined;
    if (before !== undefined) this.finish(before);
  }

  /** Moves the group's cursors to what has been dealt with. One move at a time: what is finished meanwhile goes with the next. */
  #move(): void {
    if (this.#moving !== undefined || this.#stopped !== undefined || this.#membership === undefined) return;
    if (this.#options.atMostOnce === true) return;
    const due = [...this.#readers.values()].map((reader) => ({ reader, done: reader.done })).filter((one) => this.#isDue(one));
    if (due.length === 0) return;
    this.#moving = this.#moveTo(due)
      .catch((error: Error) => {
        if (!isOver(error)) this.#feed.fail(error);
      })
      .finally(() => {
        this.#moving = undefined;
        this.#move();
      });
  }

  async #moveTo(due: readonly { reader: PartitionReader; done: Offset }[]): Promise<void> {
    if (this.#membership === undefined || this.#options.atMostOnce === true) return;
    const moves = due.filter((one) => this.#isDue(one));
    if (moves.length === 0) return;
    for (const { reader, done } of moves) this.#moved.set(reader, done);
    await this.#membership.move(moves.map(({ reader, done }) => ({ topic: this.#topic, partition: reader.partition, offset: done })));
  }

  /** At most once: cursors stand behind what was read ahead. What of that came before nobody is left to the next member. */
  async #giveBack(readers: readonly PartitionReader[]): Promise<void> {
    if (this.#membership === undefined || this.#options.atMostOnce !== true) return;
    const back = readers.filter((reader) => reader.begun < (this.#moved.get(reader) ?? 0));
    const moves = back.map(({ partition, begun }) => ({ topic: this.#topic, partition, offset: begun }));
    if (moves.length > 0) await this.#membership.move(moves);
  }

  #isDue({ reader, done }: { reader: PartitionReader; done: Offset }): boolean {
    return done > (this.#moved.get(reader) ?? 0);
  }

  #chosen(partition: number | undefined): PartitionReader[] {
    if (partition === undefined) return [...this.#readers.values()];
    const reader = this.#readers.get(partition);
    return reader === undefined ? [] : [reader];
  }
}

/** The partition went to another member, or the broker closed: what was not moved will be delivered again. */
function isOver(error: unknown): boolean {
  return error instanceof Refused && (error.code === 'stale' || error.code === 'closed');
}
