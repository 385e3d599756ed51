/** A message as a publisher says it: its properties from parameters, headers or JSON, before it is a record. */

import type { Headers, HeaderValue } from '../../model/message.ts';
import { Refused } from '../../model/refusal.ts';
import { checkInteger, parseDuration, parseTime } from './scalars.ts';

/** What may be said of a message beside its body. Times are milliseconds. */
export interface Properties {
  readonly key?: Uint8Array;
  readonly id?: string;
  readonly source?: string;
  readonly type?: string;
  readonly subject?: string;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly priority?: number;
  readonly ttlMs?: number;
  /** Not before this much later. */
  readonly delayMs?: number;
  /** Not before this time, milliseconds since 1970. */
  readonly dueMs?: number;
  readonly group?: string;
  readonly dedupId?: string;
  readonly partition?: number;
  readonly headers: Headers;
}

export interface Draft extends Properties {
  readonly body: Uint8Array;
}

export const PRIORITY_MAX = 255;
export const PARTITION_MAX = 0x7fff_ffff;

const encoder = new TextEncoder();
const EMPTY = new Uint8Array(0);

/** Members of the JSON form that only the broker writes: taken without complaint, so that what was read can be published again. */
const READ_ONLY: ReadonlySet<string> = new Set([
  'exchange',
  'address',
  'timestamp',
  'offset',
  'receipt',
  'attempts',
  'deaths',
  'number',
  'state',
]);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Reads one message in its JSON form, already parsed; what it does not say is taken from `defaults`.
 * `bodyJson` is the text of its member `body` as it was written, when it has one. Throws `Refused('invalid')` naming `what` and the member.
 */
export function decodeDraft(json: unknown, bodyJson: Uint8Array | undefined, defaults: Properties, what: string): Draft {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refused('invalid', `${what} is not a JSON object.`);
  const draft: Mutable<Draft> = { ...defaults, body: EMPTY };
  let bodies = 0;
  for (const [name, value] of Object.entries(json)) {
    const read = MEMBERS.get(name);
    if (read !== undefined) read(draft, value, `"${name}" of ${what}`);
    else if (!READ_ONLY.has(name))
      throw new Refused('invalid', `${what} has a member ${JSON.stringify(name.slice(0, 60))}, which means nothing here.`);
    if (name !== 'body' && name !== 'text' && name !== 'base64') continue;
    bodies += 1;
    if (bodies > 1) throw new Refused('invalid', `${what} has more than one of "body", "text" and "base64"; give one.`);
    if (name === 'body') draft.body = bodyJson ?? encoder.encode(JSON.stringify(value));
    const own = name === 'body' ? 'application/json' : name === 'text' ? 'text/plain; charset=utf-8' : undefined;
    if (draft.contentType === undefined && own !== undefined) draft.contentType = own;
  }
  return draft;
}

type Member = (draft: Mutable<Draft>, value: unknown, name: string) => void;
type TextField =
  | 'id'
  | 'source'
  | 'type'
  | 'subject'
  | 'contentType'
  | 'contentEncoding'
  | 'correlationId'
  | 'replyTo'
  | 'group'
  | 'dedupId';

function text(field: TextField): [string, Member] {
  return [
    field,
    (draft, value, name) => {
      draft[field] = string(value, name);
    },
  ];
}

/** A member called `member` that fills `field` with what `read` makes of it. */
function filled<F extends keyof Draft>(member: string, field: F, read: (value: unknown, name: string) => Draft[F]): [string, Member] {
  return [
    member,
    (draft, value, name) => {
      (draft as { [K in F]: Draft[K] })[field] = read(value, name);
    },
  ];
}

const MEMBERS: ReadonlyMap<string, Member> = new Map<string, Member>([
  text('id'),
  text('source'),
  text('type'),
  text('subject'),
  text('contentType'),
  text('contentEncoding'),
  text('correlationId'),
  text('replyTo'),
  text('group'),
  text('dedupId'),
  filled('key', 'key', (value, name) => encoder.encode(string(value, name))),
  filled('keyBase64', 'key', (value, name) => decodeBase64(string(value, name), name)),
  filled('priority', 'priority', (value, name) => checkInteger(value, name, 0, PRIORITY_MAX)),
  filled('partition', 'partition', (value, name) => checkInteger(value, name, 0, PARTITION_MAX)),
  filled('ttl', 'ttlMs', duration),
  filled('delay', 'delayMs', duration),
  filled('due', 'dueMs', (value, name) => parseTime(typeof value === 'number' ? String(value) : string(value, name), name)),
  ['headers', (draft, value, name) => Object.assign(draft, { headers: decodeHeaders(value, draft.headers, name) })],
  ['body', () => undefined],
  filled('text', 'body', (value, name) => encoder.encode(string(value, name))),
  filled('base64', 'body', (value, name) => decodeBase64(string(value, name), name)),
]);

function decodeHeaders(json: unknown, defaults: Headers, name: string): Headers {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refused('invalid', `${name} is not a JSON object.`);
  const headers = new Map(defaults);
  for (const [header, value] of Object.entries(json)) headers.set(header, decodeHeader(value, name));
  return headers;
}

/** JSON cannot say bytes or large integers: those are `{ "base64": "…" }` and `{ "bigint": "…" }`. The depth was checked with the text. */
function decodeHeader(json: unknown, name: string): HeaderValue {
  if (json === null || typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean') return json;
  if (Array.isArray(json)) return json.map((value) => decodeHeader(value, name));
  const entries = Object.entries(json as object);
  const [only] = entries;
  if (entries.length === 1 && only !== undefined && typeof only[1] === 'string') {
    if (only[0] === 'base64') return decodeBase64(only[1], name);
    if (only[0] === 'bigint' && /^-?\d{1,40}$/.test(only[1])) return BigInt(only[1]);
  }
  return new Map(entries.map(([key, value]) => [key, decodeHeader(value, name)]));
}

function string(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new Refused('invalid', `${name} is not a string.`);
}

function duration(value: unknown, name: string): number {
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return value;
  return parseDuration(string(value, name), name);
}

/** Base64 or base64url; characters outside both are refused, not skipped. */
export function decodeBase64(text: string, name: string): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw new Refused('invalid', `${name} is not base64.`);
  return new Uint8Array(Buffer.from(text, 'base64'));
}
