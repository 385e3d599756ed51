/** One thread's view of a queue: the shared memory, what this thread may do with it, and its block of words in it. */

import type { Clock } from '../host/clock.ts';
import { Refused } from '../model/refusal.ts';
import { Ids } from './ids.ts';
import { Keys } from './keys.ts';
import { kindOf, PENDING, SHARED } from './life.ts';
import { Lists } from './list.ts';
import {
  BATCH,
  BUSY,
  CACHE_WORDS,
  CACHES,
  COUNTS,
  DEATHS,
  DONE_HIGH,
  DONE_LOW,
  DONE_NODE,
  ENDED,
  FIRST,
  GEN,
  type Global,
  HELD,
  LIFE,
  type Memory,
  NODE_NEXT,
  OP,
  PARENT,
  PASSES,
  POPPING,
  RAN,
  RECOVERING,
  ROLE,
  SLOT_ORDER,
  STARTED,
  STATE,
  THREAD_ID,
  THREAD_WORDS,
  WATCHED,
} from './memory.ts';
import { Names } from './names.ts';
import { Park } from './park.ts';
import { Payloads } from './payload.ts';
import { Ring } from './ring.ts';
import type { Schema } from './schema.ts';
import { Slab } from './slab.ts';

/** States of a thread's block: the lowest two bits of its word, above them its epoch, which changes with each thread that has the block. */
export const BLOCK_FREE = 0;
export const BLOCK_ALIVE = 1;
export const BLOCK_DYING = 2;
const BLOCK_MASK = 3;

/** What a thread counts. Passes opened (of events added, and of those begun again for a late callback) and settled are equal when nothing is left. */
export const OPENED = 0;
export const PROCESSED = 1;
export const SETTLED = 2;
export const CALLBACKS_RUN = 3;
export const CALLBACKS_FAILED = 4;
export const WAITS = 5;
export const LATE_WAKES = 6;
export const WAKES = 7;
export const RECOVERED = 8;
export const DEATHS_SEEN = 9;
export const ABANDONED = 10;

/** What a thread may be about to do; the words after `OP` say with what. */
export const OP_NONE = 0;
export const OP_ADD = 1;
export const OP_REGISTER = 2;
export const OP_SETTLE = 3;
export const OP_HAND = 4;
export const OP_RESUME = 5;
export const OP_RETAIN = 6;
export const OP_REPLACE = 7;
export const OP_TAKE_BACK = 8;
export const OP_CLAIM = 9;

export class Thread {
  readonly memory: Memory;
  readonly words: Int32Array;
  readonly clock: Clock;
  readonly me: number;
  readonly epoch: number;
  readonly block: number;
  readonly records: Slab;
  readonly nodes: Slab;
  readonly pages: Slab;
  readonly levels: readonly Ring[];
  readonly resumed: Ring;
  readonly finished: Ring;
  readonly mail: readonly Ring[];
  readonly ids: Ids;
  readonly keys: Keys;
  readonly lists: Lists;
  readonly names: Names;
  readonly payloads: Payloads;
  readonly work: Park;
  readonly room: Park;
  readonly idle: Park;
  /** Whether its last look took a hint out of the ring of those that go on. */
  #hasTaken = false;

