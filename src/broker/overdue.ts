/** Open transactions whose time is up are aborted. */

import { decideAbort, type Producer } from '../core/core.ts';
import type { Host } from '../host/host.ts';
import type { Ledger } from './ledger.ts';
import type { Queues } from './queues.ts';

/** Timers are not set for longer than this. */
const WAIT_MS_MAX = 60_000;

/** Aborts the transactions whose time is up, so that readers do not wait for them for ever. */
export class Overdue {
  readonly #host: Host;
  readonly #ledger: Ledger;
  readonly #queues: Queues;
  #stopTimer: (() => void) | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(host: Host, ledger: Ledger, queues: Queues) {
    this.#host = host;
    this.#ledger = ledger;
    this.#queues = queues;
  }

  /** What was open when the broker ended goes on; but what had a part only in somebody's memory has lost it. */
  start(): void {
    for (const producer of [...this.#ledger.state.open]) if (producer.open?.passing === true) this.#abort(producer);
    this.look();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer?.();
  }

  /** A transaction may have begun. */
  look(): void {
    if (this.#stopped || this.#ledger.state.open.size === 0) return;
    let dueMs = Number.POSITIVE_INFINITY;
    for (const { open, openMs } of this.#ledger.state.open) if (open !== undefined) dueMs = Math.min(dueMs, open.beganMs + openMs);
    if (dueMs >= this.#dueMs) return;
    this.#stopTimer?.();
    this.#dueMs = dueMs;
    const waitMs = Math.max(0, Math.min(WAIT_MS_MAX, dueMs - this.#ledger.nowMs()));
    this.#stopTimer = this.#host.clock.after(waitMs, () => this.#turn());
  }

  #turn(): void {
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.#ledger
      .run(() => {
        const nowMs = this.#ledger.nowMs();
        for (const producer of [...this.#ledger.state.open])
          if (producer.open !== undefined && producer.open.beganMs + producer.openMs <= nowMs) this.#abort(producer);
        this.#queues.endTurn();
        this.look();
      })
      .catch((error: Error) => {
        if (!this.#stopped && this.#ledger.ended === undefined) this.#host.logger.error('transactions.overdue', { error: error.message });
      });
  }

  #abort(producer: Producer): void {
    this.#host.logger.info('transaction.aborted', { producer: producer.name ?? producer.id, beganMs: producer.open?.beganMs ?? 0 });
    this.#ledger.record(decideAbort(this.#ledger.state, producer, this.#ledger.nowMs()));
  }
}
