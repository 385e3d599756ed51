/** Tables of arguments and headers as this interface writes them: plain JSON, in which the types of numbers and bytes are lost. */

import type { Headers, HeaderValue } from '../../../model/message.ts';

export function jsonOfHeaders(headers: Headers): Record<string, unknown> {
  return Object.fromEntries([...headers].map(([name, value]) => [name, jsonOf(value)]));
}

function jsonOf(value: HeaderValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Map) return jsonOfHeaders(value);
  if (Array.isArray(value)) return (value as readonly HeaderValue[]).map(jsonOf);
  return value;
}

export function headersOfJson(given: Readonly<Record<string, unknown>>): Headers {
  return new Map(Object.entries(given).map(([name, value]) => [name, headerValueOf(value)]));
}

/** What JSON can say, a header can hold. */
function headerValueOf(value: unknown): HeaderValue {
  if (Array.isArray(value)) return value.map(headerValueOf);
  if (typeof value === 'object' && value !== null) return headersOfJson(value as Readonly<Record<string, unknown>>);
  return value as string | number | boolean | null;
}
