/** The observer pattern: a subject tells whoever observes it. An event bus of a single type without a name. */

import { type BusFailure, Dispatch, type Fn, NOBODY, type Plan, warn } from './bus-handlers.ts';

/** Called with what the subject tells. What it throws, or rejects with, goes to the subject's `onError`. */
export type Observer<Value> = (value: Value) => unknown;

export interface SubjectOptions {
  /** Every observer that threw or rejected. Default: a warning of the process. */
  readonly onError?: (failure: BusFailure) => void;
}

const TYPE = 'subject';

export class Subject<Value> {
  #plan: Plan = NOBODY;
  #order = 0;
  readonly #dispatch: Dispatch;

  constructor(options: SubjectOptions = {}) {
    this.#dispatch = new Dispatch(options.onError ?? warn);
  }

  /** From here on the observer is told, until what this answers is disposed of. One that observes twice is told twice. */
  observe(observer: Observer<Value>): Disposable {
    const options = { name: observer.name, priority: 0, order: ++this.#order, once: false, emitter: undefined };
    const entry = this.#dispatch.entry(observer as Fn, options, (over) => {
      this.#plan = this.#plan.without(over);
    });
    this.#plan = this.#plan.with(entry);
    return {
      [Symbol.dispose]: () => {
        entry.end();
      },
    };
  }

  /** Tells all who observe at this moment, in the order they began to. Answers how many. */
  notify(value: Value): number {
    return this.#dispatch.publish(this.#plan, value, TYPE);
  }

  get observers(): number {
    return this.#plan.length;
  }
}
