/** Values of headers as JSON, as the neutral language keeps them. */

import type { HeaderValue } from './message.ts';
import { Refused } from './refusal.ts';

const DEPTH_MAX = 32;

/** JSON cannot say bigint, bytes or a map with any key: those three are wrapped as `{ "$": kind, v: … }`. */
export function toJson(value: HeaderValue, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw new Refused('invalid', `A header is nested deeper than ${DEPTH_MAX}.`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : { $: 'number', v: String(value) };
  if (typeof value === 'bigint') return { $: 'bigint', v: value.toString() };
  if (value instanceof Uint8Array) return { $: 'bytes', v: Buffer.from(value).toString('base64') };
  if (value instanceof Map) return { $: 'map', v: [...value].map(([k, v]) => [k, toJson(v, depth + 1)]) };
  if (Array.isArray(value)) return (value as readonly HeaderValue[]).map((v) => toJson(v, depth + 1));
  throw new Refused(
    'invalid',
    `A header cannot hold a value of type ${typeof value}. Use text, numbers, booleans, null, bytes, lists or maps.`,
  );
}

export function fromJson(json: unknown): HeaderValue {
  if (json === null || typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean') return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const { $: kind, v } = json as { $?: unknown; v?: unknown };
  if (kind === 'number' && typeof v === 'string') return Number(v);
  if (kind === 'bigint' && typeof v === 'string') return BigInt(v);
  if (kind === 'bytes' && typeof v === 'string') return new Uint8Array(Buffer.from(v, 'base64'));
  if (kind === 'map' && Array.isArray(v)) return new Map((v as [string, unknown][]).map(([k, x]) => [k, fromJson(x)]));
  throw new Refused('invalid', 'A header holds a value of no known kind.');
}
