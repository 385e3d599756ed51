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

/** Who listens for the client's signs of life: while it is not read, there are none to be heard. */
interface Ear {
  deaf: boolean;
}

/** In the words of RabbitMQ, by which programs tell what it is. */
const LOW_ON_DISK = 'low on disk';
const SLOW_DISK = 'the disk is slower than what is published';

export class Pressure {
  readonly #inlet: Inlet;
  readonly #ear: Ear;
  readonly #clock: Clock;
  readonly #limits: AmqpLimits;
  readonly #tell: (reason: string | undefined) => void;
  #held = false;
  #pressed = false;
  /** It has been pressed for longer than a moment. */
  #slow = false;
  #alarmed = false;
  #reason: string | undefined;
  #waitingBytes = 0;
  #unfinishedBytes = 0;
  #cancel: (() => void) | undefined;

  /** `tell`: the client should hear why it is held back, or (undefined) that it is no longer. */
  constructor(inlet: Inlet, ear: Ear, clock: Clock, limits: AmqpLimits, tell: (reason: string | undefined) => void) {
    this.#inlet = inlet;
    this.#ear = ear;
    this.#clock = clock;
    this.#limits = limits;
    this.#tell = tell;
  }

  /** The client has been told. */
  get isBlocked(): boolean {
    return this.#reason !== undefined;
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

  /** Holds the socket, or lets it go on. `alarmed`: the disk is nearly full, and this client publishes. */
  balance(engine: Engine, alarmed: boolean): void {
    if (alarmed !== this.#alarmed) {
      this.#alarmed = alarmed;
      this.#explain();
    }
    if (!this.#pressed && engine.pressed) this.#press(engine);
    const hold = this.#pressed || alarmed || this.#inlet.full || this.#waitingBytes > this.#limits.waitingBytesMax;
    if (hold === this.#held) return;
    this.#held = hold;
    this.#ear.deaf = hold;
    if (hold) this.#inlet.hold();
    else this.#inlet.release();
  }

  #press(engine: Engine): void {
    this.#pressed = true;
    this.#cancel = this.#clock.after(this.#limits.blockedMs, () => {
      this.#slow = true;
      this.#explain();
    });
    const relieved = (): void => {
      this.#cancel?.();
      this.#pressed = false;
      this.#slow = false;
      this.#explain();
      this.balance(engine, this.#alarmed);
    };
    engine.relief().then(relieved, relieved);
  }

  /** Tells the client once, whichever reason comes first, and when there is none any more. */
  #explain(): void {
    const reason = this.#alarmed ? LOW_ON_DISK : this.#slow ? SLOW_DISK : undefined;
    if ((reason === undefined) !== (this.#reason === undefined)) this.#tell(reason);
    this.#reason = reason;
  }

  stop(): void {
    this.#cancel?.();
  }
}