  constructor(memory: Memory, clock: Clock, me: number, schemas: Readonly<Record<string, Schema>>) {
    const { words, layout } = memory;
    this.memory = memory;
    this.words = words;
    this.clock = clock;
    this.me = me;
    this.block = blockOf(memory, me);
    this.epoch = (words[this.block + STATE] as number) >>> 2;
    const cache = this.block + CACHES;
    this.records = new Slab(words, layout.records, cache, me);
    this.nodes = new Slab(words, layout.nodes, cache + CACHE_WORDS, me);
    this.pages = new Slab(words, layout.pages, cache + 2 * CACHE_WORDS, me);
    this.levels = layout.levels.map((place) => new Ring(words, place));
    this.resumed = new Ring(words, layout.resumed);
    this.finished = new Ring(words, layout.finished);
    this.mail = layout.mail.map((place) => new Ring(words, place));
    this.names = new Names(memory);
    this.keys = new Keys(memory, this.pages);
    this.ids = new Ids(words, layout.buckets, layout.bucketBits, layout.records, this.keys);
    this.lists = new Lists(words, layout.records, layout.nodes, FIRST, NODE_NEXT, memory.shape.slots);
    this.payloads = new Payloads(memory, this.pages, layout.records, schemas);
    const { work, workTokens, workWatch, room, roomTokens, roomWatch, idle, idleWaiters, idleWatch } = layout.globals;
    this.work = new Park(words, work, workTokens, workWatch);
    this.room = new Park(words, room, roomTokens, roomWatch);
    this.idle = new Park(words, idle, idleWaiters, idleWatch);
  }

  /** Word where a record begins. */
  at(record: number): number {
    return this.records.base + record * this.records.stride;
  }

  nodeAt(node: number): number {
    return this.nodes.base + node * this.nodes.stride;
  }

  global(name: Global): number {
    return this.memory.layout.globals[name];
  }

  count(counter: number, more: number): void {
    countIn(this.words, this.block, counter, more);
  }

  counted(counter: number): number {
    return this.words[this.block + COUNTS + 2 * counter] as number;
  }

  /** Makes a record in this thread's hands ready for an id, and maybe an event: nothing of its last use is left. */
  begin(record: number): void {
    const { words } = this;
    const at = this.at(record);
    words[at + GEN] = ((words[at + GEN] as number) + 1) | 0;
    words[at + DONE_NODE] = 0;
    words[at + DONE_LOW] = 0;
    words[at + DONE_HIGH] = 0;
    words[at + STARTED] = 0;
    words[at + DEATHS] = 0;
    words[at + RAN] = 0;
    words[at + WATCHED] = 0;
    words[at + PASSES] = 0;
    words[at + SLOT_ORDER] = words[this.memory.layout.order] as number;
  }

  /** Says what is about to be done, so that it can be finished or undone after this thread's death. */
  intend(op: number, a: number, b: number, count: number): void {
    const { words, block } = this;
    // What was intended before is done; its words must not be taken for those of the new one.
    words[block + OP] = OP_NONE;
    words[block + OP + 1] = a;
    words[block + OP + 2] = b;
    words[block + OP + 3] = count;
    words[block + OP] = op;
  }

  done(): void {
    this.words[this.block + OP] = OP_NONE;
  }

