/** The face that our queue and the faulty ones show alike, so that one and the same check is held against both. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EventId, EventQueue, type Listeners, type NewEvent, type QueueOptions } from '../../../src/events/events.ts';

/** An event as a callback sees it. */
export interface Seen {
  readonly id: EventId;
  readonly type: string;
  readonly data: unknown;
}

export type Call = (event: Seen) => void | Promise<void>;

export interface Face {
  /** Answers what the queue says of it. */
  add(event: NewEvent, priority?: number): unknown;
  /** Registers a callback for the event of an id. Answers what unregisters it, as far as there is such a thing. */
  once(id: EventId, call: Call): (() => boolean) | undefined;
  /** Processes the next event to its end. False: there is none. */
  process(): Promise<boolean>;
}

/** Our queue behind the face. */
export class Ours implements Face {
  readonly queue: EventQueue;
  /** What was told of callbacks that failed. */
  readonly failures: unknown[] = [];

  constructor(options: QueueOptions & Listeners = {}) {
    this.queue = new EventQueue({ onError: ({ cause }) => this.failures.push(cause), ...options });
  }

  add(event: NewEvent, priority = 0): unknown {
    return this.queue.add(event, { priority });
  }

  once(id: EventId, call: Call): () => boolean {
    const registration = this.queue.once({ id }, (event) => call(event as Seen));
    return () => registration.dispose();
  }

  async process(): Promise<boolean> {
    return (await this.queue.tryProcess()) !== undefined;
  }
}

export interface Defect<Queue> {
  readonly ours: () => Queue | Promise<Queue>;
  /** A faithful port of what is wrong, behind the same face. */
  readonly faulty: () => Queue | Promise<Queue>;
  /** Passes where the defect is absent, and only there. */
  readonly check: (queue: Queue) => void | Promise<void>;
  /** Ends what was made, of either kind. */
  readonly end?: (queue: Queue) => void | Promise<void>;
}

/** A test that ours pass the check, and that the faulty one does not: it fails by the check itself, not by some other mistake. */
export function absent<Queue>(title: string, { ours, faulty, check, end }: Defect<Queue>): void {
  test(title, async () => {
    const good = await ours();
    try {
      await check(good);
    } finally {
      await end?.(good);
    }
    const bad = await faulty();
    try {
      await assert.rejects(async () => check(bad), assert.AssertionError);
    } finally {
      await end?.(bad);
    }
  });
}

/** The value of a promise that must settle soon; one that does not is what a deadlock looks like from outside. */
export async function soon<T>(promise: Promise<T>, what: string, withinMs = 3000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `${what} has not happened after ${withinMs} ms` })), withinMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A promise and what resolves it. */
export function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}
