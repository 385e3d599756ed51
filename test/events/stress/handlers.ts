/** What the workers of a stress run do with an event: count, look whether all is as it should be, and die when they are told to. */

import type { QueuedEvent } from '../../../src/events/events.ts';
import { ANSWERED, ledger } from './ledger.ts';
import { steps } from './yields.ts';

/** Columns of the ledger. */
export const BEGUN = [0, 1, 2] as const;
export const DONE = [3, 4, 5] as const;
export const FATE = 6;
export const STATE = 7;
export const COLUMNS = 8;

/** What becomes of the thread that runs the second callback of an event, the first time. */
export type Fate = 'none' | 'throw' | 'exit' | 'memory' | 'hang' | 'step';

export interface Work {
  /** Row of the ledger. */
  readonly row: number;
  readonly fate: Fate;
  /** Only there to take pages. */
  readonly ballast: string;
}

/** Letters of the ballast of a row: now and then more than a record holds. */
export function ballastOf(row: number): string {
  return 'b'.repeat(row % 10 === 0 ? 1500 + (row % 1000) : row % 20);
}

/** Callbacks of one event run in order and none twice: what was there before says so, unless a thread died. */
function runs(row: number, place: 0 | 1 | 2): void {
  const book = ledger();
  const before = book.count(row, BEGUN[place]);
  if (before === 0 && place > 0 && book.get(row, BEGUN[(place - 1) as 0]) === 0) book.fault('order');
}

export function first({ data }: QueuedEvent<string, Work>): void {
  runs(data.row, 0);
  if (data.ballast !== ballastOf(data.row)) ledger().fault('payload');
  ledger().count(data.row, DONE[0]);
}

export function deadly({ data: { row, fate } }: QueuedEvent<string, Work>): void | Promise<void> {
  const book = ledger();
  runs(row, 1);
  if (fate !== 'none' && book.countOnce(row, FATE)) {
    const never = meet(fate, row);
    if (never !== undefined) return never;
  }
  book.count(row, DONE[1]);
}

export function last({ data: { row } }: QueuedEvent<string, Work>): void {
  runs(row, 2);
  ledger().count(row, DONE[2]);
}

function meet(fate: Fate, row: number): Promise<void> | undefined {
  switch (fate) {
    case 'throw':
      setImmediate(() => {
        throw new Error('A planted error that nobody catches.');
      });
      return new Promise(() => {});
    case 'exit':
      process.exit(3);
      for (;;);
    case 'memory':
      // A chain of small things: with large ones the engine may try for ever to make room, and cannot even be ended.
      for (let held: unknown; ; ) held = { held, more: [row, row, row, row, row, row, row, row] };
    case 'hang':
      for (;;);
    case 'step':
      // Somewhere in what the queue does after this, or in one of the next events.
      steps().endAfter(1 + ((row * 7) % 120));
      return undefined;
    default:
      return undefined;
  }
}

/** Three callbacks of an event, in order and once each. */
function ran(row: number, place: number): void {
  const book = ledger();
  const before = book.count(row, place);
  if (before === 0 && place > 0 && book.get(row, place - 1) !== 1) book.fault('order');
}

export function one({ id }: QueuedEvent): void {
  ran(id as number, 0);
}

export function two({ id }: QueuedEvent): void {
  ran(id as number, 1);
}

export function three({ id }: QueuedEvent): void {
  ran(id as number, 2);
}

/** For ids that nobody looks at. */
export function nothing(): void {}

/** A callback that only this event has. */
export function own({ id }: QueuedEvent): void {
  ledger().count(id as number, 3);
}

/** For rows of threads beside the pool. */
export function noted({ data: { row, ballast } }: QueuedEvent<string, Work>): void {
  if (ballast !== ballastOf(row)) ledger().fault('payload');
  ledger().count(row, BEGUN[0]);
  ledger().count(row, DONE[0]);
}

/** Tells the one who adds one by one. */
export function answer(): void {
  const { plain } = steps();
  plain.add(ledger().marks, ANSWERED, 1);
  plain.notify(ledger().marks, ANSWERED);
}
