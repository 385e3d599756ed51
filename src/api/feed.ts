/** A queue of values between one who pushes and one who asks: the async iterator of every subscription. */

import { Refused } from '../model/refusal.ts';

export class Feed<T> {
  readonly #values: T[] = [];
  #head = 0;
  #ended = false;
  #failed = false;
  #error: Error | undefined;
  #asking: { resolve: (value: T | undefined) => void; reject: (error: Error) => void } | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.fail(new Refused('aborted', 'The wait was ended by its signal.'));

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Values not yet taken. */
  get waiting(): number {
    return this.#values.length - this.#head;
  }

  push(value: T): void {
    if (this.#ended) return;
    const asking = this.#asking;
    this.#asking = undefined;
    if (asking !== undefined) asking.resolve(value);
    else this.#values.push(value);
  }

  /** What was pushed is still handed out; then nothing more, or this error. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    const asking = this.#asking;
    this.#asking = undefined;
    if (error === undefined) asking?.resolve(undefined);
    else asking?.reject(error);
  }

  /** Nothing is handed out any more: who asks is given this error. What was pushed can still be had by `rest`. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#failed = true;
    this.end(error);
  }

  /** Takes out what nobody has asked for. */
  rest(): T[] {
    const left = this.#values.splice(0).slice(this.#head);
    this.#head = 0;
    return left;
  }

  /** The next value; undefined when it has ended. Ask one at a time. */
  next(): Promise<T | undefined> {
    if (this.#head < this.#values.length && !this.#failed) {
      const value = this.#values[this.#head++];
      if (this.#head === this.#values.length || this.#head > 1024) {
        this.#values.splice(0, this.#head);
        this.#head = 0;
      }
      return Promise.resolve(value);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#asking = { resolve, reject };
    });
  }
}
