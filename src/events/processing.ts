/** Processing by hand on a thread that turns its event loop: one event, or a batch, with their results; never blocks. */

import { Refused } from '../model/refusal.ts';
import type { Member } from './member.ts';
import type { Result } from './result.ts';

export class Processing {
  readonly #member: Member;
  readonly #isClosed: () => boolean;

  constructor(member: Member, isClosed: () => boolean) {
    this.#member = member;
    this.#isClosed = isClosed;
  }

  /** Claims the next event and runs it; undefined when there is none. */
  tryNext(): Promise<Result> | undefined {
    const { claiming, thread } = this.#member;
    const record = claiming.next();
    if (record === 0) {
      // Somebody may have seen it take a hint that came twice.
      thread.tellIdle();
      return undefined;
    }
    // Whoever was woken for several wakes the next.
    if (!claiming.isEmpty()) thread.work.wakeOne();
    return this.#run(record);
  }

  /** Waits for an event. Undefined when the queue is closed and there is none, or the signal aborts. */
  async next(signal: AbortSignal | undefined): Promise<Result | undefined> {
    const { thread, claiming } = this.#member;
    for (;;) {
      signal?.throwIfAborted();
      const running = this.tryNext();
      if (running !== undefined) return running;
      if (this.#isClosed()) return undefined;
      // Nothing of its own between the key and the sleep may change the signal: it would go round and round.
      const key = thread.work.enter();
      if (!claiming.isEmpty() || this.#isClosed()) continue;
      await abortable(signal, (others) => thread.work.doze(key, others));
    }
  }

  #run(record: number): Promise<Result> {
    const { pass, pump, thread, underWay } = this.#member;
    // The event may go to other threads, and comes back with its result.
    pump.start();
    return new Promise<Result>((resolve, reject) => {
      const onResult = (result: Result | Refused): void => (result instanceof Refused ? reject(result) : resolve(result));
      underWay.add(pass.run(record, false, onResult));
      thread.tellIdle();
    });
  }
}

/** Waits for something that can be told what else ends the wait. Rejects with the signal's reason. */
export async function abortable(
  signal: AbortSignal | undefined,
  wait: (others: readonly Promise<unknown>[]) => Promise<void>,
): Promise<void> {
  if (signal === undefined) return wait([]);
  let listener = (): void => {};
  const aborted = new Promise<void>((resolve) => {
    listener = resolve;
    signal.addEventListener('abort', listener, { once: true });
  });
  await wait([aborted]);
  signal.removeEventListener('abort', listener);
  signal.throwIfAborted();
}
