/** The functions of JMESPath (community edition), each paying for what it reads and makes. */

import { compareText, ExpressionFault, equal, isArray, isObject, type Json, type JsonObject, type Run, write } from './json.ts';

/** `&expression`, handed to a function. */
export type Lambda = (value: Json) => Json;
export type Argument = Json | Lambda;

export interface JsonFunction {
  readonly least: number;
  readonly most: number;
  readonly call: (args: readonly Argument[], run: Run) => Json;
}

type Call = JsonFunction['call'];

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** Every function by its name; what stands here can be called. */
export const FUNCTIONS: ReadonlyMap<string, JsonFunction> = new Map<string, JsonFunction>([
  ['abs', takes(1, 1, ([x]) => Math.abs(number(x)))],
  ['avg', takes(1, 1, ([x], run) => average(numbers(x, run)))],
  ['ceil', takes(1, 1, ([x]) => Math.ceil(number(x)))],
  ['contains', takes(2, 2, contains)],
  ['ends_with', takes(2, 2, ([x, end]) => text(x).endsWith(text(end)))],
  ['find_first', takes(2, 4, (args, run) => find(args, run, (part, sought) => part.indexOf(sought)))],
  ['find_last', takes(2, 4, (args, run) => find(args, run, (part, sought) => part.lastIndexOf(sought)))],
  ['floor', takes(1, 1, ([x]) => Math.floor(number(x)))],
  ['from_items', takes(1, 1, fromItems)],
  ['group_by', takes(2, 2, groupBy)],
  ['items', takes(1, 1, ([x], run) => pairs(x, run))],
  ['join', takes(2, 2, join)],
  ['keys', takes(1, 1, ([x], run) => pairs(x, run).map(([name]) => name))],
  ['length', takes(1, 1, length)],
  ['lower', takes(1, 1, ([x], run) => paid(text(x), run).toLowerCase())],
  ['map', takes(2, 2, ([f, x], run) => list(x, run).map(lambda(f)))],
  ['max', takes(1, 1, ([x], run) => extreme(list(x, run), (item) => item, 1))],
  ['max_by', takes(2, 2, ([x, f], run) => extreme(list(x, run), lambda(f), 1))],
  ['merge', takes(1, Infinity, merge)],
  ['min', takes(1, 1, ([x], run) => extreme(list(x, run), (item) => item, -1))],
  ['min_by', takes(2, 2, ([x, f], run) => extreme(list(x, run), lambda(f), -1))],
  ['not_null', takes(1, Infinity, (args) => args.map(value).find((x) => x !== null) ?? null)],
  ['pad_left', takes(2, 3, (args, run) => pad(args, run, (x, fill) => fill + x))],
  ['pad_right', takes(2, 3, (args, run) => pad(args, run, (x, fill) => x + fill))],
  ['replace', takes(3, 4, replace)],
  ['reverse', takes(1, 1, ([x], run) => (typeof x === 'string' ? points(x, run).reverse().join('') : [...list(x, run)].reverse()))],
  ['sort', takes(1, 1, ([x], run) => sorted(list(x, run), (item) => item, run))],
  ['sort_by', takes(2, 2, ([x, f], run) => sorted(list(x, run), lambda(f), run))],
  ['split', takes(2, 3, ([x, at, most], run) => seams(text(x), text(at), most, run).map(([part]) => part))],
  ['starts_with', takes(2, 2, ([x, start]) => text(x).startsWith(text(start)))],
  ['sum', takes(1, 1, ([x], run) => numbers(x, run).reduce((sum, n) => sum + n, 0))],
  ['to_array', takes(1, 1, ([x]) => toArray(value(x)))],
  ['to_number', takes(1, 1, ([x], run) => toNumber(value(x), run))],
  ['to_string', takes(1, 1, ([x], run) => (typeof x === 'string' ? x : write(value(x), run)))],
  ['trim', takes(1, 2, (args, run) => trim(args, run, true, true))],
  ['trim_left', takes(1, 2, (args, run) => trim(args, run, true, false))],
  ['trim_right', takes(1, 2, (args, run) => trim(args, run, false, true))],
  ['type', takes(1, 1, ([x]) => typeOf(value(x)))],
  ['upper', takes(1, 1, ([x], run) => paid(text(x), run).toUpperCase())],
  ['values', takes(1, 1, ([x], run) => pairs(x, run).map(([, item]) => item))],
  ['zip', takes(1, Infinity, zip)],
]);

