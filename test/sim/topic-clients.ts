/** Those who use topics by hand: idempotent publishers, readers, movers of cursors, and who alters and trims them. */

import type { Broker } from '../../src/broker/broker.ts';
import type { TopicSpec } from '../../src/model/declaration.ts';
import { type Offset, offset } from '../../src/model/lines.ts';
import { readMessage } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';
import { bodyText, draw, idOf, type Outgoing, send } from './messages.ts';
import type { Scene } from './scene.ts';

interface ProducerLine {
  readonly id: number;
  readonly epoch: number;
  next: number;
  /** The batch whose outcome is not known: it must be sent again, as it was. */
  unknown: Outgoing | undefined;
}

/** The publisher number of the idempotent one: it repeats itself, so its order is its own. */
const IDEMPOTENT = 1000;

const PARTITIONS_MAX = 4;

export class TopicClients {
  readonly #scene: Scene;
  #producer: ProducerLine | undefined;
  /** What one of a kind is doing in this life: it does nothing else meanwhile. */
  readonly #busy = new Map<string, number>();
  /** Where partitions were seen to begin, by life. */
  readonly #starts = new Map<string, number>();
  /** Topics whose properties may be others than declared. */
  readonly altered: Set<string> = new Set();

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** One at a time of each kind: of two at once nobody knows which is decided first. */
  async #alone(kind: string, work: () => Promise<void>): Promise<void> {
    const { life } = this.#scene;
    if (this.#busy.get(kind) === life) return;
    this.#busy.set(kind, life);
    try {
      await work();
    } finally {
      if (this.#busy.get(kind) === life) this.#busy.delete(kind);
    }
  }

  #draw(): string | undefined {
    const { random, plan } = this.#scene;
    return plan.topics.size === 0 ? undefined : random.pick([...plan.topics.keys()]);
  }

  async idempotent(broker: Broker): Promise<void> {
    const topic = [...this.#scene.plan.topics.keys()][0];
    if (topic !== undefined) await this.#alone('stamping', () => this.#stamped(broker, topic));
  }

  async #stamped(broker: Broker, topic: string): Promise<void> {
    const scene = this.#scene;
    const { random } = scene;
    let line = this.#producer;
    if (line === undefined) {
      const { id, epoch } = await broker.producer('sim');
      line = { id, epoch, next: 0, unknown: undefined };
      this.#producer = line;
    }
    const out = line.unknown ?? draw(scene, broker, { exchange: 'amq.topic', address: topic }, 1 + random.int(3), { by: IDEMPOTENT });
    // What can never be taken uses up no sequence.
    line.unknown = out.mustBeRefused ? undefined : out;
    const stamped = { ...out.publish, producer: { id: line.id, epoch: line.epoch, sequence: line.next } };
    // A publisher that hears nothing for a while sends again: the repeat may be answered only once the first time is safe.
    const sendings = random.chance(0.3)
      ? [send(scene, broker, out, stamped), send(scene, broker, out, stamped)]
      : [send(scene, broker, out, stamped)];
    const [first, second] = await Promise.allSettled(sendings);
    if (first?.status === 'rejected' && second?.status !== 'fulfilled') throw first.reason;
    if (line.unknown === out) {
      line.unknown = undefined;
      line.next += out.originals.length;
    }
    // A repeat answers with the place of the first time: it stands there once.
    for (const one of out.sent) one.duplicate = false;
  }

