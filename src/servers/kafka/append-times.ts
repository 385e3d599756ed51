/** Which topics stamp what comes with the time it is taken (`message.timestamp.type=LogAppendTime`): known at once, since every batch asks. */

import type { Clock } from '../../host/clock.ts';
import type { Engine } from '../../model/engine.ts';

/** So long may a change go unnoticed that did not come by this door. */
const KNOWN_MS = 1000;
const KNOWN_MAX = 10_000;
/** Under which the setting is kept. */
const LABEL = 'kafka.message.timestamp.type';

interface Known {
  /** A promise the first time, until all who waited for it have gone on: nobody may overtake them. */
  isStamped: boolean | Promise<boolean>;
  untilMs: number;
}

export class AppendTimes {
  readonly #clock: Clock;
  /** By engine as its user sees it, and topic: nothing is put together to look. */
  #known = new WeakMap<Engine, Map<string, Known>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the topic's batches are stamped; of one that is not there, no. Rejects as `describe` does. */
  has(engine: Engine, topic: string): boolean | Promise<boolean> {
    const known = this.#known.get(engine)?.get(topic);
    if (known === undefined) return this.#begin(engine, topic);
    if (typeof known.isStamped === 'boolean' && known.untilMs <= engine.nowMs()) this.#renew(engine, topic, known);
    return known.isStamped;
  }

  /** Something was changed by this door. */
  forget(): void {
    this.#known = new WeakMap();
  }

  #begin(engine: Engine, topic: string): Promise<boolean> {
    const topics = this.#known.get(engine) ?? new Map<string, Known>();
    if (topics.size >= KNOWN_MAX) topics.clear();
    const looked = look(engine, topic);
    const known: Known = { isStamped: looked, untilMs: engine.nowMs() + KNOWN_MS };
    this.#known.set(engine, topics.set(topic, known));
    looked.then(
      (isStamped) =>
        this.#clock.soon(() => {
          known.isStamped = isStamped;
        }),
      () => topics.delete(topic),
    );
    return looked;
  }

  /** What was known holds until it is known anew. */
  #renew(engine: Engine, topic: string, known: Known): void {
    known.untilMs = engine.nowMs() + KNOWN_MS;
    look(engine, topic).then(
      (isStamped) => {
        known.isStamped = isStamped;
      },
      () => this.#known.get(engine)?.delete(topic),
    );
  }
}

async function look(engine: Engine, topic: string): Promise<boolean> {
  const description = await engine.describe('topic', topic, { brief: true });
  if (description?.kind !== 'topic') return false;
  return 'labels' in description.spec && description.spec.labels?.[LABEL] === 'LogAppendTime';
}
