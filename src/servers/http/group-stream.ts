/** Following a topic as a member of a group, as a stream: the connection is the membership, and another request moves its cursors. */

import type { Engine, Principal } from '../../model/engine.ts';
import type { Problem } from '../../wire/http/http.ts';
import type { Call } from './call.ts';
import type { Door } from './door.ts';
import type { Client } from './live.ts';
import { LiveGroup } from './live-group.ts';
import type { Form } from './render.ts';
import { EventStream } from './stream.ts';

export interface GroupWish {
  readonly topic: string;
  readonly group: string;
  readonly from: 'earliest' | 'latest' | undefined;
  /** Most records on their way and not moved past. */
  readonly credit: number;
  readonly form: Form;
}

/** Joins first, so that what is refused is an answer and not a stream; then begins the stream with the member's name. */
export async function followGroup(call: Call, { topic, group, from, credit, form }: GroupWish): Promise<void> {
  const client = new StreamClient(call);
  const live = new LiveGroup(client, { op: 'subscribe', ref: undefined, sub: group, kind: 'group', topic, group, from, credit }, form);
  live.pause();
  try {
    await live.start();
    const stream = new EventStream(call);
    stream.onEnd(() => {
      live.end().catch((error: unknown) => call.door.machine.logger.warn('http.member.left', { group, cause: String(error) }));
    });
    client.open(stream, live);
  } catch (error) {
    await live.end();
    throw error;
  }
}

class StreamClient implements Client {
  readonly door: Door;
  readonly engine: Engine;
  readonly principal: Principal;
  /** What was told before the stream began. */
  #early: (() => void)[] = [];
  #stream: EventStream | undefined;
  #live: LiveGroup | undefined;

  constructor({ door, access }: Call) {
    this.door = door;
    this.engine = access.engine;
    this.principal = access.principal;
  }

  open(stream: EventStream, live: LiveGroup): void {
    this.#stream = stream;
    this.#live = live;
    stream.notice('member', { group: live.group, member: live.member });
    for (const tell of this.#early.splice(0)) tell();
    live.resume();
  }

  messages(_sub: string, texts: readonly string[]): void {
    const stream = this.#stream;
    stream?.messages(texts);
    if (stream?.full !== true) return;
    this.#live?.pause();
    stream.whenRoom(() => this.#live?.resume());
  }

  notice(op: string, { sub: _, ...members }: Readonly<Record<string, unknown>>): void {
    if (this.#stream === undefined) this.#early.push(() => this.notice(op, members));
    else this.#stream.notice(op, members);
  }

  over(_sub: string, reason: string, problem?: Problem): void {
    if (this.#stream === undefined) {
      this.#early.push(() => this.over(_sub, reason, problem));
      return;
    }
    if (problem !== undefined) this.#stream.notice('error', { code: problem.code, detail: reason });
    this.#stream.end(reason);
  }
}
