/** A client of the AMQP door without sockets: a program made by chance, said in bytes to a real session. */

import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import type { Door } from '../../../src/servers/amqp/door.ts';
import { Session } from '../../../src/servers/amqp/session.ts';
import { type Args, decodeMethod, FRAME, FrameReader, type MethodName } from '../../../src/wire/amqp/amqp.ts';
import { GREETING, method } from '../../doors/amqp/raw.ts';
import { AmqpChannel } from './amqp-channel.ts';
import type { AmqpLedger } from './amqp-ledger.ts';
import { Cable } from './cable.ts';
import type { Life } from './stage.ts';

/** From there on the door makes nothing more for this client until it has read. */
const UNREAD_MAX = 20_000;

/** What a session has sent, found in its bytes. */
export interface Said {
  readonly channel: number;
  readonly name: MethodName;
  readonly args: unknown;
  body: Buffer;
  /** Where in all that was sent it ends. */
  endsAt: number;
  /** What it says about a delivery, once it was written down. */
  of?: unknown;
}

const CONTENT: ReadonlySet<string> = new Set(['basic.return', 'basic.deliver', 'basic.get-ok']);

/** Puts together what a session says. */
class Hearing {
  readonly #said: (said: Said) => void;
  readonly #reader: FrameReader;
  #at = 0;
  #open: { said: Said; left: number } | undefined;

  constructor(said: (said: Said) => void) {
    this.#said = said;
    this.#reader = new FrameReader({ deaf: false, greeting: () => undefined, frame: (...frame) => this.#frame(...frame) }, 1 << 20);
    this.#reader.push(GREETING);
  }

  push(bytes: Buffer): void {
    this.#reader.push(bytes);
  }

  #frame(type: number, channel: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    this.#at += end - start + 8;
    if (type === FRAME.method) {
      const { name, args } = decodeMethod(bytes.subarray(start, end));
      const said: Said = { channel, name, args, body: Buffer.alloc(0), endsAt: this.#at };
      if (CONTENT.has(name)) this.#open = { said, left: -1 };
      else this.#said(said);
      return;
    }
    const open = this.#open;
    if (open === undefined) return;
    if (type === FRAME.header) open.left = view.getUint32(start + 8);
    if (type === FRAME.body) {
      open.said.body = Buffer.concat([open.said.body, bytes.subarray(start, end)]);
      open.left -= end - start;
    }
    if (open.left !== 0) return;
    this.#open = undefined;
    open.said.endsAt = this.#at;
    this.#said(open.said);
  }
}

export class AmqpClient {
  readonly ledger: AmqpLedger;
  readonly random: SimRandom;
  readonly session: Session;
  readonly #cable: Cable;
  readonly #life: Life;
  readonly #channels = new Map<number, AmqpChannel>();
  readonly #waiting: Said[] = [];
  readonly #ended: (client: AmqpClient) => void;
  readonly #works: boolean;
  readonly trace: ((line: string) => void) | undefined;
  readonly number: number;
  #heardBytes = 0;
  #alive = true;
  #open = false;
  #asked: { readonly names: readonly MethodName[]; readonly resolve: (said: Said) => void } | undefined;
  onOpen: (() => void) | undefined;

  /** `works`: by itself, at random; otherwise it is asked. */
  constructor(
    door: Door,
    life: Life,
    ledger: AmqpLedger,
    number: number,
    works: boolean,
    trace: ((line: string) => void) | undefined,
    ended: (client: AmqpClient) => void,
  ) {
    this.ledger = ledger;
    this.random = life.machine.random;
    this.#life = life;
    this.#works = works;
    this.#ended = ended;
    this.trace = trace;
    this.number = number;
    const { clock } = life.machine;
    this.#cable = new Cable(clock, this.random, { heard: (bytes) => this.#heard(bytes), gone: () => this.#gone() });
    const hearing = new Hearing((said) => this.#said(said));
    const cable = this.#cable;
    this.session = new Session(
      door,
      {
        send: (chunks) => {
          for (const { chunk, length } of chunks) {
            hearing.push(Buffer.from(chunk.subarray(0, length)));
            cable.answer(chunk.subarray(0, length));
            // It is written again at once, as it might be.
            chunk.fill(0);
            door.chunks.give(chunk);
          }
        },
        get full() {
          return cable.unreadBytes > UNREAD_MAX;
        },
        whenRoom: (fn) => cable.whenRead(fn),
        hold: () => cable.hold(),
        release: () => cable.release(),
        end: () => cable.endByServer(),
      },
      { address: '127.0.0.1', isLoopback: true, certificateName: undefined },
    );
    cable.attach({ heard: (bytes) => this.session.receive(bytes), gone: () => void this.session.closed() });
    this.say(GREETING);
  }

  get isOpen(): boolean {
    return this.#alive && this.#open;
  }

  say(...frames: readonly Buffer[]): void {
    if (this.#alive) this.#cable.say(Buffer.concat(frames));
  }

  /** For clients that do not work by themselves: says it, and waits for one of these answers. */
  ask(names: readonly MethodName[], ...frames: readonly Buffer[]): Promise<Said> {
    return new Promise((resolve) => {
      this.#asked = { names, resolve };
      this.say(...frames);
    });
  }

  /** The session has sent it: it is promised from now on, whenever the client hears of it. */
  #said(said: Said): void {
    this.#channels.get(said.channel)?.said(said);
    this.#waiting.push(said);
  }

  #heard(bytes: Buffer): void {
    this.#heardBytes += bytes.length;
    for (let next = this.#waiting[0]; next !== undefined && next.endsAt <= this.#heardBytes; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next);
    }
  }

