/**
 * An event bus with the methods of Node's EventEmitter, for code that wants one.
 *
 * Two things differ: a listener that throws does not keep later ones from running (`emit` then throws what the first of them threw, and the
 * bus's `onError` hears of the others), and subscribers of the bus are called as well, with the first argument as data.
 */

import type { Entry, Fn, TypeName } from './bus-handlers.ts';

/** What EventEmitter calls a listener. */
export type Listener = (...args: never[]) => unknown;

export interface Adding {
  readonly name: string;
  readonly once: boolean;
  /** Before all that are there. */
  readonly first: boolean;
  readonly emitter: Emitter;
  readonly onEnd: () => void;
}

/** What the façade needs of its bus. */
export interface EmitterBus {
  readonly add: (type: TypeName, fn: Fn, adding: Adding) => Entry;
  /** Runs all handlers of a type. Answers how many. */
  readonly emit: (type: TypeName, args: readonly unknown[], emitter: Emitter, thrown: (name: string, cause: unknown) => void) => number;
  readonly failed: (handler: string, type: TypeName, cause: unknown) => void;
}

interface Held {
  readonly listener: Listener;
  readonly once: boolean;
  readonly entry: Entry;
}

/** What the first listener that threw during an `emit` threw. */
interface Thrown {
  readonly cause: unknown;
}

const NONE: readonly Held[] = [];
/** As in Node: more listeners of one type than this are probably a leak. */
const LISTENERS_MAX = 10;

export class Emitter {
  readonly #bus: EmitterBus;
  readonly #held = new Map<TypeName, readonly Held[]>();
  readonly #warned = new Set<TypeName>();
  #max = LISTENERS_MAX;

  constructor(bus: EmitterBus) {
    this.#bus = bus;
  }

  /** True when there was somebody to call. `error` without anybody is thrown. */
  emit(type: TypeName, ...args: unknown[]): boolean {
    let first: Thrown | undefined;
    const ran = this.#bus.emit(type, args, this, (name, cause) => {
      if (first === undefined) first = { cause };
      else this.#bus.failed(name, type, cause);
    });
    if (first !== undefined) throw (first as Thrown).cause;
    if (ran === 0 && type === 'error') throw args[0] instanceof Error ? args[0] : new Error(`Unhandled error: ${String(args[0])}`);
    return ran > 0;
  }

  on(type: TypeName, listener: Listener): this {
    return this.#add(type, listener, false, false);
  }

  addListener(type: TypeName, listener: Listener): this {
    return this.#add(type, listener, false, false);
  }

  prependListener(type: TypeName, listener: Listener): this {
    return this.#add(type, listener, false, true);
  }

  once(type: TypeName, listener: Listener): this {
    return this.#add(type, listener, true, false);
  }

  prependOnceListener(type: TypeName, listener: Listener): this {
    return this.#add(type, listener, true, true);
  }

  /** Removes it once: of several times the same, the newest. */
  off(type: TypeName, listener: Listener): this {
    const found = (this.#held.get(type) ?? NONE).findLast((held) => held.listener === listener);
    found?.entry.end();
    return this;
  }

  removeListener(type: TypeName, listener: Listener): this {
    return this.off(type, listener);
  }

  /** Removes the listeners of a type, or all, that came by this façade. */
  removeAllListeners(type?: TypeName): this {
    const types = type === undefined ? [...this.#held.keys()].filter((one) => one !== 'removeListener') : [type];
    for (const one of types) for (const held of (this.#held.get(one) ?? NONE).toReversed()) held.entry.end();
    return type === undefined && this.#held.size > 0 ? this.removeAllListeners('removeListener') : this;
  }

  listeners(type: TypeName): Listener[] {
    return (this.#held.get(type) ?? NONE).map(({ listener }) => listener);
  }

  /** As `listeners`, but those that are called once come as a function that has the listener as its `listener`. */
  rawListeners(type: TypeName): Listener[] {
    return (this.#held.get(type) ?? NONE).map(({ listener, once, entry }) => {
      const called = (...args: never[]): unknown => (entry.end() ? listener.apply(this as never, args) : undefined);
      return once ? Object.assign(called, { listener }) : listener;
    });
  }

  listenerCount(type: TypeName, listener?: Listener): number {
    const held = this.#held.get(type) ?? NONE;
    return listener === undefined ? held.length : held.filter((one) => one.listener === listener).length;
  }

  eventNames(): TypeName[] {
    return [...this.#held.keys()];
  }

  setMaxListeners(max: number): this {
    this.#max = max;
    return this;
  }

  getMaxListeners(): number {
    return this.#max;
  }

  #add(type: TypeName, listener: Listener, once: boolean, first: boolean): this {
    if (typeof listener !== 'function') {
      const message = `The "listener" argument must be of type function. Received ${listener === null ? 'null' : typeof listener}`;
      throw Object.assign(new TypeError(message), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    if (this.#held.has('newListener')) this.emit('newListener', type, listener);
    const onEnd = (): void => this.#removed(type, held);
    const adding = { name: listener.name, once, first, emitter: this, onEnd };
    const held: Held = { listener, once, entry: this.#bus.add(type, listener as Fn, adding) };
    const before = this.#held.get(type) ?? NONE;
    this.#held.set(type, first ? [held, ...before] : [...before, held]);
    this.#warnOfLeak(type, before.length + 1);
    return this;
  }

  #removed(type: TypeName, held: Held): void {
    const left = (this.#held.get(type) ?? NONE).filter((one) => one !== held);
    if (left.length === 0) this.#held.delete(type);
    else this.#held.set(type, left);
    if (this.#held.has('removeListener')) this.emit('removeListener', type, held.listener);
  }

  #warnOfLeak(type: TypeName, count: number): void {
    if (this.#max <= 0 || count <= this.#max || this.#warned.has(type)) return;
    this.#warned.add(type);
    process.emitWarning(
      `${count} listeners of "${String(type)}" have been added, which may be a leak. Remove some, or allow more by setMaxListeners().`,
      'MaxListenersExceededWarning',
    );
  }
}
