/** Whether the disk is nearly full, so that publishes are refused: asked now and then while somebody is connected. */

import type { Clock } from '../../host/clock.ts';
import type { Engine } from '../../model/engine.ts';

export class DiskAlarm {
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #watchers = new Set<() => void>();
  #cancel: (() => void) | undefined;
  isOn = false;

  constructor(engine: Engine, clock: Clock, everyMs: number) {
    this.#engine = engine;
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** Calls `changed` whenever the alarm goes on or off, until what is returned is called. */
  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    if (this.#cancel === undefined) this.#look();
    return () => {
      this.#watchers.delete(changed);
      if (this.#watchers.size > 0) return;
      this.#cancel?.();
      this.#cancel = undefined;
    };
  }

  #look(): void {
    this.#cancel = this.#clock.after(this.#everyMs, () => this.#look());
    const isOn = this.#engine.metrics().get('disk_full') === 1;
    if (isOn === this.isOn) return;
    this.isOn = isOn;
    for (const changed of [...this.#watchers]) changed();
  }
}
