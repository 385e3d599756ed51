/** Values to bodies and back: bytes stay bytes, text stays text, everything else is JSON. */

import { type Headers, type HeaderValue, type Message, NO_HEADERS } from '../model/message.ts';
import type { Language } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';

/** What a publisher may say about a message besides its value. */
export interface MessageOptions {
  /** Messages with one key keep their order and go to one partition. Text is taken as UTF-8. */
  readonly key?: string | Uint8Array;
  readonly id?: string;
  readonly type?: string;
  readonly source?: string;
  readonly subject?: string;
  readonly contentType?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly headers?: Readonly<Record<string, HeaderValue>> | Headers;
  /** 0 to 255, higher first; counts where the queue has priorities. */
  readonly priority?: number;
  /** How long it may wait. */
  readonly ttl?: Duration;
  /** Not delivered before this much later … */
  readonly delay?: Duration;
  /** … or before this time. */
  readonly deliverAt?: Date;
  /** Queues with `grouped` deliver messages of one group one at a time, in order. */
  readonly group?: string;
  /** Queues with a dedup window store a message of one such id once. */
  readonly dedupId?: string;
  /** The partition, instead of the one the key gives. */
  readonly partition?: number;
}

/** Languages of doors, by their number: what came in by one of them is read so. */
export type Languages = ReadonlyMap<number, Language>;

/** Milliseconds, or text such as `'250ms'`, `'30s'`, `'5m'`, `'2h'`, `'7d'`. */
export type Duration = number | string;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of a duration. Throws `Refused('invalid')` when it is none. */
export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number' && duration >= 0) return duration;
  const parts = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(String(duration));
  const unit = UNITS[parts?.[2] ?? ''];
  if (parts === null || unit === undefined) {
    throw new Refused('invalid', `"${duration}" is not a duration. Give milliseconds, or a number with ms, s, m, h or d.`);
  }
  return Number(parts[1]) * unit;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Text comes back as it was sent, a mark at its beginning included; in JSON such a mark has no meaning and may go. */
const whole = new TextDecoder('utf-8', { ignoreBOM: true });

export function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? encoder.encode(text) : text;
}

const TEXTS = ['id', 'type', 'source', 'subject', 'contentType', 'correlationId', 'replyTo', 'group', 'dedupId'] as const;

/** Throws `Refused('invalid')` naming the first option that cannot be. Durations are checked where they are counted. */
function checkOptions(options: MessageOptions): void {
  const { key, priority, deliverAt, partition, headers } = options;
  for (const name of TEXTS) {
    const text: unknown = options[name];
    if (text !== undefined && typeof text !== 'string') throw wrong(name, 'text', text);
  }
  if (key !== undefined && typeof key !== 'string' && !(key instanceof Uint8Array)) throw wrong('key', 'text or bytes', key);
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 255))
    throw wrong('priority', 'a whole number from 0 to 255', priority);
  if (partition !== undefined && !(Number.isInteger(partition) && partition >= 0))
    throw wrong('partition', 'a whole number from 0', partition);
  if (deliverAt !== undefined && !(deliverAt instanceof Date && !Number.isNaN(deliverAt.getTime())))
    throw wrong('deliverAt', 'a valid Date', deliverAt);
  if (headers !== undefined && (typeof headers !== 'object' || headers === null)) throw wrong('headers', 'a Map or an object', headers);
}

function wrong(name: string, wanted: string, found: unknown): Refused {
  return new Refused('invalid', `The message option "${name}" must be ${wanted}, and is ${String(found)}.`);
}

/** The message a value becomes on its way to an address. */
export function toMessage(value: unknown, exchange: string, address: string, timestampMs: number, options: MessageOptions): Message {
  checkOptions(options);
  const { body, contentType } = toBody(value);
  return {
    exchange,
    address,
    timestampMs,
    headers: toHeaders(options.headers),
    body,
    contentType: options.contentType ?? contentType,
    key: options.key === undefined ? undefined : bytesOf(options.key),
    id: options.id,
    type: options.type,
    source: options.source,
    subject: options.subject,
    correlationId: options.correlationId,
    replyTo: options.replyTo,
    priority: options.priority,
    ttlMs: options.ttl === undefined ? undefined : milliseconds(options.ttl),
  };
}

/** Bytes as they are, text as text, everything else as JSON. Throws `Refused('invalid')` for what JSON cannot say. */
export function toBody(value: unknown): { body: Uint8Array; contentType: string | undefined } {
  if (value instanceof Uint8Array) return { body: value, contentType: undefined };
  if (typeof value === 'string') return { body: encoder.encode(value), contentType: 'text/plain' };
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new Refused(
      'invalid',
      `The value cannot be said in JSON: ${(cause as Error).message.split('\n')[0]}. Send JSON values, text or bytes.`,
      { cause },
    );
  }
  if (json === undefined) throw new Refused('invalid', `A value of type ${typeof value} cannot be sent. Send JSON values, text or bytes.`);
  return { body: encoder.encode(json), contentType: 'application/json' };
}

/** The value of a message, by its content type: JSON parsed, text as text, everything else bytes. Throws `Refused('invalid')` for broken JSON. */
export function decodeValue(message: Message): unknown {
  const { contentType = '', body } = message;
  if (/^application\/(.+\+)?json\b/i.test(contentType)) {
    try {
      return JSON.parse(decoder.decode(body));
    } catch (cause) {
      throw new Refused('invalid', `A message for "${message.address}" calls itself JSON and is not.`, { cause });
    }
  }
  return /^text\//i.test(contentType) ? whole.decode(body) : body;
}

function toHeaders(headers: MessageOptions['headers']): Headers {
  if (headers === undefined) return NO_HEADERS;
  return headers instanceof Map ? headers : new Map(Object.entries(headers));
}
