/** A queue by its name: send to it, consume from it, look into it. */

import type { Consume, Description, Engine } from '../model/engine.ts';
import { Refused } from '../model/refusal.ts';
import { Feed } from './feed.ts';
import { Lanes } from './lanes.ts';
import { outgoing } from './outgoing.ts';
import { Batch, owned, Received } from './received.ts';
import { checked, type StandardSchemaV1 } from './standard.ts';
import { type Duration, type MessageOptions, milliseconds } from './value.ts';

export interface ConsumeOptions {
  /** Most messages held unsettled. Default 256. */
  readonly prefetch?: number;
  /** How long one may be held. Default: the queue's; without one, as long as the consumer lives. */
  readonly lease?: Duration;
  /** At most once: settled, and safe as settled, before it is handed over. */
  readonly atMostOnce?: boolean;
  readonly exclusive?: boolean;
  readonly priority?: number;
  readonly signal?: AbortSignal;
}

export interface HandleOptions extends ConsumeOptions {
  /** Handlers at once. Default 1. */
  readonly concurrency?: number;
  /** Keep order per message key when several run at once. Default true. */
  readonly ordered?: boolean;
  /** Hears what handlers throw; the message is nacked all the same. */
  readonly onError?: (error: unknown, message: Received) => void;
}

/** Something running that can be stopped. */
export interface Running extends AsyncDisposable {
  /** Ends when stopped, rejects when the queue or the broker went away. */
  readonly done: Promise<void>;
  /** Takes no more and resolves when what is under way has finished. */
  stop(): Promise<void>;
}

export class QueueHandle<T = unknown> {
  readonly name: string;
  readonly #engine: Engine;
  readonly #schema: StandardSchemaV1 | undefined;

  constructor(engine: Engine, name: string, schema?: StandardSchemaV1) {
    this.#engine = engine;
    this.name = name;
    this.#schema = schema;
  }

  /** Resolves once safe: from then on it is not lost. `false` when its dedup id was known already. */
  async send(value: T, options?: MessageOptions): Promise<boolean> {
    const [isNew] = await this.#send([value], options === undefined ? none : () => options);
    return isNew ?? true;
  }

  /** All or none, in order, in one journal entry. Per value: false when its dedup id was known already. */
  sendMany(values: readonly T[], options?: MessageOptions | ((i: number) => MessageOptions | undefined)): Promise<boolean[]> {
    return this.#send(values, typeof options === 'function' ? options : options === undefined ? none : () => options);
  }

