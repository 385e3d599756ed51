/** Subscriptions of one WebSocket to queues and addresses: what they are sent, how they pause, how they settle and end. */

import type { Consumer, Engine, Principal } from '../../model/engine.ts';
import { Refused } from '../../model/refusal.ts';
import {
  decodeReceipt,
  type ExtendFrame,
  type MoveFrame,
  type Problem,
  runsByLease,
  type SettleFrame,
  type SubscribePattern,
  type SubscribeQueue,
} from '../../wire/http/http.ts';
import { AddressSubscription } from './address.ts';
import type { Door } from './door.ts';
import { renderDeliveries, renderRecord } from './render.ts';

/** The connection, as its subscriptions see it. */
export interface Client {
  readonly door: Door;
  readonly engine: Engine;
  readonly principal: Principal;
  messages(sub: string, texts: readonly string[]): void;
  notice(op: string, members: Readonly<Record<string, unknown>>): void;
  /** The subscription is over from the broker's side; `problem`: since something went wrong. */
  over(sub: string, reason: string, problem?: Problem): void;
}

export interface Live {
  /** What it is called as a member of a group. */
  readonly member?: string;
  start(): Promise<void>;
  /** The client has enough waiting. */
  pause(): void;
  resume(): void;
  credit(count: number): void;
  /** These answer how many were settled; what a kind of subscription does not have is refused. */
  settle(frame: SettleFrame): Promise<number>;
  extend(frame: ExtendFrame): Promise<number>;
  move(frame: MoveFrame): Promise<void>;
  end(): Promise<void>;
}

export const CREDIT = 256;

/** What most kinds of subscription cannot do. */
export abstract class Unsettled {
  async settle(_frame: SettleFrame): Promise<number> {
    throw new Refused('invalid', 'This subscription has no receipts: only those to queues are settled, and only by-consumer.');
  }

  async extend(_frame: ExtendFrame): Promise<number> {
    throw new Refused('invalid', 'This subscription has no leases: only those to queues have.');
  }

  async move(_frame: MoveFrame): Promise<void> {
    throw new Refused('invalid', 'This subscription has no cursor: only those of groups have.');
  }
}

export class LiveQueue extends Unsettled implements Live {
  readonly #client: Client;
  readonly #frame: SubscribeQueue;
  #credit: number;
  #paused = false;
  #consumer: Consumer | undefined;
  #ended = false;

  constructor(client: Client, frame: SubscribeQueue) {
    super();
    this.#client = client;
    this.#frame = frame;
    this.#credit = frame.credit ?? CREDIT;
  }

  async start(): Promise<void> {
    const { queue, settle, leaseMs, priority, exclusive, sub } = this.#frame;
    const client = this.#client;
    const receipts = settle === 'by-consumer';
    const consumer = await client.engine.consume(
      {
        queue,
        settle,
        exclusive,
        prefetch: this.#room,
        ...(leaseMs === undefined ? {} : { leaseMs }),
        ...(priority === undefined ? {} : { priority }),
      },
      {
        deliver: (deliveries) => client.messages(sub, renderDeliveries(client.door, deliveries, receipts)),
        cancelled: (reason) => client.over(sub, reason),
      },
    );
    this.#consumer = consumer;
    if (this.#ended) await consumer.cancel();
    else consumer.prefetch(this.#room); // it may have been paused meanwhile
  }

  get #room(): number {
    return this.#paused ? 0 : this.#credit;
  }

  pause(): void {
    this.#paused = true;
    this.#consumer?.prefetch(0);
  }

  resume(): void {
    this.#paused = false;
    this.#consumer?.prefetch(this.#credit);
  }

  credit(count: number): void {
    this.#credit = count;
    this.#consumer?.prefetch(this.#room);
  }

  /** A frame without `ref` has no answer, so its acks ride with the next write. */
  override async settle({ op, receipts, delayMs, ref }: SettleFrame): Promise<number> {
    if (this.#frame.settle === 'on-delivery') return super.settle({ op, receipts, delayMs, ref, sub: this.#frame.sub });
    const { engine } = this.#client;
    const { queue } = this.#frame;
    const delay = delayMs === undefined ? {} : { delayMs };
    const runs = runsByLease(receipts.map(decodeReceipt));
    return sum([...runs].map(([lease, of]) => engine.settle({ queue, runs: of, lease, outcome: op, lazy: ref === undefined, ...delay })));
  }

  override async extend({ receipts, leaseMs }: ExtendFrame): Promise<number> {
    const runs = runsByLease(receipts.map(decodeReceipt));
    return sum([...runs].map(([lease, of]) => this.#client.engine.extend(this.#frame.queue, lease, of, leaseMs)));
  }

  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#consumer?.cancel();
  }
}

async function sum(counts: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(counts)).reduce((total, count) => total + count, 0);
}

export class LiveAddress extends Unsettled implements Live {
  readonly #client: Client;
  readonly #frame: SubscribePattern;
  #subscription: AddressSubscription | undefined;
  #paused = false;
  #credit: number;
  #ended = false;

  constructor(client: Client, frame: SubscribePattern) {
    super();
    this.#client = client;
    this.#frame = frame;
    this.#credit = frame.credit ?? CREDIT;
  }

  async start(): Promise<void> {
    const { engine, door } = this.#client;
    const { pattern, exchange, filter, retained, sub } = this.#frame;
    const subscription = await AddressSubscription.open(engine, door, { pattern, exchange, filter });
    this.#subscription = subscription;
    if (retained) {
      const found = await engine.retained(pattern);
      const texts = found.map(({ address, record }) => renderRecord(door, record, 0, '"retained":true,', `retained:${address}`));
      if (texts.length > 0) this.#client.messages(sub, texts);
    }
    await subscription.start({
      deliver: (deliveries) => this.#client.messages(sub, renderDeliveries(door, deliveries, false)),
      dropped: (count) => this.#client.notice('dropped', { sub, count }),
      cancelled: (reason) => this.#client.over(sub, reason),
    });
    this.#apply();
    if (this.#ended) await subscription.end();
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
    if (this.#paused || this.#credit === 0) this.#subscription?.pause();
    else this.#subscription?.resume();
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#subscription?.end();
  }
}
