/** What the clients of one simulated broker share. */

import type { Broker } from '../../src/broker/broker.ts';
import type { SimClock } from '../../src/host/simulated/sim-clock.ts';
import type { SimRandom } from '../../src/host/simulated/sim-random.ts';
import type { History } from './history.ts';
import type { Plan } from './plan.ts';

export class Scene {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly history: History;
  readonly plan: Plan;
  readonly trace: ((line: string) => void) | undefined;
  /** How long the disk may keep back a delivery whose lease runs already. */
  readonly lateMs: number;
  /** The one alive; undefined between two lives. */
  broker: Broker | undefined;
  life = 0;
  /** The broker said that it has failed: it may not confirm anything any more. */
  failed = false;
  #nextId = 1;
  #nextTransaction = 1;
  readonly #turns = new Map<number, number>();

  constructor(
    clock: SimClock,
    random: SimRandom,
    history: History,
    plan: Plan,
    lateMs: number,
    trace: ((line: string) => void) | undefined,
  ) {
    this.clock = clock;
    this.random = random;
    this.history = history;
    this.plan = plan;
    this.lateMs = lateMs;
    this.trace = trace;
  }

  nextId(): number {
    return this.#nextId++;
  }

  nextTransaction(): number {
    return this.#nextTransaction++;
  }

  nextTurn(publisher: number): number {
    const turn = (this.#turns.get(publisher) ?? 0) + 1;
    this.#turns.set(publisher, turn);
    return turn;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }
}
