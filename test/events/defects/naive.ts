/**
 * Queues that are wrong, each in the way that such a queue is easily written: a line of ids, a map from id to event and callbacks.
 * Faithful to their mistakes and otherwise as small as can be. Where a thread would wait in one of them, here a promise does.
 */

import assert from 'node:assert/strict';
import type { EventId, NewEvent } from '../../../src/events/events.ts';
import type { Call, Face, Seen } from './face.ts';

interface Entry {
  readonly event: Seen;
  readonly calls: Call[];
  processed: boolean;
}

export interface NaiveOptions {
  /** What becomes of a callback registered for an event that has been processed: run on the spot, or kept and never run. */
  readonly late?: 'run at once' | 'kept';
  /** What of all that may be thrown is caught around a callback. */
  readonly catches?: 'errors' | 'nothing';
  /** Holds the lock of the event while its late callback runs; without it the lock is let go first. */
  readonly callsUnderLock?: boolean;
}

/** Remembers every id for good, makes up events for registrations, answers nothing. */
export class Naive implements Face {
  readonly line: EventId[] = [];
  readonly known: Map<EventId, Entry> = new Map();
  readonly #options: NaiveOptions;
  #isLocked = false;

  constructor(options: NaiveOptions = {}) {
    this.#options = options;
  }

  add(event: NewEvent): void {
    if (this.known.has(event.id)) return;
    this.known.set(event.id, { event: { data: '', ...event }, calls: [], processed: false });
    this.line.push(event.id);
  }

  once(id: EventId, call: Call): undefined {
    let entry = this.known.get(id);
    if (entry === undefined) {
      entry = { event: { id, type: '', data: '' }, calls: [], processed: false };
      this.known.set(id, entry);
      this.line.push(id);
    }
    if (!entry.processed || this.#options.late === 'kept') {
      entry.calls.push(call);
      return;
    }
    if (this.#options.callsUnderLock !== true) {
      void call(entry.event);
      return;
    }
    this.#lock();
    void call(entry.event);
    this.#isLocked = false;
  }

  async process(): Promise<boolean> {
    const id = this.line.shift();
    if (id === undefined) return false;
    const entry = this.known.get(id);
    if (entry === undefined || entry.processed) return true;
    entry.processed = true;
    for (const call of [...entry.calls]) await this.#call(call, entry.event);
    return true;
  }

  /** Forgets events that are marked as processed, which they are before their callbacks have run. */
  cleanUp(): void {
    for (const [id, entry] of this.known) if (entry.processed) this.known.delete(id);
  }

  async #call(call: Call, event: Seen): Promise<void> {
    if (this.#options.catches === 'nothing') return call(event);
    try {
      await call(event);
    } catch (cause) {
      // Anything else that is thrown ends the process.
      if (!(cause instanceof Error)) throw cause;
    }
  }

  /** A lock that is not re-entrant: the thread that has it waits for itself. */
  #lock(): void {
    if (this.#isLocked) throw new assert.AssertionError({ message: 'The thread waits for a lock that it has itself.' });
    this.#isLocked = true;
  }
}

/** Finds the event of a registration by copying the line and emptying the copy; has no way to add an event but to register for it. */
export class Copying implements Face {
  readonly #line: { readonly id: EventId; readonly calls: Call[] }[] = [];

  add(event: NewEvent): void {
    // The only way in, which loses type and data; good enough to fill the line.
    this.#line.push({ id: event.id, calls: [] });
  }

  once(id: EventId, call: Call): undefined {
    const copy = [...this.#line];
    for (const entry of copy) {
      if (entry.id !== id) continue;
      entry.calls.push(call);
      return;
    }
    this.#line.push({ id, calls: [call] });
  }

  async process(): Promise<boolean> {
    const next = this.#line.shift();
    for (const call of next?.calls ?? []) await call({ id: next?.id ?? 0, type: '', data: '' });
    return next !== undefined;
  }
}

/** Ordered by priority and a 32-bit number; callbacks stay for good; nothing ages. */
export class NaivePriorities implements Face {
  readonly #heap: { readonly event: NewEvent; readonly priority: number; readonly sequence: number }[] = [];
  readonly #calls = new Map<EventId, Call[]>();
  #sequence: number;

  /** `sequence`: that of the first event. */
  constructor(sequence = 0) {
    this.#sequence = sequence;
  }

  add(event: NewEvent, priority = 0): void {
    const sequence = this.#sequence;
    this.#sequence = (sequence + 1) | 0;
    const before = this.#heap.findIndex((other) => other.priority < priority || (other.priority === priority && other.sequence > sequence));
    this.#heap.splice(before < 0 ? this.#heap.length : before, 0, { event, priority, sequence });
  }

  once(id: EventId, call: Call): undefined {
    this.#calls.set(id, [...(this.#calls.get(id) ?? []), call]);
  }

  async process(): Promise<boolean> {
    const next = this.#heap.shift();
    if (next === undefined) return false;
    for (const call of this.#calls.get(next.event.id) ?? []) await call({ data: '', ...next.event });
    return true;
  }
}
