/** A live consumer of a queue, with what it was given and nobody has asked for yet. */

import type { Consume, Consumer, Deliveries, Engine } from '../model/engine.ts';
import { Refused } from '../model/refusal.ts';
import { Feed } from './feed.ts';
import { Batch, owned } from './received.ts';
import type { Languages } from './value.ts';

export class Intake<T> {
  readonly #engine: Engine;
  readonly #feed: Feed<Batch<T>>;
  readonly #languages: Languages | undefined;
  #consumer: Consumer | undefined;
  #closing = false;

  private constructor(engine: Engine, signal: AbortSignal | undefined, languages: Languages | undefined) {
    this.#engine = engine;
    this.#languages = languages;
    this.#feed = new Feed(signal);
  }

  /** What it is given is held until it is settled, so that what nobody takes can go back: never `on-delivery`. */
  static async open<T>(
    engine: Engine,
    consume: Omit<Consume, 'settle'>,
    signal: AbortSignal | undefined,
    languages?: Languages,
  ): Promise<Intake<T>> {
    const intake = new Intake<T>(engine, signal, languages);
    intake.#consumer = await engine.consume(consume, {
      deliver: (deliveries) => intake.#deliver(deliveries),
      cancelled: (reason) => intake.#cancelled(reason),
    });
    return intake;
  }

  /** Undefined once it takes no more. Rejects when its signal ended it, or its queue or broker has gone. */
  next(): Promise<Batch<T> | undefined> {
    return this.#feed.next();
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

  #deliver(deliveries: Deliveries): void {
    const batch = new Batch<T>(this.#engine, owned(deliveries), this.#languages);
    if (this.#closing) batch.requeueFrom(0).catch(ignoreGone);
    else this.#feed.push(batch);
  }

  /** What is held here is given to somebody again, or gone: nobody is to work on it. */
  #cancelled(reason: string): void {
    this.#feed.fail(new Refused('closed', reason));
  }
}

/** The queue was removed or the broker closed meanwhile: nobody is left to be told. */
export function ignoreGone(error: unknown): void {
  if (!(error instanceof Refused) || (error.code !== 'closed' && error.code !== 'unknown')) throw error;
}
