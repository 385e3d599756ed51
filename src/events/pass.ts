/**
 * long because it is one walk over the callbacks of an event, step by step: the pass of an event through its callbacks, in order, one at a time, wherever they live: portable handlers run here,
 * a closure of another thread gets the event handed over and the pass goes on there. Where the pass stands is in the record, so it can
 * also go on after the death of the thread it was on. Several at once are `Together`'s.
 */

import { Refused } from '../model/refusal.ts';
import type { Attempts } from './attempts.ts';
import type { Callable, Handlers, Locals } from './callbacks.ts';
import { SharedEvent } from './event.ts';
import { CallbackError, readFailures } from './failures.ts';
import { kindOf, ownerOf, RUNNING, restOf } from './life.ts';
import { inState, isSlot, SLOT_BEGUN, SLOT_GONE, SLOT_WAITING, slotState, slotWhat, stampOf } from './list.ts';
import {
  DEATHS,
  DONE_HIGH,
  DONE_LOW,
  DONE_NODE,
  GEN,
  LIFE,
  NODE_BEGUN,
  NODE_DONE,
  NODE_ENTRY,
  NODE_EPOCH,
  NODE_GONE,
  NODE_HOME,
  NODE_ORDER,
  NODE_STATE,
  NODE_WHAT,
  RAN,
  SLOT_ORDER,
  STARTED,
  STARTED_NODE,
  STARTED_NOTHING,
  STARTED_STANDING,
  STARTED_WHAT,
  TYPE,
  WATCH,
  WATCHED,
  WATCHED_ABANDONED,
  WATCHED_BY_SOMEBODY,
} from './memory.ts';
import { appendNode, countDone, makeNode, originOf, pickNode, spread } from './nodes.ts';
import type { Post } from './post.ts';
import type { Registry, Standing } from './registry.ts';
import type { Result } from './result.ts';
import type { Order } from './settings.ts';
import { isAbandoned, type Settler } from './settle.ts';
import { RAN_ALL, ShortWay, USUAL } from './short-way.ts';
import { isAlive, type Thread } from './thread.ts';
import { forgetOnce, Together } from './together.ts';

/** The event is out of this thread's hands, or finished; or the pass goes on. */
const LEFT = 0;
const NEXT = 1;
type Step = typeof LEFT | typeof NEXT | Promise<void>;

/** A pass on this thread. */
interface Stand {
  readonly record: number;
  readonly at: number;
  readonly event: SharedEvent;
  readonly stamp: number;
  /** True when this thread runs no portable handlers, only closures of its own. */
  readonly visiting: boolean;
  /** Wanted by who processes by hand. */
  onResult: OnResult | undefined;
}

/** Wants the result of an event, or hears why it cannot be had. */
export type OnResult = (result: Result | Refused) => void;

/** Where a callback stands: in the list of the event, or among the standing ones. */
interface Place {
  readonly standing: Standing | undefined;
  readonly node: number;
  /** The registration that the node was made from, if it was. */
  readonly origin: Standing | undefined;
}

export interface PassParts {
  readonly thread: Thread;
  readonly registry: Registry;
  readonly handlers: Handlers;
  readonly locals: Locals;
  readonly settler: Settler;
  readonly attempts: Attempts;
  readonly post: Post;
  readonly order: Order;
  /** How many threads a callback may take with it before it counts as failed; 1: it is never repeated. */
  readonly deathsMax: number;
}

export class Pass {
  readonly #thread: Thread;
  readonly #parts: PassParts;
  readonly #registry: Registry;
  readonly #hasChanged: () => boolean;
  /** True when every callback of an event is a node. */
  readonly #spreads: boolean;
  readonly #together: Together | undefined;
  readonly #shortWay: ShortWay;

  constructor(parts: PassParts) {
    this.#parts = parts;
    this.#shortWay = new ShortWay(parts);
    this.#spreads = parts.order !== 'registration';
    this.#together =
      parts.order === 'parallel' ? new Together(parts, (record, visiting) => this.run(record, visiting, undefined)) : undefined;
    this.#thread = parts.thread;
    this.#registry = parts.registry;
    this.#hasChanged = () => parts.registry.hasChanged();
  }

  /** Ends a record that this thread owns without running what is left of it. */
  abandon(record: number): void {
    const { words } = this.#thread;
    const at = this.#thread.at(record) + WATCHED;
    words[at] = (words[at] as number) | WATCHED_ABANDONED;
    void this.run(record, true, undefined);
  }

