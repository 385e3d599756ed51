/** A queue by its name: send to it, consume from it, look into it. */

import type { Consume, Description, Engine } from '../model/engine.ts';
import { Refused } from '../model/refusal.ts';
import { Intake, ignoreGone } from './intake.ts';
import { Lanes } from './lanes.ts';
import { outgoing, sent } from './outgoing.ts';
import { Batch, Received } from './received.ts';
import { checked, type StandardSchemaV1 } from './standard.ts';
import { type Duration, type Languages, type MessageOptions, milliseconds } from './value.ts';

export interface ConsumeOptions {
  /** Most messages held unsettled. Default 256. */
  readonly prefetch?: number;
  /** How long one may be held. Default: the queue's; without one, as long as the consumer lives. */
  readonly lease?: Duration;
  /** At most once: settled, and safe as settled, before it is handed over. No more is lost with a consumer than what it was handed. */
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
  /** Hears what handlers throw; the message is nacked all the same. What it throws itself ends the consumer. */
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
  readonly #languages: Languages | undefined;

  constructor(engine: Engine, name: string, schema?: StandardSchemaV1, languages?: Languages) {
    this.#engine = engine;
    this.name = name;
    this.#schema = schema;
    this.#languages = languages;
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
    sent(out);
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
    const intake = await Intake.open<T>(this.#engine, this.#toConsume(options), options.signal, this.#languages);
    try {
      for (let batch = await intake.next(); batch !== undefined; batch = await intake.next()) {
        const taken = options.atMostOnce === true ? await batch.taken() : batch;
        if (taken !== undefined) yield taken;
      }
    } finally {
      await intake.close();
    }
  }

  async *#messages(options: ConsumeOptions): AsyncGenerator<Received<T>, void> {
    const intake = await Intake.open<T>(this.#engine, this.#toConsume(options), options.signal, this.#languages);
    let batch: Batch<T> | undefined;
    let looked = 0;
    try {
      for (batch = await intake.next(); batch !== undefined; batch = await intake.next()) {
        for (looked = 0; looked < batch.count; ) {
          const message = batch.message(looked++);
          const taken = options.atMostOnce === true ? await message.taken() : message;
          if (taken !== undefined) yield taken;
        }
      }
    } finally {
      await intake.close(batch, looked);
    }
  }

  #handle(handler: (message: Received<T>) => unknown, options: HandleOptions): Running {
    const stopping = new AbortController();
    const signal = options.signal === undefined ? stopping.signal : AbortSignal.any([options.signal, stopping.signal]);
    const done = this.#handleUntil(signal, handler, options);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await done;
    };
    done.catch(() => undefined);
    return { done, stop, [Symbol.asyncDispose]: stop };
  }

  /** Takes messages until the signal ends it; what handlers have begun is finished first, what they have not goes back. */
  async #handleUntil(signal: AbortSignal, handler: (message: Received<T>) => unknown, options: HandleOptions): Promise<void> {
    const { concurrency = 1, ordered = true } = options;
    const intake = await Intake.open<T>(this.#engine, this.#toConsume(options), signal, this.#languages);
    const lanes = new Lanes(concurrency);
    const fault: { error?: unknown } = {};
    let batch: Batch<T> | undefined;
    let looked = 0;
    const one = async (message: Received<T>): Promise<void> => {
      try {
        if (signal.aborted || 'error' in fault) await message.requeue();
        else await this.#one(message, handler, options);
      } catch (error) {
        fault.error ??= error;
        intake.halt();
      }
    };
    try {
      for (batch = await intake.next(); batch !== undefined && !('error' in fault); batch = await intake.next()) {
        for (looked = 0; looked < batch.count && !signal.aborted; ) {
          const message = batch.message(looked++);
          const { key } = message.message;
          await lanes.run(ordered && key !== undefined ? Buffer.from(key).toString('latin1') : undefined, () => one(message));
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      intake.halt();
      await lanes.drained();
      await intake.close(batch, looked);
    }
    if ('error' in fault) throw fault.error;
  }

  /** Acked when the handler returns, nacked when it throws. Rejects when that could not be told, or with what `onError` throws. */
  async #one(held: Received<T>, handler: (message: Received<T>) => unknown, { onError, atMostOnce }: HandleOptions): Promise<void> {
    const message = atMostOnce === true ? await held.taken() : held;
    if (message === undefined) return;
    try {
      await handler(message);
    } catch (error) {
      await message.nack().catch(ignoreGone);
      onError?.(error, message);
      return;
    }
    await message.ack().catch(ignoreGone);
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
    return deliveries === undefined ? [] : [...new Batch<T>(this.#engine, deliveries, this.#languages)];
  }

  /** Looks without taking: ready, delayed and in flight, oldest first. */
  async peek(options: { from?: number; max?: number } = {}): Promise<{ message: Received<T>; state: 'ready' | 'delayed' | 'in-flight' }[]> {
    const { from, max } = options;
    const peeked = await this.#engine.peek({
      queue: this.name,
      ...(from !== undefined && { from }),
      ...(max !== undefined && { countMax: max }),
    });
    return peeked.states.map((state, i) => ({ message: new Received<T>(this.#engine, peeked, i, this.#languages), state }));
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

  #toConsume({ prefetch, lease, exclusive, priority }: ConsumeOptions): Consume {
    return {
      queue: this.name,
      ...(prefetch !== undefined && { prefetch }),
      ...(lease !== undefined && { leaseMs: milliseconds(lease) }),
      ...(exclusive !== undefined && { exclusive }),
      ...(priority !== undefined && { priority }),
    };
  }
}

function none(): undefined {
  return undefined;
}
