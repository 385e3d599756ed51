/**
 * CloudEvents 1.0 over HTTP: binary (`ce-` headers), structured and batch (JSON), to and from messages.
 *
 * `id`, `source`, `type` and `subject` are the message's own; `datacontenttype` is its content type; the extension `partitionkey` is its
 * key. `time`, `dataschema` and every other extension are headers of the same name, so they come back as they were.
 */

import { isUtf8 } from 'node:buffer';
import type { HeaderValue, Message } from '../../model/message.ts';
import { Refused } from '../../model/refusal.ts';
import { type Draft, decodeBase64, type Properties } from './draft.ts';
import { memberBytes, parseJson, spansOf, textOf } from './json.ts';
import { isJsonType } from './media.ts';
import { encodeBase64, jsonBody } from './message.ts';
import { parseTime, quoted } from './scalars.ts';

const NAME = /^[a-z0-9]{1,64}$/;
const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);

/** Binary form: attributes from `ce-` headers (names in lower case), the body as it is. Throws `Refused('invalid')`. */
export function decodeBinary(
  headers: Iterable<readonly [string, string]>,
  contentType: string | undefined,
  body: Uint8Array,
  defaults: Properties,
): Draft {
  const attributes = new Map<string, string>();
  for (const [name, value] of headers) if (name.startsWith('ce-')) attributes.set(name.slice(3), decodeHeaderText(value, name));
  return draftOf(attributes, contentType, body, defaults, 'This CloudEvent');
}

/** Structured form: one event as JSON. Throws `Refused('invalid')`. */
export function decodeStructured(bytes: Uint8Array, defaults: Properties, what = 'This CloudEvent'): Draft {
  const json = parseJson(bytes, what);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refused('invalid', `${what} is not a JSON object.`);
  const attributes = new Map<string, HeaderValue>();
  let data: unknown;
  let base64: string | undefined;
  for (const [name, value] of Object.entries(json)) {
    if (name === 'data') data = value;
    else if (name === 'data_base64') base64 = checkText(value, name, what);
    else if (value !== null) attributes.set(name, checkAttribute(value, name, what));
  }
  const said = attributes.get('datacontenttype');
  const contentType = said === undefined ? undefined : checkText(said, 'datacontenttype', what);
  attributes.delete('datacontenttype');
  if (base64 !== undefined) {
    if (data !== undefined) throw new Refused('invalid', `${what} has both "data" and "data_base64"; give one.`);
    return draftOf(attributes, contentType, decodeBase64(base64, `"data_base64" of ${what}`), defaults, what);
  }
  if (data === undefined) return draftOf(attributes, contentType, EMPTY, defaults, what);
  const asText = typeof data === 'string' && contentType !== undefined && !isJsonType(contentType);
  const body = asText ? encoder.encode(data as string) : (memberBytes(bytes, 'data') ?? EMPTY);
  return draftOf(attributes, contentType ?? 'application/json', body, defaults, what);
}

/** Batch form: a JSON array of events. Throws `Refused('invalid')` naming the event that is wrong. */
export function decodeBatch(bytes: Uint8Array, defaults: Properties): Draft[] {
  const what = 'This batch of CloudEvents';
  if (!Array.isArray(parseJson(bytes, what))) throw new Refused('invalid', `${what} is not a JSON array.`);
  const spans = spansOf(bytes, 0, bytes.length);
  const drafts: Draft[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    drafts.push(decodeStructured(bytes.subarray(spans[i], spans[i + 1]), defaults, `CloudEvent ${i / 2} of this batch`));
  }
  return drafts;
}

/**
 * A message as a structured event on one line. What a message lacks is made from what it has: `id` from `fallbackId` (its place),
 * `source` from the exchange and address, `type` from the address. Headers whose names CloudEvents does not allow are left out.
 */
