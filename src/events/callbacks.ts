/** Callbacks: portable handlers, which any thread can load by module and name, and local ones, the closures of one thread. */

import { Refused } from '../model/refusal.ts';
import type { QueuedEvent } from './event.ts';
import { SPEC_ATTEMPTS, SPEC_BACKOFF, SPEC_EXPORT, SPEC_MODULE, SPEC_STATE, SPEC_TIMEOUT, SPEC_WORDS, SPECS } from './memory.ts';
import type { Thread } from './thread.ts';

/** What a callback is given beside the event. */
export interface Context {
  /** 1, or more when it is tried again. */
  readonly attempt: number;
  /** Aborted when the callback's time is over; only with `timeoutMs`. */
  readonly signal: AbortSignal | undefined;
  /** The queue on the thread it runs on. */
  readonly queue: unknown;
}

export type Callback<Event = QueuedEvent> = (event: Event, context: Context) => void | Promise<void>;

/** How a callback is run. */
export interface CallOptions {
  /** Fails when its promise is not settled by then; a callback that does not come back at all is the watchdog's (`hangMs`). Default: no limit. */
  readonly timeoutMs?: number;
  /** Runs in all, the first included, before it counts as failed. Default 1. */
  readonly attempts?: number;
  /** Wait between attempts, milliseconds. Default 0. */
  readonly backoffMs?: number;
}

/** A handler that every thread can load: the callback is the export `name` of `module`. */
export interface Portable extends CallOptions {
  readonly module: string;
  readonly name: string;
}

/** Describes the handler `name` of a module (`import.meta.resolve('./resize.js')`), which is loaded in each thread that runs it. */
export function portable(module: URL | string, name: string, options: CallOptions = {}): Portable {
  return { ...options, module: String(module), name };
}

/** A callback as this thread can call it. */
export interface Callable {
  readonly fn: Callback;
  /** True for an `async` function. */
  readonly isAsync: boolean;
  readonly name: string;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly backoffMs: number;
}

const READY = 1;

export class Handlers {
  readonly #thread: Thread;
  readonly #specs = new WeakMap<Portable, number>();
  readonly #loaded: (Callable | undefined)[] = [];
  readonly #loading = new Map<number, Promise<Callable>>();
  /** The one that was asked for last. */
  #last: Portable | undefined;
  #lastSpec = 0;

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  /** The number all threads know a handler by. Throws `Refused('full')` when there are too many different ones. */
  spec(handler: Portable): number {
    if (handler === this.#last) return this.#lastSpec;
    const known = this.#specs.get(handler);
    if (known !== undefined) {
      this.#last = handler;
      this.#lastSpec = known;
      return known;
    }
    const { names } = this.#thread;
    const fields = [
      names.number(handler.module),
      names.number(handler.name),
      handler.timeoutMs ?? 0,
      handler.attempts ?? 1,
      handler.backoffMs ?? 0,
    ];
    const spec = this.#find(fields) ?? this.#write(fields, handler);
    this.#specs.set(handler, spec);
    return spec;
  }

  /** The handler if this thread has loaded it. */
  get(spec: number): Callable | undefined {
    return this.#loaded[spec];
  }

  /** Loads a handler. Rejects when there is no such module or export. */
  load(spec: number): Promise<Callable> {
    const under = this.#loading.get(spec);
    if (under !== undefined) return under;
    const loading = this.#load(spec);
    this.#loading.set(spec, loading);
    // A module that could not be loaded may be there the next time.
    loading.catch(() => this.#loading.delete(spec));
    return loading;
  }

  name(spec: number): string {
    const { words, memory, names } = this.#thread;
    const at = memory.layout.specs + spec * SPEC_WORDS;
    return `${names.text(words[at + SPEC_MODULE] as number)}#${names.text(words[at + SPEC_EXPORT] as number)}`;
  }

  async #load(spec: number): Promise<Callable> {
    const { words, memory, names } = this.#thread;
    const at = memory.layout.specs + spec * SPEC_WORDS;
    const module = names.text(words[at + SPEC_MODULE] as number);
    const name = names.text(words[at + SPEC_EXPORT] as number);
    const exports = (await import(module)) as Record<string, unknown>;
    const fn = exports[name];
    if (typeof fn !== 'function')
      throw new TypeError(`${module} has no function "${name}" among its exports. Export the handler by this name.`);
    const callable: Callable = {
      fn: fn as Callback,
      isAsync: isAsync(fn),
      name: this.name(spec),
      timeoutMs: words[at + SPEC_TIMEOUT] as number,
      attempts: words[at + SPEC_ATTEMPTS] as number,
      backoffMs: words[at + SPEC_BACKOFF] as number,
    };
    this.#loaded[spec] = callable;
    return callable;
  }

  #find(fields: readonly number[]): number | undefined {
    const { words, memory } = this.#thread;
    const count = Math.min(Atomics.load(words, this.#thread.global('specs')), SPECS - 1);
    for (let spec = 1; spec <= count; spec++) {
      const at = memory.layout.specs + spec * SPEC_WORDS;
      if (Atomics.load(words, at + SPEC_STATE) === READY && fields.every((field, index) => words[at + SPEC_MODULE + index] === field))
        return spec;
    }
    return undefined;
  }

  #write(fields: readonly number[], handler: Portable): number {
    const { words, memory } = this.#thread;
    const spec = Atomics.add(words, this.#thread.global('specs'), 1) + 1;
    if (spec >= SPECS) {
      Atomics.sub(words, this.#thread.global('specs'), 1);
      throw new Refused(
        'full',
        `The queue knows ${SPECS - 1} handlers already and cannot take ${handler.module}#${handler.name}. Register fewer different ones.`,
      );
    }
    const at = memory.layout.specs + spec * SPEC_WORDS;
    for (const [index, field] of fields.entries()) words[at + SPEC_MODULE + index] = field;
    Atomics.store(words, at + SPEC_STATE, READY);
    return spec;
  }
}

/** The closures of this thread, by number: callbacks, and who waits for a result. */
export class Locals {
  readonly #callables = new Map<number, Callable>();
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #last = 0;

  add(fn: Callback, options: CallOptions): number {
    const number = this.#next();
    this.#callables.set(number, {
      fn,
      isAsync: isAsync(fn),
      name: fn.name === '' ? 'a local callback' : fn.name,
      timeoutMs: options.timeoutMs ?? 0,
      attempts: options.attempts ?? 1,
      backoffMs: options.backoffMs ?? 0,
    });
    return number;
  }

  /** Somebody who waits for the result of an event. */
  wait(tell: (result: unknown) => void): number {
    const number = this.#next();
    this.#waiting.set(number, tell);
    return number;
  }

  tell(number: number, result: unknown): void {
    const tell = this.#waiting.get(number);
    this.#waiting.delete(number);
    tell?.(result);
  }

  get(number: number): Callable | undefined {
    return this.#callables.get(number);
  }

  remove(number: number): void {
    this.#callables.delete(number);
    this.#waiting.delete(number);
  }

  #next(): number {
    do this.#last = (this.#last + 1) & 0x3fffffff;
    while (this.#last === 0 || this.#callables.has(this.#last) || this.#waiting.has(this.#last));
    return this.#last;
  }

  get size(): number {
    return this.#callables.size;
  }
}

function isAsync(fn: object): boolean {
  return Object.prototype.toString.call(fn) === '[object AsyncFunction]';
}
