/** A topic by its name: publish to its partitions, subscribe alone or in a group. */

import type { Description, Engine, Fetched } from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import { MAIN_LINE } from '../model/message.ts';
import { Refused } from '../model/refusal.ts';
import { Lanes } from './lanes.ts';
import { outgoing, sent } from './outgoing.ts';
import type { Fresh } from './partition-reader.ts';
import type { Running } from './queue-handle.ts';
import { checked, type StandardSchemaV1 } from './standard.ts';
import { TopicEvent } from './topic-event.ts';
import { type SubscribeOptions, TopicSubscription } from './topic-subscription.ts';
import type { Languages, MessageOptions } from './value.ts';

/** Where a record was put. */
export interface Place {
  readonly partition: number;
  readonly offset: Offset;
}

export interface TopicHandleOptions extends SubscribeOptions {
  /** Handlers at once. Default 1. */
  readonly concurrency?: number;
  /** What keeps its order when several run at once: events of one key (default), of one partition, or none. */
  readonly ordered?: 'key' | 'partition' | 'none';
  /** Hears what a handler throws, and says what follows: `stop` (default) leaves the event to be delivered again, `skip` goes on. */
  readonly onError?: (error: unknown, event: TopicEvent) => 'stop' | 'skip' | Promise<'stop' | 'skip'>;
}

export class TopicHandle<T = unknown> {
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

  /** Resolves once safe, with where it was put. */
  async publish(value: T, options?: MessageOptions): Promise<Place> {
    const [place] = await this.publishMany([value], options);
    return place ?? NOWHERE;
  }

  /** All or none, in order per partition, in one journal entry. Of what a schema had dead-lettered the offset is -1. */
  async publishMany(values: readonly T[], options?: MessageOptions | ((i: number) => MessageOptions | undefined)): Promise<Place[]> {
    if (values.length === 0) return [];
    const optionsOf = typeof options === 'function' ? options : () => options;
    const fitting = this.#schema === undefined ? values : await Promise.all(values.map((value) => checked(this.#schema, value)));
    if (this.#engine.pressed) await this.#engine.relief();
    const out = outgoing(fitting, MAIN_LINE, this.name, this.#engine.nowMs(), optionsOf);
    const { partitions, offsets } = await this.#engine.publish({
      address: this.name,
      toTopic: true,
      records: out.records,
      ...(out.columns && { columns: out.columns }),
    });
    sent(out);
    if (partitions === undefined || offsets === undefined)
      throw new Refused('unknown', `There is no topic "${this.name}". Declare it before publishing to it.`);
    return values.map((_, i) => ({ partition: partitions[i] ?? -1, offset: offset(offsets[i] ?? -1) }));
  }

  /** Events in order per partition: `for await (const event of await topic.subscribe({ from: 'earliest' })) …` */
  subscribe(options?: SubscribeOptions): Promise<TopicSubscription<T>>;
  /** Each event to a handler. In a group, the cursor moves as handlers finish. */
  subscribe(
    handler: (event: TopicEvent<T>) => unknown,
    options?: TopicHandleOptions,
  ): Promise<Running & { readonly subscription: TopicSubscription<T> }>;
  async subscribe(
    first?: SubscribeOptions | ((event: TopicEvent<T>) => unknown),
    options: TopicHandleOptions = {},
  ): Promise<TopicSubscription<T> | (Running & { readonly subscription: TopicSubscription<T> })> {
    if (typeof first !== 'function') return TopicSubscription.open<T>(this.#engine, this.name, first ?? {}, this.#languages);
    const subscription = await TopicSubscription.open<T>(this.#engine, this.name, options, this.#languages);
    return { subscription, ...this.#handle(subscription, first, options) };
  }

  #handle(subscription: TopicSubscription<T>, handler: (event: TopicEvent<T>) => unknown, options: TopicHandleOptions): Running {
    const done = this.#handleAll(subscription, handler, options);
    done.catch(() => undefined);
    const stop = async (): Promise<void> => {
      subscription.halt();
      await done;
    };
    return { done, stop, [Symbol.asyncDispose]: stop };
  }

  /** Until the subscription hands out nothing more, or a handler fails. What handlers have begun is finished before its cursor is left. */
  async #handleAll(
    subscription: TopicSubscription<T>,
    handler: (event: TopicEvent<T>) => unknown,
    { concurrency = 1, ordered = 'key', onError }: TopicHandleOptions,
  ): Promise<void> {
    const lanes = new Lanes(concurrency);
    let failed: { error: unknown } | undefined;
    const one = async (fresh: Fresh, event: TopicEvent<T>): Promise<void> => {
      if (subscription.halted) return;
      subscription.begin(fresh);
      try {
        await handler(event);
      } catch (error) {
        if ((await onError?.(error, event)) !== 'skip') throw error;
      }
      subscription.finish(fresh);
    };
    try {
      for (let fresh = await subscription.take(); fresh !== undefined && failed === undefined; fresh = await subscription.take()) {
        const taken = fresh;
        const event = new TopicEvent<T>(taken, this.#languages);
        await lanes.run(laneOf(event, ordered), () =>
          one(taken, event).catch((error: unknown) => {
            failed ??= { error };
            subscription.halt();
          }),
        );
      }
    } finally {
      await lanes.drained();
      await subscription.stop();
    }
    if (failed !== undefined) throw failed.error;
  }

  /** Records from an offset on, without subscribing. */
  fetch(partition: number, from: number, options: { sizeBytesMax?: number; waitMs?: number; signal?: AbortSignal } = {}): Promise<Fetched> {
    return this.#engine.fetch({ topic: this.name, partition, offset: offset(from), ...options });
  }

  async describe(): Promise<Extract<Description, { kind: 'topic' }>> {
    const description = await this.#engine.describe('topic', this.name);
    if (description?.kind !== 'topic') throw new Refused('unknown', `There is no topic "${this.name}". Declare it first.`);
    return description;
  }
}

const NOWHERE: Place = { partition: -1, offset: offset(-1) };

function laneOf(event: TopicEvent, ordered: 'key' | 'partition' | 'none'): string | undefined {
  if (ordered === 'none') return undefined;
  const { key } = event.message;
  if (ordered === 'partition' || key === undefined) return `p${event.partition}`;
  return `k${Buffer.from(key).toString('latin1')}`;
}
