/**
 * Standing registrations: callbacks for a type, for all events, or for every event of one id. Few and lasting, so each thread keeps a
 * copy, sorted, and looks at one word to know whether it is still right.
 */

import { Refused } from '../model/refusal.ts';
import { ID_TEXT } from './ids.ts';
import type { EventId } from './keys.ts';
import { FREE, kindOf, life, PART, span, TAKEN } from './life.ts';
import {
  ENTRY_EPOCH,
  ENTRY_GEN,
  ENTRY_HOME,
  ENTRY_ID_FORM,
  ENTRY_ID_HIGH,
  ENTRY_ID_LOW,
  ENTRY_ONCE,
  ENTRY_ORDER_HIGH,
  ENTRY_ORDER_LOW,
  ENTRY_PRIORITY,
  ENTRY_SCOPE,
  ENTRY_TAKEN,
  ENTRY_TYPE,
  ENTRY_WHAT,
  LIFE,
  NAMES,
  STANDING_WORDS,
} from './memory.ts';
import type { Thread } from './thread.ts';

export const SCOPE_ALL = 0;
export const SCOPE_TYPE = 1;
export const SCOPE_ID = 2;

/** A standing registration as this thread knows it. */
export interface Standing {
  readonly entry: number;
  /** Its life word: another one means that it is gone. */
  readonly word: number;
  /** Counts up with every standing registration. */
  readonly order: number;
  readonly orderLow: number;
  readonly orderHigh: number;
  readonly home: number;
  readonly epoch: number;
  readonly what: number;
  readonly priority: number;
  readonly once: boolean;
}

/** What is to be registered. */
export interface Registering {
  readonly scope: number;
  readonly type: string;
  readonly id: EventId;
  /** 0 for a portable handler. */
  readonly home: number;
  readonly epoch: number;
  /** Number of the spec, or of the closure on its thread. */
  readonly what: number;
  readonly priority: number;
  readonly once: boolean;
}

const NOTHING: readonly Standing[] = [];

export class Registry {
  readonly #thread: Thread;
  #seen = -1;
  #all: readonly Standing[] = NOTHING;
  #byType = new Map<number, Standing[]>();
  #byId = new Map<EventId, Standing[]>();
  /** By type. All places are there from the beginning: an array that grew by far places would become a slow one. */
  readonly #plans: (readonly Standing[] | undefined)[] = new Array(NAMES + 1).fill(undefined);

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  /** Makes it known to all threads. Answers what `remove` wants. Throws `Refused('full')` when there are too many. */
  add(registering: Registering): { entry: number; word: number } {
    const { words, memory, names } = this.#thread;
    const type = registering.scope === SCOPE_TYPE ? names.number(registering.type) : 0;
    const entry = this.#claim();
    const at = memory.layout.standing + entry * STANDING_WORDS;
    const gen = (words[at + ENTRY_GEN] as number) + 1;
    words[at + ENTRY_GEN] = gen;
    words[at + ENTRY_SCOPE] = registering.scope;
    words[at + ENTRY_TYPE] = type;
    words[at + ENTRY_HOME] = registering.home;
    words[at + ENTRY_EPOCH] = registering.epoch;
    words[at + ENTRY_WHAT] = registering.what;
    words[at + ENTRY_PRIORITY] = registering.priority;
    words[at + ENTRY_ONCE] = registering.once ? 1 : 0;
    words[at + ENTRY_TAKEN] = 0;
    if (registering.scope === SCOPE_ID) this.#writeId(at, registering.id);
    const order = Atomics.add(memory.longs, memory.layout.order / 2, 1n) + 1n;
    words[at + ENTRY_ORDER_LOW] = Number(BigInt.asIntN(32, order));
    words[at + ENTRY_ORDER_HIGH] = Number(order >> 32n);
    const word = span(PART, gen);
    Atomics.store(words, at + LIFE, word);
    this.announce();
    return { entry, word };
  }

  /** False when it was gone already. */
  remove(entry: number, word: number): boolean {
    const { words, memory, me } = this.#thread;
    const at = memory.layout.standing + entry * STANDING_WORDS;
    if (Atomics.compareExchange(words, at + LIFE, word, life(TAKEN, me, 0)) !== word) return false;
    this.#free(at);
    this.announce();
    return true;
  }

