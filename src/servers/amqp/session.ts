/** One connection: greeting, opening, channels, and its end. Bytes in, bytes out; the socket is another's. */

import type { Engine } from '../../model/engine.ts';
import { Refused } from '../../model/refusal.ts';
import {
  type Args,
  decodeMethod,
  encodeMethod,
  FRAME,
  FrameReader,
  type FrameSink,
  idOf,
  type Method,
  Output,
  type ReplyCode,
  WireFault,
} from '../../wire/amqp/amqp.ts';
import { Awake } from './awake.ts';
import { Channel } from './channel.ts';
import { act } from './dispatch.ts';
import type { Door, Peer } from './door.ts';
import { AmqpFault, faultOf } from './faults.ts';
import { Heartbeat } from './heartbeat.ts';
import { letGo } from './letting-go.ts';
import { FRAME_MIN, STRANGER_FRAME_MAX } from './limits.ts';
import type { Link, Sleeper } from './link.ts';
import { type Opened, Opening } from './opening.ts';
import { type Inlet, Pressure } from './pressure.ts';
import { RouteTable } from './routes.ts';

/** What the session writes to; the server owns the socket behind it. */
export interface Wire extends Inlet {
  /** Each chunk goes back to the pool once it has been sent. */
  send(chunks: readonly { readonly chunk: Buffer; readonly length: number }[]): void;
  whenRoom(fn: () => void): void;
  /** After what was sent: closed for good. */
  end(): void;
}

const GREETING = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
/** What some old clients say; taken for the same. */
const GREETING_OLD = Buffer.from('AMQP\x01\x01\x00\x09', 'latin1');
const CHANNEL_OPEN = idOf('channel.open');
/** How long the client may take to answer our goodbye. */
const GOODBYE_MS = 3000;

type Phase = 'greeting' | 'opening' | 'serving' | 'closing' | 'ended';

export class Session implements FrameSink, Link, Opened {
  readonly door: Door;
  readonly output: Output;
  readonly routes: RouteTable = new RouteTable();
  readonly #wire: Wire;
  readonly #reader: FrameReader;
  readonly opening: Opening;
  readonly #heartbeat: Heartbeat;
  readonly #pressure: Pressure;
  readonly channels: Map<number, Channel> = new Map();
  readonly #awake = new Awake();
  #phase: Phase = 'greeting';
  engine: Engine;
  house: Engine;
  vhost = '';
  #channelMax = 0;
  #scheduled = false;
  /** Since when what has come is being read; 0: nothing is. */
  #readMs = 0;
  #limit: (() => void) | undefined;
  #over: Promise<void> | undefined;
  #unwatch: (() => void) | undefined;

  constructor(door: Door, wire: Wire, peer: Peer) {
    const { clock } = door.machine;
    this.door = door;
    this.engine = door.engine;
    this.house = door.engine;
    this.#wire = wire;
    this.output = new Output(door.chunks);
    this.output.frameMax = FRAME_MIN;
    this.#reader = new FrameReader(this, Math.min(door.limits.frameMax, STRANGER_FRAME_MAX));
    this.opening = new Opening(door, peer, this);
    this.#heartbeat = new Heartbeat(clock);
    this.#pressure = new Pressure(wire, this.#heartbeat, clock, door.limits, (reason) => this.#tellBlocked(reason));
    door.visitors.add(this);
    this.#limit = clock.after(door.limits.handshakeMs, () => this.finish());
  }

  get user(): string {
    return this.opening.user;
  }

  get isBlocked(): boolean {
    return this.#pressure.isBlocked;
  }

  get hearsCancels(): boolean {
    return this.opening.hearsCancels;
  }

  get full(): boolean {
    return this.#wire.full;
  }

  get nowMs(): number {
    return this.#readMs === 0 ? this.engine.nowMs() : this.#readMs;
  }

  get deaf(): boolean {
    return this.#phase === 'ended';
  }