  /** True when every event that was ever added has been settled, and none is to go on for a late callback. */
  isDrained(): boolean {
    // One that goes on is in this ring, then in the words of whoever takes it out, then counted: in this order.
    this.#hasTaken = false;
    if (this.#isResuming()) return false;
    // What is settled was opened before.
    const settled = this.sum(SETTLED);
    const isDrained = settled === this.sum(OPENED);
    // Who looked while this thread had a hint in its hands has not seen the end.
    if (isDrained && this.#hasTaken) this.idle.wakeAll();
    return isDrained;
  }

  #isResuming(): boolean {
    const { words, memory, resumed, block } = this;
    for (let record = resumed.first(); record !== 0; record = resumed.first()) {
      if (isToBeDone(words[this.at(record) + LIFE] as number)) return true;
      // A hint that came twice. Somebody may have put another one in its place.
      const taken = resumed.pop(block + POPPING);
      this.#hasTaken = true;
      if (taken !== 0 && isToBeDone(words[this.at(taken) + LIFE] as number)) {
        resumed.push(taken);
        // Who looked meanwhile has found nothing.
        this.work.wakeOne();
      }
      Atomics.store(words, block + POPPING, 0);
    }
    for (let thread = 1; thread <= memory.shape.threads; thread++) {
      if (thread !== this.me && Atomics.load(words, blockOf(memory, thread) + POPPING) !== 0) return true;
    }
    return false;
  }

  /**
   * Called when this thread has run out of work: tells those who wait for the end of all of it. Whatever makes `isDrained` false for others
   * (an event opened, a hint in this thread's hands) must be followed by this on the thread that ends it.
   */
  tellIdle(): void {
    // Of two threads that run out at once, the later one here sees what both have counted.
    Atomics.add(this.words, this.global('parked'), 1);
    const leaving = Atomics.load(this.words, this.global('crew')) > 1 || Atomics.load(this.words, this.global('closed')) !== 0;
    if (!leaving && !this.idle.hasSleepers()) return;
    if (!this.isDrained()) return;
    this.idle.wakeAll();
    if (leaving) this.work.wakeAll();
  }

  /** A sum over all threads, of the low words only: differences are right as long as they are small. */
  sum(counter: number): number {
    const { words, memory } = this;
    let sum = 0;
    for (let thread = 1; thread <= memory.shape.threads; thread++) {
      sum = (sum + (words[blockOf(memory, thread) + COUNTS + 2 * counter] as number)) | 0;
    }
    return sum;
  }
}

/** True for an event that may be claimed, or taken part in. */
function isToBeDone(word: number): boolean {
  return kindOf(word) === PENDING || kindOf(word) === SHARED;
}

export function blockOf(memory: Memory, thread: number): number {
  return memory.layout.threads + thread * THREAD_WORDS;
}

export function stateOf(word: number): number {
  return word & BLOCK_MASK;
}

/** True when that thread, in that epoch, is alive. */
export function isAlive(memory: Memory, thread: number, epoch: number): boolean {
  return Atomics.load(memory.words, blockOf(memory, thread) + STATE) === ((epoch << 2) | BLOCK_ALIVE);
}

/** A whole count of one thread: low and high word, read as one though its thread goes on counting. */
export function readCount(memory: Memory, thread: number, counter: number): number {
  const at = blockOf(memory, thread) + COUNTS + 2 * counter;
  for (;;) {
    const high = Atomics.load(memory.words, at + 1);
    const low = Atomics.load(memory.words, at);
    if (Atomics.load(memory.words, at + 1) === high) return high * 2 ** 32 + (low >>> 0);
  }
}

export function countIn(words: Int32Array, block: number, counter: number, more: number): void {
  const at = block + COUNTS + 2 * counter;
  const before = words[at] as number;
  const after = (before + more) | 0;
  if (more > 0 && after >>> 0 < before >>> 0) words[at + 1] = (words[at + 1] as number) + 1;
  if (more < 0 && after >>> 0 > before >>> 0) words[at + 1] = (words[at + 1] as number) - 1;
  words[at] = after;
}

/** Until the thread that the block is for has come up. */
const NO_THREAD = -1;

/** Takes a block for this thread, or one that it starts. Throws `Refused('full')` when all are taken. */
export function joinThreads(memory: Memory, parent: number, role: number): number {
  const { words } = memory;
  for (let thread = 1; thread <= memory.shape.threads; thread++) {
    const block = blockOf(memory, thread);
    const word = Atomics.load(words, block + STATE);
    if (stateOf(word) !== BLOCK_FREE) continue;
    const mine = (((word >>> 2) + 1) << 2) | BLOCK_ALIVE;
    if (Atomics.compareExchange(words, block + STATE, word, mine) !== word) continue;
    words[block + THREAD_ID] = NO_THREAD;
    words[block + PARENT] = parent;
    words[block + ROLE] = role;
    for (const word of [OP, POPPING, BATCH, HELD, HELD + 1, ENDED, BUSY, RECOVERING]) words[block + word] = 0;
    return thread;
  }
  throw new Refused('full', `The queue has ${memory.shape.threads} threads already. Close it on one of them, or raise threadsMax.`);
}
