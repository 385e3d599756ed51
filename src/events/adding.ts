/** long because the ways an add can be answered belong on one page: adding events: each is answered at once, `accepted`, `duplicate`, `full` or `closed`, and from then on no death of a thread loses it. */

import type { Answer, Duplicates } from './answer.ts';
import type { NewEvent } from './event.ts';
import {
  ADDING,
  BODY_OF,
  FINISHED,
  FINISHING,
  HANDED,
  kindOf,
  life,
  PENDING,
  RETIRED,
  RUNNING,
  restOf,
  SHARED,
  TAKEN,
  WAITING,
} from './life.ts';
import { GONE, stampOf } from './list.ts';
import { AT_MS, BATCH, BATCH_MAX, GEN, LEVEL, LIFE, NODE_GONE, NODE_STATE, OP_B, TYPE } from './memory.ts';
import { appendNode, makeNode, type NodeContent } from './nodes.ts';
import type { Settler } from './settle.ts';
import { OP_ADD, OP_REPLACE, OP_TAKE_BACK, OPENED, type Thread } from './thread.ts';

export interface AddingOptions {
  readonly duplicates: Duplicates;
  readonly capacity: number;
  /** Events gathered on this thread before they are handed over together; 1: each at once. */
  readonly batch: number;
  /** Whether the time of adding matters: for ageing. */
  readonly stampTime: boolean;
}

export class Adding {
  readonly #thread: Thread;
  readonly #settler: Settler;
  readonly #options: AddingOptions;
  readonly #indexed: boolean;
  readonly #closed: number;
  #batch: number;
  #contents: readonly NodeContent[] = [];

  constructor(thread: Thread, settler: Settler, options: AddingOptions) {
    this.#thread = thread;
    this.#settler = settler;
    this.#options = options;
    this.#indexed = options.duplicates !== 'unchecked';
    this.#closed = thread.global('closed');
    this.#batch = options.batch;
  }

  /** `contents`: one-shot callbacks that are the event's if it is accepted. */
  add(event: NewEvent, level: number, contents: readonly NodeContent[]): Answer {
    const thread = this.#thread;
    if (thread.words[this.#closed] !== 0) return 'closed';
    if (this.#size() >= this.#options.capacity) return 'full';
    thread.keys.set(event.id);
    this.#contents = contents;
    return this.#indexed ? this.#addIndexed(event, level) : this.#addUnchecked(event, level);
  }

  /** From here to `flush` events are gathered, however they are added. */
  gather(): void {
    this.#batch = BATCH_MAX;
  }

  /** Events gathered now. */
  get gathered(): number {
    return this.#thread.words[this.#thread.block + BATCH] as number;
  }

  /** Hands over what has been gathered. */
  flush(): void {
    this.#batch = this.#options.batch;
    this.#flush();
  }

  #flush(): void {
    const { words, block, levels, work } = this.#thread;
    const count = words[block + BATCH] as number;
    if (count === 0) return;
    if (levels.length === 1) (levels[0] as (typeof levels)[number]).pushMany(block + BATCH + 1, count);
    else for (let index = 1; index <= count; index++) this.#push(words[block + BATCH + index] as number);
    words[block + BATCH] = 0;
    work.wakeOne();
  }

  /** Events waiting in line; those still gathered on other threads are not among them. */
  #size(): number {
    let size = this.#thread.words[this.#thread.block + BATCH] as number;
    for (const level of this.#thread.levels) size += level.size();
    return size;
  }

  #addUnchecked(event: NewEvent, level: number): Answer {
    const thread = this.#thread;
    const { words } = thread;
    const record = this.#prepare(event, level, true);
    if (record === 0) return 'full';
    thread.intend(OP_ADD, record, 0, (thread.counted(OPENED) + 1) | 0);
    thread.count(OPENED, 1);
    words[thread.at(record) + LIFE] = life(PENDING, 0, record);
    return this.#handOver(record) ? 'accepted' : 'closed';
  }

  #addIndexed(event: NewEvent, level: number): Answer {
    const thread = this.#thread;
    const { ids, keys } = thread;
    let prepared = 0;
    for (;;) {
      const found = ids.find(keys.hash, keys.form, keys.low, keys.high, 0);
      const answer = found === 0 ? undefined : this.#meet(found, event, level);
      if (answer === 'behind') ids.find(keys.hash, 0, 0, 0, 0);
      else if (answer === 'again') continue;
      else if (answer !== undefined) {
        if (prepared !== 0) this.#drop(prepared);
        return answer;
      }
      if (prepared === 0) prepared = this.#prepare(event, level, true);
      if (prepared === 0) return 'full';
      if (!this.#insert(prepared)) continue;
      if (this.#options.duplicates === 'refuse') this.#settler.lastAdded = prepared;
      return this.#handOver(prepared) ? 'accepted' : 'closed';
    }
  }

  /** The id is there already. `behind`: another may be added behind it. `again`: it has just gone, look again. */
  #meet(found: number, event: NewEvent, level: number): Answer | 'behind' | 'again' {
    const thread = this.#thread;
    const word = Atomics.load(thread.words, thread.at(found) + LIFE);
    const { duplicates } = this.#options;
    switch (kindOf(word)) {
      case WAITING:
        return this.#fill(found, word, event, level);
      case PENDING:
        if (duplicates === 'replace') return this.#replace(found, word, event, level);
        return duplicates === 'queue' ? 'behind' : 'duplicate';
      case ADDING:
      case RUNNING:
      case HANDED:
      case SHARED:
      case FINISHING:
        return duplicates === 'refuse' ? 'duplicate' : 'behind';
      case FINISHED:
        this.#settler.tryRetire(found, word);
        return 'again';
      case RETIRED:
        thread.ids.leave(found, word);
        return 'again';
      default:
        return 'again';
    }
  }

  #insert(record: number): boolean {
    const thread = this.#thread;
    const { words } = thread;
    const at = thread.at(record);
    thread.intend(OP_ADD, record, 0, (thread.counted(OPENED) + 1) | 0);
    words[at + LIFE] = life(ADDING, thread.me, 0);
    if (!thread.ids.insert(record)) {
      words[at + LIFE] = life(TAKEN, thread.me, 0);
      thread.done();
      return false;
    }
    thread.count(OPENED, 1);
    Atomics.store(words, at + LIFE, life(PENDING, 0, record));
    return true;
  }