function takes(least: number, most: number, call: Call): JsonFunction {
  return { least, most, call };
}

// What an argument must be.

function wrong(expected: string, x: Argument | undefined): never {
  throw new ExpressionFault(`a function needs ${expected} and gets ${typeof x === 'function' ? 'an expression' : typeOf(x ?? null)}`);
}

function value(x: Argument | undefined): Json {
  return typeof x === 'function' ? wrong('a value', x) : (x ?? null);
}

function lambda(x: Argument | undefined): Lambda {
  return typeof x === 'function' ? x : wrong('an &expression', x);
}

function number(x: Argument | undefined): number {
  return typeof x === 'number' ? x : wrong('a number', x);
}

function count(x: Argument | undefined): number {
  return typeof x === 'number' && Number.isInteger(x) && x >= 0 ? x : wrong('a whole number from 0', x);
}

function text(x: Argument | undefined): string {
  return typeof x === 'string' ? x : wrong('a string', x);
}

function list(x: Argument | undefined, run: Run): readonly Json[] {
  if (x === undefined || typeof x === 'function' || !isArray(x)) return wrong('an array', x);
  run.spend(x.length);
  return x;
}

function object(x: Argument | undefined): JsonObject {
  return x === undefined || typeof x === 'function' || !isObject(x) ? wrong('an object', x) : x;
}

function numbers(x: Argument | undefined, run: Run): readonly number[] {
  return list(x, run).map((item) => (typeof item === 'number' ? item : wrong('an array of numbers', x)));
}

function paid(x: string, run: Run): string {
  run.spendText(x.length);
  return x;
}

function points(x: string, run: Run): string[] {
  run.spend(x.length);
  return [...x];
}

function pointCount(x: string, run: Run): number {
  run.spendText(x.length);
  let n = x.length;
  for (let i = 1; i < x.length; i++) if ((x.charCodeAt(i) & 0xfc00) === 0xdc00 && (x.charCodeAt(i - 1) & 0xfc00) === 0xd800) n--;
  return n;
}

function pairs(x: Argument | undefined, run: Run): [string, Json][] {
  const entries = Object.entries(object(x));
  run.spend(entries.length);
  return entries;
}

/** An object of no class: a member may be called `__proto__`. */
function bare(): Record<string, Json> {
  return Object.create(null) as Record<string, Json>;
}

// The functions that are more than a line, in the order of their names.

function average(all: readonly number[]): Json {
  return all.length === 0 ? null : all.reduce((sum, n) => sum + n, 0) / all.length;
}

function contains([x, sought]: readonly Argument[], run: Run): Json {
  const item = value(sought);
  if (typeof x === 'string') return typeof item === 'string' && paid(x, run).includes(item);
  return list(x, run).some((one) => equal(one, item, run));
}

/** Positions are counted in code points, as `length` counts. */
function find([x, sought, from, to]: readonly Argument[], run: Run, search: (part: string, sought: string) => number): Json {
  const all = points(text(x), run);
  const start = from === undefined ? 0 : Math.max(0, Math.trunc(number(from)));
  const end = to === undefined ? all.length : Math.trunc(number(to));
  if (text(sought) === '') return null;
  const part = all.slice(start, Math.max(start, end)).join('');
  const at = search(part, text(sought));
  return at < 0 ? null : start + pointCount(part.slice(0, at), run);
}