  /** Bytes from the socket. Borrowed. */
  receive(chunk: Buffer): void {
    if (this.deaf) return;
    this.#heartbeat.heard();
    this.#readMs = this.engine.nowMs();
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.wrong(error, 0);
    }
    this.#awake.endOfRead(!this.#scheduled);
    this.#balance();
  }

  greeting(bytes: Uint8Array): void {
    if (!GREETING.equals(bytes) && !GREETING_OLD.equals(bytes)) {
      this.output.greeting(GREETING);
      this.finish();
      return;
    }
    this.#phase = 'opening';
    this.opening.start();
  }

  frame(type: number, id: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (type === FRAME.heartbeat) return;
    if (id === 0) {
      if (type !== FRAME.method) throw new AmqpFault(505, 'expected method frame on channel 0', 'connection');
      this.#connectionMethod(decodeMethod(bytes.subarray(start, end)));
      return;
    }
    // After our goodbye all but the answer to it is overheard.
    if (this.#phase === 'closing') return;
    if (this.#phase !== 'serving') throw new AmqpFault(505, 'a channel is spoken of before the connection is open', 'connection');
    const channel = this.channels.get(id);
    if (channel === undefined) return this.#open(type, id, view, start, end);
    this.#awake.stir(channel);
    channel.frame(type, bytes, view, start, end);
  }

  #open(type: number, id: number, view: DataView, start: number, end: number): void {
    const isOpen = type === FRAME.method && end - start >= 4 && view.getUint32(start) === CHANNEL_OPEN;
    if (!isOpen) throw new AmqpFault(504, `expected 'channel.open'`, 'connection');
    if (id > this.#channelMax) {
      const text = `number of channels opened (${id}) has exceeded the negotiated channel_max (${this.#channelMax})`;
      throw new AmqpFault(530, text, 'connection');
    }
    const channel = new Channel(id, this, act, (ended) => {
      if (this.channels.get(id) === ended) this.channels.delete(id);
    });
    this.channels.set(id, channel);
    this.output.method(id, encodeMethod('channel.open-ok', { reserved1: new Uint8Array(0) }));
    this.touch();
  }

  #connectionMethod(method: Method): void {
    const { name } = method;
    if (name === 'connection.close') return this.#farewell();
    if (this.#phase === 'closing') {
      if (name === 'connection.close-ok') this.finish();
      return;
    }
    if (!name.startsWith('connection.')) throw new AmqpFault(504, `${name} on channel 0`, 'connection');
    this.opening.take(method);
  }

  tuned(frameMax: number, channelMax: number, heartbeatMs: number): void {
    this.#channelMax = channelMax;
    this.#reader.frameMax = frameMax;
    this.output.frameMax = frameMax;
    if (heartbeatMs === 0) return;
    const beat = (): void => {
      this.output.heartbeat();
      this.touch();
    };
    this.#heartbeat.start(heartbeatMs, beat, () => this.finish());
  }

  begin(vhost: string, engine: Engine, house: Engine): void {
    this.vhost = vhost;
    this.engine = engine;
    this.house = house;
    this.#limit?.();
    this.#phase = 'serving';
    this.#unwatch = this.door.alarm.watch(() => this.#balance());
    this.say('connection.open-ok', { reserved1: '' });
  }

  say<M extends Method['name']>(name: M, args: Args<M>): void {
    this.output.method(0, encodeMethod(name, args));
    this.touch();
  }

  #tellBlocked(reason: string | undefined): void {
    if (this.#phase !== 'serving' || !this.opening.hearsBlocked) return;
    if (reason !== undefined) this.say('connection.blocked', { reason });
    else this.say('connection.unblocked', {});
  }

  wake(channel: Sleeper): void {
    this.#awake.stir(channel);
    this.touch();
  }

  touch(): void {
    if (this.#scheduled || this.#phase === 'ended') return;
    this.#scheduled = true;
    this.door.machine.clock.soon(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#awake.endOfTurn(this.#phase === 'serving');
    this.#flush();
    this.#balance();
  }

  #flush(): void {
    const chunks = this.output.take();
    if (chunks.length === 0) return;
    this.#heartbeat.said();
    this.#wire.send(chunks);
    // Once the client has read, whoever held back for want of room goes on.
    if (this.#wire.full) this.#wire.whenRoom(() => this.#wakeAll());
  }

  #wakeAll(): void {
    for (const channel of this.channels.values()) this.#awake.stir(channel);
    this.touch();
  }

  waiting(bytes: number): void {
    this.#pressure.waiting(bytes);
    if (bytes < 0) this.#balance();
  }

  unfinished(bytes: number): void {
    this.#pressure.unfinished(bytes);
  }

  #balance(): void {
    if (this.#phase === 'ended') return;
    const alarmed = this.door.alarm.isOn && [...this.channels.values()].some(({ publisher }) => publisher.used);
    this.#pressure.balance(this.engine, alarmed);
  }

  wrong(error: unknown, id: number): void {
    if (error instanceof AmqpFault) return this.fail(error, id);
    if (error instanceof WireFault) return this.fail(new AmqpFault(error.code, error.message, 'connection'), id);
    if (error instanceof Refused) return this.fail(faultOf(error), id);
    this.door.tell(error, 'session');
    this.fail(new AmqpFault(541, 'something went wrong inside the broker; its log has more', 'connection'), id);
  }

  left(error: unknown): void {
    // Otherwise the queue was removed meanwhile, and its messages with it.
    if (!(error instanceof Refused)) this.door.tell(error, 'settle');
    else if (error.code === 'closed') this.fail(new AmqpFault(320, error.message, 'connection'), 0);
  }

  fail(fault: AmqpFault, id: number): void {
    if (this.#phase === 'closing' || this.#phase === 'ended') return;
    if (this.#phase === 'greeting') return this.finish();
    this.#phase = 'closing';
    const close = { replyCode: fault.code, replyText: fault.replyText, classId: id >>> 16, methodId: id & 0xffff };
    this.output.method(0, encodeMethod('connection.close', close));
    this.touch();
    this.#limit?.();
    this.#limit = this.door.machine.clock.after(GOODBYE_MS, () => this.finish());
    void this.over();
  }

  dismiss(code: ReplyCode, message: string): void {
    if (this.#phase === 'serving') this.fail(new AmqpFault(code, message, 'connection'), 0);
    else if (this.#phase !== 'closing') this.finish();
  }

  /** The client says goodbye: all it holds goes back before it is told that it may go. */
  #farewell(): void {
    const answered = this.#phase === 'closing';
    this.#phase = 'closing';
    const answer = (): void => {
      this.say('connection.close-ok', {});
      this.finish();
    };
    if (answered) answer();
    else void this.over().then(answer);
  }

  finish(): void {
    if (this.#phase === 'ended') return;
    this.#flush();
    this.#phase = 'ended';
    this.#wire.end();
    void this.over();
  }

  /** The socket is gone. Resolves when nothing is held any more. */
  closed(): Promise<void> {
    this.#phase = 'ended';
    return this.over();
  }

  over(): Promise<void> {
    this.#over ??= this.#letGo();
    if (this.#phase === 'ended') for (const part of [this.#heartbeat, this.#pressure, this.opening]) part.stop();
    if (this.#phase === 'ended') this.#limit?.();
    return this.#over;
  }

  #letGo(): Promise<void> {
    this.door.visitors.delete(this);
    this.#unwatch?.();
    const channels = [...this.channels.values()];
    this.channels.clear();
    return letGo(this, channels);
  }
}
