/** A queue or a topic that is removed and declared anew under the same name while others work with it. */

import type { Broker } from '../../src/broker/broker.ts';
import type { QueueSpec, TopicSpec } from '../../src/model/declaration.ts';
import { offset } from '../../src/model/lines.ts';
import { readMessage } from '../../src/model/record.ts';
import { idOf } from './messages.ts';
import type { Scene } from './scene.ts';
import { isRefused } from './topic-clients.ts';

interface Removal {
  /** Steps of the history: when it was asked for, and when it was safe. */
  readonly askedAt: number;
  safeAt: number | undefined;
}

export class Churn {
  readonly #scene: Scene;
  readonly #spec: QueueSpec | TopicSpec;
  #busy = false;
  readonly #removals: Removal[] = [];
  /** When it was last safe that it and its bindings are there. */
  #standsSince = 0;
  #stands = false;
  /** What was seen in it, and when. */
  readonly #seen: { readonly id: string; readonly atStep: number }[] = [];

  constructor(scene: Scene, spec: QueueSpec | TopicSpec) {
    this.#scene = scene;
    this.#spec = spec;
  }

  get name(): string {
    return this.#spec.name;
  }

  begin(): void {
    this.#busy = false;
  }

  /** It and its bindings are there, and safe. */
  declared(): void {
    if (!this.#stands) this.#standsSince = this.#scene.history.step();
    this.#stands = true;
  }

  async turn(broker: Broker): Promise<void> {
    const { random } = this.#scene;
    if (this.#spec.kind === 'topic' && random.chance(0.5)) {
      await this.look(broker);
      return;
    }
    if (this.#busy) return;
    this.#busy = true;
    await this.#remove(broker);
    await this.stand(broker);
    this.#busy = false;
  }

  async #remove(broker: Broker): Promise<void> {
    const { history, trace } = this.#scene;
    const { kind, name } = this.#spec;
    const removal: Removal = { askedAt: history.step(), safeAt: undefined };
    this.#removals.push(removal);
    this.#stands = false;
    trace?.(`remove ${name}`);
    try {
      await broker.remove(kind, name);
    } catch (error) {
      // A removal that was not heard of before the last crash may have happened.
      if (!isRefused(error, 'unknown')) throw error;
    }
    if (this.#scene.broker === broker) removal.safeAt = history.step();
  }

  /** Declares it anew, when it may have been removed. */
  async stand(broker: Broker): Promise<void> {
    const { plan, trace } = this.#scene;
    if (this.#stands || this.#scene.broker !== broker) return;
    const mine = plan.bindings.filter(({ to }) => to.name === this.#spec.name);
    await Promise.all([broker.declare(this.#spec), ...mine.map((binding) => broker.bind(binding))]);
    if (this.#scene.broker !== broker) return;
    trace?.(`${this.#spec.name} stands again`);
    this.declared();
  }

  /** Reads all of the topic. Answers what is in it. */
  async look(broker: Broker): Promise<string[]> {
    const { history } = this.#scene;
    const topic = this.#spec.name;
    const ids: string[] = [];
    for (let next = 0; ; ) {
      // It may be removed while it is being read.
      const atStep = history.step();
      const { records, offsets, next: then } = await broker.fetch({ topic, partition: 0, offset: offset(next) });
      if (this.#scene.broker !== broker) return ids;
      for (let i = 0; i < records.count; i++) {
        if (offsets[i] !== next + i) history.fault('L5 gap', `${topic} has offset ${offsets[i]} where ${next + i} should be`);
        const id = idOf(readMessage(records.bytes, i === 0 ? records.start : (records.ends[i - 1] ?? 0)));
        ids.push(id);
        this.#seen.push({ id, atStep });
      }
      if (records.count === 0) break;
      next = then;
    }
    return ids;
  }

  /** `drained`: what is in it at the end. */
  check(drained: readonly string[]): void {
    const { history } = this.#scene;
    const { name } = this.#spec;
    const delivered = history.delivered.filter(({ queue }) => queue === name);
    const end = history.step();
    for (const { id, atStep } of [...delivered, ...this.#seen]) this.#checkGone(id, atStep);
    for (const id of drained) this.#checkGone(id, end);
    const there = new Set([...drained, ...delivered.filter(({ acked }) => acked !== undefined).map(({ id }) => id)]);
    if (there.size < drained.length) history.fault('V3 twice', `${name} holds a message twice: ${drained.join(' ')}`);
    if (history.once.has(name)) return;
    const lastRemoval = this.#removals.at(-1)?.askedAt ?? 0;
    for (const sent of history.sent.values()) {
      const { id, outcome, mortal, duplicate, askedAt, queues, topics } = sent;
      const isMine = this.#spec.kind === 'queue' ? queues.includes(name) && !mortal : topics.includes(name);
      if (outcome !== 'ok' || duplicate || !isMine || there.has(id)) continue;
      if (this.#standsSince > askedAt || lastRemoval > askedAt) continue;
      history.fault('V2 lost', `${id} was confirmed for ${name}, which has stood ever since, and is nowhere`);
    }
  }

  #checkGone(id: string, seenAt: number): void {
    const { history } = this.#scene;
    const { name } = this.#spec;
    const sent = history.sent.get(id);
    if (sent === undefined) return history.fault('V1 phantom', `${id}, which nobody sent, was in ${name}`);
    if (sent.outcome === 'refused') history.fault('V1 refused', `${id}, whose publish was refused, was in ${name}`);
    const { confirmedAt } = sent;
    if (confirmedAt === undefined) return;
    const gone = this.#removals.find(({ askedAt, safeAt }) => askedAt > confirmedAt && safeAt !== undefined && safeAt < seenAt);
    if (gone !== undefined) history.fault('V1 removed', `${id} was in ${name} after what it was in had been removed`);
  }
}
