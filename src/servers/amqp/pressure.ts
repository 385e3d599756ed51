/** When a connection is not read: too much waits for the client, for the broker, or for the disk. A publisher held back long is told. */

import type { Clock } from '../../host/clock.ts';
import type { Engine } from '../../model/engine.ts';
import { AmqpFault } from './faults.ts';
import type { AmqpLimits } from './limits.ts';

/** The socket as far as reading goes. */
export interface Inlet {
  readonly full: boolean;
  hold(): void;
  release(): void;
}

export class Pressure {
  readonly #inlet: Inlet;
  readonly #clock: Clock;
  readonly #limits: AmqpLimits;
  readonly #tell: (blocked: boolean) => void;
  #held = false;
  #pressed = false;
  #blocked = false;
  #waitingBytes = 0;
  #unfinishedBytes = 0;
  #cancel: (() => void) | undefined;

  /** `tell`: the client should hear that it is held back, or no longer. */
  constructor(inlet: Inlet, clock: Clock, limits: AmqpLimits, tell: (blocked: boolean) => void) {
    this.#inlet = inlet;
    this.#clock = clock;
    this.#limits = limits;
    this.#tell = tell;
  }

  /** The client has been told. */
  get isBlocked(): boolean {
    return this.#blocked;
  }

  /** So many bytes more, or less, have come and are not dealt with. */
  waiting(bytes: number): void {
    this.#waitingBytes += bytes;
  }

  /** So many bytes more, or less, of messages that are not whole. Throws `AmqpFault` 506 when there are too many. */
  unfinished(bytes: number): void {
    this.#unfinishedBytes += bytes;
    const { unfinishedBytesMax } = this.#limits;
    if (this.#unfinishedBytes > unfinishedBytesMax)
      throw new AmqpFault(506, `messages that are not whole take more than ${unfinishedBytesMax} bytes`, 'connection');
  }

  /** Holds the socket, or lets it go on. */
  balance(engine: Engine): void {
    if (!this.#pressed && engine.pressed) this.#press(engine);
    const hold = this.#pressed || this.#inlet.full || this.#waitingBytes > this.#limits.waitingBytesMax;
    if (hold === this.#held) return;
    this.#held = hold;
    if (hold) this.#inlet.hold();
    else this.#inlet.release();
  }

  #press(engine: Engine): void {
    this.#pressed = true;
    this.#cancel = this.#clock.after(this.#limits.blockedMs, () => {
      this.#blocked = true;
      this.#tell(true);
    });
    const relieved = (): void => {
      this.#cancel?.();
      this.#pressed = false;
      if (this.#blocked) this.#tell(false);
      this.#blocked = false;
      this.balance(engine);
    };
    engine.relief().then(relieved, relieved);
  }

  stop(): void {
    this.#cancel?.();
  }
}
