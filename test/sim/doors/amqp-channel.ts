/** A channel of a simulated AMQP client: publishes in confirm or transaction mode, consumes, settles, and writes down what it hears. */

import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { type Args, FRAME, type MethodName } from '../../../src/wire/amqp/amqp.ts';
import { frame, header, method } from '../../doors/amqp/raw.ts';
import type { AmqpClient, Said } from './amqp-client.ts';
import { bodyOf, type Delivery, type Holder, type Message, QUEUES, type Reader, ROUTES, type Transaction, UNACKED } from './amqp-ledger.ts';

const PERSISTENT = Buffer.from([0x10, 0, 2]);
const FRAME_BODY = 4088;
const STATE_OF = { ack: 'acked', requeue: 'returned', reject: 'rejected' } as const;
const TX_MAX = 6;

interface Held {
  readonly tag: number;
  readonly delivery: Delivery;
  readonly reader: Reader;
}

export class AmqpChannel {
  readonly #id: number;
  readonly #client: AmqpClient;
  readonly #random: SimRandom;
  readonly #holder: Holder;
  readonly #mode: 'confirm' | 'tx' | 'plain';
  readonly #ended: () => void;
  /** Published and not confirmed: by number, in order. */
  readonly #unconfirmed = new Map<number, Message>();
  #published = 0;
  #transaction: Transaction | undefined;
  /** Asked to be committed, not answered. */
  #committing: Transaction | undefined;
  readonly #readers = new Map<string, Reader>();
  readonly #gets = new Map<string, Reader>();
  #got: Reader | undefined;
  #tags = 0;
  /** Heard of, and not settled. */
  #held: Held[] = [];
  /** Settled, without an answer since that shows that it was read. */
  #unsure: Delivery[] = [];
  /** What is waited for, and what it will make sure. */
  #asked: { readonly name: MethodName; readonly sure: readonly Delivery[] } | undefined;
  #leaving = false;
  #nextConsumer = 1;

  constructor(id: number, client: AmqpClient, ended: () => void) {
    this.#id = id;
    this.#client = client;
    this.#random = client.random;
    this.#holder = client.ledger.hold();
    this.#ended = ended;
    this.#mode = this.#random.pick(['confirm', 'confirm', 'tx', 'tx', 'plain'] as const);
    const open = method(id, 'channel.open', { reserved1: '' });
    if (this.#mode === 'confirm') this.#ask('confirm.select-ok', open, method(id, 'confirm.select', { nowait: false }));
    else if (this.#mode === 'tx') {
      this.#transaction = client.ledger.begin();
      this.#ask('tx.select-ok', open, method(id, 'tx.select', {}));
    } else this.#ask('channel.open-ok', open);
  }

  #ask(name: MethodName, ...frames: readonly Buffer[]): void {
    this.#asked = { name, sure: this.#unsure };
    this.#unsure = [];
    this.#client.say(...frames);
    this.#tell(`asks for ${name}`);
  }

