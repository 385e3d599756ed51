/** The threads of a run of deaths that are no workers of the pool: what they are there for, and what must hold of what they did. */

import type { Handle } from '../../../src/events/events.ts';
import type { Ledger } from './ledger.ts';

/** One thread each. */
export const ROLES = ['adds', 'registers', 'registers', 'home', 'home'] as const;
export type Role = (typeof ROLES)[number];

export interface MateStart {
  readonly handle: Handle;
  readonly role: Role;
  /** Which of `ROLES`. */
  readonly number: number;
  /** How many have died before it. */
  readonly incarnation: number;
  readonly seed: number;
}

/** Rows of the ledger for each of them. */
export const ROWS_EACH = 200_000;
export const MATE_ROWS: number = ROWS_EACH * ROLES.length;

export const MATES: { readonly planted: string; readonly next: number } = {
  planted: 'A planted error of a thread beside the pool.',
  /** Each one's next row stands in the ledger's counters from here on. */
  next: 24,
};

/** Bits of a row's state. */
export const ADDS = 1;
export const ADDED = 2;
export const REGISTERS = 4;
export const REGISTERED = 8;

/** Columns of the ledger, for their rows. */
export const NOTED = 0;
export const NOTED_DONE = 3;
export const MATE_STATE = 7;

/** What is wrong with what they added and registered. A thread that died may or may not have done what it was about to do. */
export function checkMates(ledger: Ledger, repeats: boolean, deaths: number): number {
  let faults = 0;
  let repeated = 0;
  for (const [number, role] of ROLES.entries()) {
    if (role === 'home') continue;
    for (let row = number * ROWS_EACH; row < (number + 1) * ROWS_EACH; row++) {
      const state = ledger.get(row, MATE_STATE);
      if (state === 0) continue;
      const sure = (state & ADDED) !== 0 && (role === 'adds' || (state & REGISTERED) !== 0);
      const ran = ledger.get(row, NOTED);
      if (sure && ran === 0 && repeats) faults++;
      if (ran > 1) repeated += ran - 1;
    }
  }
  return faults + Math.max(0, repeated - (repeats ? deaths : 0));
}