  /** Tells all threads to look again. */
  announce(): void {
    Atomics.add(this.#thread.words, this.#thread.global('changes'), 1);
  }

  /** Removes the registrations whose closures were a thread's own, and what it was about to register. Answers how many. */
  removeOf(home: number): number {
    const { words, memory } = this.#thread;
    let count = 0;
    for (let entry = 1; entry <= memory.shape.standing; entry++) {
      const at = memory.layout.standing + entry * STANDING_WORDS;
      const word = Atomics.load(words, at + LIFE);
      if (word === life(TAKEN, home, 0)) this.#free(at);
      else if (kindOf(word) === PART && words[at + ENTRY_HOME] === home && this.remove(entry, word)) count++;
    }
    this.announce();
    return count;
  }

  /** The standing registrations for an event, in order. Registering and removing on any thread before now has been seen. */
  plan(type: number, id: EventId): readonly Standing[] {
    if (this.#thread.words[this.#thread.global('changes')] !== this.#seen) this.#refresh();
    const plan = this.#plans[type] ?? this.#planOf(type);
    if (this.#byId.size === 0) return plan;
    const more = this.#byId.get(id);
    return more === undefined ? plan : [...plan, ...more].sort((a, b) => a.order - b.order);
  }

  /** True when registrations have changed since the last `plan`. */
  hasChanged(): boolean {
    return Atomics.load(this.#thread.words, this.#thread.global('changes')) !== this.#seen;
  }

  /** True while the registration is there. */
  isThere(standing: Standing): boolean {
    const { words, memory } = this.#thread;
    return words[memory.layout.standing + standing.entry * STANDING_WORDS + LIFE] === standing.word;
  }

  /** For a registration that runs once: whether it is this event (its stamp, not 0) that has it. */
  takeOnce(standing: Standing, stamp: number): boolean {
    const { words, memory } = this.#thread;
    const at = memory.layout.standing + standing.entry * STANDING_WORDS + ENTRY_TAKEN;
    const seen = Atomics.compareExchange(words, at, 0, stamp);
    return seen === 0 || seen === stamp;
  }

  #claim(): number {
    const { words, memory, me } = this.#thread;
    for (let entry = 1; entry <= memory.shape.standing; entry++) {
      const at = memory.layout.standing + entry * STANDING_WORDS;
      if (words[at + LIFE] !== 0) continue;
      if (Atomics.compareExchange(words, at + LIFE, 0, life(TAKEN, me, 0)) !== 0) continue;
      const top = this.#thread.global('standingTop');
      for (let seen = Atomics.load(words, top); seen < entry; seen = Atomics.load(words, top))
        Atomics.compareExchange(words, top, seen, entry);
      return entry;
    }
    throw new Refused(
      'full',
      `The queue has ${memory.shape.standing} standing registrations already. Dispose of some, or raise registrationsMax.`,
    );
  }

  #writeId(at: number, id: EventId): void {
    const { words, keys } = this.#thread;
    keys.set(id);
    words[at + ENTRY_ID_FORM] = keys.form;
    words[at + ENTRY_ID_LOW] = keys.low;
    words[at + ENTRY_ID_HIGH] = keys.form === ID_TEXT ? keys.writePage() : keys.high;
    if (keys.form !== ID_TEXT || words[at + ENTRY_ID_HIGH] !== 0) return;
    this.#free(at);
    throw new Refused('full', 'There is no page left for the id of this registration. Raise spillBytes, or dispose of registrations.');
  }

  /** An entry in this thread's hands, or in those of a dead one. */
  #free(at: number): void {
    const { words, pages } = this.#thread;
    const page = words[at + ENTRY_ID_FORM] === ID_TEXT ? (words[at + ENTRY_ID_HIGH] as number) : 0;
    words[at + ENTRY_ID_FORM] = 0;
    if (page !== 0) pages.give(page);
    Atomics.store(words, at + LIFE, FREE);
  }

  #refresh(): void {
    const { words, memory } = this.#thread;
    // Read first: what changes while this thread reads makes it read again.
    this.#seen = Atomics.load(words, this.#thread.global('changes'));
    const all: Standing[] = [];
    this.#byType = new Map();
    this.#byId = new Map();
    this.#plans.fill(undefined);
    const top = Atomics.load(words, this.#thread.global('standingTop'));
    for (let entry = 1; entry <= top; entry++) this.#readEntry(entry, memory.layout.standing + entry * STANDING_WORDS, all);
    this.#all = all.sort((a, b) => a.order - b.order);
  }

  #readEntry(entry: number, at: number, all: Standing[]): void {
    const { words, keys } = this.#thread;
    const word = Atomics.load(words, at + LIFE);
    if (kindOf(word) !== PART) return;
    const low = words[at + ENTRY_ORDER_LOW] as number;
    const high = words[at + ENTRY_ORDER_HIGH] as number;
    const standing: Standing = {
      entry,
      word,
      order: high * 2 ** 32 + (low >>> 0),
      orderLow: low,
      orderHigh: high,
      home: words[at + ENTRY_HOME] as number,
      epoch: words[at + ENTRY_EPOCH] as number,
      what: words[at + ENTRY_WHAT] as number,
      priority: words[at + ENTRY_PRIORITY] as number,
      once: words[at + ENTRY_ONCE] === 1,
    };
    const scope = words[at + ENTRY_SCOPE] as number;
    const type = words[at + ENTRY_TYPE] as number;
    const id =
      scope === SCOPE_ID
        ? keys.readPage(words[at + ENTRY_ID_FORM] as number, words[at + ENTRY_ID_LOW] as number, words[at + ENTRY_ID_HIGH] as number)
        : 0;
    if (Atomics.load(words, at + LIFE) !== word) return;
    if (scope === SCOPE_ALL) all.push(standing);
    else if (scope === SCOPE_TYPE) this.#byType.set(type, [...(this.#byType.get(type) ?? []), standing]);
    else this.#byId.set(id, [...(this.#byId.get(id) ?? []), standing]);
  }

  #planOf(type: number): readonly Standing[] {
    const ofType = this.#byType.get(type);
    const plan = ofType === undefined ? this.#all : [...this.#all, ...ofType].sort((a, b) => a.order - b.order);
    this.#plans[type] = plan;
    return plan;
  }
}
