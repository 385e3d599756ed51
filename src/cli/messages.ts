/** Messages in their JSON form, as people and pipes want to see them: the body as it was published, or all of it as JSON. */

import { memberBytes, spansOf } from '../wire/http/http.ts';
import { harmless, type Terminal } from './terminal.ts';

const NEWLINE = Buffer.from('\n');

/** What a message says of itself, beside its body. */
export interface Properties {
  readonly address: string;
  readonly timestamp: number;
  readonly partition?: number;
  readonly offset?: number;
  readonly receipt?: string;
  readonly number?: number;
  readonly state?: string;
  readonly attempts?: number;
}

/** The messages in an answer or a frame, each as it was written. */
export function messagesOf(answer: Uint8Array): Uint8Array[] {
  const list = memberBytes(answer, 'messages');
  if (list === undefined) return [];
  const spans = spansOf(list, 0, list.length);
  const messages: Uint8Array[] = [];
  for (let i = 0; i < spans.length; i += 2) messages.push(list.subarray(spans[i], spans[i + 1]));
  return messages;
}

export function propertiesOf(message: Uint8Array): Properties {
  return JSON.parse(Buffer.from(message.buffer, message.byteOffset, message.length).toString('utf8')) as Properties;
}

/** The body, byte for byte. */
export function bodyOf(message: Uint8Array): Uint8Array {
  const json = memberBytes(message, 'body');
  if (json !== undefined) return json;
  const text = memberBytes(message, 'text');
  if (text !== undefined) return Buffer.from(JSON.parse(Buffer.from(text).toString('utf8')) as string);
  const base64 = memberBytes(message, 'base64');
  return Buffer.from(base64 === undefined ? '' : Buffer.from(base64).toString('latin1').slice(1, -1), 'base64');
}

/** Lines for all of them: JSON when that was asked for; for people, with time and address; else just the bodies. */
export function linesOf(messages: readonly Uint8Array[], terminal: Terminal): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const message of messages) {
    if (terminal.isWatched) parts.push(Buffer.from(watchedLine(message, terminal)));
    else parts.push(terminal.json ? message : bodyOf(message));
    parts.push(NEWLINE);
  }
  return Buffer.concat(parts);
}

function watchedLine(message: Uint8Array, terminal: Terminal): string {
  const { address, timestamp } = propertiesOf(message);
  const time = new Date(timestamp).toTimeString().slice(0, 8);
  return `${terminal.style('dim', `${time} ${harmless(address)}`)}  ${visibleBody(message)}`;
}

/** The body as text for a terminal; bytes that are no text are only counted. */
export function visibleBody(message: Uint8Array): string {
  const body = Buffer.from(bodyOf(message));
  if (memberBytes(message, 'base64') !== undefined) return `(${body.length} bytes)`;
  return harmless(body.toString('utf8'));
}
