/** JSON values as expressions see them, and what an evaluation may cost. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}

/** What one evaluation may cost: about one step per value touched. A few hundredths of a second. */
export const STEPS_MAX = 1_000_000;
/** How deep a value may be that is compared or written. */
export const DEPTH_MAX = 256;

/** An expression could not be evaluated for this message. Never leaves the room. */
export class ExpressionFault extends Error {}

/** Variables in sight, innermost first. */
export interface Scope {
  readonly name: string;
  readonly value: Json;
  readonly outer: Scope | undefined;
}

/** One evaluation: the message it is about, the variables in sight, and the steps it has left. */
export class Run {
  readonly root: Json;
  scope: Scope | undefined;
  #left = STEPS_MAX;

  constructor(root: Json) {
    this.root = root;
  }

  /** Pays for work before it is done; so neither time nor memory depends on how an expression multiplies its data. */
  spend(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new ExpressionFault(`it takes more than ${STEPS_MAX} steps`);
  }

  /** Pays for reading or making a text. */
  spendText(length: number): void {
    this.spend(1 + (length >>> 4));
  }
}

export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own members only: `constructor` and its like are no fields of a message. */
export function member(value: Json, name: string): Json {
  return isObject(value) && Object.hasOwn(value, name) ? (value[name] ?? null) : null;
}

/** Null, false, and whatever is empty. */
export function isFalsy(value: Json): boolean {
  if (value === null || value === false || value === '') return true;
  if (typeof value !== 'object') return false;
  if (isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}

export function equal(a: Json, b: Json, run: Run, depth = 0): boolean {
  run.spend(1);
  if (a === b) return true;
  if (typeof a === 'string' && typeof b === 'string') return false;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (depth > DEPTH_MAX) throw new ExpressionFault(`it compares values nested deeper than ${DEPTH_MAX}`);
  if (isArray(a)) {
    if (!isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => equal(item, b[i] ?? null, run, depth + 1));
  }
  if (isArray(b)) return false;
  const names = Object.keys(a);
  run.spend(names.length);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && equal(member(a, name), member(b, name), run, depth + 1));
}

/** As JSON text. Paid for beforehand: a value that holds itself many times over is small in memory and endless when written. */
export function write(value: Json, run: Run): string {
  weigh(value, run, 0);
  return JSON.stringify(value);
}

function weigh(value: Json, run: Run, depth: number): void {
  if (typeof value === 'string') return run.spendText(value.length);
  run.spend(1);
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEPTH_MAX) throw new ExpressionFault(`it writes a value nested deeper than ${DEPTH_MAX}`);
  if (isArray(value)) {
    for (const item of value) weigh(item, run, depth + 1);
    return;
  }
  for (const name of Object.keys(value)) {
    run.spendText(name.length);
    weigh(member(value, name), run, depth + 1);
  }
}

/** Before or after in the order of code points (plain `<` would put U+10000 before U+E000). */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Every `step`th item from `start` to before `stop`, as slices count: negative places from the end, a negative step backwards. */
export function sliced<V>(items: readonly V[], start: number | null, stop: number | null, step: number): V[] {
  const { length } = items;
  const least = step > 0 ? 0 : -1;
  const clamp = (n: number): number => Math.min(Math.max(n < 0 ? n + length : n, least), length + least);
  const from = start === null ? (step > 0 ? 0 : length - 1) : clamp(start);
  const to = stop === null ? (step > 0 ? length : -1) : clamp(stop);
  const made: V[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) made.push(items[i] as V);
  return made;
}
