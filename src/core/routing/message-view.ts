/** A message as expressions see it: `{ exchange, address, key, id, type, source, subject, contentType, headers, body }`. */

import type { HeaderValue, Message } from '../../model/message.ts';
import { DEPTH_MAX, ExpressionFault, type Json, type JsonObject } from './json.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One view per message however many filters ask, gone with the message. */
const views = new WeakMap<Message, JsonObject>();

/** What is absent is null. Headers and body are read when first asked for. */
export function viewOf(message: Message): JsonObject {
  let view = views.get(message);
  if (view === undefined) {
    view = makeView(message);
    views.set(message, view);
  }
  return view;
}

function makeView(message: Message): JsonObject {
  let headers: Json | undefined;
  let body: Json | undefined;
  return {
    exchange: message.exchange,
    address: message.address,
    key: message.key === undefined ? null : (textOf(message.key) ?? null),
    id: message.id ?? null,
    type: message.type ?? null,
    source: message.source ?? null,
    subject: message.subject ?? null,
    contentType: message.contentType ?? null,
    get headers() {
      headers ??= fromMap(message.headers, 0);
      return headers;
    },
    get body() {
      if (body === undefined) body = bodyOf(message.body);
      return body;
    },
  };
}

/** JSON when it parses as JSON, else text, else (not UTF-8) null. */
function bodyOf(bytes: Uint8Array): Json {
  const text = textOf(bytes);
  if (text === undefined) return null;
  try {
    return JSON.parse(text.startsWith('\ufeff') ? text.slice(1) : text) as Json;
  } catch {
    // Not JSON, and nothing wrong with that.
    return text;
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    // Not UTF-8, and nothing wrong with that.
    return undefined;
  }
}

function fromMap(map: ReadonlyMap<string, HeaderValue>, depth: number): JsonObject {
  const made = Object.create(null) as Record<string, Json>;
  for (const [name, value] of map) made[name] = fromHeader(value, depth + 1);
  return made;
}

function fromHeader(value: HeaderValue, depth: number): Json {
  if (depth > DEPTH_MAX) throw new ExpressionFault(`a header is nested deeper than ${DEPTH_MAX}`);
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value;
  // Text where the number would not be the same any more.
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof Uint8Array) return textOf(value) ?? null;
  if (value instanceof Map) return fromMap(value as ReadonlyMap<string, HeaderValue>, depth);
  return (value as readonly HeaderValue[]).map((item) => fromHeader(item, depth + 1));
}
