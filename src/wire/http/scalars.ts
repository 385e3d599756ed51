/** Small values in query parameters, headers and JSON: durations, times, numbers and flags. All refuse with `invalid` and name what was wrong. */

import { Refused } from '../../model/refusal.ts';

const UNITS: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const DURATION = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d|)$/;
const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** `1500`, `1500ms`, `5s`, `10m`, `2h`, `1d`, `0.5s` in milliseconds. */
export function parseDuration(text: string, name: string): number {
  const match = DURATION.exec(text);
  const value = Number(match?.[1]) * (UNITS.get(match?.[2] ?? '?') ?? Number.NaN);
  if (Number.isNaN(value))
    throw new Refused('invalid', `${name} is ${quoted(text)}; give a time such as 1500 (milliseconds), 5s, 10m, 2h or 1d.`);
  return value;
}

/** An RFC 3339 date and time, or milliseconds since 1970. */
export function parseTime(text: string, name: string): number {
  const value = DATE_TIME.test(text) ? Date.parse(text) : /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) {
    throw new Refused('invalid', `${name} is ${quoted(text)}; give a time such as 2026-11-21T12:00:00Z, or milliseconds since 1970.`);
  }
  return value;
}

export function parseInteger(text: string, name: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return checkInteger(value, name, min, max, text);
}

export function checkInteger(value: unknown, name: string, min: number, max: number, said?: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new Refused('invalid', `${name} is ${quoted(said ?? String(value))}; give a whole number from ${min} to ${max}.`);
}

/** `?retain` and `?retain=true` are true; `false` and `0` are false. */
export function parseFlag(text: string, name: string): boolean {
  if (text === '' || text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new Refused('invalid', `${name} is ${quoted(text)}; give true or false.`);
}

export function parseChoice<T extends string>(text: string, name: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new Refused('invalid', `${name} is ${quoted(text)}; give one of ${choices.join(', ')}.`);
  return found;
}

/** A stranger's text in our sentence: short, and without characters that would act on a terminal or break a line. */
export function quoted(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return JSON.stringify(shown).replace(/[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g, '?');
}
