/** A live consumer of a queue, with what it was given and nobody has asked for yet. */

import type { Consume, Consumer, Deliveries, Engine } from '../model/engine.ts';
import { Refused } from '../model/refusal.ts';
import { Feed } from './feed.ts';
import { Batch, owned } from './received.ts';

/** As the engine has it when nothing is said. */
const PREFETCH = 256;

export class Intake<T> {
  readonly #engine: Engine;
  readonly #consume: Consume;
  readonly #feed: Feed<Batch<T>>;
  #consumer: Consumer | undefined;
  /** At most once: messages that wait here. The engine counts them as settled, so somebody must bound them. */
  #waiting = 0;
  #closing = false;

  private constructor(engine: Engine, consume: Consume, signal: AbortSignal | undefined) {
    this.#engine = engine;
    this.#consume = consume;
    this.#feed = new Feed(signal);
  }

  static async open<T>(engine: Engine, consume: Consume, signal: AbortSignal | undefined): Promise<Intake<T>> {
    const intake = new Intake<T>(engine, consume, signal);
    intake.#consumer = await engine.consume(consume, {
      deliver: (deliveries) => intake.#deliver(deliveries),
      cancelled: (reason) => intake.#cancelled(reason),
    });
    intake.#throttle();
    return intake;
  }

  /** Undefined once it takes no more. Rejects when its signal ended it, or its queue or broker has gone. */
  async next(): Promise<Batch<T> | undefined> {
    const batch = await this.#feed.next();
    if (batch !== undefined && this.#settled) {
      this.#waiting -= batch.count;
      this.#throttle();
    }
    return batch;
  }

  /** Takes no more; what it holds stays held. */
  halt(): void {
    this.#closing = true;
    this.#consumer?.prefetch(0);
    this.#feed.end();
  }

  /**
   * Ends it. What nobody has looked at goes back uncounted: what was never asked for, and of the last batch what lies behind `looked`
   * messages. What was looked at and not settled goes back as failed.
   */
  async close(last?: Batch<T>, looked = 0): Promise<void> {
    this.halt();
    const back = this.#feed.rest().map((batch) => batch.requeueFrom(0));
    if (last !== undefined) back.push(last.requeueFrom(looked));
    const cancelled = this.#consumer?.cancel();
    for (const settled of back) await settled.catch(ignoreGone);
    await cancelled?.catch(ignoreGone);
  }

  get #settled(): boolean {
    return this.#consume.settle === 'on-delivery';
  }

  #deliver(deliveries: Deliveries): void {
    const batch = new Batch<T>(this.#engine, this.#settled ? { ...owned(deliveries), lease: 0 } : owned(deliveries));
    if (this.#closing) {
      batch.requeueFrom(0).catch(ignoreGone);
      return;
    }
    this.#feed.push(batch);
    if (!this.#settled) return;
    this.#waiting += batch.count;
    this.#throttle();
  }

  #throttle(): void {
    if (this.#settled && !this.#closing) this.#consumer?.prefetch(Math.max(0, (this.#consume.prefetch ?? PREFETCH) - this.#waiting));
  }

  #cancelled(reason: string): void {
    const gone = new Refused('closed', reason);
    // What is settled already would be lost; what is not is given to somebody again.
    if (this.#settled) this.#feed.end(gone);
    else this.#feed.fail(gone);
  }
}

/** The queue was removed or the broker closed meanwhile: nobody is left to be told. */
export function ignoreGone(error: unknown): void {
  if (!(error instanceof Refused) || (error.code !== 'closed' && error.code !== 'unknown')) throw error;
}