  #take(said: Said): void {
    const { name, channel } = said;
    if (this.#asked?.names.includes(name) === true) {
      const { resolve } = this.#asked;
      this.#asked = undefined;
      resolve(said);
    }
    if (channel > 0) return this.#channels.get(channel)?.heard(said);
    if (name === 'connection.start')
      this.say(
        method(0, 'connection.start-ok', {
          clientProperties: new Map([['capabilities', new Map([['consumer_cancel_notify', true]])]]),
          mechanism: 'PLAIN',
          response: Buffer.from('\0guest\0guest'),
          locale: 'en_US',
        }),
      );
    else if (name === 'connection.tune')
      this.say(
        method(0, 'connection.tune-ok', { channelMax: 10, frameMax: 4096, heartbeat: 0 }),
        method(0, 'connection.open', { virtualHost: '/', reserved1: '', reserved2: false }),
      );
    else if (name === 'connection.open-ok') this.#opened();
    else if (name === 'connection.close') this.#refused(said.args as Args<'connection.close'>);
    else if (name === 'connection.close-ok') this.#letGo();
  }

  #opened(): void {
    this.#open = true;
    this.onOpen?.();
    if (!this.#works) return;
    const count = 1 + this.random.int(3);
    for (let id = 1; id <= count; id++) this.#channel(id);
    this.#work();
  }

  #channel(id: number): void {
    const channel = new AmqpChannel(id, this, () => {
      this.#channels.delete(id);
      if (this.isOpen) this.#channel(id);
    });
    this.#channels.set(id, channel);
  }

  #work(): void {
    const { clock } = this.#life.machine;
    clock.after(this.random.chance(0.3) ? 0 : this.random.float() * 12, () => {
      if (!this.isOpen || this.#life.machine.disk.halted) return;
      const what = this.random.float();
      if (what < 0.006) this.drop();
      else if (what < 0.01) this.close();
      else {
        const channels = [...this.#channels.values()];
        if (channels.length > 0) this.random.pick(channels).step();
      }
      this.#work();
    });
  }

  /** Says goodbye. */
  close(): void {
    // What a channel has read and not yet done may fall with the connection.
    for (const channel of this.#channels.values()) channel.lost();
    this.say(method(0, 'connection.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 }));
    this.#open = false;
  }

  /** Torn off. */
  drop(): void {
    this.trace?.(`client ${this.number} tears its connection off`);
    for (const channel of this.#channels.values()) channel.lost();
    this.#cable.drop();
    this.#letGo();
  }

  /** Only a broker that cannot write may send us away. */
  #refused({ replyCode, replyText }: Args<'connection.close'>): void {
    this.trace?.(`client ${this.number} is sent away: ${replyCode} ${replyText}`);
    if (replyCode !== 320 && !this.mayBeRefused) this.ledger.fault('sent away', `${replyCode} ${replyText}`);
    this.drop();
  }

  /** The disk has failed or is full: the door may then say no. */
  get mayBeRefused(): boolean {
    return this.#life.failed() || this.#life.machine.disk.struck > 0 || this.#life.isTight;
  }

  #gone(): void {
    for (const channel of this.#channels.values()) channel.lost();
    this.#letGo();
  }

  #letGo(): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#open = false;
    this.#ended(this);
  }

  die(): void {
    this.#cable.die();
  }
}
