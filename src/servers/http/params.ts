/** Query parameters as data: each says how it is read and how OpenAPI describes it, side by side, so that the two cannot drift. */

import { Refused } from '../../model/refusal.ts';
import { parseChoice, parseDuration, parseFlag, parseInteger, parseTime, quoted } from '../../wire/http/http.ts';
import type { Schema } from './schema.ts';

export interface Param<T> {
  readonly about: string;
  readonly schema: Schema;
  /** May also be given as this request header; the query wins. */
  readonly header?: string;
  /** All values given for it, in order. Throws `Refused('invalid')`. */
  readonly read: (values: readonly string[], name: string) => T;
}

export type Params = Readonly<Record<string, Param<unknown>>>;

/** What the parameters of a route are read into. */
export type Values<P extends Params> = { readonly [K in keyof P]: P[K] extends Param<infer T> ? T : never };

type Parse<T> = (text: string, name: string) => T;

function optional<T>(parse: Parse<T>): Param<T | undefined>['read'] {
  return (values, name) => {
    const [value, more] = values;
    if (more !== undefined) throw new Refused('invalid', `${name} is given more than once; give it once.`);
    return value === undefined ? undefined : parse(value, name);
  };
}

function or<T>(fallback: T, parse: Parse<T>): Param<T>['read'] {
  const read = optional(parse);
  return (values, name) => read(values, name) ?? fallback;
}

/** The same parameter, which may also come as a header. */
export function orHeader<T>(param: Param<T>, header: string): Param<T> {
  return { ...param, header };
}

export function text(about: string): Param<string | undefined> {
  return { about, schema: { type: 'string' }, read: optional((value) => value) };
}

export function texts(about: string): Param<readonly string[]> {
  return { about, schema: { type: 'array', items: { type: 'string' } }, read: (values) => values };
}

export function integer(about: string, min: number, max: number): Param<number | undefined> {
  return {
    about,
    schema: { type: 'integer', minimum: min, maximum: max },
    read: optional((value, name) => parseInteger(value, name, min, max)),
  };
}

export function integerOr(about: string, min: number, max: number, fallback: number): Param<number> {
  const schema: Schema = { type: 'integer', minimum: min, maximum: max, default: fallback };
  return { about, schema, read: or(fallback, (value, name) => parseInteger(value, name, min, max)) };
}

export function integers(about: string, min: number, max: number): Param<readonly number[]> {
  const schema: Schema = { type: 'array', items: { type: 'integer', minimum: min, maximum: max } };
  return { about, schema, read: (values, name) => values.map((value) => parseInteger(value, name, min, max)) };
}

const DURATION: Schema = { type: 'string', examples: ['1500', '5s', '10m'] };

export function duration(about: string): Param<number | undefined> {
  return { about: `${about} Milliseconds, or a number with ms, s, m, h or d.`, schema: DURATION, read: optional(parseDuration) };
}

export function durationOr(about: string, fallback: number, max: number): Param<number> {
  return {
    about: `${about} Milliseconds, or a number with ms, s, m, h or d; at most ${max} ms.`,
    schema: { ...DURATION, default: String(fallback) },
    read: or(fallback, (value, name) => {
      const ms = parseDuration(value, name);
      if (ms > max) throw new Refused('invalid', `${name} is ${quoted(value)}; at most ${max} ms are possible.`);
      return ms;
    }),
  };
}

export function time(about: string): Param<number | undefined> {
  const schema: Schema = { type: 'string', examples: ['2026-11-21T12:00:00Z', '1795262400000'] };
  return { about: `${about} RFC 3339, or milliseconds since 1970.`, schema, read: optional(parseTime) };
}

export function flag(about: string): Param<boolean> {
  return { about, schema: { type: 'boolean', default: false }, read: or(false, parseFlag) };
}

export function choice<T extends string>(about: string, choices: readonly T[], fallback: T): Param<T> {
  const schema: Schema = { type: 'string', enum: choices, default: fallback };
  return { about, schema, read: or(fallback, (value, name) => parseChoice(value, name, choices)) };
}

/** Reads the query against what the route knows. An unknown parameter is refused: it is more often a slip than a wish. */
export function readParams<P extends Params>(params: P, query: URLSearchParams, header: (name: string) => string | undefined): Values<P> {
  for (const name of query.keys()) {
    if (Object.hasOwn(params, name)) continue;
    const known = Object.keys(params);
    const there = known.length === 0 ? 'There are none here.' : `There are ${known.join(', ')}.`;
    throw new Refused('invalid', `The query parameter ${quoted(name)} means nothing here. ${there}`);
  }
  const values: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(params)) {
    let given: readonly string[] = query.getAll(name);
    if (given.length === 0 && param.header !== undefined) {
      const value = header(param.header);
      if (value !== undefined) given = [value];
    }
    values[name] = param.read(given, name);
  }
  return values as Values<P>;
}
