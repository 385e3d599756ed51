/** Subscriptions of one WebSocket to topics, alone and from a given place. */

import type { Fetched } from '../../model/engine.ts';
import type { SubscribeTopic } from '../../wire/http/http.ts';
import { type Client, CREDIT, type Live, Unsettled } from './live.ts';
import { fail, Gate } from './live-gate.ts';
import { readTopic, type TopicReceiver } from './partitions.ts';
import { renderFetched } from './render.ts';
import { startsOf } from './starts.ts';

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
    const receiver: TopicReceiver = {
      records: (partition, fetched) => this.#send(partition, fetched),
      skipped: (partition, start, to) => this.#client.notice('skipped', { sub, partition, from: start, to }),
      added: () => undefined,
      failed: (error) => fail(this.#client, sub, error),
    };
    const { partitionsMax } = door.limits;
    readTopic(engine, { topic, starts, all: partitions.length === 0, partitionsMax }, receiver, this.#ended.signal);
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
