/**
 * Offsets that expire: of groups that kept offsets by this door, have no members, and have kept none for so long. It counts from when the door
 * saw them last; a group that it has not seen since it opened is left alone.
 */

import type { Clock } from '../../../host/clock.ts';
import type { CursorMove, Engine } from '../../../model/engine.ts';
import { offset } from '../../../model/lines.ts';

export interface ExpiryLimits {
  readonly offsetsRetentionMs: number;
  readonly offsetsCheckMs: number;
}

export class Expiry {
  readonly #clock: Clock;
  readonly #limits: ExpiryLimits;
  readonly #isEmpty: (tenant: string, group: string) => boolean;
  readonly #engineOf: (tenant: string) => Engine;
  readonly #failed: (error: unknown) => void;
  /** When a group was last seen with a member, or keeping an offset: by tenant, then by name. */
  readonly #seen = new Map<string, Map<string, number>>();
  #stop: () => void = () => undefined;
  #isClosed = false;

  constructor(
    clock: Clock,
    limits: ExpiryLimits,
    isEmpty: (tenant: string, group: string) => boolean,
    engineOf: (tenant: string) => Engine,
    failed: (error: unknown) => void,
  ) {
    this.#clock = clock;
    this.#limits = limits;
    this.#isEmpty = isEmpty;
    this.#engineOf = engineOf;
    this.#failed = failed;
  }

  /** An offset was kept for the group. */
  kept(tenant: string, group: string): void {
    const groups = this.#seen.get(tenant) ?? new Map<string, number>();
    if (this.#seen.size === 0) this.#again();
    this.#seen.set(tenant, groups.set(group, this.#clock.monotonicMs()));
  }

  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  #again(): void {
    if (this.#isClosed) return;
    this.#stop = this.#clock.after(this.#limits.offsetsCheckMs, () => {
      void this.#look()
        .catch(this.#failed)
        .then(() => this.#again());
    });
  }

  async #look(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    for (const [tenant, groups] of this.#seen) {
      for (const [group, seenMs] of groups) {
        if (!this.#isEmpty(tenant, group)) groups.set(group, nowMs);
        else if (nowMs - seenMs >= this.#limits.offsetsRetentionMs) {
          groups.delete(group);
          await this.#expire(this.#engineOf(tenant), group);
        }
      }
    }
  }

  async #expire(engine: Engine, group: string): Promise<void> {
    const known = await engine.describe('group', group);
    if (known?.kind !== 'group' || known.members > 0 || known.cursors.length === 0) return;
    const moves = known.cursors.map(({ topic, partition }): CursorMove => ({ topic, partition, offset: offset(-1) }));
    await engine.moveCursors(group, moves);
    await engine.remove('group', group);
  }
}
