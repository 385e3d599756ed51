/** One channel: its methods in their order, its content, what it holds, and its end. */

import { decodeMethod, encodeMethod, FRAME, idOf, type Method } from '../../wire/amqp/amqp.ts';
import type { Confirms } from './confirms.ts';
import type { Live, Recipient } from './consumer.ts';
import { AmqpFault } from './faults.ts';
import { Intake, type Taker } from './intake.ts';
import type { Link } from './link.ts';
import { Outgoing } from './outgoing.ts';
import { type Outbound, Publisher } from './publisher.ts';
import type { Sending } from './sending.ts';
import { Settling, type Source } from './settling.ts';
import { Unacked } from './unacked.ts';

/** Does what a method asks; the next one waits for it. Throws `AmqpFault`. */
export type Act = (channel: Channel, method: Method) => Promise<void> | void;

/** A transaction under way. */
export interface Transaction {
  readonly sent: Sending[];
  readonly settled: { readonly tags: readonly number[]; readonly outcome: 'ack' | 'nack' | 'reject' }[];
}

const PUBLISH = idOf('basic.publish');
const ACK = idOf('basic.ack');
const CLOSE = idOf('channel.close');
const CLOSE_OK = idOf('channel.close-ok');

interface Waiting {
  readonly type: number;
  readonly bytes: Buffer;
}

export class Channel implements Recipient, Taker, Outbound {
  readonly id: number;
  readonly link: Link;
  readonly publisher: Publisher = new Publisher(this);
  readonly unacked: Unacked = new Unacked();
  readonly settling: Settling = new Settling();
  #outgoing: Outgoing | undefined;
  /** Something has happened to it since the last turn ended. */
  awake = false;
  readonly consumers: Map<string, Live> = new Map();
  readonly #act: Act;
  readonly #ended: (channel: Channel) => void;
  readonly #intake: Intake = new Intake(this);
  /** Sources by number; what is settled names one. */
  readonly #sources: (Source | undefined)[] = [];
  /** Numbers of sources that are no more. */
  readonly #free: number[] = [];
  /** Sources of messages that were got one by one, by queue. */
  readonly #gets: Map<string, number> = new Map();
  confirms: Confirms | undefined;
  transaction: Transaction | undefined;
  /** For consumers to come; `Infinity`: no limit. */
  prefetch: number = Number.POSITIVE_INFINITY;
  sharedMax: number = Number.POSITIVE_INFINITY;
  /** The queue declared last. */
  lastQueue = '';
  replyQueue: string | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  /** A method is being done; what comes meanwhile waits. */
  #busy = false;
  readonly #waiting: Waiting[] = [];
  /** The id of the method under way. */
  #current = 0;

  constructor(id: number, link: Link, act: Act, ended: (channel: Channel) => void) {
    this.id = id;
    this.link = link;
    this.#act = act;
    this.#ended = ended;
  }

  get outgoing(): Outgoing {
    this.#outgoing ??= new Outgoing(this.link.door.languages);
    return this.#outgoing;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** A frame for this channel. Borrowed. */
  frame(type: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (this.#state !== 'open') {
      if (type === FRAME.method && end - start >= 4) this.#whileClosing(view.getUint32(start));
      return;
    }
    if (this.#busy) {
      this.link.waiting(end - start);
      this.#waiting.push({ type, bytes: Buffer.from(bytes.subarray(start, end)) });
      return;
    }
    try {
      this.#take(type, bytes, view, start, end);
    } catch (error) {
      this.#caught(error);
    }
  }

  #take(type: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (type === FRAME.body) return this.#intake.body(bytes, start, end);
    if (type === FRAME.header) {
      this.#current = PUBLISH;
      return this.#intake.header(bytes, view, start, end);
    }
    if (this.#intake.isWaiting) {
      const what = this.#intake.isInBody ? 'content body' : 'content header for class 60';
      throw new AmqpFault(505, `expected ${what}, got non ${what.replace(' for class 60', '')} frame instead`, 'connection');
    }
    const id = end - start >= 4 ? view.getUint32(start) : 0;
    this.#current = id;
    if (id === PUBLISH) return this.#intake.publish(bytes, start + 4, end);
    if (id === ACK && end - start === 13) {
      const tag = view.getUint32(start + 4) * 0x1_0000_0000 + view.getUint32(start + 8);
      return this.settle(tag, ((bytes[start + 12] ?? 0) & 1) === 1, 'ack');
    }
    this.submit();
    const doing = this.#act(this, decodeMethod(bytes.subarray(start, end)));
    if (doing === undefined) return this.link.wake(this);
    this.#busy = true;
    doing.then(
      () => this.#goOn(),
      (error: unknown) => {
        this.#caught(error);
        this.#goOn();
      },
    );
  }

