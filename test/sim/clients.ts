/** The clients of a simulated broker: they publish, consume, settle and do transactions, and write down what they see. */

import type { Broker } from '../../src/broker/broker.ts';
import type { Consumer, Deliveries, Operation } from '../../src/model/engine.ts';
import { NO_HEADERS } from '../../src/model/message.ts';
import { RecordWriter, readMessage } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import { Churn } from './churn.ts';
import type { Delivered } from './history.ts';
import { Members } from './members.ts';
import { bodyText, confirm, draw, idOf, type Outgoing, send, type To } from './messages.ts';
import { OpenClients } from './open-clients.ts';
import { ADDRESSES } from './plan-routing.ts';
import type { Scene } from './scene.ts';
import { TopicClients } from './topic-clients.ts';

const encoder = new TextEncoder();

export class Clients {
  readonly #scene: Scene;
  readonly #topics: TopicClients;
  readonly members: Members;
  readonly open: OpenClients;
  readonly churns: readonly Churn[];
  #declared = false;
  #left = 0;
  #underWay = 0;
  #consumerIds = 0;
  /** Held now, by this life's consumers. */
  #held: { delivered: Delivered; lease: number; consumer: number }[] = [];
  #consumers: { id: number; queue: string; consumer: Consumer }[] = [];
  readonly #unanswered = new Map<Promise<unknown>, string>();

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#topics = new TopicClients(scene);
    this.members = new Members(scene);
    this.open = new OpenClients(scene);
    this.churns = scene.plan.churned.map((spec) => new Churn(scene, spec));
  }

  /** Starts a life's work; answers what tells that it is over. */
  begin(broker: Broker, life: number, operations: number, over: () => boolean): () => boolean {
    const scene = this.#scene;
    scene.broker = broker;
    scene.life = life;
    this.#unanswered.clear();
    this.#left = operations;
    this.#underWay = 0;
    this.#held = [];
    this.#consumers = [];
    this.members.begin();
    for (const churn of this.churns) churn.begin();
    const step = () => {
      if (scene.broker !== broker || over()) return;
      if (this.#left-- > 0) {
        this.#one(broker);
        scene.clock.after(scene.random.chance(0.6) ? 0 : scene.random.float() * 30, step);
      }
    };
    this.declareAll(broker).then(step, (error: unknown) => {
      if (!(error instanceof Refused)) scene.history.fault('declare', String(error));
      this.#left = 0;
    });
    return () => over() || (this.#left <= 0 && this.#underWay === 0);
  }

  /** The machine or the process died: what was under way is unknown, what was held is not held any more. */
  died(nowMs: number): void {
    this.#scene.broker = undefined;
    for (const { delivered } of this.#held) delivered.heldUntilMs = Math.min(delivered.heldUntilMs, nowMs);
  }

  /**
   * All at once: they are decided in order, and one write holds them. What has been confirmed once must be there in later lives: then it is
   * declared again only now and then.
   */
  async declareAll(broker: Broker): Promise<void> {
    const { plan, random } = this.#scene;
    if (this.#declared && random.chance(0.8)) {
      await Promise.all(this.churns.map((churn) => churn.stand(broker)));
      return;
    }
    const altered = (error: unknown) => {
      if (!(error instanceof Refused) || error.code !== 'conflict') throw error;
    };
    const declared = plan.declarations.map((spec) => {
      const done = broker.declare(spec);
      return spec.kind === 'topic' && this.#topics.altered.has(spec.name) ? done.catch(altered) : done;
    });
    await Promise.all([...declared, ...plan.bindings.map((binding) => broker.bind(binding))]);
    this.#declared = true;
    for (const churn of this.churns) churn.declared();
  }

  #one(broker: Broker): void {
    const scene = this.#scene;
    const { random } = scene;
    const topics = this.#topics;
    const draw = random.int(scene.plan.opens ? 132 : 116);
    if (draw < 38) this.#track('publish', this.#publish(broker));
    else if (draw < 48) this.#track('consume', this.#consume(broker));
    else if (draw < 66) this.#track('settle', this.#settle(broker));
    else if (draw < 74) this.#track('receive', this.#receive(broker));
    else if (draw < 82) this.#track('transaction', this.#transaction(broker));
    else if (draw < 88) this.#track('idempotent', topics.idempotent(broker));
    else if (draw < 93) this.#track('read', topics.read(broker));
    else if (draw < 95) this.#track('cancel', this.#cancel());
    else if (draw < 97) this.#track('moveCursor', topics.moveCursor(broker));
    else if (draw < 99) this.#track('retain', this.#retain(broker));
    else if (draw < 100) this.#track('checkpoint', broker.checkpoint());
    else if (draw < 103) this.#track('alter', topics.alterOrTrim(broker));
    else if (draw < 105) this.#track('churn', this.#churn(broker));
    else if (draw < 116) this.#track('group', this.members.turn(broker));
    else this.#track('open', this.open.turn(broker));
  }

  /** What has not been answered: for the report of a life that does not end. */
  get unanswered(): string {
    return [...this.#unanswered.values()].join(', ');
  }

  #track(name: string, work: Promise<unknown>): void {
    const scene = this.#scene;
    this.#underWay++;
    this.#unanswered.set(work, name);
    const { broker } = scene;
    const done = () => {
      this.#unanswered.delete(work);
      if (scene.broker === broker) this.#underWay--;
    };
    work.then(done, (error: unknown) => {
      done();
      if (!(error instanceof Refused)) scene.history.fault('error', `${String(error)} ${(error as Error).stack ?? ''}`);
    });
  }

  #target(): To {
    const { random, plan } = this.#scene;
    const names = [...plan.queues.keys()].filter((name) => /^q/.test(name));
    const topics = [...plan.topics.keys()];
    for (const { kind, name } of plan.churned) (kind === 'queue' ? names : topics).push(name);
    const exchanges = [...plan.exchanges.keys()].filter((name) => name !== 'amq.topic');
    const what = random.float();
    if (what < 0.35 && exchanges.length > 0) {
      const also = random.chance(0.15) ? { also: [random.pick(ADDRESSES), random.pick(ADDRESSES)] } : {};
      return { exchange: random.pick(exchanges), address: random.pick(ADDRESSES), ...also };
    }
    if (what < 0.6 && topics.length > 0) return { exchange: 'amq.topic', address: random.pick(topics) };
    return { exchange: '', address: random.pick(names) };
  }

  async #publish(broker: Broker): Promise<void> {
    const { random } = this.#scene;
    const out = draw(this.#scene, broker, this.#target(), random.chance(0.7) ? 1 : 1 + random.int(8));
    await send(this.#scene, broker, out, out.publish);
  }

  /** Any queue one may take from: what comes out of groups is for the checker alone. */
  #source(): string {
    const { random, plan } = this.#scene;
    const names = [...plan.queues.keys()].filter((name) => name !== 'out');
    for (const { kind, name } of plan.churned) if (kind === 'queue') names.push(name);
    return random.pick(names);
  }

  async #consume(broker: Broker): Promise<void> {
    const { random, history } = this.#scene;
    if (this.#consumers.length >= 4) return;
    const queue = this.#source();
    const id = ++this.#consumerIds;
    const once = random.chance(0.05);
    if (once) history.once.add(queue);
    const consumer = await broker.consume(
      { queue, prefetch: 1 + random.int(8), ...(once && { settle: 'on-delivery' as const }) },
      { deliver: (deliveries) => this.#delivered(broker, id, deliveries, once), cancelled: () => this.#gone(id) },
    );
    this.#consumers.push({ id, queue, consumer });
  }

  #gone(id: number): void {
    this.#consumers = this.#consumers.filter((one) => one.id !== id);
  }

  async #cancel(): Promise<void> {
    const { clock, history, life } = this.#scene;
    const one = this.#consumers.shift();
    if (one === undefined) return;
    history.cancelled.add(`${life}/${one.queue}`);
    const nowMs = clock.monotonicMs();
    for (const held of this.#held) if (held.consumer === one.id) held.delivered.heldUntilMs = Math.min(held.delivered.heldUntilMs, nowMs);
    this.#held = this.#held.filter((held) => held.consumer !== one.id);
    await one.consumer.cancel();
  }

  #delivered(broker: Broker, consumer: number, deliveries: Deliveries, once: boolean): void {
    const { history, plan, life } = this.#scene;
    const { queue, count, numbers, bytes, at, attempts, lease } = deliveries;
    if (this.#scene.broker !== broker) return history.fault('zombie', `${queue} delivered after the process had died`);
    const spec = plan.queues.get(queue);
    for (let i = 0; i < count; i++) {
      const message = readMessage(bytes, at[i] ?? 0);
      const id = idOf(message);
      const sent = history.sent.get(id);
      if (sent !== undefined && sent.body !== bodyText(message)) history.fault('Q2 body', `${id} came from ${queue} with another body`);
      const nowMs = broker.nowMs();
      this.#scene.trace?.(`deliver ${id} (${queue} #${numbers[i]}, lease ${lease}, attempt ${attempts[i]}) to ${consumer} at ${nowMs}`);
      const delivered: Delivered = {
        id,
        queue,
        number: numbers[i] ?? 0,
        consumer,
        life,
        atMs: nowMs,
        atStep: history.step(),
        attempts: attempts[i] ?? 0,
        heldUntilMs: once ? nowMs : nowMs + (spec?.leaseMs ?? Number.POSITIVE_INFINITY) - 1 - this.#scene.lateMs,
        acked: once ? 'ok' : undefined,
      };
      history.delivered.push(delivered);
      if (!once) this.#held.push({ delivered, lease, consumer });
    }
  }

  async #receive(broker: Broker): Promise<void> {
    const { random } = this.#scene;
    const deliveries = await broker.receive({
      queue: this.#source(),
      countMax: 1 + random.int(4),
      waitMs: random.pick([0, 0, 40]),
      leaseMs: 500,
    });
    if (deliveries === undefined || this.#scene.broker !== broker) return;
    this.#delivered(broker, ++this.#consumerIds, deliveries, false);
    for (const held of this.#held.slice(-deliveries.count)) held.delivered.heldUntilMs = held.delivered.atMs + 490 - this.#scene.lateMs;
  }

  async #settle(broker: Broker): Promise<void> {
    const { random } = this.#scene;
    const held = this.#held.splice(random.int(Math.max(1, this.#held.length)), 1)[0];
    if (held === undefined) return;
    const { delivered, lease } = held;
    const outcome = random.pick(['ack', 'ack', 'ack', 'nack', 'requeue', 'reject', 'reject'] as const);
    const nowMs = broker.nowMs();
    delivered.heldUntilMs = Math.min(delivered.heldUntilMs, nowMs);
    if (outcome === 'ack' || outcome === 'reject') delivered.acked = 'unknown';
    this.#scene.trace?.(`${outcome} ${delivered.id} (${delivered.queue} #${delivered.number}, lease ${lease})`);
    const runs = Float64Array.of(delivered.number, 1);
    const count = await broker.settle({ queue: delivered.queue, runs, lease, outcome, ...(random.chance(0.3) && { lazy: true }) });
    // A lazy ack is not safe when it is answered: that is its bargain.
    if (outcome === 'ack' && count === 0) delivered.acked = undefined;
  }

  async #transaction(broker: Broker): Promise<void> {
    const scene = this.#scene;
    const { random, history, life } = scene;
    const number = scene.nextTransaction();
    const operations: Operation[] = [];
    const outs: Outgoing[] = [];
    for (let i = 0; i < 1 + random.int(3); i++) {
      const out = draw(scene, broker, this.#target(), 1 + random.int(2), { transaction: number });
      outs.push(out);
      operations.push({ kind: 'publish', ...out.publish });
    }
    const held = random.chance(0.6) ? this.#held.shift() : undefined;
    if (held !== undefined) {
      const { delivered, lease } = held;
      delivered.acked = 'unknown';
      delivered.heldUntilMs = Math.min(delivered.heldUntilMs, broker.nowMs());
      const outcome = random.chance(0.5) ? 'reject' : 'ack';
      history.endedIn.set(number, { delivered, outcome });
      operations.push({ kind: 'settle', queue: delivered.queue, runs: Float64Array.of(delivered.number, 1), lease, outcome });
    }
    scene.trace?.(
      `transaction ${number}: ${outs.flatMap((o) => o.sent.map((s) => s.id)).join(' ')} ${history.endedIn.get(number)?.outcome ?? 'ends'} ${held?.delivered.id ?? 'nothing'}`,
    );
    try {
      const answers = await broker.transact(operations);
      if (scene.life !== life) return;
      if (scene.failed) history.fault('J6 confirm', `transaction ${number} was confirmed after the broker had failed`);
      outs.forEach((out, k) => {
        const answer = answers[k];
        if (typeof answer === 'object') confirm(scene, out, answer);
      });
      if (held !== undefined) held.delivered.acked = 'ok';
    } catch (error) {
      if (error instanceof Refused && error.code !== 'closed') {
        for (const out of outs) for (const one of out.sent) one.outcome = 'refused';
        if (held !== undefined) {
          held.delivered.acked = undefined;
          history.endedIn.delete(number);
        }
      }
      throw error;
    }
  }

  async #churn(broker: Broker): Promise<void> {
    if (this.churns.length > 0) await this.#scene.random.pick(this.churns).turn(broker);
  }

  async #retain(broker: Broker): Promise<void> {
    const writer = new RecordWriter();
    const value = `r${this.#scene.nextId()}`;
    // Two words: no binding of the main line takes it.
    const address = 'kept.value';
    writer.write({ exchange: 'amq.topic', address, timestampMs: broker.nowMs(), headers: NO_HEADERS, body: encoder.encode(value) });
    const done = this.#scene.history.setting('retained', value);
    await broker.publish({ address, records: writer.take(), retain: true });
    if (this.#scene.broker === broker) done();
  }
}