  /** Runs a record that this thread owns. Answers a promise when a callback does: the pass goes on, and settles it, when that has settled. */
  run(record: number, visiting: boolean, onResult: OnResult | undefined): Promise<void> | undefined {
    const { words, names } = this.#thread;
    const at = this.#thread.at(record);
    const word = words[at + LIFE] as number;
    // One that is run by several is nobody's: it may have been taken further by another since it was found.
    if (kindOf(word) !== RUNNING || ownerOf(word) !== this.#thread.me) return this.#together?.help(record, visiting);
    const body = restOf(word);
    const type = names.text(words[this.#thread.at(body) + TYPE] as number);
    const event = new SharedEvent(this.#thread, record, body, type);
    const isShort = !visiting && onResult === undefined && !this.#spreads;
    const way = isShort ? this.#shortWay.run(record, at, event, words[this.#thread.at(body) + TYPE] as number) : USUAL;
    if (way === RAN_ALL && this.#parts.settler.settle(record, this.#hasChanged)) {
      event.end();
      return undefined;
    }
    const stand = { record, at, event, stamp: stampOf(record, words[at + GEN] as number), visiting, onResult };
    if (typeof way === 'object') {
      return way.later.then(() => {
        this.#mark(stand, { standing: way.standing, node: way.slot, origin: way.standing });
        return this.#walk(stand);
      });
    }
    return this.#spreads ? this.#walkSpread(stand) : this.#walk(stand);
  }

  #walk(stand: Stand): Promise<void> | undefined {
    const { words, lists } = this.#thread;
    const { at, record } = stand;
    const type = words[this.#thread.at(restOf(words[at + LIFE] as number)) + TYPE] as number;
    let plan = this.#registry.plan(type, stand.event.id);
    let index = this.#firstLeft(plan, at);
    for (;;) {
      const standing = plan[index];
      const node = lists.next(record, words[at + DONE_NODE] as number);
      let step: Step;
      if (isAbandoned(words, at)) step = this.#passOver(stand);
      else if (standing !== undefined && (node === 0 || this.#isBefore(standing, record, node))) {
        index++;
        step = this.#runStanding(stand, standing);
      } else if (node !== 0) {
        step = isSlot(node) ? this.#runSlot(stand, node) : this.#runNode(stand, node, plan);
      } else if (this.#registry.hasChanged()) {
        plan = this.#registry.plan(type, stand.event.id);
        index = this.#firstLeft(plan, at);
        step = NEXT;
      } else {
        step = this.#end(stand);
      }
      if (step === LEFT) {
        stand.event.end();
        return undefined;
      }
      if (step !== NEXT) return step.then(() => this.#walk(stand));
    }
  }

  /** Where each callback is a node: the one to run next is picked; or several run at once. */
  #walkSpread(stand: Stand): Promise<void> | undefined {
    const { words, lists } = this.#thread;
    const { at, record, stamp } = stand;
    const type = words[this.#thread.at(restOf(words[at + LIFE] as number)) + TYPE] as number;
    for (;;) {
      let step: Step;
      const plan = this.#registry.plan(type, stand.event.id);
      if (isAbandoned(words, at)) step = this.#passOver(stand);
      else {
        const noNode = spread(this.#thread, this.#registry, record, stamp, plan.slice(this.#firstLeft(plan, at)));
        // Before looking for one to run: what is added from here on is seen when the list is closed.
        const last = lists.last(record);
        const node = pickNode(this.#thread, record, stamp);
        if (noNode !== undefined) step = this.#runStanding(stand, noNode);
        else if (this.#together?.isFor(record, stamp)) {
          this.#leave(stand);
          return this.#together.share(record, stand.visiting);
        } else if (node !== 0) step = this.#runNode(stand, node, plan);
        else if (this.#registry.hasChanged()) step = NEXT;
        else {
          words[at + DONE_NODE] = last;
          step = this.#end(stand);
        }
      }
      if (step === LEFT) {
        stand.event.end();
        return undefined;
      }
      if (step !== NEXT) return step.then(() => this.#walkSpread(stand));
    }
  }

  /** All that is known of has run. */
  #end(stand: Stand): Step {
    if (((this.#thread.words[stand.at + WATCHED] as number) & WATCHED_BY_SOMEBODY) !== 0) return this.#tellWatchers(stand);
    // Read before the record is freed.
    const result = stand.onResult === undefined ? undefined : this.#resultOf(stand);
    if (!this.#parts.settler.settle(stand.record, this.#hasChanged)) return NEXT;
    if (result !== undefined) stand.onResult?.(result);
    return LEFT;
  }

  /** No callback is run; who waits for the result is told. */
  #passOver(stand: Stand): Step {
    const { words, lists } = this.#thread;
    for (let item = lists.next(stand.record, 0); item !== 0; item = lists.next(stand.record, item)) {
      const at = isSlot(item) ? 0 : this.#thread.nodeAt(item);
      if (at !== 0 && words[at + NODE_ENTRY] === WATCH && words[at + NODE_STATE] === stand.stamp)
        words[stand.at + WATCHED] = WATCHED_ABANDONED | WATCHED_BY_SOMEBODY;
      words[stand.at + DONE_NODE] = item;
    }
    return this.#end(stand);
  }

  #runStanding(stand: Stand, standing: Standing): Step {
    if (!this.#registry.isThere(standing)) return NEXT;
    if (standing.once && !this.#registry.takeOnce(standing, stand.stamp)) return NEXT;
    const place = { standing, node: 0, origin: standing };
    if (standing.home === 0) return this.#runPortable(stand, standing.what, place);
    return this.#runLocal(stand, standing.home, standing.epoch, standing.what, place);
  }

  #runNode(stand: Stand, node: number, plan: readonly Standing[]): Step {
    const { words } = this.#thread;
    const at = this.#thread.nodeAt(node);
    const entry = words[at + NODE_ENTRY] as number;
    const watches = entry === WATCH;
    const origin = entry > 0 ? originOf(plan, words, at) : undefined;
    if (entry > 0 && (origin === undefined || !this.#registry.isThere(origin))) {
      words[at + NODE_STATE] = NODE_GONE;
      return NEXT;
    }
    if (watches) words[stand.at + WATCHED] = (words[stand.at + WATCHED] as number) | WATCHED_BY_SOMEBODY;
    const state = watches ? NODE_GONE : Atomics.compareExchange(words, at + NODE_STATE, stand.stamp, NODE_BEGUN);
    if (state !== stand.stamp && state !== NODE_BEGUN) {
      words[stand.at + DONE_NODE] = node;
      return NEXT;
    }
    const home = words[at + NODE_HOME] as number;
    const what = words[at + NODE_WHAT] as number;
    const place = { standing: undefined, node, origin };
    if (home === 0) return this.#runPortable(stand, what, place);
    return this.#runLocal(stand, home, words[at + NODE_EPOCH] as number, what, place);
  }

  #runSlot(stand: Stand, slot: number): Step {
    const { words, lists } = this.#thread;
    const at = lists.slotAt(stand.record, slot);
    const word = words[at] as number;
    const isGone = slotState(word) === SLOT_WAITING && Atomics.compareExchange(words, at, word, inState(word, SLOT_BEGUN)) !== word;
    if (isGone || slotState(word) === SLOT_GONE) {
      words[stand.at + DONE_NODE] = slot;
      return NEXT;
    }
    return this.#runPortable(stand, slotWhat(word), { standing: undefined, node: slot, origin: undefined });
  }

  #runPortable(stand: Stand, spec: number, place: Place): Step {
    const { handlers, post } = this.#parts;
    if (stand.visiting) {
      this.#leave(stand);
      post.giveBack(stand.record);
      return LEFT;
    }
    const callable = handlers.get(spec);
    if (callable !== undefined) return this.#call(stand, callable, place);
    return handlers.load(spec).then(
      async (loaded) => {
        const step = this.#call(stand, loaded, place);
        if (typeof step !== 'number') await step;
      },
      (cause) => {
        const name = handlers.name(spec);
        const error = new CallbackError('load', `The handler ${name} could not be loaded. Look at its module and export.`, cause);
        this.#skip(stand, name, error, place);
      },
    );
  }

  #runLocal(stand: Stand, home: number, epoch: number, number: number, place: Place): Step {
    const { memory, me } = this.#thread;
    const callable = home === me && epoch === this.#thread.epoch ? this.#parts.locals.get(number) : undefined;
    if (callable !== undefined) return this.#call(stand, callable, place);
    if (home !== me && isAlive(memory, home, epoch)) {
      this.#leave(stand);
      if (this.#parts.post.handTo(stand.record, home, epoch)) return LEFT;
    }
    return this.#skip(
      stand,
      `a callback of thread ${home}`,
      new CallbackError('home', 'The thread that registered this callback has ended.'),
      place,
    );
  }

  #call(stand: Stand, callable: Callable, place: Place): Step {
    const { words } = this.#thread;
    const { at } = stand;
    const started = place.standing === undefined ? STARTED_NODE : STARTED_STANDING;
    const what = place.standing === undefined ? place.node : place.standing.orderLow;
    if (words[at + DEATHS] !== 0 && this.#isGivenUp(at, started, what)) {
      const error = new CallbackError('died', 'The thread that ran this callback ended before it had.');
      return this.#skip(stand, callable.name, error, place);
    }
    words[at + STARTED_WHAT] = what;
    words[at + STARTED] = started;
    const later = this.#parts.attempts.run(stand.record, 0, stand.event, callable);
    if (later !== undefined) return later.then(() => this.#mark(stand, place));
    this.#mark(stand, place);
    return NEXT;
  }

  #skip(stand: Stand, name: string, cause: CallbackError, place: Place): typeof NEXT {
    this.#parts.attempts.failed(stand.record, 0, stand.event, { name, attempts: 1 }, 1, cause);
    this.#mark(stand, place);
    return NEXT;
  }

  /** The callback is done with. */
  #mark(stand: Stand, { standing, node, origin }: Place): void {
    const { words } = this.#thread;
    const { at } = stand;
    // Where each is a node they are counted at the end.
    if (standing !== undefined || !this.#spreads) words[at + RAN] = (words[at + RAN] as number) + 1;
    if (standing === undefined) {
      if (!isSlot(node)) words[this.#thread.nodeAt(node) + NODE_STATE] = NODE_DONE;
      words[at + DONE_NODE] = node;
    } else {
      words[at + DONE_HIGH] = standing.orderHigh;
      words[at + DONE_LOW] = standing.orderLow;
    }
    words[at + STARTED] = STARTED_NOTHING;
    words[at + DEATHS] = 0;
    forgetOnce(this.#parts, node, origin);
  }

  #isGivenUp(at: number, started: number, what: number): boolean {
    const { words } = this.#thread;
    return words[at + STARTED] === started && words[at + STARTED_WHAT] === what && (words[at + DEATHS] as number) >= this.#parts.deathsMax;
  }

  /** Index of the first standing registration that is not done with. */
  #firstLeft(plan: readonly Standing[], at: number): number {
    const { words } = this.#thread;
    const low = words[at + DONE_LOW] as number;
    const high = words[at + DONE_HIGH] as number;
    if (low === 0 && high === 0) return 0;
    const done = high * 2 ** 32 + (low >>> 0);
    let index = 0;
    while (index < plan.length && (plan[index] as Standing).order <= done) index++;
    return index;
  }

  /** True when the standing one was registered before the one in the list, of which only the low half of that count is known. */
  #isBefore(standing: Standing, record: number, item: number): boolean {
    const at = isSlot(item) ? this.#thread.at(record) + SLOT_ORDER : this.#thread.nodeAt(item) + NODE_ORDER;
    return ((standing.orderLow - (this.#thread.words[at] as number)) | 0) <= 0;
  }

  /** The event is about to leave this thread: if somebody waits here for its result it is to come back. False when there is no room for that. */
  #leaveWatcher(stand: Stand): boolean {
    if (stand.onResult === undefined) return true;
    const { me, epoch } = this.#thread;
    const what = this.#parts.locals.wait(stand.onResult as (result: unknown) => void);
    const node = makeNode(this.#thread, { home: me, epoch, what, priority: 0, entry: WATCH }, stand.stamp);
    if (node === 0) {
      this.#parts.locals.remove(what);
      return false;
    }
    appendNode(this.#thread, stand.record, stand.stamp, node);
    this.#thread.done();
    stand.onResult = undefined;
    return true;
  }

  /** The event leaves this thread; who waits for its result here is told if that cannot come back. */
  #leave(stand: Stand): void {
    if (this.#leaveWatcher(stand)) return;
    const advice = 'Raise registrationsMax, or dispose of registrations.';
    stand.onResult?.(new Refused('full', `Event ${stand.event.id} goes on, but there is no room to wait for its result. ${advice}`));
    stand.onResult = undefined;
  }

  /** Tells one who waits for the result, if it waits here; else the event goes to its thread. */
  #tellWatchers(stand: Stand): Step {
    const { words, lists, memory, me, epoch } = this.#thread;
    for (let node = lists.nextNode(stand.record, 0); node !== 0; node = lists.nextNode(stand.record, node)) {
      const at = this.#thread.nodeAt(node);
      if (words[at + NODE_ENTRY] !== WATCH || words[at + NODE_STATE] !== stand.stamp) continue;
      const home = words[at + NODE_HOME] as number;
      const theirEpoch = words[at + NODE_EPOCH] as number;
      if (home !== me && isAlive(memory, home, theirEpoch) && this.#parts.post.handTo(stand.record, home, theirEpoch)) return LEFT;
      if (Atomics.compareExchange(words, at + NODE_STATE, stand.stamp, NODE_BEGUN) !== stand.stamp) continue;
      if (home === me && theirEpoch === epoch) this.#parts.locals.tell(words[at + NODE_WHAT] as number, this.#resultOf(stand));
    }
    words[stand.at + WATCHED] = (words[stand.at + WATCHED] as number) & ~WATCHED_BY_SOMEBODY;
    return NEXT;
  }

  #resultOf(stand: Stand): Result {
    const { id, type, data } = stand.event.keep();
    return {
      event: { id, type, data },
      ran: (this.#thread.words[stand.at + RAN] as number) + (this.#spreads ? countDone(this.#thread, stand.record) : 0),
      failed: readFailures(this.#thread, stand.record),
      abandoned: isAbandoned(this.#thread.words, stand.at),
    };
  }
}
