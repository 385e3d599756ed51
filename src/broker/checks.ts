/** Numbers that callers give: refused as `invalid`, by name, where they make no sense. */

import type { Runs } from '../model/engine.ts';
import { Refused } from '../model/refusal.ts';

/** A whole number from `least`; absent is fine. */
export function checkWhole(name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw new Refused('invalid', `${name} must be a whole number from ${least}, and is ${String(value)}.`);
}

/** Milliseconds, 0 or more; `Infinity` is fine, and absent too. */
export function checkMs(name: string, value: number | undefined): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw new Refused('invalid', `${name} must be a number of milliseconds, 0 or more, and is ${String(value)}.`);
}

/** Pairs of a first number and how many follow from it. */
export function checkRuns(runs: Runs): void {
  let sound = runs instanceof Float64Array && runs.length % 2 === 0;
  for (let r = 0; sound && r < runs.length; r += 2) sound = isWhole(runs[r], 0) && isWhole(runs[r + 1], 1);
  if (!sound)
    throw new Refused('invalid', 'Message numbers are given as pairs of whole numbers: the first of a run, and how many there are.');
}

export function checkName(what: string, name: string): void {
  if (typeof name === 'string' && name !== '') return;
  throw new Refused('invalid', `A ${what} needs a name. Give it one.`);
}

function isWhole(value: number | undefined, least: number): boolean {
  return Number.isInteger(value) && (value ?? 0) >= least;
}