  #goOn(): void {
    this.#busy = false;
    this.link.wake(this);
    while (!this.#busy) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      const { type, bytes } = next;
      this.link.waiting(-bytes.length);
      this.frame(type, bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    }
    if (!this.#busy) this.endOfRead();
  }

  #caught(error: unknown): void {
    if (error instanceof AmqpFault) this.fail(error, this.#current);
    else this.link.wrong(error, this.#current);
  }

  /** A message is whole. */
  published(): void {
    if (this.transaction === undefined) {
      this.publisher.finished();
      return;
    }
    const sending = this.publisher.take();
    if (sending === undefined) return;
    this.link.waiting(sending.batch.sizeBytes);
    this.transaction.sent.push(sending);
  }

  /** Settles what the client has been given. Throws `AmqpFault` for a tag it does not hold. */
  settle(tag: number, multiple: boolean, outcome: 'ack' | 'nack' | 'reject'): void {
    if (this.transaction !== undefined) {
      const tags = this.unacked.setAside(tag, multiple);
      if (tags === undefined) throw unknownTag(tag);
      this.transaction.settled.push({ tags, outcome });
      return;
    }
    this.#outcome = outcome;
    if (!this.unacked.settle(tag, multiple, this.#settleOne)) throw unknownTag(tag);
    if (outcome !== 'ack') this.flushSettled();
  }

  #outcome: 'ack' | 'nack' | 'reject' = 'ack';

  readonly #settleOne = (number: number, lease: number, source: number): void => {
    const from = this.#sources[source];
    if (from !== undefined) this.settling.add(from, number, lease, this.#outcome);
  };

  source(index: number): Source | undefined {
    return this.#sources[index];
  }

  enter(source: Source): number {
    const number = this.#free.pop() ?? this.#sources.length;
    this.#sources[number] = source;
    return number;
  }

  leave(number: number): void {
    if (this.#sources[number] === undefined) return;
    this.#sources[number] = undefined;
    this.#free.push(number);
  }

  /** The source of messages got from a queue: one for all of them, however many are got. */
  sourceOfGets(queue: string, leased: boolean): number {
    const known = this.#gets.get(queue);
    if (known !== undefined && this.#sources[known]?.leased === leased) return known;
    const number = this.enter({ queue, leased, freed: () => undefined });
    this.#gets.set(queue, number);
    return number;
  }

  /** Publishes gathered so far go to the engine, and so do settlements. */
  submit(): void {
    this.publisher.submit();
    this.flushSettled();
  }

  flushSettled(): void {
    if (this.settling.isEmpty) return;
    void this.settling.flush(this.link.engine, (error) => this.link.left(error));
  }

  /** The socket has brought no more for now. */
  endOfRead(): void {
    if (this.#state !== 'open') return;
    if (this.transaction === undefined) this.publisher.submit();
    // What nobody acknowledges is settled once the socket has room: this holds back a queue faster than its consumer.
    if (!this.link.full) this.flushSettled();
    for (const consumer of this.consumers.values()) consumer.adjust();
  }

  /** The turn ends: confirms are written. */
  endOfTurn(): void {
    if (this.#state !== 'open') return;
    this.confirms?.write(this.link.output, this.id);
    this.endOfRead();
  }

  touch(): void {
    this.link.wake(this);
  }

  gone(consumer: Live): void {
    if (this.consumers.get(consumer.tag) !== consumer) return;
    this.consumers.delete(consumer.tag);
    if (!this.isOpen || !this.link.hearsCancels) return;
    this.link.output.method(this.id, encodeMethod('basic.cancel', { consumerTag: consumer.tag, nowait: true }));
    this.link.wake(this);
  }

  /** Ends the channel, or the connection if it is that bad. */
  fail(fault: AmqpFault, id: number): void {
    if (fault.scope === 'connection') {
      this.link.fail(fault, id);
      return;
    }
    if (this.#state !== 'open') return;
    this.confirms?.write(this.link.output, this.id);
    this.#state = 'closing';
    const close = { replyCode: fault.code, replyText: fault.replyText, classId: id >>> 16, methodId: id & 0xffff };
    this.link.output.method(this.id, encodeMethod('channel.close', close));
    this.link.wake(this);
    void this.#letGo();
  }

  /** We have said that it is closed: nothing counts any more but the client's word that it knows. */
  #whileClosing(id: number): void {
    if (this.#state !== 'closing') return;
    if (id === CLOSE) this.link.output.method(this.id, encodeMethod('channel.close-ok', {}));
    if (id === CLOSE || id === CLOSE_OK) this.#end();
  }

  /** The client closes it. Resolves when nothing is held any more. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    await this.#letGo();
    this.#end();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.link.wake(this);
    this.#ended(this);
  }

  /** What was published whole still goes its way; what it holds goes back. */
  async #letGo(): Promise<void> {
    this.#intake.drop();
    for (const { bytes } of this.#waiting.splice(0)) this.link.waiting(-bytes.length);
    if (this.transaction === undefined) this.publisher.submit();
    const { transaction } = this;
    this.transaction = undefined;
    for (const { batch } of transaction?.sent ?? []) {
      this.link.waiting(-batch.sizeBytes);
      this.link.door.batches.give(batch);
    }
    for (const { tags } of transaction?.settled ?? []) this.unacked.restore(tags);
    this.flushSettled();
    const consumers = [...this.consumers.values()];
    this.consumers.clear();
    await Promise.all(consumers.map((consumer) => consumer.cancel(false).catch((error: unknown) => this.link.left(error))));
    // What consumers held has gone back with them; the rest came by `get`, or from consumers cancelled before.
    this.#outcome = 'nack';
    const ended = new Set<Source>(consumers);
    this.unacked.settle(0, true, (number, lease, source) => {
      const from = this.#sources[source];
      if (from !== undefined && !ended.has(from)) this.settling.add(from, number, lease, 'nack');
    });
    await this.settling.flush(this.link.engine, (error) => this.link.left(error));
  }

  /** The connection is gone. */
  async drop(): Promise<void> {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    await this.#letGo();
  }
}

function unknownTag(tag: number): AmqpFault {
  return new AmqpFault(406, `unknown delivery tag ${tag}`);
}
