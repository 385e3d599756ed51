/** A clock turned by hand: timers fire only when it is turned, while the turns of the event loop go on as always. */

import type { Clock } from './clock.ts';
import { SimClock } from './simulated/sim-clock.ts';

export class HandClock implements Clock {
  readonly #sim: SimClock;

  /** `wallMs`: where it stands at first. */
  constructor(wallMs?: number) {
    this.#sim = new SimClock(wallMs === undefined ? {} : { wallMs });
  }

  wallMs(): number {
    return this.#sim.wallMs();
  }

  monotonicMs(): number {
    return this.#sim.monotonicMs();
  }

  after(delayMs: number, fn: () => void): () => void {
    return this.#sim.after(delayMs, fn);
  }

  soon(fn: () => void): void {
    setImmediate(fn);
  }

  /** Who waits for a clock that nobody turns would wait for ever: a test that forgets to ends instead. */
  stay(): () => void {
    return () => {};
  }

  /** Turns it forward: fires what comes due, one after the other, and lets what follows from each (`settle`) happen before the next. */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const until = this.#sim.monotonicMs() + ms;
    await settle();
    for (let next = this.#sim.nextMs; next !== undefined && next <= until; next = this.#sim.nextMs) {
      await this.#sim.step();
      await settle();
    }
    await this.#sim.run(until);
    await settle();
  }
}
