/** Running one callback: as often as it may be tried, within its time, and whatever it throws. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Callable, Context } from './callbacks.ts';
import type { SharedEvent } from './event.ts';
import { CallbackError, type Failure, recordFailure } from './failures.ts';
import { BEAT, BUSY } from './memory.ts';
import { CALLBACKS_FAILED, CALLBACKS_RUN, type Thread } from './thread.ts';

export interface AttemptsOptions {
  /** Hears of every attempt that failed. What it throws itself is thrown at the process, later. */
  readonly report: (failure: Failure, event: { readonly id: number | string; readonly type: string }) => void;
  /** Handed to callbacks. */
  readonly queue: () => unknown;
}

/** Set while an async function that is a callback runs, also after its first `await`. */
const asyncCallback = new AsyncLocalStorage<boolean>();

/** True when the caller is a callback: called by it, or by an async function that is one. */
export function isInCallback(thread: Thread): boolean {
  return thread.words[thread.block + BUSY] !== 0 || asyncCallback.getStore() === true;
}

export class Attempts {
  readonly #thread: Thread;
  readonly #options: AttemptsOptions;
  #first: Context | undefined;

  constructor(thread: Thread, options: AttemptsOptions) {
    this.#thread = thread;
    this.#options = options;
  }

  /** `node`: the one that its failures are kept with, 0: its record. Answers a promise when the callback does, or when it is to be tried again later. Never throws, never rejects. */
  run(record: number, node: number, event: SharedEvent, callable: Callable): Promise<void> | undefined {
    const { words, block } = this.#thread;
    words[block + BUSY] = record;
    for (let attempt = 1; ; attempt++) {
      words[block + BEAT] = ((words[block + BEAT] as number) + 1) | 0;
      const abort = callable.timeoutMs > 0 ? new AbortController() : undefined;
      try {
        const returned = call(callable, event, this.#contextOf(attempt, abort));
        if (isPromise(returned)) return this.#settle(record, node, event, callable, attempt, this.#inTime(returned, callable, abort));
        break;
      } catch (cause) {
        if (this.failed(record, node, event, callable, attempt, cause)) break;
        if (callable.backoffMs > 0)
          return this.#settle(record, node, event, callable, attempt + 1, this.#afterPause(event, callable, attempt + 1));
      }
    }
    this.#over();
    return undefined;
  }

  /** Writes down and reports a failed attempt. True when it was the last. */
  failed(
    record: number,
    node: number,
    event: SharedEvent,
    callable: Pick<Callable, 'name' | 'attempts'>,
    attempt: number,
    cause: unknown,
  ): boolean {
    const final = attempt >= callable.attempts;
    const failure: Failure = { callback: callable.name, attempt, cause, final };
    if (final) this.#thread.count(CALLBACKS_FAILED, 1);
    recordFailure(this.#thread, record, node, failure);
    try {
      this.#options.report(failure, event);
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown;
      });
    }
    return final;
  }

  /** Waits for an attempt that is under way, and for those after it. */
  async #settle(
    record: number,
    node: number,
    event: SharedEvent,
    callable: Callable,
    first: number,
    underWay: Promise<unknown>,
  ): Promise<void> {
    const { words, block } = this.#thread;
    let attempt = first;
    let running = underWay;
    for (;;) {
      // While its promise is awaited the thread is free, and not to be taken for one that hangs.
      words[block + BUSY] = 0;
      try {
        await running;
        break;
      } catch (cause) {
        if (this.failed(record, node, event, callable, attempt, cause)) break;
        attempt++;
        running = this.#afterPause(event, callable, attempt);
      }
    }
    this.#over();
  }

  async #afterPause(event: SharedEvent, callable: Callable, attempt: number): Promise<void> {
    const { words, block, clock } = this.#thread;
    if (callable.backoffMs > 0) await new Promise<void>((resolve) => clock.after(callable.backoffMs, resolve));
    words[block + BEAT] = ((words[block + BEAT] as number) + 1) | 0;
    const abort = callable.timeoutMs > 0 ? new AbortController() : undefined;
    const returned = call(callable, event, this.#contextOf(attempt, abort));
    if (isPromise(returned)) await this.#inTime(returned, callable, abort);
  }

  #inTime(promise: Promise<unknown>, callable: Callable, abort: AbortController | undefined): Promise<unknown> {
    if (abort === undefined) return promise;
    return new Promise((resolve, reject) => {
      const cancel = this.#thread.clock.after(callable.timeoutMs, () => {
        const error = new CallbackError(
          'timeout',
          `The callback ${callable.name} had not settled after ${callable.timeoutMs} ms. It may still be running.`,
        );
        abort.abort(error);
        reject(error);
      });
      promise.then(resolve, reject).finally(cancel);
    });
  }

  #over(): void {
    const { words, block } = this.#thread;
    words[block + BUSY] = 0;
    this.#thread.count(CALLBACKS_RUN, 1);
  }

  #contextOf(attempt: number, abort: AbortController | undefined): Context {
    if (attempt === 1 && abort === undefined) {
      this.#first ??= { attempt: 1, signal: undefined, queue: this.#options.queue() };
      return this.#first;
    }
    return { attempt, signal: abort?.signal, queue: this.#options.queue() };
  }
}

function call(callable: Callable, event: SharedEvent, context: Context): unknown {
  return callable.isAsync ? asyncCallback.run(true, callable.fn, event, context) : callable.fn(event, context);
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value !== undefined && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