  #tell(what: string): void {
    this.#client.trace?.(`channel ${this.#holder.number} (${this.#mode}) ${what}`);
  }

  /** One thing, drawn by chance. */
  step(): void {
    if (this.#leaving) return;
    const draw = this.#random.int(100);
    // While an answer is waited for, what wants none may still be said.
    if (draw < 40) this.#publish();
    else if (draw < 62) this.#settle();
    else if (this.#asked !== undefined) return;
    else if (draw < 72) this.#consume();
    else if (draw < 78) this.#get();
    else if (draw < 80) this.#cancel();
    else if (draw < 82) this.#recover();
    else if (draw < 83) this.#close();
    else if (this.#mode === 'tx') this.#end();
    else this.#publish();
  }

  #publish(): void {
    const { ledger } = this.#client;
    if (this.#mode === 'tx' && (this.#transaction === undefined || this.#transaction.messages.length >= TX_MAX)) return;
    const frames: Buffer[] = [];
    for (let left = 1 + this.#random.int(this.#random.chance(0.8) ? 3 : 12); left > 0; left--) {
      const route = this.#random.pick(ROUTES);
      const persistent = this.#transaction !== undefined || this.#random.chance(0.85);
      const message = ledger.send(route, persistent, this.#random.chance(0.2), this.#holder.number, this.#transaction);
      if (this.#mode === 'confirm') this.#unconfirmed.set(++this.#published, message);
      frames.push(...this.#contentOf(message));
    }
    this.#client.say(...frames);
  }

  #contentOf(message: Message): Buffer[] {
    const { route, mandatory, persistent, id } = message;
    const body = bodyOf(id);
    const head = method(this.#id, 'basic.publish', {
      ticket: 0,
      exchange: route.exchange,
      routingKey: route.key,
      mandatory,
      immediate: false,
    });
    const frames = [head, header(this.#id, body.length, persistent ? PERSISTENT : undefined)];
    for (let at = 0; at < body.length; at += FRAME_BODY) frames.push(frame(FRAME.body, this.#id, body.subarray(at, at + FRAME_BODY)));
    return frames;
  }

  #settle(): void {
    // What a rollback brings back would be among all up to a tag.
    if (this.#asked?.name === 'tx.rollback-ok') return;
    const { tag } = this.#held.length === 0 ? { tag: 0 } : this.#random.pick(this.#held);
    if (tag === 0) return;
    const multiple = this.#random.chance(0.4);
    const how = this.#random.pick(['ack', 'ack', 'ack', 'requeue', 'reject'] as const);
    const chosen = this.#held.filter((one) => (multiple ? one.tag <= tag : one.tag === tag));
    this.#held = this.#held.filter((one) => !chosen.includes(one));
    this.#tell(`settles ${chosen.map(({ delivery }) => delivery.message.id).join(', ')}: ${how}`);
    for (const { delivery, reader } of chosen) {
      if (this.#transaction !== undefined) {
        if (how === 'ack') this.#transaction.settled.push(delivery);
        delivery.transaction = this.#transaction;
        delivery.state = 'pending';
        delivery.wish = STATE_OF[how];
        // Counted as held until the transaction has ended.
        continue;
      }
      reader.held--;
      delivery.state = STATE_OF[how];
      this.#unsure.push(delivery);
    }
    if (this.#transaction !== undefined && how !== 'ack') this.#returnAtCommit.push(...chosen.map((held) => ({ held, how })));
    if (how === 'ack') this.#client.say(method(this.#id, 'basic.ack', { deliveryTag: tag, multiple }));
    else if (multiple || this.#random.chance(0.5))
      this.#client.say(method(this.#id, 'basic.nack', { deliveryTag: tag, multiple, requeue: how === 'requeue' }));
    else this.#client.say(method(this.#id, 'basic.reject', { deliveryTag: tag, requeue: how === 'requeue' }));
    if (this.#transaction !== undefined) this.#pending.push(...chosen);
  }

  /** Given back within a transaction: so they are once it is committed. */
  #returnAtCommit: { readonly held: Held; readonly how: 'requeue' | 'reject' }[] = [];
  /** Settled within the transaction under way. */
  #pending: Held[] = [];

  #consume(): void {
    if (this.#readers.size >= 2) return;
    const tag = `c${this.#nextConsumer++}`;
    const prefetch = 1 + this.#random.int(10);
    const queue = this.#random.pick(QUEUES);
    const noAck = queue === UNACKED;
    this.#readers.set(tag, { queue, noAck, prefetch, lasts: new Map(), held: 0 });
    const consume = { ticket: 0, queue, consumerTag: tag, noLocal: false, noAck, exclusive: false, nowait: false, arguments: new Map() };
    this.#ask(
      'basic.consume-ok',
      method(this.#id, 'basic.qos', { prefetchSize: 0, prefetchCount: prefetch, global: false }),
      method(this.#id, 'basic.consume', consume),
    );
  }

  #get(): void {
    const queue = this.#random.pick(QUEUES);
    const noAck = queue === UNACKED;
    this.#got = this.#gets.get(queue) ?? { queue, noAck, prefetch: Number.POSITIVE_INFINITY, lasts: new Map(), held: 0 };
    this.#gets.set(queue, this.#got);
    this.#ask('basic.get-ok', method(this.#id, 'basic.get', { ticket: 0, queue, noAck }));
  }

  #cancel(): void {
    const [tag] = this.#readers.keys();
    if (tag === undefined) return;
    this.#disturb();
    this.#ask('basic.cancel-ok', method(this.#id, 'basic.cancel', { consumerTag: tag, nowait: false }));
  }

  /** All that is not settled goes back; what is on its way to us counts for nothing. */
  #recover(): void {
    if (this.#mode === 'tx') return;
    for (const { delivery, reader } of [...this.#held, ...this.#flying]) {
      reader.held--;
      delivery.state = 'returned';
    }
    this.#held = [];
    this.#flying.clear();
    this.#recovering = true;
    this.#ask('basic.recover-ok', method(this.#id, 'basic.recover', { requeue: true }));
  }

  #recovering = false;

  #close(): void {
    this.leaving();
    this.#ask('channel.close-ok', method(this.#id, 'channel.close', { replyCode: 200, replyText: '', classId: 0, methodId: 0 }));
  }

  #end(): void {
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    if (this.#random.chance(0.75)) {
      transaction.outcome = 'unknown';
      this.#committing = transaction;
      // From now on it may happen at any time, and be answered a little later.
      for (const { reader } of this.#pending) reader.held--;
      this.#ask('tx.commit-ok', method(this.#id, 'tx.commit', {}));
    } else {
      transaction.outcome = 'rolled-back';
      this.#committing = transaction;
      this.#ask('tx.rollback-ok', method(this.#id, 'tx.rollback', {}));
    }
    // What is published or settled meanwhile belongs to the next one.
    this.#endings.push({ pending: this.#pending, returned: this.#returnAtCommit });
    this.#pending = [];
    this.#returnAtCommit = [];
    this.#transaction = this.#client.ledger.begin();
  }

  readonly #endings: { readonly pending: Held[]; readonly returned: { readonly held: Held; readonly how: 'requeue' | 'reject' }[] }[] = [];

  /** The client says goodbye: what it holds goes back. */
  leaving(): void {
    this.#leaving = true;
    this.#giveUp();
  }

  /** The connection is gone. */
  lost(): void {
    this.#leaving = true;
    this.#holder.alive = false;
    this.#giveUp();
  }

  /** What was on its way to a consumer that ends comes to others later, whether or not it is said to come again. */
  #disturb(): void {
    for (const { queue } of this.#readers.values()) this.#client.ledger.disturbed.add(queue);
  }

  #giveUp(): void {
    this.#disturb();
    const open = this.#transaction;
    if (open !== undefined && open.outcome === 'open') open.outcome = 'rolled-back';
    const pending = [...this.#held, ...this.#pending, ...(this.#holder.alive ? [] : this.#endings.flatMap((one) => one.pending))];
    for (const { delivery } of pending) if (delivery.transaction?.outcome !== 'unknown') delivery.state = 'returned';
    this.#held = [];
    this.#pending = [];
    for (const { delivery } of this.#flying) delivery.state = 'returned';
    this.#flying.clear();
  }

  /** Sent by the session, not heard yet. */
  readonly #flying = new Set<Held>();

  /** The session has sent it. */
  said(said: Said): void {
    const { name } = said;
    if (name === 'basic.ack' || name === 'basic.nack') this.#confirmed(name === 'basic.ack', said.args as Args<'basic.ack'>);
    else if (name === 'basic.return') this.#client.ledger.returned(said.body);
    else if (name === 'basic.deliver' || name === 'basic.get-ok') this.#delivered(said);
    else if (name === 'channel.close') this.#closed(said.args as Args<'channel.close'>);
    else if (name === 'basic.recover-ok') this.#recovering = false;
    if (this.#answers(name)) this.#sure(name);
  }

  #answers(name: MethodName): boolean {
    return this.#asked?.name === name || (this.#asked?.name === 'basic.get-ok' && name === 'basic.get-empty');
  }

  /** An answer shows that all before it was read. */
  #sure(name: MethodName): void {
    for (const delivery of this.#asked?.sure ?? []) delivery.certain = true;
    if (name === 'tx.commit-ok') this.#committed();
    if (name === 'tx.rollback-ok') this.#rolledBack();
  }

  #committed(): void {
    const ending = this.#endings.shift();
    const transaction = this.#committing;
    this.#committing = undefined;
    if (transaction === undefined || ending === undefined) return;
    for (const { held, how } of ending.returned) {
      held.delivery.state = STATE_OF[how];
      held.delivery.certain = true;
      held.delivery.final = how === 'reject';
    }
    this.#client.ledger.committed(transaction);
  }

  #rolledBack(): void {
    const ending = this.#endings.shift();
    this.#committing = undefined;
    for (const held of ending?.pending ?? []) {
      held.delivery.state = this.#leaving ? 'returned' : 'held';
      held.delivery.transaction = undefined;
      if (!this.#leaving) this.#held.push(held);
    }
  }

  #confirmed(acked: boolean, { deliveryTag, multiple }: { deliveryTag: number; multiple: boolean }): void {
    const { ledger } = this.#client;
    const first = this.#unconfirmed.keys().next().value ?? 0;
    if (!this.#unconfirmed.has(deliveryTag)) {
      ledger.fault(
        'confirm',
        `${deliveryTag} was confirmed, which is ${deliveryTag > this.#published ? 'not published' : 'confirmed already'}`,
      );
      return;
    }
    for (let tag = multiple ? first : deliveryTag; tag <= deliveryTag; tag++) {
      const message = this.#unconfirmed.get(tag);
      if (message !== undefined) ledger.confirm(message, acked);
      this.#unconfirmed.delete(tag);
    }
  }

  #delivered(said: Said): void {
    const { ledger } = this.#client;
    const args = said.args as Args<'basic.deliver'>;
    const reader = said.name === 'basic.get-ok' ? this.#got : this.#readers.get(args.consumerTag);
    if (args.deliveryTag !== this.#tags + 1) ledger.fault('tags', `delivery ${args.deliveryTag} follows ${this.#tags}`);
    this.#tags = args.deliveryTag;
    if (reader === undefined) return ledger.fault('tags', `a delivery for ${args.consumerTag}, which is no consumer`);
    const delivery = ledger.delivered(said.body, reader, args.redelivered, this.#holder);
    if (delivery === undefined || reader.noAck) return;
    // What comes while we are asking for all to be given back, or leave, is given back with the rest.
    if (this.#recovering || this.#leaving) {
      delivery.state = 'returned';
      reader.held--;
      return;
    }
    const held: Held = { tag: args.deliveryTag, delivery, reader };
    said.of = held;
    this.#flying.add(held);
  }

  /** The broker may only close a channel when it cannot write. */
  #closed({ replyCode, replyText }: Args<'channel.close'>): void {
    this.#client.trace?.(`channel ${this.#holder.number} closed: ${replyCode} ${replyText}`);
    if (!this.#client.mayBeRefused) this.#client.ledger.fault('channel closed', `${replyCode} ${replyText}`);
    this.lost();
  }

  #goAway(): void {
    this.#client.say(method(this.#id, 'channel.close-ok', {}));
    this.#ended();
  }

  /** The client hears of it. */
  heard(said: Said): void {
    if (said.of !== undefined) this.#take(said.of as Held);
    if (said.name === 'channel.close') this.#goAway();
    if (!this.#answers(said.name)) return;
    this.#asked = undefined;
    if (said.name === 'channel.close-ok') {
      this.#holder.alive = false;
      this.#ended();
    } else if (said.name === 'basic.cancel-ok') this.#readers.delete((said.args as Args<'basic.cancel-ok'>).consumerTag);
  }

  #take(held: Held): void {
    // Otherwise it was given back while it was under way.
    if (this.#flying.delete(held)) this.#held.push(held);
  }
}
