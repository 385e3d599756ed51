/** A subscription to addresses: a queue that lives as long as its client, bound to the main line. */

import type { Consumer, Deliveries, Engine } from '../../model/engine.ts';
import { MAIN_LINE } from '../../model/message.ts';
import { Refused } from '../../model/refusal.ts';
import type { Door } from './door.ts';

export interface AddressWish {
  readonly pattern: string;
  /** Default: the main line. */
  readonly exchange?: string | undefined;
  readonly filter?: string | undefined;
}

export interface AddressReceiver {
  deliver(deliveries: Deliveries): void;
  /** So many messages were dropped because the client was too slow. */
  dropped(count: number): void;
  cancelled(reason: string): void;
}

/** Names of such queues begin so: users need `configure`, `write` and `read` for them, and `read` for the exchange. */
export const SUBSCRIPTION_PREFIX = 'sub.';
const NAME_BYTES = 16;
/** Should the process fail to take a queue down, it goes by itself. */
const EXPIRES_MS = 60_000;

export class AddressSubscription {
  readonly #engine: Engine;
  readonly #door: Door;
  readonly #queue: string;
  #consumer: Consumer | undefined;
  #expected: number | undefined;
  #ended = false;

  private constructor(engine: Engine, door: Door) {
    this.#engine = engine;
    this.#door = door;
    this.#queue = `${SUBSCRIPTION_PREFIX}${Buffer.from(door.machine.random.bytes(NAME_BYTES)).toString('hex')}`;
  }

  /** What is published from now on is kept for it; `start` begins the deliveries. Throws `Refused`. */
  static async open(engine: Engine, door: Door, wish: AddressWish): Promise<AddressSubscription> {
    const subscription = new AddressSubscription(engine, door);
    const name = subscription.#queue;
    await engine.declare({
      kind: 'queue',
      name,
      durable: false,
      expiresMs: EXPIRES_MS,
      countMax: door.limits.backlogMax,
      sizeBytesMax: door.limits.backlogBytesMax,
      overflow: 'drop-head',
    });
    try {
      const { pattern, exchange = MAIN_LINE, filter } = wish;
      await engine.bind({ exchange, to: { kind: 'queue', name }, pattern, ...(filter === undefined ? {} : { filter }) });
    } catch (error) {
      await subscription.end();
      throw error;
    }
    return subscription;
  }

  async start(receiver: AddressReceiver): Promise<void> {
    const consumer = await this.#engine.consume(
      { queue: this.#queue, settle: 'on-delivery', prefetch: PREFETCH },
      {
        deliver: (deliveries) => {
          this.#countDropped(deliveries, receiver);
          receiver.deliver(deliveries);
        },
        cancelled: (reason) => receiver.cancelled(reason),
      },
    );
    this.#consumer = consumer;
    if (this.#ended) await this.#cancel(consumer);
  }

  pause(): void {
    this.#consumer?.prefetch(0);
  }

  resume(): void {
    this.#consumer?.prefetch(PREFETCH);
  }

  /** Takes the queue down. What goes wrong is only logged: the client has gone, and the queue expires. */
  async end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#consumer !== undefined) await this.#cancel(this.#consumer);
    try {
      await this.#engine.remove('queue', this.#queue);
    } catch (error) {
      if (!(error instanceof Refused && (error.code === 'unknown' || error.code === 'closed'))) {
        this.#door.machine.logger.warn('http.subscription.left', { queue: this.#queue, cause: String(error) });
      }
    }
  }

  async #cancel(consumer: Consumer): Promise<void> {
    try {
      await consumer.cancel();
    } catch (error) {
      if (!(error instanceof Refused)) this.#door.machine.logger.warn('http.consumer.left', { queue: this.#queue, cause: String(error) });
    }
  }

  /** Numbers in a queue have no gaps, and nothing comes twice here: what is missing was dropped. */
  #countDropped(deliveries: Deliveries, receiver: AddressReceiver): void {
    const { numbers, count } = deliveries;
    const first = numbers[0] ?? 0;
    const missing = this.#expected === undefined ? first : first - this.#expected;
    if (missing > 0) receiver.dropped(missing);
    this.#expected = (numbers[count - 1] ?? 0) + 1;
  }
}

const PREFETCH = 1024;
