/** What makes two bindings, and two exchanges, the same: as text, and as a hash of many that does not depend on their order. */

import type { Binding, ExchangeSpec } from '../../model/declaration.ts';
import { hashText } from './text-hash.ts';

/** Names a binding among those of its exchange: equal for equal bindings, in every process. */
export function bindingId({ to, pattern = '', headers, filter, transform, labels }: Binding): string {
  const plain = headers === undefined && filter === undefined && transform === undefined && labels === undefined;
  if (plain) return JSON.stringify([to.kind, to.name, pattern]);
  const values = [...(headers?.values ?? [])].map(([name, value]) => [name, typeof value, String(value)]);
  values.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const parts: unknown[] = [to.kind, to.name, pattern, filter ?? null, transform ?? null, headers?.match ?? null, values];
  if (labels !== undefined) parts.push(sorted(labels));
  return JSON.stringify(parts);
}

/** Equal for exchanges declared alike: what is absent counts as its default. */
export function exchangeId(spec: ExchangeSpec): string {
  const { name, type, durable = true, autoDelete = false, internal = false, alternate = null, hashHeader = null, schema = null } = spec;
  return JSON.stringify(sorted([name, type, durable, autoDelete, internal, alternate, hashHeader, schema]));
}

/** The same JSON with members in the order of their names. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, sorted(member)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A hash of a set of texts, in whatever order they come: 16 hexadecimal digits. */
export function hashOfSet(texts: Iterable<string>): string {
  let a = 0;
  let b = 0;
  for (const text of texts) {
    a = (a + hashText(text, 1)) >>> 0;
    b = (b + hashText(text, 2)) >>> 0;
  }
  return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0');
}
