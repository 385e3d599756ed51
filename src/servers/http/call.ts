/** One request under way, as handlers see it. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine } from '../../model/engine.ts';
import { parseJson } from '../../wire/http/http.ts';
import type { Body } from './body.ts';
import type { Door } from './door.ts';
import type { Access } from './guard.ts';
import { checkSchema, type Schema } from './schema.ts';

export class Call {
  readonly door: Door;
  readonly access: Access;
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly body: Body;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  #gone: AbortSignal | undefined;

  constructor(
    door: Door,
    access: Access,
    request: IncomingMessage,
    reply: ServerResponse,
    body: Body,
    path: Readonly<Record<string, string>>,
    query: Readonly<Record<string, unknown>>,
  ) {
    this.door = door;
    this.access = access;
    this.request = request;
    this.reply = reply;
    this.body = body;
    this.path = path;
    this.query = query;
  }

  /** As whoever asks: in their tenant, with their permissions. */
  get engine(): Engine {
    return this.access.engine;
  }

  /** A request header, by its name in lower case. */
  header(name: string): string | undefined {
    const value = this.request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** Aborted when nobody waits for the answer any more: the client has gone, or the door closes. */
  get signal(): AbortSignal {
    this.#gone ??= goneSignal(this.door, this.reply);
    return this.#gone;
  }

  /** The body as JSON of this shape; an empty one is `{}` when `required` is false. Throws `Refused('invalid')`. */
  async json<T>(schema: Schema, required = true): Promise<T> {
    const bytes = await this.body.whole(JSON_BODY_BYTES_MAX);
    const value = bytes.length === 0 && !required ? {} : parseJson(bytes, 'The body');
    checkSchema(schema, value, 'The body');
    return value as T;
  }
}

/** For declarations, receipts and the like; messages have the door's limit. */
const JSON_BODY_BYTES_MAX = 1024 * 1024;

/** Aborted when nobody waits for this answer any more. */
export function goneSignal(door: Door, reply: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const abort = (): void => gone.abort();
  if (reply.destroyed || door.isClosing) abort();
  reply.once('close', abort);
  door.closing.signal.addEventListener('abort', abort, { once: true });
  reply.once('close', () => door.closing.signal.removeEventListener('abort', abort));
  return gone.signal;
}