  /** Registrations wait for this id already: the payload stays in a record of its own, theirs becomes pending. */
  #fill(found: number, word: number, event: NewEvent, level: number): Answer | 'again' {
    const thread = this.#thread;
    const { words } = thread;
    const body = this.#prepare(event, level, false);
    if (body === 0) return 'full';
    // On the list before the event is pending; if that fails they are disposed of.
    const attached = this.#attach(found, 0);
    if (attached === undefined) {
      this.#drop(body);
      return 'full';
    }
    thread.intend(OP_ADD, body, found, (thread.counted(OPENED) + 1) | 0);
    words[thread.at(body) + LIFE] = life(BODY_OF, 0, found);
    thread.count(OPENED, 1);
    if (Atomics.compareExchange(words, thread.at(found) + LIFE, word, life(PENDING, 0, body)) !== word) {
      words[thread.at(body) + LIFE] = life(TAKEN, thread.me, 0);
      thread.count(OPENED, -1);
      thread.done();
      this.#drop(body);
      this.#detach(attached);
      // Who has looked meanwhile whether all has ended has seen one more.
      thread.tellIdle();
      return 'again';
    }
    return this.#handOver(found) ? 'accepted' : 'closed';
  }

  #replace(found: number, word: number, event: NewEvent, level: number): Answer | 'again' {
    const thread = this.#thread;
    const { words } = thread;
    const body = this.#prepare(event, level, false);
    if (body === 0) return 'full';
    const attached = this.#attach(found, 0);
    if (attached === undefined) {
      this.#drop(body);
      return 'full';
    }
    const old = restOf(word);
    thread.intend(OP_REPLACE, body, found, old);
    words[thread.at(body) + LIFE] = life(BODY_OF, 0, found);
    const swapped = Atomics.compareExchange(words, thread.at(found) + LIFE, word, life(PENDING, 0, body)) === word;
    const free = swapped ? old : body;
    if (free !== found) words[thread.at(free) + LIFE] = life(TAKEN, thread.me, 0);
    thread.done();
    if (free !== found) this.#drop(free);
    if (!swapped) this.#detach(attached);
    return swapped ? 'accepted' : 'again';
  }

  /** A record with the event in it, in this thread's hands. 0: there is none left, or no pages for its payload. */
  #prepare(event: NewEvent, level: number, attach: boolean): number {
    const thread = this.#thread;
    const { words } = thread;
    const record = thread.records.take();
    if (record === 0) return 0;
    const at = thread.at(record);
    thread.begin(record);
    words[at + LEVEL] = level;
    if (this.#options.stampTime) words[at + AT_MS] = thread.clock.monotonicMs() | 0;
    thread.lists.begin(record, 0);
    let written = false;
    try {
      words[at + TYPE] = thread.names.number(event.type);
      written = thread.keys.write(record) && thread.payloads.write(record, event.type, event.data);
      if (written && attach && this.#contents.length > 0) written = this.#attachFirst(record);
    } finally {
      if (!written) this.#drop(record);
    }
    return written ? record : 0;
  }

  /** Adds the event's own callbacks to the list of a record that nobody else knows of yet. False: there is no room for them. */
  #attachFirst(record: number): boolean {
    const { lists } = this.#thread;
    const contents = this.#contents;
    let filled = 0;
    while (filled < contents.length) {
      const content = contents[filled] as NodeContent;
      if (content.home !== 0 || !lists.fill(record, filled, content.what)) break;
      filled++;
    }
    return filled === contents.length || this.#attach(record, filled) !== undefined;
  }

  /** Adds the event's own callbacks, from one on, to a list, as nodes. Undefined: there is no room for them. */
  #attach(record: number, from: number): Attached | undefined {
    const thread = this.#thread;
    const { words } = thread;
    const stamp = stampOf(record, words[thread.at(record) + GEN] as number);
    const nodes: number[] = [];
    for (let index = from; index < this.#contents.length; index++) {
      const content = this.#contents[index] as NodeContent;
      const node = makeNode(thread, content, stamp);
      if (node === 0) {
        this.#detach({ nodes, stamp });
        return undefined;
      }
      if (appendNode(thread, record, stamp, node) !== GONE) nodes.push(node);
      thread.done();
    }
    return { nodes, stamp };
  }

  #detach({ nodes, stamp }: Attached): void {
    const { words } = this.#thread;
    for (const node of nodes) Atomics.compareExchange(words, this.#thread.nodeAt(node) + NODE_STATE, stamp, NODE_GONE);
  }

  /** Frees a record that was prepared in vain. */
  #drop(record: number): void {
    this.#settler.discard(record);
  }

  /** Puts a pending record in line, or among those gathered. False when the queue was closed meanwhile and nobody has begun it. */
  #handOver(record: number): boolean {
    const thread = this.#thread;
    const { words, block } = thread;
    if (this.#batch === 1) {
      this.#push(record);
      thread.work.wakeOne();
    } else {
      const count = (words[block + BATCH] as number) + 1;
      words[block + BATCH + count] = record;
      Atomics.store(words, block + BATCH, count);
      if (count >= this.#batch || count >= BATCH_MAX) this.#flush();
    }
    thread.done();
    // Whoever closed the queue before it was in line may not have seen it.
    return Atomics.load(words, this.#closed) === 0 || !this.#takeBack(record);
  }

  /** Takes an event out again that nobody has begun. */
  #takeBack(record: number): boolean {
    const thread = this.#thread;
    const { words, me } = thread;
    const at = thread.at(record) + LIFE;
    const word = Atomics.load(words, at);
    if (kindOf(word) !== PENDING) return false;
    const retired = life(RETIRED, me, restOf(word));
    thread.intend(OP_TAKE_BACK, record, 0, (thread.counted(OPENED) - 1) | 0);
    const taken = Atomics.compareExchange(words, at, word, retired) === word;
    if (taken) {
      words[thread.block + OP_B] = 1;
      thread.count(OPENED, -1);
      this.#settler.retire(record, retired);
    }
    thread.done();
    // Who has looked meanwhile whether all has ended has seen one more.
    if (taken) thread.tellIdle();
    return taken;
  }

  #push(record: number): void {
    const { words, levels } = this.#thread;
    let level = 0;
    if (levels.length > 1) level = words[this.#thread.at(restOf(words[this.#thread.at(record) + LIFE] as number)) + LEVEL] as number;
    (levels[level] as (typeof levels)[number]).push(record);
  }
}

/** Callbacks put on a list, and the stamp of the event they are meant for. */
interface Attached {
  readonly nodes: readonly number[];
  readonly stamp: number;
}
