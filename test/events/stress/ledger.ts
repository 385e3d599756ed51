/** What has happened to each event of a stress run, counted by all threads in memory of their own, apart from the queue's. */

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { steps } from './yields.ts';

const NAME = 'signalbox.stress.ledger';

/** Counts of a run that are to be 0, and a few others. */
export const FAULTS = ['order', 'payload', 'homeTwice', 'lateRoom'] as const;
export type Fault = (typeof FAULTS)[number];

/** Among the counters: events that have been processed, where they are added one by one. */
export const ANSWERED = 40;

interface Parts {
  readonly shared: SharedArrayBuffer;
  readonly events: number;
  readonly columns: number;
}

/** A table of bytes, one row for each event, and some counters. */
export class Ledger {
  readonly events: number;
  readonly columns: number;
  readonly #counters: Int32Array;
  readonly #bytes: Uint8Array;

  constructor({ shared, events, columns }: Parts) {
    this.events = events;
    this.columns = columns;
    this.#counters = new Int32Array(shared, 0, 64);
    this.#bytes = new Uint8Array(shared, 256);
  }

  /** A new one, which all workers started from now on find by `ledger()`. */
  static make(events: number, columns: number): Ledger {
    const parts: Parts = { shared: new SharedArrayBuffer(256 + events * columns), events, columns };
    setEnvironmentData(NAME, parts as never);
    return new Ledger(parts);
  }

  /** Answers what it was before. */
  count(event: number, column: number): number {
    return steps().plain.add(this.#bytes, event * this.columns + column, 1);
  }

  /** Counts unless it has been counted. */
  countOnce(event: number, column: number): boolean {
    return steps().plain.compareExchange(this.#bytes, event * this.columns + column, 0, 1) === 0;
  }

  /** Sets bits. */
  mark(event: number, column: number, bits: number): void {
    steps().plain.or(this.#bytes, event * this.columns + column, bits);
  }

  get(event: number, column: number): number {
    return this.#bytes[event * this.columns + column] as number;
  }

  fault(name: Fault): void {
    steps().plain.add(this.#counters, FAULTS.indexOf(name), 1);
  }

  faults(name: Fault): number {
    return this.#counters[FAULTS.indexOf(name)] as number;
  }

  /** A number that each thread raises for its own purposes, from 16 on. */
  get marks(): Int32Array {
    return this.#counters;
  }
}

let found: Ledger | undefined;

/** The ledger of this run, on any thread. */
export function ledger(): Ledger {
  found ??= new Ledger(getEnvironmentData(NAME) as unknown as Parts);
  return found;
}