function fromItems([x]: readonly Argument[], run: Run): Json {
  const made = bare();
  for (const pair of list(x, run)) {
    if (!isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') wrong('an array of [name, value] pairs', pair);
    made[pair[0]] = pair[1] ?? null;
  }
  return made;
}

function groupBy([x, f]: readonly Argument[], run: Run): Json {
  const key = lambda(f);
  const groups = new Map<string, Json[]>();
  for (const item of list(x, run)) {
    const name = text(key(item));
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  const made = bare();
  for (const [name, group] of groups) made[name] = group;
  return made;
}

function join([between, x]: readonly Argument[], run: Run): Json {
  const parts = list(x, run);
  const seam = text(between);
  let size = seam.length * parts.length;
  for (const part of parts) size += typeof part === 'string' ? part.length : wrong('an array of strings', x);
  run.spendText(size);
  return parts.join(seam);
}

function length([x]: readonly Argument[], run: Run): Json {
  if (typeof x === 'string') return pointCount(x, run);
  if (x !== undefined && typeof x !== 'function' && isArray(x)) return x.length;
  return pairs(x, run).length;
}

function merge(args: readonly Argument[], run: Run): Json {
  const made = bare();
  for (const arg of args) for (const [name, item] of pairs(arg, run)) made[name] = item;
  return made;
}

/** The item whose key is greatest (`sign` 1) or least (-1), the first of several; keys are all numbers or all strings. */
function extreme(items: readonly Json[], key: Lambda, sign: 1 | -1): Json {
  let best: { key: Json; item: Json } | undefined;
  for (const item of items) {
    const own = key(item);
    const order = best === undefined ? sign : compare(own, best.key);
    if (best === undefined) compare(own, own);
    if (order * sign > 0) best = { key: own, item };
  }
  return best?.item ?? null;
}

function compare(a: Json, b: Json): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return wrong('numbers only or strings only', typeof a === 'number' || typeof a === 'string' ? b : a);
}

function pad([x, width, fill]: readonly Argument[], run: Run, together: (x: string, fill: string) => string): Json {
  const subject = text(x);
  const with1 = fill === undefined ? ' ' : text(fill);
  if (with1.length > 2 || [...with1].length !== 1) wrong('one character to pad with', fill);
  const missing = Math.max(0, count(width) - pointCount(subject, run));
  run.spendText(missing * with1.length);
  return together(subject, with1.repeat(missing));
}

function replace([x, sought, by, most]: readonly Argument[], run: Run): Json {
  const parts = seams(text(x), text(sought), most, run);
  const put = text(by);
  let size = text(x).length;
  for (const [, replaced] of parts) if (replaced) size += put.length;
  run.spendText(size);
  return parts.map(([part, replaced]) => (replaced ? part + put : part)).join('');
}

/** The pieces of a text between the first `most` places of `at`, each with whether such a place follows it. */
function seams(x: string, at: string, most: Argument | undefined, run: Run): [string, boolean][] {
  const limit = most === undefined ? Infinity : count(most);
  run.spendText(x.length);
  if (x === '' && at === '') return [];
  const parts: [string, boolean][] = [];
  let from = 0;
  while (parts.length < limit) {
    const end = x.indexOf(at, at === '' ? from + 1 : from);
    if (end < 0 || (at === '' && end >= x.length)) break;
    run.spend(1);
    parts.push([x.slice(from, end), true]);
    from = end + at.length;
  }
  parts.push([x.slice(from), false]);
  return parts;
}

function sorted(items: readonly Json[], key: Lambda, run: Run): Json {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  const first = keyed[0];
  if (first === undefined) return [];
  for (const one of keyed) {
    compare(one.key, first.key);
    if (typeof one.key === 'string') run.spendText(one.key.length * Math.log2(keyed.length));
  }
  run.spend(keyed.length * Math.log2(keyed.length));
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item);
}

function toArray(x: Json): Json {
  return isArray(x) ? x : [x];
}

function toNumber(x: Json, run: Run): Json {
  if (typeof x === 'number') return x;
  return typeof x === 'string' && NUMBER.test(paid(x, run)) ? Number(x) : null;
}

function trim([x, chars]: readonly Argument[], run: Run, left: boolean, right: boolean): Json {
  const all = paid(text(x), run);
  const set = chars === undefined || chars === '' ? undefined : new Set(points(text(chars), run));
  const goes = (c: string): boolean => (set === undefined ? c === '\u0085' || c.trim() === '' : set.has(c));
  let from = 0;
  let to = all.length;
  while (left && from < to) {
    const c = String.fromCodePoint(all.codePointAt(from) ?? 0);
    if (!goes(c)) break;
    from += c.length;
  }
  while (right && to > from) {
    const pair = to - from > 1 ? String.fromCodePoint(all.codePointAt(to - 2) ?? 0) : '';
    const c = pair.length === 2 ? pair : all.slice(to - 1, to);
    if (!goes(c)) break;
    to -= c.length;
  }
  return all.slice(from, to);
}

function typeOf(x: Json): string {
  return x === null ? 'null' : isArray(x) ? 'array' : typeof x;
}

function zip(args: readonly Argument[], run: Run): Json {
  const lists = args.map((arg) => list(arg, run));
  const rows = Math.min(...lists.map((one) => one.length));
  run.spend(rows * lists.length);
  return Array.from({ length: rows }, (_, row) => lists.map((one) => one[row] ?? null));
}
