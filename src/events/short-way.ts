/**
 * The short way of a pass. Most events meet nothing but standing portable handlers which this thread has loaded: for those it is known in
 * advance what runs, and nothing else is looked at. At whatever is out of the ordinary the pass goes on in the usual way (see `Pass`),
 * which begins where this one has left off.
 */

import type { Attempts } from './attempts.ts';
import type { Callable, Handlers } from './callbacks.ts';
import type { SharedEvent } from './event.ts';
import type { EventId } from './keys.ts';
import { isLink } from './list.ts';
import { DEATHS, DONE_HIGH, DONE_LOW, FIRST, RAN, STARTED, STARTED_NOTHING, STARTED_STANDING, STARTED_WHAT, WATCHED } from './memory.ts';
import type { Registry, Standing } from './registry.ts';
import type { Thread } from './thread.ts';

/** What is known in advance of the events of a type. */
interface Known {
  readonly plan: readonly Standing[];
  readonly callables: readonly Callable[];
}

/** How a short way ended: all have run and only the end is left; or the pass goes on in the usual way. */
export const RAN_ALL = 0;
export const USUAL = 1;

export class ShortWay {
  readonly #thread: Thread;
  readonly #registry: Registry;
  readonly #handlers: Handlers;
  readonly #attempts: Attempts;
  readonly #known: (Known | undefined)[] = [];

  constructor({ thread, registry, handlers, attempts }: { thread: Thread; registry: Registry; handlers: Handlers; attempts: Attempts }) {
    this.#thread = thread;
    this.#registry = registry;
    this.#handlers = handlers;
    this.#attempts = attempts;
  }

  /**
   * Runs the callbacks of a record that nobody has registered for in particular. It may also answer the one that is waited for, which is
   * not marked as done yet.
   */
  run(record: number, at: number, event: SharedEvent, type: number): typeof RAN_ALL | typeof USUAL | Waited {
    const known = this.#knownOf(type, event.id);
    if (known === undefined || !this.#isFresh(at)) return USUAL;
    const { words } = this.#thread;
    const { plan, callables } = known;
    for (let index = 0; index < plan.length; index++) {
      const standing = plan[index] as Standing;
      if (!this.#registry.isThere(standing)) continue;
      words[at + STARTED_WHAT] = standing.orderLow;
      words[at + STARTED] = STARTED_STANDING;
      const later = this.#attempts.run(record, 0, event, callables[index] as Callable);
      if (later !== undefined) return { later, standing };
      words[at + RAN] = (words[at + RAN] as number) + 1;
      words[at + DONE_HIGH] = standing.orderHigh;
      words[at + DONE_LOW] = standing.orderLow;
      words[at + STARTED] = STARTED_NOTHING;
    }
    return isLink(words[at + FIRST] as number) || this.#registry.hasChanged() ? USUAL : RAN_ALL;
  }

  /** True when no callback has been registered for the event alone, and none of the standing ones has begun. */
  #isFresh(at: number): boolean {
    const { words } = this.#thread;
    const begun = (words[at + DONE_LOW] as number) | (words[at + DONE_HIGH] as number) | (words[at + DEATHS] as number);
    return (begun | (words[at + WATCHED] as number)) === 0 && !isLink(words[at + FIRST] as number);
  }

  #knownOf(type: number, id: EventId): Known | undefined {
    const plan = this.#registry.plan(type, id);
    const known = this.#known[type];
    if (known?.plan === plan) return known;
    const callables: Callable[] = [];
    for (const { home, once, what } of plan) {
      const callable = home === 0 && !once ? this.#handlers.get(what) : undefined;
      if (callable === undefined) return undefined;
      callables.push(callable);
    }
    this.#known[type] = { plan, callables };
    return this.#known[type];
  }
}

/** A callback that is waited for. */
export interface Waited {
  readonly later: Promise<void>;
  readonly standing: Standing;
}
