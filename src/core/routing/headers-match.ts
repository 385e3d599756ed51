/** Bindings of a headers exchange: what a message's headers must hold, and an index that finds the bindings without trying them all. */

import type { Binding } from '../../model/declaration.ts';
import type { Headers, HeaderValue } from '../../model/message.ts';

type Wanted = NonNullable<Binding['headers']>;

interface Condition {
  readonly name: string;
  /** The value as a key; undefined: the header must only be there. */
  readonly key: string | undefined;
}

interface Entry<V> {
  readonly value: V;
  readonly any: boolean;
  readonly conditions: readonly Condition[];
  /** Keys of the buckets it stands in. */
  readonly buckets: readonly string[];
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A key that two header values share when they are equal: numbers by value whatever their kind, text and the bytes that spell it
 * alike, else kind and value. undefined: it equals nothing (null, not-a-number, lists, maps, bytes that are no text).
 */
export function valueKey(value: HeaderValue | undefined): string | undefined {
  switch (typeof value) {
    case 'string':
      return `s${value}`;
    case 'boolean':
      return `b${value}`;
    case 'bigint':
      return `n${value}`;
    case 'number':
      if (Number.isNaN(value)) return undefined;
      return Number.isInteger(value) ? `n${BigInt(value)}` : `n${value}`;
    default:
      return value instanceof Uint8Array ? bytesKey(value) : undefined;
  }
}

function bytesKey(bytes: Uint8Array): string | undefined {
  try {
    return `s${decoder.decode(bytes)}`;
  } catch {
    // Not UTF-8, hence equal to no text.
    return undefined;
  }
}

/** Finds values by the headers they ask for. */
export class HeadersIndex<V> {
  readonly #entries = new Map<V, Entry<V>>();
  readonly #buckets = new Map<string, Set<Entry<V>>>();

  /** Adds a value; `wanted` absent asks for nothing and fits every message. */
  add(value: V, wanted: Wanted | undefined): void {
    const any = wanted?.match === 'any' || wanted?.match === 'any-with-x';
    const withX = wanted?.match === 'all-with-x' || wanted?.match === 'any-with-x';
    const conditions: Condition[] = [];
    let hopeless = false;
    for (const [name, asked] of wanted?.values ?? []) {
      if (name === 'x-match' || (!withX && name.startsWith('x-'))) continue;
      const key = asked === undefined ? undefined : valueKey(asked);
      if (asked !== undefined && key === undefined) hopeless = true;
      else conditions.push({ name, key });
    }
    const entry: Entry<V> = { value, any, conditions, buckets: hopeless && !any ? [] : this.#bucketsFor(any, conditions) };
    this.#entries.set(value, entry);
    for (const key of entry.buckets) {
      const bucket = this.#buckets.get(key);
      if (bucket === undefined) this.#buckets.set(key, new Set([entry]));
      else bucket.add(entry);
    }
  }

  delete(value: V): void {
    const entry = this.#entries.get(value);
    if (entry === undefined) return;
    this.#entries.delete(value);
    for (const key of entry.buckets) {
      const bucket = this.#buckets.get(key);
      bucket?.delete(entry);
      if (bucket?.size === 0) this.#buckets.delete(key);
    }
  }

  /** Adds to `into` every value whose headers this message has, each once. */
  collect(headers: Headers, into: V[]): void {
    const found = new Set<Entry<V>>();
    this.#look(EVERY, headers, found);
    for (const [name, value] of headers) {
      this.#look(nameBucket(name), headers, found);
      const key = valueKey(value);
      if (key !== undefined) this.#look(valueBucket(name, key), headers, found);
    }
    for (const { value } of found) into.push(value);
  }

  #look(bucket: string, headers: Headers, found: Set<Entry<V>>): void {
    const entries = this.#buckets.get(bucket);
    if (entries === undefined) return;
    for (const entry of entries) if (fits(entry, headers)) found.add(entry);
  }

  /** `any` stands under each of its conditions (none: never found); `all` under the one that the fewest others share. */
  #bucketsFor(any: boolean, conditions: readonly Condition[]): readonly string[] {
    const keys = conditions.map(({ name, key }) => (key === undefined ? nameBucket(name) : valueBucket(name, key)));
    if (any) return [...new Set(keys)];
    let rarest: string | undefined;
    for (const key of keys) {
      if (rarest === undefined || (this.#buckets.get(key)?.size ?? 0) < (this.#buckets.get(rarest)?.size ?? 0)) rarest = key;
    }
    return [rarest ?? EVERY];
  }
}

const EVERY = '';

function nameBucket(name: string): string {
  return `=${name}`;
}

/** The length keeps `a` with value `b=c` apart from `a=b` with value `c`. */
function valueBucket(name: string, key: string): string {
  return `${name.length}=${name}=${key}`;
}

function fits<V>(entry: Entry<V>, headers: Headers): boolean {
  const holds = ({ name, key }: Condition): boolean => {
    if (key === undefined) return headers.has(name);
    return valueKey(headers.get(name)) === key;
  };
  return entry.any ? entry.conditions.some(holds) : entry.conditions.every(holds);
}
