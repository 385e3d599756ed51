/**
 * The short way of a pass. Most events meet nothing but portable handlers which this thread has loaded, first standing ones, then some of
 * their own in the slots of the record: for those it is known in advance what runs, and nothing else is looked at. At whatever is out of the ordinary the pass goes on in the usual way (see `Pass`),
 * which begins where this one has left off.
 */

import type { Attempts } from './attempts.ts';
import type { Callable, Handlers } from './callbacks.ts';
import type { SharedEvent } from './event.ts';
import type { EventId } from './keys.ts';
import { inState, isSlot, SLOT_BEGUN, SLOT_SURE, SLOT_WAITING, slotState, slotWhat } from './list.ts';
import {
  DEATHS,
  DONE_HIGH,
  DONE_LOW,
  DONE_NODE,
  NAMES,
  RAN,
  SLOT_ORDER,
  STARTED,
  STARTED_NODE,
  STARTED_NOTHING,
  STARTED_STANDING,
  STARTED_WHAT,
  WATCHED,
} from './memory.ts';
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
  readonly #known: (Known | undefined)[] = new Array(NAMES + 1).fill(undefined);

  constructor({ thread, registry, handlers, attempts }: { thread: Thread; registry: Registry; handlers: Handlers; attempts: Attempts }) {
    this.#thread = thread;
    this.#registry = registry;
    this.#handlers = handlers;
    this.#attempts = attempts;
  }

  /**
   * Runs the callbacks of a record: standing ones, then those in its slots. It may also answer the one that is waited for, which is not
   * marked as done yet.
   */
  run(record: number, at: number, event: SharedEvent, type: number): typeof RAN_ALL | typeof USUAL | Waited {
    const known = this.#knownOf(type, event.id);
    if (known === undefined || !this.#isFresh(at)) return USUAL;
    const { words, lists } = this.#thread;
    const { plan, callables } = known;
    let slot = lists.next(record, 0);
    if (slot !== 0 && !this.#isAfter(slot, at, plan)) return USUAL;
    for (let index = 0; index < plan.length; index++) {
      const standing = plan[index] as Standing;
      if (!this.#registry.isThere(standing)) continue;
      words[at + STARTED_WHAT] = standing.orderLow;
      words[at + STARTED] = STARTED_STANDING;
      const later = this.#attempts.run(record, 0, event, callables[index] as Callable);
      if (later !== undefined) return { later, standing, slot: 0 };
      words[at + RAN] = (words[at + RAN] as number) + 1;
      words[at + DONE_HIGH] = standing.orderHigh;
      words[at + DONE_LOW] = standing.orderLow;
      words[at + STARTED] = STARTED_NOTHING;
    }
    for (slot = lists.next(record, 0); isSlot(slot); slot = lists.next(record, slot)) {
      const callable = this.#begin(lists.slotAt(record, slot));
      if (callable === undefined) return USUAL;
      words[at + STARTED_WHAT] = slot;
      words[at + STARTED] = STARTED_NODE;
      const later = this.#attempts.run(record, 0, event, callable);
      if (later !== undefined) return { later, standing: undefined, slot };
      words[at + RAN] = (words[at + RAN] as number) + 1;
      words[at + DONE_NODE] = slot;
      words[at + STARTED] = STARTED_NOTHING;
    }
    // Where there are slots the end of the event looks at the registrations itself.
    return slot !== 0 || (lists.slots === 0 && this.#registry.hasChanged()) ? USUAL : RAN_ALL;
  }

  /** Begins a callback in a slot. Undefined: it was disposed of, or its handler has not been loaded. */
  #begin(at: number): Callable | undefined {
    const { words } = this.#thread;
    const word = words[at] as number;
    const callable = this.#handlers.get(slotWhat(word));
    if (callable === undefined || slotState(word) === SLOT_SURE) return callable;
    if (slotState(word) !== SLOT_WAITING) return undefined;
    return Atomics.compareExchange(words, at, word, inState(word, SLOT_BEGUN)) === word ? callable : undefined;
  }

  /** True when the list begins in a slot, and no standing registration came after what is in slots. */
  #isAfter(first: number, at: number, plan: readonly Standing[]): boolean {
    const last = plan[plan.length - 1];
    return isSlot(first) && (last === undefined || ((last.orderLow - (this.#thread.words[at + SLOT_ORDER] as number)) | 0) <= 0);
  }

  /** True when no callback has begun. */
  #isFresh(at: number): boolean {
    const { words } = this.#thread;
    const done = (words[at + DONE_LOW] as number) | (words[at + DONE_HIGH] as number) | (words[at + DONE_NODE] as number);
    return (done | (words[at + DEATHS] as number) | (words[at + WATCHED] as number)) === 0;
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
  /** Undefined: it is that of the slot. */
  readonly standing: Standing | undefined;
  readonly slot: number;
}
