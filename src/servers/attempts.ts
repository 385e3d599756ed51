/** Failed logins by address: after too many, further ones are turned away unread for a while, so that guessing is slow. */

import type { Clock } from '../host/clock.ts';

const ADDRESSES_MAX = 10_000;

interface Failures {
  count: number;
  sinceMs: number;
}

export class Attempts {
  readonly #clock: Clock;
  readonly #countMax: number;
  readonly #windowMs: number;
  readonly #failures = new Map<string, Failures>();

  /** `countMax` failures within `windowMs` close the door to an address until the window has passed. */
  constructor(clock: Clock, countMax: number, windowMs: number) {
    this.#clock = clock;
    this.#countMax = countMax;
    this.#windowMs = windowMs;
  }

  /** How long this address has to wait; 0: it may try. */
  waitMs(address: string): number {
    const failures = this.#failures.get(address);
    if (failures === undefined) return 0;
    const restMs = failures.sinceMs + this.#windowMs - this.#clock.monotonicMs();
    if (restMs > 0) return failures.count >= this.#countMax ? restMs : 0;
    this.#failures.delete(address);
    return 0;
  }

  failed(address: string): void {
    const failures = this.#failures.get(address);
    if (failures !== undefined && failures.sinceMs + this.#windowMs > this.#clock.monotonicMs()) {
      failures.count += 1;
      return;
    }
    this.#failures.delete(address);
    if (this.#failures.size >= ADDRESSES_MAX) {
      const [oldest] = this.#failures.keys();
      if (oldest !== undefined) this.#failures.delete(oldest);
    }
    this.#failures.set(address, { count: 1, sinceMs: this.#clock.monotonicMs() });
  }
}