export function encodeStructured(message: Message, fallbackId: string): string {
  const source = message.source ?? `signalbox:${encodeURIComponent(message.exchange)}/${encodeURIComponent(message.address)}`;
  let text = `{"specversion":"1.0","id":${JSON.stringify(message.id ?? fallbackId)},"source":${JSON.stringify(source)}`;
  text += `,"type":${JSON.stringify(message.type ?? (message.address === '' ? 'message' : message.address))}`;
  if (message.subject !== undefined) text += `,"subject":${JSON.stringify(message.subject)}`;
  if (message.contentType !== undefined) text += `,"datacontenttype":${JSON.stringify(message.contentType)}`;
  const time = message.headers.get('time');
  text += `,"time":${JSON.stringify(typeof time === 'string' && isTime(time) ? time : timeOf(message.timestampMs))}`;
  if (message.key !== undefined && isUtf8(message.key)) text += `,"partitionkey":${JSON.stringify(textOf(message.key))}`;
  for (const [name, value] of message.headers) {
    if (name === 'time' || RESERVED.has(name) || !NAME.test(name)) continue;
    if (typeof value === 'string' || typeof value === 'boolean' || isInt32(value)) text += `,"${name}":${JSON.stringify(value)}`;
    else if (typeof value === 'number') text += `,"${name}":"${value}"`;
  }
  return `${text}${encodeData(message)}}`;
}

const RESERVED: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'datacontenttype',
  'partitionkey',
  'data',
]);

function encodeData(message: Message): string {
  const { body, contentType, contentEncoding } = message;
  if (body.length === 0) return '';
  const json = jsonBody(message);
  if (json !== undefined) return `,"data":${json}`;
  const text = contentType !== undefined && contentEncoding === undefined && !isJsonType(contentType) && isUtf8(body);
  return text ? `,"data":${JSON.stringify(textOf(body))}` : `,"data_base64":"${encodeBase64(body)}"`;
}

function draftOf(
  attributes: ReadonlyMap<string, HeaderValue>,
  contentType: string | undefined,
  body: Uint8Array,
  defaults: Properties,
  what: string,
): Draft {
  if (attributes.get('specversion') !== '1.0') {
    throw new Refused(
      'invalid',
      `${what} has the specversion ${quoted(String(attributes.get('specversion')))}; only "1.0" is spoken here.`,
    );
  }
  const headers = new Map(defaults.headers);
  for (const [name, value] of attributes) {
    if (!NAME.test(name))
      throw new Refused('invalid', `${what} has an attribute ${quoted(name)}; names are lower-case letters and digits.`);
    if (!RESERVED.has(name)) headers.set(name, value);
  }
  const time = headers.get('time');
  if (time !== undefined && !(typeof time === 'string' && isTime(time))) {
    throw new Refused('invalid', `${what} has the time ${quoted(String(time))}; give one such as 2026-11-21T12:00:00Z.`);
  }
  const subject = attributes.get('subject');
  const key = attributes.get('partitionkey');
  return {
    ...defaults,
    id: required(attributes, 'id', what),
    source: required(attributes, 'source', what),
    type: required(attributes, 'type', what),
    ...(subject === undefined ? {} : { subject: checkText(subject, 'subject', what) }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(key === undefined || defaults.key !== undefined ? {} : { key: encoder.encode(checkText(key, 'partitionkey', what)) }),
    headers,
    body,
  };
}

function required(attributes: ReadonlyMap<string, HeaderValue>, name: string, what: string): string {
  const value = attributes.get(name);
  if (typeof value === 'string' && value !== '') return value;
  throw new Refused('invalid', `${what} has no "${name}", which every CloudEvent must have.`);
}

function checkText(value: unknown, name: string, what: string): string {
  if (typeof value === 'string') return value;
  throw new Refused('invalid', `"${name}" of ${what} is not a string.`);
}

function checkAttribute(value: unknown, name: string, what: string): string | number | boolean {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && isInt32(value)) return value;
  throw new Refused('invalid', `${quoted(name)} of ${what} is neither a string, a boolean nor a 32-bit integer.`);
}

/** Header values are percent-encoded; older senders also quote them [CE HTTP binding 3.1.3.2]. */
function decodeHeaderText(value: string, name: string): string {
  const plain = value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
  try {
    return decodeURIComponent(plain);
  } catch {
    throw new Refused('invalid', `The header ${quoted(name)} is not percent-encoded UTF-8.`);
  }
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value;
}

function isTime(text: string): boolean {
  try {
    return !Number.isNaN(parseTime(text, 'time')) && text.includes('-');
  } catch {
    return false;
  }
}

function timeOf(timestampMs: number): string {
  const date = new Date(timestampMs);
  return Number.isNaN(date.getTime()) ? '1970-01-01T00:00:00.000Z' : date.toISOString();
}
