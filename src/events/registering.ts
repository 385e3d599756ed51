/** Registering a one-shot callback for an id: with the event of that id if there is one, for the one to come if there is none. */

import { Refused } from '../model/refusal.ts';
import type { EventId } from './keys.ts';
import { FINISHED, FINISHING, FREE, kindOf, LOOSE, life, PART, RETIRED, restOf, span, TAKEN, WAITING } from './life.ts';
import {
  APPENDED,
  GONE,
  inState,
  isSlot,
  isSlotOf,
  NO_SLOT,
  SLOT,
  SLOT_GONE,
  SLOT_SURE,
  SLOT_WAITING,
  slotState,
  slotWord,
  stampOf,
} from './list.ts';
import { DONE_NODE, GEN, LIFE, NODE_ENTRY, NODE_GONE, NODE_STATE, TYPE, WATCH } from './memory.ts';
import { appendNode, fitsSlot, makeNode, type NodeContent } from './nodes.ts';
import type { Settler } from './settle.ts';
import { OP_REGISTER, type Thread } from './thread.ts';

/** What became of a registration for an id. */
export type Registered =
  /** There is no such event yet: the callback runs when it comes. */
  | 'waiting'
  /** The event is pending or being processed: the callback runs in its pass. */
  | 'pending'
  /** The event was processed already and is retained: the callback runs now. */
  | 'late'
  /** The event was processed, and is retained no longer: the callback does not run. */
  | 'expired';

/** Where a registration stands, to dispose of it. */
export interface NodePlace {
  readonly answer: Registered;
  readonly record: number;
  readonly node: number;
  readonly stamp: number;
  /** The record's count of uses. */
  readonly gen: number;
}

/** Somebody has been faster: look again. */
const AGAIN = 'again';

export class Registering {
  readonly #thread: Thread;
  readonly #settler: Settler;

  constructor(thread: Thread, settler: Settler) {
    this.#thread = thread;
    this.#settler = settler;
  }

  /** Throws `Refused('full')` when there is no room for another registration. */
  register(id: EventId, content: NodeContent): NodePlace {
    const { keys } = this.#thread;
    keys.set(id);
    // Most often it is for the event that this thread has just added.
    const added = this.#settler.lastAdded;
    if (added !== 0 && keys.same(added)) {
      const place = this.#join(added, content);
      if (place !== AGAIN) return place;
    }
    for (;;) {
      const found = this.#find();
      const place = found === 0 ? this.#wait(content) : this.#join(found, content);
      if (place !== AGAIN) return place;
    }
  }

  /** One-shot callbacks on the list of an id that have not begun, and the type (its number) of its event, 0 when there is none. */
  count(id: EventId): { callbacks: number; type: number } {
    const thread = this.#thread;
    const { words, lists } = thread;
    thread.keys.set(id);
    const record = this.#find();
    if (record === 0) return { callbacks: 0, type: 0 };
    const at = thread.at(record);
    const gen = words[at + GEN] as number;
    const word = words[at + LIFE] as number;
    let callbacks = 0;
    const done = words[at + DONE_NODE] as number;
    for (let item = lists.next(record, 0); item !== 0; item = lists.next(record, item)) {
      if (isSlot(item)) {
        const slot = words[lists.slotAt(record, item)] as number;
        // Those that are sure to run say nothing more when they have.
        const waits = slotState(slot) === SLOT_WAITING || (slotState(slot) === SLOT_SURE && (done < SLOT || item > done));
        if (waits && isSlotOf(slot, gen)) callbacks++;
      } else {
        const place = thread.nodeAt(item);
        if (words[place + NODE_STATE] === stampOf(record, gen) && words[place + NODE_ENTRY] !== WATCH) callbacks++;
      }
    }
    return { callbacks, type: kindOf(word) === WAITING ? 0 : (words[thread.at(restOf(word)) + TYPE] as number) };
  }

