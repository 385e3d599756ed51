/** Keeps the process alive while somebody waits for messages: an embedded broker has no socket that would. */

import type { Clock } from '../host/clock.ts';

export class Staying {
  readonly #clock: Clock;
  #count = 0;
  #leave: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  enter(): void {
    if (this.#count++ === 0) this.#leave = this.#clock.stay();
  }

  leave(): void {
    if (--this.#count === 0) this.#leave?.();
  }
}
