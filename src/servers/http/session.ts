/** One WebSocket's conversation: frames in, what they ask for done, answers and messages out. Knows no socket. */

import type { Engine, Principal } from '../../model/engine.ts';
import { Refused } from '../../model/refusal.ts';
import {
  type ClientFrame,
  decodeFrame,
  encodeFrame,
  encodeMessagesFrame,
  FrameFault,
  quoted,
  type Ref,
  type SubscribeFrame,
} from '../../wire/http/http.ts';
import type { Door } from './door.ts';
import { problemOf } from './fault.ts';
import { FramePublisher } from './frame-publisher.ts';
import type { Access } from './guard.ts';
import { type Client, type Live, LiveAddress, LiveQueue } from './live.ts';
import { LiveGroup } from './live-group.ts';
import { LiveTopic } from './live-topic.ts';

/** The way out. */
export interface Wire {
  send(text: string): void;
  /** Enough is waiting for the client. */
  readonly full: boolean;
  /** Only while `full`. */
  whenRoom(fn: () => void): void;
  /** Read no more frames, and read on. */
  hold(): void;
  release(): void;
}

export class Session implements Client {
  readonly engine: Engine;
  readonly principal: Principal;
  readonly door: Door;
  readonly #wire: Wire;
  readonly #publisher: FramePublisher;
  readonly #live = new Map<string, Live>();
  /** Other frames under way. */
  #acting = 0;
  #full = false;
  #held = false;
  #ended = false;

  constructor({ engine, principal }: Pick<Access, 'engine' | 'principal'>, door: Door, wire: Wire) {
    this.engine = engine;
    this.principal = principal;
    this.door = door;
    this.#wire = wire;
    this.#publisher = new FramePublisher(engine, door, {
      published: (frame, answer) => {
        if (frame.ref !== undefined) this.#send(encodeFrame('published', { ref: frame.ref, ...answer }));
        this.#balance();
      },
      failed: (frame, error) => {
        this.#fault(frame.ref, error);
        this.#balance();
      },
    });
  }

  receive(bytes: Uint8Array): void {
    let frame: ClientFrame;
    try {
      frame = decodeFrame(bytes);
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error;
      this.#fault(error.ref, error.fault);
      return;
    }
    if (frame.op === 'publish') {
      this.#publisher.take(frame, bytes.length);
      this.#balance();
      return;
    }
    this.#acting += 1;
    this.#balance();
    this.#act(frame)
      .catch((error: unknown) => this.#fault(frame.ref, error))
      .finally(() => {
        this.#acting -= 1;
        this.#balance();
      });
  }

  /** Lets go of everything; the client has gone or is being sent away. */
  async end(): Promise<void> {
    this.#ended = true;
    const all = [...this.#live.values()];
    this.#live.clear();
    await Promise.all(all.map((live) => live.end().catch((error: unknown) => this.#left(error))));
  }

  messages(sub: string, texts: readonly string[]): void {
    this.door.figures.delivered += texts.length;
    this.#send(encodeMessagesFrame(sub, texts));
  }

  notice(op: string, members: Readonly<Record<string, unknown>>): void {
    this.#send(encodeFrame(op, members));
  }

  over(sub: string, reason: string): void {
    const live = this.#live.get(sub);
    if (live === undefined) return;
    this.#live.delete(sub);
    this.notice('ended', { sub, reason });
    live.end().catch((error: unknown) => this.#left(error));
  }

  async #act(frame: Exclude<ClientFrame, { op: 'publish' }>): Promise<void> {
    const { ref } = frame;
    switch (frame.op) {
      case 'subscribe':
        return this.#done(ref, { sub: frame.sub, member: await this.#subscribe(frame) });
      case 'unsubscribe': {
        const live = this.#find(frame.sub);
        this.#live.delete(frame.sub);
        await live.end();
        return this.#done(ref, { sub: frame.sub });
      }
      case 'credit':
        this.#find(frame.sub).credit(frame.credit);
        return this.#done(ref, {});
      case 'extend':
        return this.#done(ref, { settled: await this.#find(frame.sub).extend(frame) });
      case 'move':
        await this.#find(frame.sub).move(frame);
        return this.#done(ref, {});
      case 'ping':
        return this.notice('pong', { ref });
      default:
        return this.#done(ref, { settled: await this.#find(frame.sub).settle(frame) });
    }
  }

  /** Answers what it is called as a member of a group. */
  async #subscribe(frame: SubscribeFrame): Promise<string | undefined> {
    const { subscriptionsMax } = this.door.limits;
    if (this.#live.has(frame.sub)) throw new Refused('conflict', `This connection has a subscription ${quoted(frame.sub)} already.`);
    if (this.#live.size >= subscriptionsMax) {
      throw new Refused('full', `This connection has ${subscriptionsMax} subscriptions, the most there may be.`);
    }
    const live = this.#liveOf(frame);
    this.#live.set(frame.sub, live);
    if (this.#full) live.pause();
    try {
      await live.start();
    } catch (error) {
      this.#live.delete(frame.sub);
      await live.end().catch((left: unknown) => this.#left(left));
      throw error;
    }
    if (this.#ended) await live.end();
    return live.member;
  }

  #liveOf(frame: SubscribeFrame): Live {
    switch (frame.kind) {
      case 'queue':
        return new LiveQueue(this, frame);
      case 'pattern':
        return new LiveAddress(this, frame);
      case 'topic':
        return new LiveTopic(this, frame);
      case 'group':
        return new LiveGroup(this, frame);
    }
  }

  #find(sub: string): Live {
    const live = this.#live.get(sub);
    if (live === undefined) throw new Refused('unknown', `This connection has no subscription ${quoted(sub)}.`);
    return live;
  }

  #done(ref: Ref, members: Readonly<Record<string, unknown>>): void {
    if (ref !== undefined) this.#send(encodeFrame('done', { ref, ...members }));
  }

  #fault(ref: Ref, error: unknown): void {
    const { code, detail, path } = problemOf(error);
    this.door.tell(error, { op: 'websocket' });
    this.#send(encodeFrame('error', { ref, code, detail, path }));
  }

  #left(error: unknown): void {
    if (!(error instanceof Refused)) this.door.machine.logger.warn('http.subscription.left', { cause: String(error) });
  }

  #send(text: string): void {
    if (this.#ended) return;
    this.#wire.send(text);
    if (this.#full || !this.#wire.full) return;
    // Nothing more is made for this client, and nothing more read from it, until it has taken what waits.
    this.#full = true;
    for (const live of this.#live.values()) live.pause();
    this.#balance();
    this.#wire.whenRoom(() => {
      this.#full = false;
      for (const live of this.#live.values()) live.resume();
      this.#balance();
    });
  }

  #balance(): void {
    const { unanswered, unansweredBytes } = this.#publisher;
    const { unansweredMax, unansweredBytesMax } = this.door.limits;
    const hold = this.#full || unanswered + this.#acting >= unansweredMax || unansweredBytes >= unansweredBytesMax;
    if (hold === this.#held) return;
    this.#held = hold;
    if (hold) this.#wire.hold();
    else this.#wire.release();
  }
}
