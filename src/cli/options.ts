/** Options as data: how each is read stands beside how it is described, so that parsing, help and completion cannot drift apart. */

import { Failure } from './exits.ts';

export interface Option<T> {
  readonly about: string;
  /** The placeholder of its value; absent: it is a flag. */
  readonly value?: string;
  /** One letter. */
  readonly short?: string;
  /** May be given more than once. */
  readonly many?: boolean;
  /** The environment variable that stands in when it is not given. */
  readonly env?: string;
  /** All values there are; else what completes them. */
  readonly choices?: readonly string[];
  readonly of?: 'file' | 'directory';
  /** Reads what was given, in order; flags are given `'true'`. `name` is for the error: `--count`. */
  readonly read: (given: readonly string[], name: string) => T;
}

export type Options = Readonly<Record<string, Option<unknown>>>;

/** What options are read into. */
export type Values<O extends Options> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never };

type Parse<T> = (text: string, name: string) => T;

export function flag(about: string, more: { readonly short?: string } = {}): Option<boolean> {
  return {
    about,
    ...more,
    read: (given, name) => {
      const value = given.at(-1) ?? 'false';
      if (value === 'true' || value === '1') return true;
      if (value === 'false' || value === '0') return false;
      throw wrong(name, value, 'it is true or false');
    },
  };
}

/** The last one given counts, as everywhere. */
function last<T>(parse: Parse<T>): (given: readonly string[], name: string) => T | undefined {
  return (given, name) => {
    const value = given.at(-1);
    return value === undefined ? undefined : parse(value, name);
  };
}

interface More {
  readonly short?: string;
  readonly env?: string;
  readonly of?: 'file' | 'directory';
}

export function text(value: string, about: string, more: More = {}): Option<string | undefined> {
  return {
    about,
    value,
    ...more,
    read: last((given, name) => {
      if (given === '') throw new Failure('usage', `${name} is empty; give a ${value}, or leave it out.`);
      return given;
    }),
  };
}

export function texts(value: string, about: string, more: More = {}): Option<readonly string[]> {
  return { about, value, many: true, ...more, read: (given) => given };
}

export function integer(
  value: string,
  about: string,
  { min, max, ...more }: { readonly min: number; readonly max: number } & More,
): Option<number | undefined> {
  return { about, value, ...more, read: last((given, name) => readInteger(given, name, min, max)) };
}

export function duration(value: string, about: string, more: More = {}): Option<number | undefined> {
  return { about: `${about} Such as 500ms, 30s, 10m, 2h.`, value, ...more, read: last(readDuration) };
}

export function choice<T extends string>(value: string, about: string, choices: readonly T[], more: More = {}): Option<T | undefined> {
  return {
    about,
    value,
    choices,
    ...more,
    read: last((given, name) => {
      const found = choices.find((one) => one === given);
      if (found === undefined) throw wrong(name, given, `give one of ${choices.join(', ')}`);
      return found;
    }),
  };
}

const PORT_MAX = 65_535;

/** A door's port: a number, 0 for any free one, or `off`. */
export function port(about: string, more: More = {}): Option<number | 'off' | undefined> {
  return {
    about,
    value: 'PORT|0|off',
    ...more,
    read: last((given, name) => (given === 'off' ? 'off' : readInteger(given, name, 0, PORT_MAX, ', or off'))),
  };
}

function readInteger(given: string, name: string, min: number, max: number, or = ''): number {
  const value = /^\d{1,16}$/.test(given) ? Number(given) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw wrong(name, given, `give a whole number from ${min} to ${max}${or}`);
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** Milliseconds. A bare number is refused: nobody agrees on its unit. */
export function readDuration(given: string, name: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)(ms|s|m|h|d)$/.exec(given);
  const ms = Number(match?.[1]) * (UNITS.get(match?.[2] ?? '') ?? Number.NaN);
  if (Number.isNaN(ms)) throw wrong(name, given, 'give a time with its unit, such as 500ms, 30s, 10m or 2h');
  return ms;
}

export function wrong(name: string, given: string, instead: string): Failure {
  const shown = given.length > 60 ? `${given.slice(0, 60)}…` : given;
  return new Failure('usage', `${name} is ${JSON.stringify(shown)}; ${instead}.`);
}