  async read(broker: Broker): Promise<void> {
    const { random, history } = this.#scene;
    const topic = this.#draw();
    if (topic === undefined) return;
    const description = await broker.describe('topic', topic, { brief: true });
    if (description?.kind !== 'topic') return;
    const { partition, start } = random.pick(description.partitions);
    this.#checkStart(topic, partition, start);
    const at = random.chance(0.7) ? start : start + random.int(5);
    const fetched = await broker.fetch({
      topic,
      partition,
      offset: offset(at),
      sizeBytesMax: 1 + random.int(20_000),
      waitMs: random.pick([0, 20]),
    });
    if (this.#scene.broker !== broker) return;
    let last = at - 1;
    for (let i = 0; i < fetched.records.count; i++) {
      const from = i === 0 ? fetched.records.start : (fetched.records.ends[i - 1] ?? 0);
      const message = readMessage(fetched.records.bytes, from);
      const id = idOf(message);
      const now = fetched.offsets[i] ?? -1;
      if (now <= last || now >= fetched.next)
        history.fault('L5 order', `${topic}/${partition} gave offset ${now} after ${last}, next ${fetched.next}`);
      last = now;
      const sent = history.sent.get(id);
      if (sent !== undefined && sent.body !== bodyText(message)) history.fault('L2 body', `${id} was read from ${topic} with another body`);
      history.read.push({ id, topic, partition, offset: now, life: this.#scene.life });
    }
  }

  /** Where a partition begins never goes back: within a life, and behind what was safe never. */
  #checkStart(topic: string, partition: number, start: number): void {
    const { history, life } = this.#scene;
    const key = `${life}/${topic}/${partition}`;
    const safe = history.trims.filter((trim) => trim.topic === topic && trim.partition === partition && trim.confirmed === true);
    const known = Math.max(this.#starts.get(key) ?? 0, ...safe.map((trim) => trim.start));
    if (start < known) history.fault('L7 start', `${topic}/${partition} begins at ${start}, and began at ${known}`);
    this.#starts.set(key, start);
  }

  /** The group that is moved by hand: to the end, beyond it, back, or its cursor removed. */
  async moveCursor(broker: Broker): Promise<void> {
    const topic = [...this.#scene.plan.topics.keys()][0];
    if (topic !== undefined) await this.#alone('moving', () => this.#move(broker, topic));
  }

  async #move(broker: Broker, topic: string): Promise<void> {
    const { random, history } = this.#scene;
    const description = await broker.describe('topic', topic, { brief: true });
    if (description?.kind !== 'topic') return;
    const { end } = description.partitions[0] ?? { end: offset(0) };
    const known = Number(history.registers.get(`end ${topic}/0`)?.confirmed ?? 0);
    if (end < known) history.fault('L8 end', `${topic}/0 ends at ${end}, and ended at ${known} when a cursor was safe there`);
    const at = random.pick([end, end, end, end + 3, random.int(end + 1), -1]);
    const note = random.chance(0.3) ? { note: `n${at}` } : {};
    const ended = history.setting(`end ${topic}/0`, `${end}`);
    const done = history.setting(`cursor ${topic}/0`, at < 0 ? 'none' : `${at} ${note.note ?? ''}`, 'none');
    await broker.moveCursors('g', [{ topic, partition: 0, offset: at as Offset, ...note }]);
    if (this.#scene.broker !== broker) return;
    ended();
    done();
  }

  async alterOrTrim(broker: Broker): Promise<void> {
    const topic = this.#draw();
    if (topic === undefined) return;
    if (this.#scene.random.chance(0.4)) await this.#alone(`altering ${topic}`, () => this.#alter(broker, topic));
    else await this.#alone(`trimming ${topic}`, () => this.#trim(broker, topic));
  }

  async #alter(broker: Broker, name: string): Promise<void> {
    const { random, history, plan } = this.#scene;
    const description = await broker.describe('topic', name, { brief: true });
    if (description?.kind !== 'topic' || description.spec.kind !== 'topic') return;
    const { partitions: count } = description;
    // Whether and how it is kept stays as it is: by that the end is judged.
    const spec: TopicSpec = {
      ...(plan.topics.get(name) ?? description.spec),
      partitions: Math.min(PARTITIONS_MAX, count.length + random.int(2)),
      labels: { turn: `${this.#scene.nextId()}` },
    };
    this.altered.add(name);
    const done = history.setting(`spec ${name}`, specText(spec), specText(plan.topics.get(name) ?? spec));
    await broker.alter(spec);
    if (this.#scene.broker === broker) done();
  }

  async #trim(broker: Broker, topic: string): Promise<void> {
    const { random, history } = this.#scene;
    const description = await broker.describe('topic', topic, { brief: true });
    if (description?.kind !== 'topic') return;
    const { partition, start, end } = random.pick(description.partitions);
    const to = random.chance(0.3) ? end : start + random.int(Math.floor((end - start) / 2) + 1);
    if (to === start) return;
    history.trims.push({ topic, partition, start: to });
    const trim = history.trims.at(-1);
    const began = await broker.trim(topic, partition, offset(to));
    if (this.#scene.broker !== broker || trim === undefined) return;
    if (began < to) history.fault('L7 trim', `${topic}/${partition} was trimmed to ${to} and begins at ${began}`);
    trim.confirmed = true;
  }
}

export function specText({ partitions = 1, labels }: TopicSpec): string {
  return `${partitions} ${labels?.turn ?? ''}`;
}

/** Whether the broker said so, and nothing was harmed by it. */
export function isRefused(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Refused && codes.includes(error.code);
}
