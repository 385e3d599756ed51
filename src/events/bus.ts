/** The event bus of one thread: handlers subscribe to types or patterns, and what is published runs them, each whatever the others do. */

import { Refused } from '../model/refusal.ts';
import { Emitter } from './bus-emitter.ts';
import {
  type BusFailure,
  type BusHandler,
  Dispatch,
  type Entry,
  type EntryOptions,
  type Fn,
  NOBODY,
  type Plan,
  type TypeName,
  warn,
} from './bus-handlers.ts';
import { isPattern, type Matches, matcherOf } from './bus-pattern.ts';

/** Texts with a word that is `*` (one word) or `#` (any number of words): `order.*`, `#.failed`. */
export type TypePattern = `${string}*${string}` | `${string}#${string}`;

export interface BusOptions {
  /** Every handler that threw or rejected. Default: a warning of the process. */
  readonly onError?: (failure: BusFailure) => void;
}

export interface BusSubscribeOptions {
  /** Runs for one event only. */
  readonly once?: boolean;
  /** Higher runs first; those of one priority run as they subscribed. Any number, default 0. */
  readonly priority?: number;
  /** Ends the subscription. */
  readonly signal?: AbortSignal;
}

/** A handler that is subscribed. */
export interface BusSubscription extends Disposable {
  /** From here on the handler is not called, not even for an event whose handlers are being run. False when it was over already. */
  dispose(): boolean;
}

export interface PublishAsyncOptions {
  /** Starts all handlers at once instead of each when the one before has settled. */
  readonly parallel?: boolean;
}

/** What came of `publishAsync`. */
export interface Published {
  /** Handlers that ran, failed ones among them. */
  readonly ran: number;
  readonly failed: readonly BusFailure[];
}

/** The data of a publish; it may be left out where it may be undefined. */
type DataOf<Events, Type extends keyof Events> = undefined extends Events[Type] ? [data?: Events[Type]] : [data: Events[Type]];

interface PatternEntry {
  readonly matches: Matches;
  readonly entry: Entry;
}

/** Types without subscribers of their own whose handlers are remembered, so that patterns are not compared again and again. */
const PLANS_MAX = 16_384;

/** `Events`: types of events and what they carry, for the compiler: `{ 'order.created': Order }`. */
export class EventBus<Events extends object = Record<string, unknown>> {
  readonly #exact = new Map<TypeName, Plan>();
  #patterns: readonly PatternEntry[] = [];
  /** Handlers by type, those of patterns among them. */
  readonly #plans = new Map<TypeName, Plan>();
  readonly #dispatch: Dispatch;
  #order = 0;
  #emitter: Emitter | undefined;

  constructor(options: BusOptions = {}) {
    this.#dispatch = new Dispatch(options.onError ?? warn);
  }

  /** Calls `handler` for every event of a type, or of all types that fit a pattern. */
  subscribe<Type extends keyof Events & string>(
    type: Type,
    handler: BusHandler<Events[Type], Type>,
    options?: BusSubscribeOptions,
  ): BusSubscription;
  subscribe(
    pattern: TypePattern,
    handler: BusHandler<Events[keyof Events & string], keyof Events & string>,
    options?: BusSubscribeOptions,
  ): BusSubscription;
  subscribe(typeOrPattern: string, handler: BusHandler<never, never>, options: BusSubscribeOptions = {}): BusSubscription {
    if (typeof handler !== 'function')
      throw new Refused('invalid', `The handler for "${typeOrPattern}" is a ${typeof handler}. Give a function.`);
    const { once = false, priority = 0, signal } = options;
    const entryOptions = { name: handler.name, priority, order: ++this.#order, once, emitter: undefined };
    const fn = handler as unknown as Fn;
    const abort = (): void => {
      entry.end();
    };
    const forget = (): void => signal?.removeEventListener('abort', abort);
    const entry = isPattern(typeOrPattern)
      ? this.#addPattern(typeOrPattern, fn, entryOptions, forget)
      : this.#addExact(typeOrPattern, fn, entryOptions, forget);
    if (signal?.aborted === true) entry.end();
    else signal?.addEventListener('abort', abort);
    return { dispose: () => entry.end(), [Symbol.dispose]: abort };
  }

  /**
   * Runs the handlers now, one after the other, and answers how many there were. Promises they return are not waited for. What a handler
   * publishes is dealt with before the next handler runs.
   */
  publish<Type extends keyof Events & string>(type: Type, ...data: DataOf<Events, Type>): number;
  publish(type: string, data?: unknown): number {
    return this.#dispatch.publish(this.#plans.get(type) ?? this.#plan(type), data, type);
  }

  /** Runs the handlers and waits for them: each begins when the one before has settled, the first at once. Never rejects. */
  publishAsync<Type extends keyof Events & string>(
    type: Type,
    data: Events[Type],
    { parallel = false }: PublishAsyncOptions = {},
  ): Promise<Published> {
    return this.#dispatch.publishAsync(this.#plan(type), data, type, parallel);
  }

  /** How many handlers an event of this type would run. */
  count(type: keyof Events & string): number {
    return this.#plan(type).length;
  }

  /** The same bus with the methods of Node's EventEmitter. */
  get emitter(): Emitter {
    this.#emitter ??= new Emitter({
      add: (type, fn, { name, once, first, emitter, onEnd }) => {
        this.#order++;
        return this.#addExact(type, fn, { name, priority: 0, order: first ? -this.#order : this.#order, once, emitter }, onEnd);
      },
      emit: (type, args, emitter, thrown) => this.#dispatch.emit(this.#plans.get(type) ?? this.#plan(type), type, args, emitter, thrown),
      failed: (handler, type, cause) => this.#dispatch.report({ handler, type, cause }),
    });
    return this.#emitter;
  }

  #addExact(type: TypeName, fn: Fn, options: EntryOptions, onEnd: () => void): Entry {
    const entry = this.#dispatch.entry(fn, options, (over) => {
      const left = (this.#exact.get(type) ?? NOBODY).without(over);
      if (left.length === 0) this.#exact.delete(type);
      else this.#exact.set(type, left);
      this.#plans.delete(type);
      onEnd();
    });
    this.#exact.set(type, (this.#exact.get(type) ?? NOBODY).with(entry));
    this.#plans.delete(type);
    return entry;
  }

  #addPattern(pattern: string, fn: Fn, options: EntryOptions, onEnd: () => void): Entry {
    const entry = this.#dispatch.entry(fn, options, (over) => {
      this.#patterns = this.#patterns.filter((one) => one.entry !== over);
      this.#plans.clear();
      onEnd();
    });
    this.#patterns = [...this.#patterns, { matches: matcherOf(pattern), entry }];
    this.#plans.clear();
    return entry;
  }

  #plan(type: TypeName): Plan {
    const exact = this.#exact.get(type) ?? NOBODY;
    if (exact === NOBODY && this.#patterns.length === 0) return NOBODY;
    const fitting = typeof type === 'string' ? this.#patterns.filter(({ matches }) => matches(type)) : [];
    const plan = fitting.length === 0 ? exact : exact.merged(fitting.map(({ entry }) => entry));
    if (exact === NOBODY && this.#plans.size >= PLANS_MAX) this.#plans.clear();
    this.#plans.set(type, plan);
    return plan;
  }
}
