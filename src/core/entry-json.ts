/** Entries that come now and then, as JSON: easy to read in a journal, and easy to give another member. */

import type { Entry } from './entry.ts';

/** What is kept so. A kind that is missing here is refused when it is replayed, and a property of the codec's tests finds it. */
const KINDS: ReadonlySet<string> = new Set(
  'declared removed bound unbound moved producer included ended trimmed opened counters partition uncommitted sequences'.split(' '),
);

export function jsonOfEntry(entry: Entry): string {
  return JSON.stringify(entry, toJson);
}

/** Throws for what is not JSON, and for JSON that is not such an entry. */
export function entryOfJson(json: string): Entry {
  const entry = JSON.parse(json, fromJson) as Entry;
  if (!KINDS.has(entry.kind)) throw new RangeError(`an entry of the kind ${entry.kind} is not kept as JSON`);
  return entry;
}

/** JSON has no Map and no undefined header value: both are wrapped. */
function toJson(_key: string, value: unknown): unknown {
  return value instanceof Map ? { $map: [...value].map(([k, v]) => (v === undefined ? [k] : [k, v])) } : value;
}

function fromJson(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('$map' in value)) return value;
  return new Map((value.$map as [string, unknown?][]).map(([k, v]) => [k, v]));
}
