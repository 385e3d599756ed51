/** The clients of a simulated broker: they publish, consume, settle, read topics and do transactions, and write down what they see. */

import type { Broker } from '../../src/broker/broker.ts';
import type { SimClock } from '../../src/host/simulated/sim-clock.ts';
import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import type { Columns, Consumer, Deliveries, Operation, Publish, Published } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { NO_HEADERS } from '../../src/model/message.ts';
import { murmur2 } from '../../src/model/murmur.ts';
import { RecordWriter, readMessage } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import type { Delivered, History, Sent } from './history.ts';
import type { Plan } from './plan.ts';

interface Outgoing {
  /** An earlier sending of it had no answer: it may be stored, whatever a later one is told. */
  unanswered?: boolean;
  readonly publish: Publish;
  readonly sent: readonly Sent[];
}

interface ProducerLine {
  readonly id: number;
  readonly epoch: number;
  next: number;
  /** The batch whose outcome is not known: it must be sent again, as it was. */
  unknown: Outgoing | undefined;
}

/** The publisher number of the idempotent one: it repeats itself, so its order is its own. */
const IDEMPOTENT = 1000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Clients {
  readonly #clock: SimClock;
  readonly #random: SimRandom;
  readonly #history: History;
  readonly #plan: Plan;
  readonly #trace: ((line: string) => void) | undefined;
  #broker: Broker | undefined;
  #life = 0;
  #left = 0;
  #underWay = 0;
  #nextId = 1;
  #nextTransaction = 1;
  readonly #turns = new Map<number, number>();
  #consumerIds = 0;
  #producer: ProducerLine | undefined;
  /** The life in which a stamped batch is on its way. */
  #stamping = 0;
  /** Held now, by this life's consumers. */
  #held: { delivered: Delivered; lease: number; consumer: number }[] = [];
  #consumers: { id: number; queue: string; consumer: Consumer }[] = [];
  failed = false;
  readonly #open = new Map<Promise<unknown>, string>();

  constructor(clock: SimClock, random: SimRandom, history: History, plan: Plan, trace: ((line: string) => void) | undefined) {
    this.#clock = clock;
    this.#random = random;
    this.#history = history;
    this.#plan = plan;
    this.#trace = trace;
  }

  /** The broker says that it has failed: it may not confirm anything any more. */
  fail(): void {
    this.failed = true;
  }

  /** Starts a life's work; answers what tells that it is over. */
  begin(broker: Broker, life: number, operations: number, over: () => boolean): () => boolean {
    this.#broker = broker;
    this.#open.clear();
    this.#life = life;
    this.#left = operations;
    this.#underWay = 0;
    this.#held = [];
    this.#consumers = [];
    const step = () => {
      if (this.#broker !== broker || over()) return;
      if (this.#left-- > 0) {
        this.#one(broker);
        this.#clock.after(this.#random.chance(0.6) ? 0 : this.#random.float() * 30, step);
      }
    };
    this.declareAll(broker).then(step, (error: unknown) => {
      if (!(error instanceof Refused)) this.#history.fault('declare', String(error));
      this.#left = 0;
    });
    return () => over() || (this.#left <= 0 && this.#underWay === 0);
  }

  /** The machine or the process died: what was under way is unknown, what was held is not held any more. */
  died(nowMs: number): void {
    this.#broker = undefined;
    for (const { delivered } of this.#held) delivered.heldUntilMs = Math.min(delivered.heldUntilMs, nowMs);
  }

  async declareAll(broker: Broker): Promise<void> {
    for (const declaration of this.#plan.declarations) await broker.declare(declaration);
    for (const binding of this.#plan.bindings) await broker.bind(binding);
  }

  #one(broker: Broker): void {
    const random = this.#random;
    const draw = random.int(100);
    if (draw < 38) this.#track('publish', this.#publish(broker));
    else if (draw < 48) this.#track('consume', this.#consume(broker));
    else if (draw < 70) this.#track('settle', this.#settle(broker));
    else if (draw < 76) this.#track('receive', this.#receive(broker));
    else if (draw < 82) this.#track('transaction', this.#transaction(broker));
    else if (draw < 88) this.#track('idempotent', this.#idempotent(broker));
    else if (draw < 93) this.#track('readTopic', this.#readTopic(broker));
    else if (draw < 95) this.#track('cancel', this.#cancel());
    else if (draw < 97) this.#track('moveCursor', this.#moveCursor(broker));
    else if (draw < 99) this.#track('retain', this.#retain(broker));
    else this.#track('checkpoint', broker.checkpoint());
  }

  /** What has not been answered: for the report of a life that does not end. */
  get open(): string {
    return [...this.#open.values()].join(', ');
  }

  #track(name: string, work: Promise<unknown>): void {
    this.#underWay++;
    this.#open.set(work, name);
    const broker = this.#broker;
    const done = () => {
      this.#open.delete(work);
      if (this.#broker === broker) this.#underWay--;
    };
    work.then(done, (error: unknown) => {
      done();
      if (!(error instanceof Refused)) this.#history.fault('error', `${String(error)} ${(error as Error).stack ?? ''}`);
    });
  }

  #outgoing(
    broker: Broker,
    to: { queues: readonly string[]; topic?: string; exchange: string; address: string },
    count: number,
    transaction?: number,
    by?: number,
  ): Outgoing {
    const random = this.#random;
    const publisher = by ?? random.int(this.#plan.publishers);
    const writer = new RecordWriter();
    const sent: Sent[] = [];
    const dueMs = new Float64Array(count);
    const ttlMs = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    const priority = new Uint8Array(count);
    const keyHash = new Int32Array(count).fill(-1);
    const group: (string | undefined)[] = [];
    const dedupId: (string | undefined)[] = [];
    const delayed = random.chance(0.1);
    const mortal = random.chance(0.1);
    const nowMs = broker.nowMs();
    for (let i = 0; i < count; i++) {
      const id = `m${this.#nextId++}`;
      const turn = (this.#turns.get(publisher) ?? 0) + 1;
      this.#turns.set(publisher, turn);
      const key = `k${random.int(4)}`;
      const body = `${id} ${'x'.repeat(random.chance(transaction === undefined ? 0.1 : 0.5) ? random.int(5000) : random.int(60))}`;
      if (delayed) dueMs[i] = nowMs + random.int(300);
      if (mortal) ttlMs[i] = 50 + random.int(500);
      priority[i] = random.int(10);
      keyHash[i] = murmur2(encoder.encode(key));
      group.push(key);
      dedupId.push(random.chance(0.3) ? `d${random.int(12)}` : undefined);
      writer.write({
        exchange: to.exchange,
        address: to.address,
        timestampMs: nowMs,
        headers: NO_HEADERS,
        key: encoder.encode(key),
        body: encoder.encode(body),
      });
      sent.push({
        id,
        publisher,
        turn,
        queues: to.queues,
        topic: to.topic,
        key,
        body,
        dedupId: dedupId[i],
        priority: priority[i] ?? 0,
        dueMs: dueMs[i] ?? 0,
        mortal,
        sentMs: nowMs,
        ttlMs: ttlMs[i] ?? Number.POSITIVE_INFINITY,
        transaction,
        outcome: 'unknown',
        duplicate: false,
        place: undefined,
      });
    }
    for (const one of sent) this.#history.sent.set(one.id, one);
    const columns: Columns = { priority, group, dedupId, keyHash, ...(delayed && { dueMs }), ...(mortal && { ttlMs }) };
    return { publish: { exchange: to.exchange, address: to.address, records: writer.take(), columns }, sent };
  }

  #target(): { queues: readonly string[]; topic?: string; exchange: string; address: string } {
    const random = this.#random;
    const names = [...this.#plan.queues.keys()].filter((name) => !name.startsWith('dead-'));
    const topics = [...this.#plan.topics.keys()];
    const draw = random.float();
    const fan = this.#plan.fanouts.get('fan');
    if (draw < 0.25 && fan !== undefined) return { queues: fan, exchange: 'fan', address: 'any' };
    const topic = topics.length > 0 && draw < 0.5 ? random.pick(topics) : undefined;
    if (topic !== undefined) return { queues: [], topic, exchange: 'amq.topic', address: topic };
    const name = random.pick(names);
    return { queues: [name], exchange: '', address: name };
  }

  async #publish(broker: Broker): Promise<void> {
    const out = this.#outgoing(broker, this.#target(), this.#random.chance(0.7) ? 1 : 1 + this.#random.int(8));
    await this.#send(broker, out, out.publish);
  }

  async #send(broker: Broker, out: Outgoing, publish: Publish): Promise<void> {
    const { sent } = out;
    const mayBeStored = out.unanswered === true;
    out.unanswered = true;
    const life = this.#life;
    // A batch that is sent again was refused before, and may be taken now.
    for (const one of sent) if (one.outcome === 'refused') one.outcome = 'unknown';
    this.#trace?.(`publish ${sent.map((s) => s.id).join(' ')} to ${publish.exchange}/${publish.address}`);
    try {
      const published = await broker.publish(publish);
      if (this.#life !== life) return;
      this.#trace?.(`confirmed ${sent.map((s) => s.id).join(' ')}`);
      if (this.failed) this.#history.fault('J6 confirm', `${sent[0]?.id} was confirmed after the broker had failed`);
      this.#duplicates(sent, published);
      sent.forEach((one, i) => {
        one.outcome = 'ok';
        const partition = published.partitions?.[i];
        if (partition !== undefined) one.place = { partition, offset: published.offsets?.[i] ?? -1 };
      });
    } catch (error) {
      // `closed` after a disk error: it may have reached the disk.
      if (error instanceof Refused && error.code !== 'closed') {
        out.unanswered = mayBeStored;
        if (!mayBeStored) for (const one of sent) one.outcome = 'refused';
      }
      throw error;
    }
  }

  #duplicates(sent: readonly Sent[], { duplicates }: Published): void {
    sent.forEach((one, i) => {
      one.duplicate = duplicates !== undefined && ((duplicates[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
    });
  }

  async #idempotent(broker: Broker): Promise<void> {
    const topic = [...this.#plan.topics.keys()][0];
    // One at a time, as sequences are given: the same batch twice at once would have two outcomes.
    if (topic === undefined || this.#stamping === this.#life) return;
    this.#stamping = this.#life;
    try {
      await this.#stamped(broker, topic);
    } finally {
      this.#stamping = 0;
    }
  }

  async #stamped(broker: Broker, topic: string): Promise<void> {
    let line = this.#producer;
    if (line === undefined) {
      const { id, epoch } = await broker.producer('sim');
      line = { id, epoch, next: 0, unknown: undefined };
      this.#producer = line;
    }
    const out =
      line.unknown ??
      this.#outgoing(broker, { queues: [], topic, exchange: 'amq.topic', address: topic }, 1 + this.#random.int(3), undefined, IDEMPOTENT);
    line.unknown = out;
    const stamped = { ...out.publish, producer: { id: line.id, epoch: line.epoch, sequence: line.next } };
    // A publisher that hears nothing for a while sends again: the repeat may be answered only once the first time is safe.
    const sendings = this.#random.chance(0.3)
      ? [this.#send(broker, out, stamped), this.#send(broker, out, stamped)]
      : [this.#send(broker, out, stamped)];
    const [first, second] = await Promise.allSettled(sendings);
    if (first?.status === 'rejected' && second?.status !== 'fulfilled') throw first.reason;
    if (line.unknown === out) {
      line.unknown = undefined;
      line.next += out.sent.length;
    }
    // A repeat answers with the place of the first time: it stands there once.
    for (const one of out.sent) one.duplicate = false;
  }

  async #consume(broker: Broker): Promise<void> {
    if (this.#consumers.length >= 4) return;
    const queue = this.#random.pick([...this.#plan.queues.keys()]);
    const id = ++this.#consumerIds;
    const once = this.#random.chance(0.05);
    if (once) this.#history.once.add(queue);
    const consumer = await broker.consume(
      { queue, prefetch: 1 + this.#random.int(8), ...(once && { settle: 'on-delivery' as const }) },
      { deliver: (deliveries) => this.#delivered(broker, id, deliveries, once), cancelled: () => undefined },
    );
    this.#consumers.push({ id, queue, consumer });
  }

  async #cancel(): Promise<void> {
    const one = this.#consumers.shift();
    if (one === undefined) return;
    this.#history.cancelled.add(`${this.#life}/${one.queue}`);
    const nowMs = this.#clock.monotonicMs();
    for (const held of this.#held) if (held.consumer === one.id) held.delivered.heldUntilMs = Math.min(held.delivered.heldUntilMs, nowMs);
    this.#held = this.#held.filter((held) => held.consumer !== one.id);
    await one.consumer.cancel();
  }

  #delivered(broker: Broker, consumer: number, deliveries: Deliveries, once: boolean): void {
    const { queue, count, numbers, bytes, at, attempts, lease } = deliveries;
    if (this.#broker !== broker) return this.#history.fault('zombie', `${queue} delivered after the process had died`);
    const spec = this.#plan.queues.get(queue);
    for (let i = 0; i < count; i++) {
      const body = decoder.decode(readMessage(bytes, at[i] ?? 0).body);
      const id = body.slice(0, body.indexOf(' '));
      const sent = this.#history.sent.get(id);
      if (sent !== undefined && sent.body !== body) this.#history.fault('Q2 body', `${id} came from ${queue} with another body`);
      const nowMs = broker.nowMs();
      this.#trace?.(`deliver ${id} (${queue} #${numbers[i]}, lease ${lease}, attempt ${attempts[i]}) to ${consumer} at ${nowMs}`);
      const delivered: Delivered = {
        id,
        queue,
        number: numbers[i] ?? 0,
        consumer,
        life: this.#life,
        atMs: nowMs,
        attempts: attempts[i] ?? 0,
        heldUntilMs: once ? nowMs : nowMs + (spec?.leaseMs ?? Number.POSITIVE_INFINITY) - 1 - 50,
        acked: once ? 'ok' : undefined,
      };
      this.#history.delivered.push(delivered);
      if (!once) this.#held.push({ delivered, lease, consumer });
    }
  }

  async #receive(broker: Broker): Promise<void> {
    const queue = this.#random.pick([...this.#plan.queues.keys()]);
    const deliveries = await broker.receive({
      queue,
      countMax: 1 + this.#random.int(4),
      waitMs: this.#random.pick([0, 0, 40]),
      leaseMs: 500,
    });
    if (deliveries === undefined || this.#broker !== broker) return;
    this.#delivered(broker, ++this.#consumerIds, deliveries, false);
    for (const held of this.#held.slice(-deliveries.count)) held.delivered.heldUntilMs = held.delivered.atMs + 440;
  }

  async #settle(broker: Broker): Promise<void> {
    const held = this.#held.splice(this.#random.int(Math.max(1, this.#held.length)), 1)[0];
    if (held === undefined) return;
    const { delivered, lease } = held;
    const outcome = this.#random.pick(['ack', 'ack', 'ack', 'ack', 'nack', 'requeue', 'reject'] as const);
    const nowMs = broker.nowMs();
    delivered.heldUntilMs = Math.min(delivered.heldUntilMs, nowMs);
    if (outcome === 'ack' || outcome === 'reject') delivered.acked = 'unknown';
    this.#trace?.(`${outcome} ${delivered.id} (${delivered.queue} #${delivered.number}, lease ${lease})`);
    const runs = Float64Array.of(delivered.number, 1);
    const count = await broker.settle({ queue: delivered.queue, runs, lease, outcome, ...(this.#random.chance(0.3) && { lazy: true }) });
    // A lazy ack is not safe when it is answered: that is its bargain.
    if (outcome === 'ack' && count === 0) delivered.acked = undefined;
  }

  async #transaction(broker: Broker): Promise<void> {
    const number = this.#nextTransaction++;
    const operations: Operation[] = [];
    const outs: Outgoing[] = [];
    for (let i = 0; i < 1 + this.#random.int(3); i++) {
      const out = this.#outgoing(broker, this.#target(), 1 + this.#random.int(2), number);
      outs.push(out);
      operations.push({ kind: 'publish', ...out.publish });
    }
    const held = this.#random.chance(0.6) ? this.#held.shift() : undefined;
    if (held !== undefined) {
      const { delivered, lease } = held;
      delivered.acked = 'unknown';
      delivered.heldUntilMs = Math.min(delivered.heldUntilMs, broker.nowMs());
      const outcome = this.#random.chance(0.3) ? 'reject' : 'ack';
      this.#history.endedIn.set(number, { delivered, outcome });
      operations.push({ kind: 'settle', queue: delivered.queue, runs: Float64Array.of(delivered.number, 1), lease, outcome });
    }
    const life = this.#life;
    this.#trace?.(
      `transaction ${number}: ${outs.flatMap((o) => o.sent.map((s) => s.id)).join(' ')} ${this.#history.endedIn.get(number)?.outcome ?? 'ends'} ${held?.delivered.id ?? 'nothing'}`,
    );
    try {
      const answers = await broker.transact(operations);
      if (this.#life !== life) return;
      outs.forEach((out, k) => {
        const answer = answers[k];
        if (typeof answer === 'object') this.#duplicates(out.sent, answer);
      });
      if (this.failed) this.#history.fault('J6 confirm', `transaction ${number} was confirmed after the broker had failed`);
      for (const out of outs) for (const one of out.sent) one.outcome = 'ok';
      if (held !== undefined) held.delivered.acked = 'ok';
    } catch (error) {
      if (error instanceof Refused && error.code !== 'closed') {
        for (const out of outs) for (const one of out.sent) one.outcome = 'refused';
        if (held !== undefined) {
          held.delivered.acked = undefined;
          this.#history.endedIn.delete(number);
        }
      }
      throw error;
    }
  }

  async #readTopic(broker: Broker): Promise<void> {
    if (this.#plan.topics.size === 0) return;
    const topic = this.#random.pick([...this.#plan.topics.keys()]);
    const partitions = this.#plan.topics.get(topic)?.partitions;
    if (partitions === undefined) return;
    const partition = this.#random.int(partitions);
    const fetched = await broker.fetch({
      topic,
      partition,
      offset: offset(0),
      sizeBytesMax: 1 + this.#random.int(20_000),
      waitMs: this.#random.pick([0, 20]),
    });
    if (this.#broker !== broker) return;
    for (let i = 0; i < fetched.records.count; i++) {
      const body = decoder.decode(
        readMessage(fetched.records.bytes, i === 0 ? fetched.records.start : (fetched.records.ends[i - 1] ?? 0)).body,
      );
      this.#history.read.push({
        id: body.slice(0, body.indexOf(' ')),
        topic,
        partition,
        offset: fetched.offsets[i] ?? -1,
        life: this.#life,
      });
    }
  }

  async #moveCursor(broker: Broker): Promise<void> {
    const topic = [...this.#plan.topics.keys()][0];
    if (topic === undefined) return;
    const description = await broker.describe('topic', topic);
    if (description?.kind !== 'topic') return;
    const at = description.partitions[0]?.end ?? offset(0);
    const key = `g/${topic}/0`;
    if (at < (this.#history.cursors.get(key) ?? 0))
      this.#history.fault('L8 cursor', `${topic}/0 ends at ${at}, before a cursor at ${this.#history.cursors.get(key)}`);
    await broker.moveCursors('g', [{ topic, partition: 0, offset: at }]);
    if (this.#broker === broker) this.#history.cursors.set(key, Math.max(at, this.#history.cursors.get(key) ?? 0));
  }

  async #retain(broker: Broker): Promise<void> {
    const writer = new RecordWriter();
    const value = `r${this.#nextId++}`;
    writer.write({ exchange: 'amq.topic', address: 'kept', timestampMs: broker.nowMs(), headers: NO_HEADERS, body: encoder.encode(value) });
    const known = this.#history.retained.get('kept') ?? { confirmed: '', maybe: [] };
    this.#history.retained.set('kept', known);
    known.maybe.push(value);
    await broker.publish({ address: 'kept', records: writer.take(), retain: true });
    if (this.#broker !== broker) return;
    known.confirmed = value;
    known.maybe = known.maybe.slice(known.maybe.indexOf(value) + 1);
  }
}
