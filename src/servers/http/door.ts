/** What all requests of one HTTP door share: the engine, the machine, the limits, what is open, and the door's own figures. */

import type { Host } from '../../host/host.ts';
import type { LogFields } from '../../host/logger.ts';
import type { Engine } from '../../model/engine.ts';
import type { Language } from '../../model/record.ts';
import { Annexes } from '../annexes.ts';
import type { Attempts } from '../attempts.ts';
import { HttpFault, problemOf } from './fault.ts';
import type { HttpLimits } from './limits.ts';
import { Members } from './members.ts';

export type Machine = Pick<Host, 'clock' | 'random' | 'logger'>;

/** Something that lives on after its request: a stream or a WebSocket. `end` says goodbye to the client and lets go. */
export interface Lasting {
  end(reason: string): void;
}

export interface DoorFigures {
  requests: number;
  /** By the first digit of the status. */
  readonly answers: [number, number, number, number, number, number];
  streams: number;
  webSockets: number;
  published: number;
  delivered: number;
}

export class Door {
  readonly engine: Engine;
  readonly machine: Machine;
  readonly limits: HttpLimits;
  /** Of other doors, to read what came in by them. */
  readonly languages: ReadonlyMap<number, Language>;
  readonly attempts: Attempts;
  /** What other doors furnish. */
  readonly annexes: Annexes;
  readonly figures: DoorFigures = { requests: 0, answers: [0, 0, 0, 0, 0, 0], streams: 0, webSockets: 0, published: 0, delivered: 0 };
  readonly lasting: Set<Lasting> = new Set();
  /** Of groups, subscribed by a connection of this door. */
  readonly members: Members;
  /** Aborted when the door begins to close: ends every wait. */
  readonly closing: AbortController = new AbortController();
  #bodiesBytes = 0;

  constructor(
    engine: Engine,
    machine: Machine,
    limits: HttpLimits,
    languages: ReadonlyMap<number, Language>,
    attempts: Attempts,
    annexes: Annexes = new Annexes(),
  ) {
    this.engine = engine;
    this.machine = machine;
    this.members = new Members(machine.random);
    this.limits = limits;
    this.languages = languages;
    this.attempts = attempts;
    this.annexes = annexes;
  }

  get isClosing(): boolean {
    return this.closing.signal.aborted;
  }

  /** An error that is our own, not the client's, goes into the log. */
  tell(error: unknown, where: LogFields): void {
    const { status, code } = problemOf(error);
    if (status !== 500) return;
    this.machine.logger.error('http.failed', {
      ...where,
      code,
      cause: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  }

  /** Counts bytes of a body against what all bodies together may take. Throws `overloaded`. */
  holdBytes(count: number): void {
    if (this.#bodiesBytes + count > this.limits.bodiesBytesMax) {
      throw new HttpFault(
        'overloaded',
        `All request bodies together take more than ${this.limits.bodiesBytesMax} bytes; try again in a moment.`,
      );
    }
    this.#bodiesBytes += count;
  }

  releaseBytes(count: number): void {
    this.#bodiesBytes -= count;
  }

  /** Bytes of bodies held now. */
  get bodiesBytes(): number {
    return this.#bodiesBytes;
  }
}
