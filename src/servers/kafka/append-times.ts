/** Which topics stamp what comes with the time it is taken (`message.timestamp.type=LogAppendTime`): known for a moment, since every batch asks. */

import type { Engine } from '../../model/engine.ts';

/** So long may a change go unnoticed that did not come by this door. */
const KNOWN_MS = 1000;
const KNOWN_MAX = 10_000;
/** Under which the setting is kept. */
const LABEL = 'kafka.message.timestamp.type';

interface Known {
  readonly isStamped: boolean;
  readonly untilMs: number;
}

export class AppendTimes {
  /** By engine as its user sees it, and topic: nothing is put together to look. */
  #known = new WeakMap<Engine, Map<string, Known>>();

  /** At once when it is known; rejects as `describe` does. */
  has(engine: Engine, topic: string): boolean | Promise<boolean> {
    const known = this.#known.get(engine)?.get(topic);
    return known !== undefined && known.untilMs > engine.nowMs() ? known.isStamped : this.#look(engine, topic);
  }

  /** Something was changed by this door. */
  forget(): void {
    this.#known = new WeakMap();
  }

  async #look(engine: Engine, topic: string): Promise<boolean> {
    const description = await engine.describe('topic', topic, { brief: true });
    if (description?.kind !== 'topic') return false;
    const isStamped = 'labels' in description.spec && description.spec.labels?.[LABEL] === 'LogAppendTime';
    const topics = this.#known.get(engine) ?? new Map<string, Known>();
    if (topics.size >= KNOWN_MAX) topics.clear();
    this.#known.set(engine, topics.set(topic, { isStamped, untilMs: engine.nowMs() + KNOWN_MS }));
    return isStamped;
  }
}
