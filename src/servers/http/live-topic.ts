/** Subscriptions of one WebSocket to topics: alone from a given place, or as a member of a group whose cursors it moves. */

import type { CursorMove, Fetched, MemberEvents, Membership, TopicPartition } from '../../model/engine.ts';
import { offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import type { MoveFrame, SubscribeGroup, SubscribeTopic } from '../../wire/http/http.ts';
import { problemOf } from './fault.ts';
import { type Client, CREDIT, type Live, Unsettled } from './live.ts';
import { readPartition } from './partitions.ts';
import { renderFetched } from './render.ts';
import { startsOf } from './starts.ts';

/** A place that can be shut: who comes by waits until it is open. */
class Gate {
  #opened: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  set(open: boolean): void {
    if (open) {
      this.#opened?.resolve();
      this.#opened = undefined;
    } else this.#opened ??= Promise.withResolvers<void>();
  }

  get isOpen(): boolean {
    return this.#opened === undefined;
  }

  passed(): Promise<void> {
    return this.#opened?.promise ?? Promise.resolve();
  }
}

function fail(client: Client, sub: string, error: unknown): void {
  client.door.tell(error, { op: 'websocket' });
  client.over(sub, problemOf(error).detail);
}

export class LiveTopic extends Unsettled implements Live {
  readonly #client: Client;
  readonly #frame: SubscribeTopic;
  readonly #gate = new Gate();
  readonly #ended = new AbortController();
  #paused = false;
  #credit: number;

  constructor(client: Client, frame: SubscribeTopic) {
    super();
    this.#client = client;
    this.#frame = frame;
    this.#credit = frame.credit ?? CREDIT;
    this.#apply();
  }

  async start(): Promise<void> {
    const { engine, door } = this.#client;
    const { topic, from = 'latest', partitions = [], sub } = this.#frame;
    const starts = await startsOf(engine, topic, from, partitions);
    if (starts.size > door.limits.partitionsMax) {
      throw new Refused('invalid', `One subscription reads at most ${door.limits.partitionsMax} partitions; name them with "partitions".`);
    }
    const receiver = {
      records: (partition: number, fetched: Fetched) => this.#send(partition, fetched),
      skipped: (partition: number, start: number, to: number) => this.#client.notice('skipped', { sub, partition, from: start, to }),
      failed: (error: unknown) => fail(this.#client, sub, error),
    };
    for (const [partition, start] of starts) void readPartition(engine, topic, partition, start, receiver, this.#ended.signal);
  }

  async #send(partition: number, fetched: Fetched): Promise<void> {
    await this.#gate.passed();
    if (this.#ended.signal.aborted) return;
    this.#client.messages(this.#frame.sub, renderFetched(this.#client.door, fetched, partition, 0, fetched.records.count));
  }

  pause(): void {
    this.#paused = true;
    this.#apply();
  }

  resume(): void {
    this.#paused = false;
    this.#apply();
  }

  /** Nothing is settled here, so credit only says whether to go on. */
  credit(count: number): void {
    this.#credit = count;
    this.#apply();
  }

  #apply(): void {
    this.#gate.set(!this.#paused && this.#credit > 0);
  }

  async end(): Promise<void> {
    this.#ended.abort();
    this.#gate.set(true);
  }
}

/** A partition this member has been given. */
interface Assigned {
  readonly stop: AbortController;
  /** Offsets sent and not yet moved past, in order. */
  readonly sent: number[];
  /** Called when `sent` is empty. */
  settled: (() => void) | undefined;
}

export class LiveGroup extends Unsettled implements Live {
  readonly #client: Client;
  readonly #frame: SubscribeGroup;
  readonly #gate = new Gate();
  readonly #partitions = new Map<number, Assigned>();
  #membership: Membership | undefined;
  #paused = false;
  #credit: number;
  #unsettled = 0;
  #ended = false;

  constructor(client: Client, frame: SubscribeGroup) {
    super();
    this.#client = client;
    this.#frame = frame;
    this.#credit = frame.credit ?? CREDIT;
    this.#apply();
  }

