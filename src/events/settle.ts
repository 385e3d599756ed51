/** The end of an event: its list is closed, it is kept for a while for those who register late, then its record goes back to the stock. */

import { ID_TEXT } from './ids.ts';
import { FINISHED, FINISHING, kindOf, life, PENDING, RETIRED, RUNNING, restOf, TAKEN, WAITING } from './life.ts';
import { isLink, stampOf } from './list.ts';
import {
  AT_MS,
  DONE_NODE,
  ENDED,
  ENDED_MAX,
  FAULTS,
  FIRST,
  GEN,
  ID_FORM,
  ID_HIGH,
  LIFE,
  LINK,
  NODE_FAULTS,
  ORDINAL,
  PAGE_WORDS,
  PAGES,
  PASSES,
  POPPING,
  WATCHED,
  WATCHED_ABANDONED,
} from './memory.ts';
import { ABANDONED, OP_RETAIN, OP_SETTLE, PROCESSED, SETTLED, type Thread } from './thread.ts';

/** How long finished events are kept. */
export interface Retention {
  /** The newest so many are kept with their data; a callback registered for one of them runs at once. Default 1024. */
  readonly count: number;
  /** … if they finished no longer ago than this. Default: however long ago. */
  readonly ms: number;
  /** So many before those are known to be over; registering for one of them is answered `expired`. Default 4096. */
  readonly expired: number;
}

/** So many are looked at together before they are retired. */
const FETCHED = 8;

export class Settler {
  readonly #thread: Thread;
  readonly #indexed: boolean;
  readonly #retain: Retention;
  readonly #keep: number;
  readonly #buried: number[] = [];
  /** The record of the event that this thread added last, where an id is never there more than once: it need not be looked for. 0: none. */
  lastAdded = 0;
  /** True: finished events are put into their line several at a time. Whoever sets it calls `flush` when there is nothing to do. */
  gathers = false;
  #evicted = 0;
  /** Of what was looked at beforehand: without a place for it no looking would be left. */
  seen = 0;

  /** `indexed`: events are found by their ids. */
  constructor(thread: Thread, indexed: boolean, retain: Retention) {
    this.#thread = thread;
    this.#indexed = indexed;
    this.#retain = retain;
    this.#keep = indexed ? retain.count + retain.expired : 0;
  }

  /**
   * Ends a record that this thread runs. False when a callback was registered in the meantime: it is still this thread's, and runs on.
   * `hasChanged`: whether standing registrations have, since this thread last looked.
   */
  settle(record: number, hasChanged: () => boolean): boolean {
    const thread = this.#thread;
    const { words, me } = thread;
    const at = thread.at(record);
    const body = restOf(words[at + LIFE] as number);
    const passes = words[at + PASSES] as number;
    thread.intend(OP_SETTLE, record, passes, (thread.counted(SETTLED) + 1) | 0);
    if (!this.#indexed) {
      words[at + LIFE] = life(RETIRED, me, body);
      thread.count(SETTLED, 1);
      thread.count(isAbandoned(words, at) ? ABANDONED : PROCESSED, 1);
      this.#free(record, body);
      thread.done();
      return true;
    }
    const finishing = life(FINISHING, me, body);
    words[at + PASSES] = (passes | 1) + 1;
    words[at + LIFE] = finishing;
    const closed = thread.lists.close(record, stampOf(record, words[at + GEN] as number), words[at + DONE_NODE] as number);
    if (!closed) words[at + LIFE] = life(RUNNING, me, body);
    // Who makes a standing registration looks for finished events afterwards; so one of the two sees the other.
    const goesOn = !closed || (hasChanged() && Atomics.compareExchange(words, at + LIFE, finishing, life(RUNNING, me, body)) === finishing);
    if (goesOn) {
      words[at + PASSES] = passes;
      thread.done();
      return false;
    }
    thread.count(SETTLED, 1);
    if (passes === 0) thread.count(isAbandoned(words, at) ? ABANDONED : PROCESSED, 1);
    this.conclude(record, finishing);
    return true;
  }