  async #send(values: readonly T[], optionsOf: (i: number) => MessageOptions | undefined): Promise<boolean[]> {
    const fitting = this.#schema === undefined ? values : await Promise.all(values.map((value) => checked(this.#schema, value)));
    if (this.#engine.pressed) await this.#engine.relief();
    const out = outgoing(fitting, '', this.name, this.#engine.nowMs(), optionsOf);
    const { duplicates } = await this.#engine.publish({
      exchange: '',
      address: this.name,
      records: out.records,
      ...(out.columns && { columns: out.columns }),
    });
    return values.map((_, i) => duplicates === undefined || ((duplicates[i >> 3] ?? 0) & (1 << (i & 7))) === 0);
  }

  /** Message by message: `for await (const message of queue.consume()) { … await message.ack() }`. Leaving the loop ends it. */
  consume(options?: ConsumeOptions): AsyncGenerator<Received<T>, void>;
  /** Each message to a handler: acked when it returns, nacked when it throws. */
  consume(handler: (message: Received<T>) => unknown, options?: HandleOptions): Running;
  consume(
    first?: ConsumeOptions | ((message: Received<T>) => unknown),
    options?: HandleOptions,
  ): AsyncGenerator<Received<T>, void> | Running {
    return typeof first === 'function' ? this.#handle(first, options ?? {}) : this.#messages(first ?? {});
  }

  /** Batch by batch, as they are delivered: the fast form. */
  async *batches(options: ConsumeOptions = {}): AsyncGenerator<Batch<T>, void> {
    const feed = new Feed<Batch<T>>(options.signal);
    const consumer = await this.#engine.consume(this.#toConsume(options), {
      deliver: (deliveries) => feed.push(new Batch<T>(this.#engine, owned(deliveries))),
      cancelled: (reason) => feed.fail(new Refused('closed', reason)),
    });
    try {
      for (let batch = await feed.next(); batch !== undefined; batch = await feed.next()) yield batch;
    } finally {
      feed.end();
      await consumer.cancel();
    }
  }

  async *#messages(options: ConsumeOptions): AsyncGenerator<Received<T>, void> {
    for await (const batch of this.batches(options)) yield* batch;
  }

  #handle(handler: (message: Received<T>) => unknown, options: HandleOptions): Running {
    const { concurrency = 1, ordered = true, onError, signal, ...rest } = options;
    const stopping = new AbortController();
    const lanes = new Lanes(concurrency);
    const one = async (message: Received<T>): Promise<void> => {
      try {
        await handler(message);
      } catch (error) {
        onError?.(error, message);
        await message.nack().catch(ignoreGone);
        return;
      }
      await message.ack().catch(ignoreGone);
    };
    const run = async (): Promise<void> => {
      const both = signal === undefined ? stopping.signal : AbortSignal.any([signal, stopping.signal]);
      try {
        for await (const message of this.#messages({ ...rest, signal: both })) {
          const { key } = message.message;
          await lanes.run(ordered && key !== undefined ? Buffer.from(key).toString('latin1') : undefined, () => one(message));
          if (both.aborted) break;
        }
      } catch (error) {
        if (!both.aborted) throw error;
      } finally {
        await lanes.drained();
      }
    };
    const done = run();
    const stop = async (): Promise<void> => {
      stopping.abort();
      await done;
    };
    done.catch(() => undefined);
    return { done, stop, [Symbol.asyncDispose]: stop };
  }

  /** Takes up to `max` messages, waiting `wait` for the first; an empty list when none came. */
  async receive(
    options: { max?: number; wait?: Duration; lease?: Duration; atMostOnce?: boolean; signal?: AbortSignal } = {},
  ): Promise<Received<T>[]> {
    const { max, wait, lease, atMostOnce, signal } = options;
    const deliveries = await this.#engine.receive({
      queue: this.name,
      ...(max !== undefined && { countMax: max }),
      ...(wait !== undefined && { waitMs: milliseconds(wait) }),
      ...(lease !== undefined && { leaseMs: milliseconds(lease) }),
      ...(atMostOnce === true && { settle: 'on-delivery' as const }),
      ...(signal && { signal }),
    });
    return deliveries === undefined ? [] : [...new Batch<T>(this.#engine, deliveries)];
  }

  /** Looks without taking: ready, delayed and in flight, oldest first. */
  async peek(options: { from?: number; max?: number } = {}): Promise<{ message: Received<T>; state: 'ready' | 'delayed' | 'in-flight' }[]> {
    const { from, max } = options;
    const peeked = await this.#engine.peek({
      queue: this.name,
      ...(from !== undefined && { from }),
      ...(max !== undefined && { countMax: max }),
    });
    return peeked.states.map((state, i) => ({ message: new Received<T>(this.#engine, peeked, i), state }));
  }

  /** Throws away what is not in flight; answers how much. */
  purge(): Promise<number> {
    return this.#engine.purge(this.name);
  }

  async describe(): Promise<Extract<Description, { kind: 'queue' }>> {
    const description = await this.#engine.describe('queue', this.name);
    if (description?.kind !== 'queue') throw new Refused('unknown', `There is no queue "${this.name}". Declare it first.`);
    return description;
  }

  #toConsume({ prefetch, lease, atMostOnce, exclusive, priority }: ConsumeOptions): Consume {
    return {
      queue: this.name,
      ...(prefetch !== undefined && { prefetch }),
      ...(lease !== undefined && { leaseMs: milliseconds(lease) }),
      ...(atMostOnce === true && { settle: 'on-delivery' as const }),
      ...(exclusive !== undefined && { exclusive }),
      ...(priority !== undefined && { priority }),
    };
  }
}

function none(): undefined {
  return undefined;
}

/** The queue was removed or the broker closed while the handler ran: nobody is left to be told. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof Refused) || (error.code !== 'closed' && error.code !== 'unknown')) throw error;
}
