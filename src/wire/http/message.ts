/** Messages in their JSON form, written as text: what streams, `receive`, `peek` and WebSocket frames carry. */

import { isUtf8 } from 'node:buffer';
import { type HeaderValue, MAIN_LINE, type Message } from '../../model/message.ts';
import { findJsonFault, textOf } from './json.ts';
import { isJsonType } from './media.ts';

/**
 * One message as a JSON object on one line. `lead` comes first, as ready text that ends in a comma (or is empty): partition, offset, receipt …
 * The body is `"body"` when it is JSON, `"text"` when it is UTF-8, and `"base64"` otherwise. JSON goes out byte for byte, so numbers
 * keep their digits; only line ends between its tokens become spaces.
 */
export function encodeMessage(message: Message, lead = ''): string {
  let text = `{${lead}"address":${JSON.stringify(message.address)},`;
  if (message.exchange !== MAIN_LINE) text += `"exchange":${JSON.stringify(message.exchange)},`;
  text += `"timestamp":${message.timestampMs},`;
  if (message.key !== undefined) text += encodeKey(message.key);
  if (message.id !== undefined) text += `"id":${JSON.stringify(message.id)},`;
  if (message.type !== undefined) text += `"type":${JSON.stringify(message.type)},`;
  if (message.source !== undefined) text += `"source":${JSON.stringify(message.source)},`;
  if (message.subject !== undefined) text += `"subject":${JSON.stringify(message.subject)},`;
  if (message.contentType !== undefined) text += `"contentType":${JSON.stringify(message.contentType)},`;
  if (message.contentEncoding !== undefined) text += `"contentEncoding":${JSON.stringify(message.contentEncoding)},`;
  if (message.correlationId !== undefined) text += `"correlationId":${JSON.stringify(message.correlationId)},`;
  if (message.replyTo !== undefined) text += `"replyTo":${JSON.stringify(message.replyTo)},`;
  if (message.priority !== undefined) text += `"priority":${message.priority},`;
  if (message.ttlMs !== undefined) text += `"ttl":${message.ttlMs},`;
  if (message.headers.size > 0) text += `"headers":${encodeHeaders(message.headers)},`;
  return `${text}${encodeBody(message)}}`;
}

function encodeBody(message: Message): string {
  const json = jsonBody(message);
  if (json !== undefined) return `"body":${json}`;
  const { body } = message;
  if (message.contentEncoding === undefined && isUtf8(body)) return `"text":${JSON.stringify(textOf(body))}`;
  return `"base64":"${encodeBase64(body)}"`;
}

/**
 * The body as JSON text on one line, when it is JSON: its content type says so, or it has none and begins with a bracket; and it holds
 * what it promises.
 */
export function jsonBody(message: Message): string | undefined {
  const { body, contentType, contentEncoding } = message;
  if (contentEncoding !== undefined || body.length === 0) return undefined;
  const first = body[0];
  if (contentType === undefined ? first !== 0x7b && first !== 0x5b : !isJsonType(contentType)) return undefined;
  if (findJsonFault(body, 0, body.length) >= 0 || !isUtf8(body)) return undefined;
  const text = textOf(body);
  return text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, ' ') : text;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

function encodeKey(key: Uint8Array): string {
  return isUtf8(key) ? `"key":${JSON.stringify(textOf(key))},` : `"keyBase64":"${encodeBase64(key)}",`;
}

function encodeHeaders(headers: ReadonlyMap<string, HeaderValue>): string {
  let text = '';
  for (const [name, value] of headers) text += `${text === '' ? '{' : ','}${JSON.stringify(name)}:${encodeHeader(value)}`;
  return text === '' ? '{}' : `${text}}`;
}

function encodeHeader(value: HeaderValue): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
  if (typeof value === 'bigint') return `{"bigint":"${value}"}`;
  if (value instanceof Uint8Array) return `{"base64":"${encodeBase64(value)}"}`;
  if (value instanceof Map) return encodeHeaders(value);
  return `[${(value as readonly HeaderValue[]).map(encodeHeader).join(',')}]`;
}
