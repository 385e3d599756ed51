/** Signs of life of a connection, at the pace agreed on: ours are sent when nothing else was, and a client that is silent too long is gone. */

import type { Clock } from '../../host/clock.ts';

/** After so many agreed times without a byte the client is taken for gone [4.2.7 of the specification]. */
const SILENCE = 2;

export class Heartbeat {
  readonly #clock: Clock;
  #periodMs = 0;
  #heardMs: number;
  #saidMs: number;
  #deaf = false;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#heardMs = clock.monotonicMs();
    this.#saidMs = this.#heardMs;
  }

  /** Begins. `beat`: send a sign of life; `lost`: the client is gone. */
  start(periodMs: number, beat: () => void, lost: () => void): void {
    this.#periodMs = periodMs;
    this.#cancel = this.#clock.after(periodMs / 2, () => {
      const nowMs = this.#clock.monotonicMs();
      if (!this.#deaf && nowMs - this.#heardMs >= this.#periodMs * SILENCE) {
        lost();
        return;
      }
      if (nowMs - this.#saidMs >= this.#periodMs / 2) beat();
      this.start(periodMs, beat, lost);
    });
  }

  /** The connection is not read for a while: that nothing is heard is not the client's silence. */
  get deaf(): boolean {
    return this.#deaf;
  }

  set deaf(deaf: boolean) {
    this.#deaf = deaf;
    this.heard();
  }

  /** Bytes came. */
  heard(): void {
    this.#heardMs = this.#clock.monotonicMs();
  }

  /** Bytes went. */
  said(): void {
    this.#saidMs = this.#clock.monotonicMs();
  }

  stop(): void {
    this.#cancel?.();
  }
}