  async start(): Promise<void> {
    const { group, topic, from } = this.#frame;
    const events: MemberEvents = {
      assigned: (cursors) => this.#assigned(cursors),
      revoked: (partitions) => this.#revoked(partitions),
    };
    const membership = await this.#client.engine.join({ group, topics: [topic], ...(from === undefined ? {} : { from }) }, events);
    this.#membership = membership;
    if (this.#ended) await membership.leave();
  }

  #assigned(cursors: readonly CursorMove[]): void {
    if (this.#ended) return;
    const { engine } = this.#client;
    const { topic, sub } = this.#frame;
    this.#client.notice('assigned', { sub, partitions: cursors.map(({ partition, offset: at }) => ({ partition, offset: at })) });
    for (const { partition, offset: at } of cursors) {
      const assigned: Assigned = { stop: new AbortController(), sent: [], settled: undefined };
      this.#partitions.set(partition, assigned);
      const receiver = {
        records: (_: number, fetched: Fetched) => this.#send(partition, assigned, fetched),
        skipped: (_: number, from: number, to: number) => this.#client.notice('skipped', { sub, partition, from, to }),
        failed: (error: unknown) => fail(this.#client, sub, error),
      };
      void readPartition(engine, topic, partition, at, receiver, assigned.stop.signal);
    }
  }

  /** The hand-over waits for the client to finish with what it was sent; the engine's own limit bounds that. */
  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    const numbers = partitions.map(({ partition }) => partition);
    this.#client.notice('revoked', { sub: this.#frame.sub, partitions: numbers });
    await Promise.all(numbers.map((partition) => this.#letGo(partition)));
  }

  async #letGo(partition: number): Promise<void> {
    const assigned = this.#partitions.get(partition);
    if (assigned === undefined) return;
    assigned.stop.abort();
    if (assigned.sent.length > 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        assigned.settled = resolve;
      });
    }
    if (this.#partitions.get(partition) === assigned) this.#partitions.delete(partition);
    this.#settledUpTo(assigned, Number.POSITIVE_INFINITY);
  }

  /** Sends as much as there is credit for, and the rest when there is more. */
  async #send(partition: number, assigned: Assigned, fetched: Fetched): Promise<void> {
    const { count } = fetched.records;
    for (let from = 0; from < count; ) {
      while (!this.#gate.isOpen) await this.#gate.passed();
      if (assigned.stop.signal.aborted) return;
      const to = Math.min(count, from + this.#credit - this.#unsettled);
      for (let i = from; i < to; i++) assigned.sent.push(fetched.offsets[i] ?? 0);
      this.#unsettled += to - from;
      this.#apply();
      this.#client.messages(this.#frame.sub, renderFetched(this.#client.door, fetched, partition, from, to));
      from = to;
    }
  }

  override async move({ partition, offset: done }: MoveFrame): Promise<void> {
    const assigned = this.#partitions.get(partition);
    if (assigned === undefined || this.#membership === undefined) {
      throw new Refused('stale', `Partition ${partition} is not, or no longer, this member's.`);
    }
    const last = assigned.sent.at(-1);
    if (last !== undefined && done > last) throw new Refused('out-of-range', `Offset ${done} of partition ${partition} was not sent yet.`);
    await this.#membership.move([{ topic: this.#frame.topic, partition, offset: offset(done + 1) }]);
    this.#settledUpTo(assigned, done);
  }

  #settledUpTo(assigned: Assigned, done: number): void {
    const { sent } = assigned;
    let count = 0;
    while (count < sent.length && (sent[count] ?? 0) <= done) count += 1;
    sent.splice(0, count);
    this.#unsettled -= count;
    if (sent.length === 0) assigned.settled?.();
    this.#apply();
  }

  pause(): void {
    this.#paused = true;
    this.#apply();
  }

  resume(): void {
    this.#paused = false;
    this.#apply();
  }

  credit(count: number): void {
    this.#credit = count;
    this.#apply();
  }

  #apply(): void {
    this.#gate.set(this.#ended || (!this.#paused && this.#unsettled < this.#credit));
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    for (const assigned of this.#partitions.values()) {
      assigned.stop.abort();
      assigned.settled?.();
    }
    this.#apply();
    await this.#membership?.leave();
  }
}
