/** Makes safe what nobody waits for: with the next write, or with one of its own after a while. */

import type { Clock } from '../host/clock.ts';
import type { Ledger } from './ledger.ts';

/** What is recorded rides with the next write; after one to two times this it gets one of its own. */
const LAZY_MS = 10;

export class LazySync {
  readonly #clock: Clock;
  readonly #ledger: Ledger;
  #due = false;
  #stopped = false;

  constructor(clock: Clock, ledger: Ledger) {
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /** All that is recorded by now is to be safe in a while. */
  ask(): void {
    const { journal, gate } = this.#ledger;
    const { tip } = journal;
    if (this.#due || tip <= gate.safe) return;
    this.#due = true;
    this.#clock.after(LAZY_MS, () => {
      this.#due = false;
      if (this.#stopped) return;
      if (gate.safe < tip) journal.sync();
      else this.ask();
    });
  }

  stop(): void {
    this.#stopped = true;
  }
}