  /** Second half, when the list is closed: keeps the record or retires it, unless somebody has begun it again. */
  conclude(record: number, finishing: number): void {
    const thread = this.#thread;
    const { words, me } = thread;
    const at = thread.at(record);
    const body = restOf(finishing);
    if (this.#keep === 0 || isAbandoned(words, at)) {
      const retired = life(RETIRED, me, body);
      if (Atomics.compareExchange(words, at + LIFE, finishing, retired) === finishing) this.retire(record, retired);
      thread.done();
      return;
    }
    const last = words[at + DONE_NODE] as number;
    words[at + ORDINAL] = thread.finished.tail() + (words[thread.block + ENDED] as number);
    if (this.#retain.ms !== Number.POSITIVE_INFINITY) words[at + AT_MS] = thread.clock.monotonicMs() | 0;
    thread.intend(OP_RETAIN, record, body, 0);
    if (Atomics.compareExchange(words, at + LIFE, finishing, life(FINISHED, 0, body)) === finishing) {
      const ended = (words[thread.block + ENDED] as number) + 1;
      words[thread.block + ENDED + ended] = record;
      words[thread.block + ENDED] = ended;
      // Who opens the list of an event begins it again; but it may have died before it could.
      if (thread.lists.hasMore(record, last)) this.beginAgain(record, life(FINISHED, 0, body));
      thread.done();
      if (ended >= (this.gathers ? ENDED_MAX : 1)) this.flush();
      return;
    }
    thread.done();
  }

  /** A finished event becomes pending again. False when its life word is no longer `word`. */
  beginAgain(record: number, word: number): boolean {
    const thread = this.#thread;
    const pending = life(PENDING, 0, restOf(word));
    if (Atomics.compareExchange(thread.words, thread.at(record) + LIFE, word, pending) !== word) return false;
    thread.resumed.push(record);
    thread.work.wakeOne();
    return true;
  }

  /** Puts the events that have finished on this thread into their line, and retires what is beyond the retention. */
  flush(): void {
    const { words, block, finished } = this.#thread;
    const ended = words[block + ENDED] as number;
    if (ended === 0) return;
    finished.pushMany(block + ENDED + 1, ended);
    words[block + ENDED] = 0;
    this.evict();
  }

  /** Retires what is beyond the retention. */
  evict(): void {
    const thread = this.#thread;
    const { words, finished, block } = thread;
    while (finished.size() > this.#keep) {
      const record = finished.pop(block + POPPING, this.#keep);
      if (record === 0) break;
      const word = words[thread.at(record) + LIFE] as number;
      if (this.#keep > FETCHED && (this.#evicted++ & (FETCHED - 1)) === 0) this.#fetch();
      // A record that was begun again and has ended again stands in this line once more, further back.
      if (kindOf(word) === FINISHED && this.#age(record) >= this.#keep) this.tryRetire(record, word);
    }
    words[block + POPPING] = 0;
  }

  /** Looks at what is to be retired next, so that it comes from the other processors' caches all at once and not one after the other. */
  #fetch(): void {
    const { finished, ids } = this.#thread;
    let seen = 0;
    for (let place = 0; place < FETCHED; place++) seen ^= ids.look(finished.ahead(place));
    this.seen = seen;
  }

  /** Retires a record that is finished, or only has registrations, whose life word is `word`. False when somebody was faster. */
  tryRetire(record: number, word: number): boolean {
    const { words, me } = this.#thread;
    // One without an event has no payload elsewhere; the rest of its word is a count.
    const retired = life(RETIRED, me, kindOf(word) === WAITING ? record : restOf(word));
    if (Atomics.compareExchange(words, this.#thread.at(record) + LIFE, word, retired) !== word) return false;
    this.retire(record, retired);
    return true;
  }

  /** Takes out a record that is this thread's to retire, and frees all that belongs to it. */
  retire(record: number, retired: number): void {
    this.#thread.ids.remove(record, retired);
    this.#free(record, restOf(retired));
  }

  /** Frees a record in this thread's hands that never became an event. */
  discard(record: number): void {
    this.#free(record, record);
  }

  /** True when a finished record's data may still be given to a late callback. */
  isRetained(record: number): boolean {
    const { words, clock } = this.#thread;
    if (this.#age(record) >= this.#retain.count) return false;
    if (this.#retain.ms === Number.POSITIVE_INFINITY) return true;
    const sinceMs = ((clock.monotonicMs() | 0) - (words[this.#thread.at(record) + AT_MS] as number)) | 0;
    return sinceMs <= this.#retain.ms;
  }

  /** How many events have finished since. */
  #age(record: number): number {
    return (this.#thread.finished.tail() - (this.#thread.words[this.#thread.at(record) + ORDINAL] as number) - 1) | 0;
  }

  /** Each part is taken off the record before it is freed: after a death, what is still on it has not been freed. */
  #free(record: number, body: number): void {
    const thread = this.#thread;
    const { words, me, payloads } = thread;
    const at = thread.at(record);
    this.strip(record);
    if (body !== record && body !== 0) {
      payloads.release(thread.at(body) + PAGES, me);
      words[thread.at(body) + LIFE] = life(TAKEN, me, 0);
      words[at + LIFE] = life(RETIRED, me, 0);
      thread.records.give(body);
    }
    thread.records.give(record);
  }

  /** Frees all that belongs to a record but the record. */
  strip(record: number): void {
    const { words, me, payloads } = this.#thread;
    const at = this.#thread.at(record);
    if (this.#indexed || isLink(words[at + FIRST] as number)) this.#freeNodes(record, at);
    if (words[at + FAULTS] !== 0) payloads.release(at + FAULTS, me);
    if (words[at + ID_FORM] === ID_TEXT && words[at + ID_HIGH] !== 0) this.#freeId(at);
    if (words[at + PAGES] !== 0) payloads.release(at + PAGES, me);
  }

  #freeNodes(record: number, at: number): void {
    const { words, me, lists, nodes, payloads } = this.#thread;
    const buried = this.#buried;
    // Before the nodes are anybody's to free: see `strip`.
    for (let node = lists.nextNode(record, 0); node !== 0; node = lists.nextNode(record, node)) {
      if (words[this.#thread.nodeAt(node) + NODE_FAULTS] !== 0) payloads.release(this.#thread.nodeAt(node) + NODE_FAULTS, me);
    }
    lists.bury(record, stampOf(record, words[at + GEN] as number), me, buried);
    words[at + FIRST] = 0;
    if (buried.length === 0) return;
    for (const node of buried) nodes.give(node);
    buried.length = 0;
  }

  #freeId(at: number): void {
    const { words, me, pages } = this.#thread;
    const page = words[at + ID_HIGH] as number;
    words[pages.base + page * PAGE_WORDS + LINK] = 0;
    words[pages.base + page * PAGE_WORDS + LIFE] = life(TAKEN, me, 0);
    words[at + ID_HIGH] = 0;
    pages.give(page);
  }
}

/** True when its callbacks are not to run. */
export function isAbandoned(words: Int32Array, at: number): boolean {
  return ((words[at + WATCHED] as number) & WATCHED_ABANDONED) !== 0;
}
