/** The door of the TypeScript face: one object over any Engine, with topics, queues, exchanges, requests and transactions. */

import type { Binding, Declaration, ExchangeSpec, Kind, QueueSpec, SchemaSpec, TopicSpec } from '../model/declaration.ts';
import type { Description, Engine, Published } from '../model/engine.ts';
import { MAIN_LINE } from '../model/message.ts';
import { type Language, readMessage } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import { Asking, type RespondOptions, respond } from './asking.ts';
import { outgoing, sent } from './outgoing.ts';
import { type ConsumeOptions, type HandleOptions, QueueHandle, type Running } from './queue-handle.ts';
import type { Received } from './received.ts';
import { checked, type StandardSchemaV1 } from './standard.ts';
import { TopicHandle } from './topic-handle.ts';
import { Transaction } from './transaction.ts';
import { uniqueName } from './unique-name.ts';
import { type Duration, decodeValue, type Languages, type MessageOptions, milliseconds } from './value.ts';

export type { RespondOptions } from './asking.ts';
export type { ConsumeOptions, HandleOptions, Running } from './queue-handle.ts';
export { QueueHandle } from './queue-handle.ts';
export { Batch, Received } from './received.ts';
export type { From } from './starts.ts';
export { TopicEvent } from './topic-event.ts';
export { type Place, TopicHandle, type TopicHandleOptions } from './topic-handle.ts';
export { type SubscribeOptions, TopicSubscription } from './topic-subscription.ts';
export { Transaction } from './transaction.ts';
export { type Duration, decodeValue, type MessageOptions, milliseconds } from './value.ts';

/** Event names and the types of their values; names not listed carry anything. */
export type EventMap = Readonly<Record<string, unknown>>;

/** The value type of an address: the listed one, else anything. */
export type ValueOf<Events extends EventMap, Name extends string> = Name extends keyof Events ? Events[Name] : unknown;

export interface PublishOptions extends MessageOptions {
  /** Refuse when nothing is bound that takes it. */
  readonly mandatory?: boolean;
  /** Resolve without waiting for the disk. */
  readonly transient?: boolean;
  /** Becomes the retained value of the address; an empty body removes it. */
  readonly retain?: boolean;
}

/** A subscription to addresses: what is published from now on, or all that a named one has missed. */
export interface ListenOptions extends ConsumeOptions {
  /** A lasting subscription by this name: it collects while nobody listens, and several listeners share it. */
  readonly name?: string;
  /** Bounds a nameless subscription: beyond it the oldest are dropped. Default 100,000. */
  readonly countMax?: number;
  readonly filter?: string;
}

export interface SchemaOptions {
  /** JSON Schemas and Standard Schemas by address, topic or queue name: checked before anything is sent from here. */
  readonly schemas?: Readonly<Record<string, StandardSchemaV1>>;
  /** Names queues that need one of their own (`reply`, `listen`). Default: from time, process, thread and a count. */
  readonly unique?: (what: string) => string;
  /** Languages of doors, so that what came in by them can be read here. */
  readonly languages?: readonly Language[];
}

const LISTEN_COUNT_MAX = 100_000;

export class Signalbox<Events extends EventMap = EventMap> implements AsyncDisposable {
  /** The port underneath: batches, for doors and tools. */
  readonly engine: Engine;
  readonly #schemas: Readonly<Record<string, StandardSchemaV1>>;
  readonly #unique: (what: string) => string;
  readonly #languages: Languages;
  #asking: Promise<Asking> | undefined;

  constructor(engine: Engine, options: SchemaOptions = {}) {
    this.engine = engine;
    this.#schemas = options.schemas ?? {};
    this.#languages = new Map((options.languages ?? []).map((language) => [language.number, language]));
    this.#unique = options.unique ?? ((what) => uniqueName(what, engine.nowMs()));
  }