  /** For a standing registration made just now: begins a finished and retained event of the id again. Answers its record, 0 when there is none. */
  reopenFinished(id: EventId): number {
    const thread = this.#thread;
    const { words, keys, lists } = thread;
    keys.set(id);
    for (;;) {
      const record = this.#find();
      if (record === 0) return 0;
      const at = thread.at(record);
      const gen = Atomics.load(words, at + GEN);
      const word = Atomics.load(words, at + LIFE);
      const kind = kindOf(word);
      // One that is about to finish looks at the registrations once more after closing its list.
      const ended = kind === FINISHED || (kind === FINISHING && lists.isClosed(record, stampOf(record, gen)));
      if (!ended || !this.#settler.isRetained(record)) return 0;
      if (!keys.same(record) || Atomics.load(words, at + GEN) !== gen) continue;
      thread.intend(OP_REGISTER, record, 0, stampOf(record, gen));
      const begun = this.#settler.beginAgain(record, word);
      thread.done();
      if (begun) return record;
    }
  }

  /** False when it has begun already, or is gone. */
  dispose({ record, node, stamp, gen }: NodePlace): boolean {
    const { words } = this.#thread;
    if (node === 0) return false;
    if (isSlot(node)) return this.#disposeSlot(record, node, stamp, gen);
    const at = this.#thread.nodeAt(node) + NODE_STATE;
    if (Atomics.compareExchange(words, at, stamp, NODE_GONE) !== stamp) return false;
    this.#retireEmpty(record, stamp);
    return true;
  }

  #disposeSlot(record: number, slot: number, stamp: number, gen: number): boolean {
    const { words, lists } = this.#thread;
    const at = lists.slotAt(record, slot);
    const word = words[at] as number;
    // What is read after it: the record was in this use all the while, unless it came round 131,072 times in between.
    if (Atomics.load(words, this.#thread.at(record) + GEN) !== gen || !isSlotOf(word, gen) || slotState(word) !== SLOT_WAITING)
      return false;
    if (Atomics.compareExchange(words, at, word, inState(word, SLOT_GONE)) !== word) return false;
    this.#retireEmpty(record, stamp);
    return true;
  }

  /** The first record of the id that is not finished, else a finished one, else 0. */
  #find(): number {
    const thread = this.#thread;
    const { ids, keys, words } = thread;
    let finished = 0;
    for (let after = 0; ; ) {
      const found = ids.find(keys.hash, keys.form, keys.low, keys.high, after);
      if (found === 0) return finished;
      if (kindOf(words[thread.at(found) + LIFE] as number) !== FINISHED) return found;
      finished = found;
      after = found;
    }
  }

  /** There is no such id: a record for it, without an event. */
  #wait(content: NodeContent): NodePlace | typeof AGAIN {
    const thread = this.#thread;
    const { words, me, ids } = thread;
    const record = thread.records.take();
    if (record === 0) throw new Refused('full', 'All records of the queue are in use. Raise capacity, or dispose of registrations.');
    const at = thread.at(record);
    thread.begin(record);
    const gen = words[at + GEN] as number;
    const stamp = stampOf(record, gen);
    thread.lists.begin(record, 0);
    const node = thread.keys.write(record) ? this.#begin(record, gen, content) : 0;
    if (node === 0) {
      this.#settler.discard(record);
      throw noRoom();
    }
    thread.intend(OP_REGISTER, record, node, stamp);
    words[at + LIFE] = span(WAITING, gen);
    if (!ids.insert(record)) {
      words[at + LIFE] = life(TAKEN, me, 0);
      thread.done();
      this.#settler.discard(record);
      return AGAIN;
    }
    thread.done();
    return { answer: 'waiting', record, node, stamp, gen };
  }

