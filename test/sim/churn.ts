/** The queue that is removed and declared anew under the same name while others work with it. */

import type { Broker } from '../../src/broker/broker.ts';
import type { Delivered, Sent } from './history.ts';
import type { Scene } from './scene.ts';
import { isRefused } from './topic-clients.ts';

export class Churn {
  readonly #scene: Scene;
  #busy = false;
  /** Steps of the history: each removal when it was asked for and when it was safe, and when it was last safe that all stands. */
  readonly #removals: { readonly askedAt: number; safeAt: number | undefined }[] = [];
  #standsSince = 0;
  #stands = false;

  constructor(scene: Scene) {
    this.#scene = scene;
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
    const { history, plan } = this.#scene;
    const { churned } = plan;
    if (churned === undefined || this.#busy) return;
    this.#busy = true;
    const removal: { askedAt: number; safeAt: number | undefined } = { askedAt: history.step(), safeAt: undefined };
    this.#removals.push(removal);
    this.#stands = false;
    this.#scene.trace?.(`remove ${churned.name}`);
    try {
      await broker.remove('queue', churned.name);
    } catch (error) {
      // A removal that was not heard of before the last crash may have happened.
      if (!isRefused(error, 'unknown')) throw error;
    }
    if (this.#scene.broker !== broker) return;
    removal.safeAt = history.step();
    await this.stand(broker);
    this.#busy = false;
  }

  /** Declares it anew, when it may have been removed. */
  async stand(broker: Broker): Promise<void> {
    const { plan, trace } = this.#scene;
    const { churned } = plan;
    if (churned === undefined || this.#stands) return;
    const mine = plan.bindings.filter(({ to }) => to.name === churned.name);
    await Promise.all([broker.declare(churned), ...mine.map((binding) => broker.bind(binding))]);
    if (this.#scene.broker !== broker) return;
    trace?.(`${churned.name} stands again`);
    this.declared();
  }

  /** `drained`: what is in it at the end. */
  check(drained: readonly string[]): void {
    const { history, plan } = this.#scene;
    const name = plan.churned?.name;
    if (name === undefined) return;
    const delivered = history.delivered.filter(({ queue }) => queue === name);
    const end = history.step();
    for (const { id, atStep } of delivered) this.#checkGone(id, atStep);
    for (const id of drained) this.#checkGone(id, end);
    const there = new Set([...drained, ...delivered.filter((d: Delivered) => d.acked !== undefined).map(({ id }) => id)]);
    if (history.once.has(name)) return;
    const lastRemoval = this.#removals.at(-1)?.askedAt ?? 0;
    for (const sent of history.sent.values()) {
      if (sent.outcome !== 'ok' || sent.mortal || sent.duplicate || !sent.queues.includes(name)) continue;
      if (this.#standsSince > sent.askedAt || lastRemoval > sent.askedAt || there.has(sent.id)) continue;
      history.fault('V2 lost', `${sent.id} was confirmed for ${name}, which has stood ever since, and is nowhere`);
    }
  }

  #checkGone(id: string, seenAt: number): void {
    const { history } = this.#scene;
    const sent: Sent | undefined = history.sent.get(id);
    if (sent === undefined) return history.fault('V1 phantom', `${id}, which nobody sent, was in the queue that comes and goes`);
    const { confirmedAt } = sent;
    if (confirmedAt === undefined) return;
    const gone = this.#removals.find(({ askedAt, safeAt }) => askedAt > confirmedAt && safeAt !== undefined && safeAt < seenAt);
    if (gone !== undefined) history.fault('V1 removed', `${id} was there after the queue it was in had been removed`);
  }
}