  topic<Name extends string>(name: Name): TopicHandle<ValueOf<Events, Name>> {
    return new TopicHandle(this.engine, name, this.#schemas[name], this.#languages);
  }

  queue<Name extends string>(name: Name): QueueHandle<ValueOf<Events, Name>> {
    return new QueueHandle(this.engine, name, this.#schemas[name], this.#languages);
  }

  /** Declares a topic and answers its handle. The same again is fine; other properties are refused as `conflict`. */
  async declareTopic<Name extends string>(
    name: Name,
    spec: Omit<TopicSpec, 'kind' | 'name'> = {},
  ): Promise<TopicHandle<ValueOf<Events, Name>>> {
    await this.engine.declare({ kind: 'topic', name, ...spec });
    return this.topic(name);
  }

  async declareQueue<Name extends string>(
    name: Name,
    spec: Omit<QueueSpec, 'kind' | 'name'> = {},
  ): Promise<QueueHandle<ValueOf<Events, Name>>> {
    await this.engine.declare({ kind: 'queue', name, ...spec });
    return this.queue(name);
  }

  async declareExchange(name: string, spec: Omit<ExchangeSpec, 'kind' | 'name'>): Promise<void> {
    await this.engine.declare({ kind: 'exchange', name, ...spec });
  }

  declare(declaration: Declaration): Promise<void> {
    return this.engine.declare(declaration);
  }

  remove(kind: Kind, name: string, options?: { ifUnused?: boolean; ifEmpty?: boolean }): Promise<void> {
    return this.engine.remove(kind, name, options);
  }

  bind(binding: Binding): Promise<void> {
    return this.engine.bind(binding);
  }

  unbind(binding: Binding): Promise<void> {
    return this.engine.unbind(binding);
  }

  list(kind: Kind): Promise<Description[]> {
    return this.engine.list(kind);
  }

  describe(kind: Kind, name: string): Promise<Description | undefined> {
    return this.engine.describe(kind, name);
  }

  /** Publishes to an address of the main line: everyone bound to it gets it. Resolves once safe. */
  publish<Name extends string>(address: Name, value: ValueOf<Events, Name>, options?: PublishOptions): Promise<Published> {
    return this.publishTo(MAIN_LINE, address, value, options);
  }

  /** Publishes to an exchange. */
  async publishTo(exchange: string, address: string, value: unknown, options?: PublishOptions): Promise<Published> {
    const fitting = await checked(this.#schemas[address], value);
    if (this.engine.pressed) await this.engine.relief();
    const out = outgoing([fitting], exchange, address, this.engine.nowMs(), () => options);
    const { mandatory, transient, retain } = options ?? {};
    const published = await this.engine.publish({
      exchange,
      address,
      records: out.records,
      ...(out.columns && { columns: out.columns }),
      ...(mandatory === true && { mandatory }),
      ...(transient === true && { transient }),
      ...(retain === true && { retain }),
    });
    sent(out);
    return published;
  }

  /** Listens to addresses of the main line (`orders.*`, `#`): `for await (const message of box.listen('orders.*')) …` */
  listen<Name extends string>(pattern: Name, options?: ListenOptions): AsyncGenerator<Received<ValueOf<Events, Name>>, void>;
  listen<Name extends string>(
    pattern: Name,
    handler: (message: Received<ValueOf<Events, Name>>) => unknown,
    options?: ListenOptions & HandleOptions,
  ): Promise<Running>;
  listen<Name extends string>(
    pattern: Name,
    first?: ListenOptions | ((message: Received<ValueOf<Events, Name>>) => unknown),
    options: ListenOptions & HandleOptions = {},
  ): AsyncGenerator<Received<ValueOf<Events, Name>>, void> | Promise<Running> {
    if (typeof first !== 'function') return this.#listening(pattern, first ?? {});
    return this.#listenQueue<ValueOf<Events, Name>>(pattern, options).then((queue) => queue.consume(first, options));
  }

  async *#listening<T>(pattern: string, options: ListenOptions): AsyncGenerator<Received<T>, void> {
    yield* (await this.#listenQueue<T>(pattern, options)).consume(options);
  }

  /** The queue behind a subscription: lasting when named, else gone with its last consumer. */
  async #listenQueue<T>(pattern: string, { name, countMax, filter }: ListenOptions): Promise<QueueHandle<T>> {
    const queue = name ?? this.#unique('listen');
    await this.engine.declare(
      name === undefined
        ? { kind: 'queue', name: queue, durable: false, autoDelete: true, countMax: countMax ?? LISTEN_COUNT_MAX, overflow: 'drop-head' }
        : { kind: 'queue', name: queue },
    );
    await this.engine.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: queue }, pattern, ...(filter !== undefined && { filter }) });
    return new QueueHandle<T>(this.engine, queue, undefined, this.#languages);
  }

  /** Asks whoever responds to the address; resolves with the answer's value. Rejects with `aborted` when none comes in time. */
  async request<Answer = unknown>(
    address: string,
    value: unknown,
    options: { timeout?: Duration; signal?: AbortSignal } & MessageOptions = {},
  ): Promise<Answer> {
    const { timeout = '30s', signal, ...rest } = options;
    const timeoutMs = milliseconds(timeout);
    const fitting = await checked(this.#schemas[address], value);
    const asking = await this.#asker();
    return decodeValue(await asking.ask(address, fitting, timeoutMs, signal, rest)) as Answer;
  }

  /** One for all requests; opened with the first, and anew when its queue was removed. */
  async #asker(): Promise<Asking> {
    const before = this.#asking;
    const over = await before?.then(
      (asking) => asking.over,
      () => true,
    );
    if (over === true && this.#asking === before) this.#asking = undefined;
    this.#asking ??= Asking.open(this.engine, this.#unique('reply'), this.#languages);
    return this.#asking;
  }

  /** Answers requests to an address; what the handler returns goes back to who asked. Responders of one address share the work. */
  respond(address: string, handler: (value: unknown, message: Received) => unknown, options: RespondOptions = {}): Promise<Running> {
    return respond(this.engine, address, handler, options, this.#languages);
  }

  /** Retained values of addresses that match. */
  async retained(pattern: string): Promise<Map<string, unknown>> {
    const found = await this.engine.retained(pattern);
    return new Map(found.map(({ address, record }) => [address, decodeValue(readMessage(record, 0, this.#languages))]));
  }

  /** Publishes, sends, acks and moves cursors all or nothing: what `work` asks of the transaction is done when it returns, or not at all. */
  async transaction<R>(work: (transaction: Transaction) => R | Promise<R>): Promise<R> {
    const transaction = new Transaction(this.engine, this.#schemas);
    const result = await work(transaction);
    await transaction.commit();
    return result;
  }

  async close(): Promise<void> {
    const asking = await this.#asking?.catch(() => undefined);
    await asking?.close();
    await this.engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

export type { SchemaSpec };
export { Refused };