  /** Makes the callback the first of the list of a record that nobody else knows of yet. Answers where it is; 0: there is no room. */
  #begin(record: number, gen: number, content: NodeContent): number {
    const thread = this.#thread;
    const { words, lists } = thread;
    if (lists.slots > 0 && fitsSlot(thread, record, content)) {
      words[lists.slotAt(record, SLOT)] = slotWord(SLOT_WAITING, gen, content.what);
      return SLOT;
    }
    const node = makeNode(thread, content, stampOf(record, gen));
    if (node === 0) return 0;
    lists.begin(record, node);
    words[thread.nodeAt(node) + LIFE] = life(PART, 0, 0);
    return node;
  }

  /** There is such an id: the callback goes to the end of its list. */
  #join(record: number, content: NodeContent): NodePlace | typeof AGAIN {
    const thread = this.#thread;
    const { words } = thread;
    const at = thread.at(record);
    const gen = Atomics.load(words, at + GEN);
    const word = Atomics.load(words, at + LIFE);
    const kind = kindOf(word);
    if (kind === RETIRED) thread.ids.leave(record, word);
    if (kind === RETIRED || kind === FREE || kind === LOOSE || kind === TAKEN || !thread.keys.same(record)) return AGAIN;
    if (kind === FINISHED && !this.#settler.isRetained(record)) {
      return Atomics.load(words, at + LIFE) === word ? { answer: 'expired', record, node: 0, stamp: 0, gen } : AGAIN;
    }
    const stamp = stampOf(record, gen);
    if (thread.lists.slots > 0 && fitsSlot(thread, record, content)) {
      const place = this.#joinSlot(record, gen, kind, content);
      if (place !== undefined) return place;
    }
    const node = makeNode(thread, content, stamp);
    if (node === 0) throw noRoom();
    const appended = appendNode(thread, record, stamp, node);
    if (appended === GONE) {
      thread.done();
      return AGAIN;
    }
    const answer = appended === APPENDED ? (kind === WAITING ? 'waiting' : 'pending') : this.#reopen(record, gen);
    thread.done();
    return answer === AGAIN ? AGAIN : { answer, record, node, stamp, gen };
  }

  /** The callback goes to the end of the list, into a slot. Undefined: there is none left. */
  #joinSlot(record: number, gen: number, kind: number, content: NodeContent): NodePlace | typeof AGAIN | undefined {
    const thread = this.#thread;
    const stamp = stampOf(record, gen);
    thread.intend(OP_REGISTER, record, SLOT, stamp);
    const slot = thread.lists.appendSlot(record, stamp, slotWord(SLOT_WAITING, gen, content.what));
    const reopens = slot < 0;
    const answer = slot === GONE ? AGAIN : reopens ? this.#reopen(record, gen) : kind === WAITING ? 'waiting' : 'pending';
    thread.done();
    if (slot === NO_SLOT) return undefined;
    return answer === AGAIN ? AGAIN : { answer, record, node: reopens ? -slot : slot, stamp, gen };
  }

  /** The list had been closed: the event, if it is finished, goes on from there. */
  #reopen(record: number, gen: number): Registered | typeof AGAIN {
    const thread = this.#thread;
    const { words } = thread;
    const at = thread.at(record);
    for (;;) {
      const word = Atomics.load(words, at + LIFE);
      const kind = kindOf(word);
      if (kind === FINISHED || kind === FINISHING) {
        if (!this.#settler.beginAgain(record, word)) continue;
      } else if (kind === WAITING) {
        if (Atomics.compareExchange(words, at + LIFE, word, span(WAITING, word + 1)) !== word) continue;
      } else if (kind === RETIRED || kind === TAKEN || kind === FREE || kind === LOOSE) {
        return AGAIN;
      }
      // Retired meanwhile, and the callback with it.
      if (Atomics.load(words, at + GEN) !== gen) return AGAIN;
      return kind === WAITING ? 'waiting' : kind === FINISHED || kind === FINISHING ? 'late' : 'pending';
    }
  }

  /** A record without event whose last registration was disposed of is not needed any more. */
  #retireEmpty(record: number, stamp: number): void {
    const thread = this.#thread;
    const { words, lists } = thread;
    const at = thread.at(record);
    const word = Atomics.load(words, at + LIFE);
    if (kindOf(word) !== WAITING || stampOf(record, words[at + GEN] as number) !== stamp) return;
    let last = 0;
    for (let item = lists.next(record, 0); item !== 0; item = lists.next(record, item)) {
      if (
        isSlot(item)
          ? slotState(words[lists.slotAt(record, item)] as number) !== SLOT_GONE
          : words[thread.nodeAt(item) + NODE_STATE] === stamp
      )
        return;
      last = item;
    }
    // Closed first: who registers now sees it, and keeps the record or comes too late.
    if (lists.close(record, stamp, last)) this.#settler.tryRetire(record, word);
  }
}

function noRoom(): Refused {
  return new Refused('full', 'There is no room for another registration. Raise registrationsMax, or dispose of some.');
}
