/** An answer without end: server-sent events, or lines of JSON; one write for each batch, and none while the client has enough waiting. */

import type { ServerResponse } from 'node:http';
import { accepts, MEDIA, SSE_HEARTBEAT, sseEvent, sseOpening } from '../../wire/http/http.ts';
import { Outlet } from '../connection.ts';
import type { Call } from './call.ts';
import type { Door, Lasting } from './door.ts';
import { HttpFault } from './fault.ts';
import { type Access, endUnlessHolds } from './guard.ts';
import { SAFE_HEADERS } from './reply.ts';

/** How soon a client should come back after a stream has ended. */
const RETRY_MS = 1000;

export class EventStream implements Lasting {
  readonly #door: Door;
  readonly #reply: ServerResponse;
  readonly #outlet: Outlet;
  readonly #lines: boolean;
  readonly #access: Access;
  #ended = false;
  #cancelHeartbeat: () => void = () => undefined;
  readonly #onEnd: (() => void)[] = [];

  /** Begins the answer. From here on errors are told inside the stream. */
  constructor(call: Call) {
    const { door, reply, request, access } = call;
    if (request.method === 'HEAD')
      throw new HttpFault('method-not-allowed', 'A stream has no end to tell the length of; GET it.', { allow: 'GET' });
    if (reply.socket === null) throw new HttpFault('bad-request', 'A stream cannot wait behind another request on the same connection.');
    this.#door = door;
    this.#reply = reply;
    this.#access = access;
    this.#outlet = new Outlet(reply, door.limits.outgoingBytesMax);
    this.#lines = accepts(call.header('accept'), MEDIA.ndjson);
    const type = this.#lines ? MEDIA.ndjson : MEDIA.events;
    reply.writeHead(200, { ...SAFE_HEADERS, 'content-type': type, 'x-accel-buffering': 'no', connection: 'close' });
    reply.flushHeaders();
    if (!this.#lines) reply.write(sseOpening(RETRY_MS));
    door.figures.streams += 1;
    door.figures.answers[2] += 1;
    door.lasting.add(this);
    reply.once('close', () => this.#finish());
    this.#beat();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Enough is waiting for the client; hold back until `whenRoom`. */
  get full(): boolean {
    return this.#outlet.full;
  }

  /** Only while `full`. Also called when the client has gone. */
  whenRoom(fn: () => void): void {
    this.#outlet.whenRoom(fn);
  }

  room(): Promise<void> {
    return this.#outlet.room();
  }

  /** Calls `fn` once when the stream has ended, by whichever side. */
  onEnd(fn: () => void): void {
    if (this.#ended) fn();
    else this.#onEnd.push(fn);
  }

  /** Texts of messages, each with its event id where there is one: one write. */
  messages(texts: readonly string[], ids?: readonly string[]): void {
    if (this.#ended || texts.length === 0) return;
    let out = '';
    for (let i = 0; i < texts.length; i++) out += this.#lines ? `${texts[i]}\n` : sseEvent(texts[i] ?? '', ids?.[i]);
    this.#door.figures.delivered += texts.length;
    this.#reply.write(out);
  }

  /** Something other than a message. */
  notice(event: string, data: object): void {
    if (this.#ended) return;
    this.#reply.write(this.#lines ? `${JSON.stringify({ event, ...data })}\n` : sseEvent(JSON.stringify(data), undefined, event));
  }

  end(reason: string): void {
    if (this.#ended) return;
    this.notice('end', { reason });
    this.#reply.end();
    this.#finish();
  }

  #finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelHeartbeat();
    this.#door.figures.streams -= 1;
    this.#door.lasting.delete(this);
    for (const fn of this.#onEnd) fn();
  }

  #beat(): void {
    this.#cancelHeartbeat = this.#door.machine.clock.after(this.#door.limits.heartbeatMs, () => {
      if (this.#ended) return;
      if (!this.#outlet.full) this.#reply.write(this.#lines ? '\n' : SSE_HEARTBEAT);
      this.#beat();
      void endUnlessHolds(this.#access, this);
    });
  }
}
