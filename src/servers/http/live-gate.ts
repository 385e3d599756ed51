/** What live subscriptions to topics share: a gate between reading and sending, and how they end when something goes wrong. */

import { problemOf } from './fault.ts';
import type { Client } from './live.ts';

/** A place that can be shut: who comes by waits until it is open. */
export class Gate {
  #opened: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  set(open: boolean): void {
    if (open) {
      this.#opened?.resolve();
      this.#opened = undefined;
    } else this.#opened ??= Promise.withResolvers<void>();
  }

  get isOpen(): boolean {
    return this.#opened === undefined;
  }

  passed(): Promise<void> {
    return this.#opened?.promise ?? Promise.resolve();
  }
}

/** The subscription is over, and its client is told why. */
export function fail(client: Client, sub: string, error: unknown): void {
  client.door.tell(error, { sub });
  const problem = problemOf(error);
  client.over(sub, problem.detail, problem);
}
