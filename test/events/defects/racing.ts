/**
 * Faulty ways of sharing, as threads of single steps over shared words, for the explorer: what goes wrong in them only now and then
 * goes wrong here in some order of steps for certain. Locks are there where such code has them, and missing where it forgets them.
 */

import type { Program } from '../explore.ts';
import type { Step } from '../stepwise.ts';

export function* get(words: Int32Array, at: number): Generator<Step, number, unknown> {
  return (yield { kind: 'get', words, at, values: [] }) as number;
}

export function* set(words: Int32Array, at: number, value: number): Program {
  return yield { kind: 'set', words, at, values: [value] };
}

function* add(words: Int32Array, at: number, value: number): Program {
  return yield { kind: 'add', words, at, values: [value] };
}

/** A lock on word `at`: whoever cannot have it sleeps until it is let go. */
function* lock(words: Int32Array, at: number): Program {
  while ((yield { kind: 'exchange', words, at, values: [1] }) !== 0) yield { kind: 'wait', words, at, values: [1] };
  return undefined;
}

function* unlock(words: Int32Array, at: number): Program {
  yield { kind: 'store', words, at, values: [0] };
  yield { kind: 'notify', words, at, values: [1] };
  return undefined;
}

const LOCK = 0;
const SIGNAL = 1;
const FLAG = 2;

/** Waits, under the lock and with a condition variable, until the flag is up. */
export function* waitForFlag(words: Int32Array): Program {
  yield* lock(words, LOCK);
  while ((yield* get(words, FLAG)) === 0) {
    // A condition variable goes to sleep and lets go of the lock in one: who changes the signal from here on wakes it.
    const key = yield* get(words, SIGNAL);
    yield* unlock(words, LOCK);
    yield { kind: 'wait', words, at: SIGNAL, values: [key] };
    yield* lock(words, LOCK);
  }
  return yield* unlock(words, LOCK);
}

/** Raises the flag without the lock: between the other's look at it and its falling asleep there is room for both steps. */
export function* raiseFlag(words: Int32Array): Program {
  yield { kind: 'store', words, at: FLAG, values: [1] };
  yield* add(words, SIGNAL, 1);
  yield { kind: 'notify', words, at: SIGNAL, values: [] };
  return undefined;
}

const PROCESSED = 0;
const COUNT = 1;
const LIST = 2;

/** Appends to a list that nobody guards. */
export function* append(words: Int32Array, what: number): Program {
  const count = yield* get(words, COUNT);
  yield* set(words, LIST + count, what);
  return yield* set(words, COUNT, count + 1);
}

/** Runs the list once, as far as a plain flag can see to that. */
export function* runList(words: Int32Array, ran: number[]): Program {
  if ((yield* get(words, PROCESSED)) !== 0) return undefined;
  yield* set(words, PROCESSED, 1);
  for (let index = 0; index < (yield* get(words, COUNT)); index++) ran.push(yield* get(words, LIST + index));
  return undefined;
}

const TABLE = 0;
const SIZE = 1;
const SLOTS = 2;

/** A hash table of two slots with one entry, `key`. */
export function smallTable(words: Int32Array, key: number): void {
  words[TABLE] = SLOTS;
  words[SIZE] = 2;
  words[SLOTS + (key % 2)] = key;
}

/** Puts a key in where it grows to four slots for that: the entries move over one by one. */
export function* insertAndGrow(words: Int32Array, key: number): Program {
  const old = yield* get(words, TABLE);
  yield* set(words, TABLE, old + 2);
  yield* set(words, SIZE, 4);
  for (const from of [old, old + 1]) {
    const moved = yield* get(words, from);
    if (moved !== 0) yield* set(words, old + 2 + (moved % 4), moved);
  }
  return yield* set(words, old + 2 + (key % 4), key);
}

/** Looks without the lock that others insert under. */
export function* look(words: Int32Array, key: number): Generator<Step, boolean, unknown> {
  const table = yield* get(words, TABLE);
  const size = yield* get(words, SIZE);
  return (yield* get(words, table + (key % size))) === key;
}

const HEAD = 0;
const TAIL = 1;
/** The node of a value links to the next one from this word on. */
const NODES = 2;
const DUMMY = 0;

export function emptyChain(words: Int32Array): void {
  words[HEAD] = DUMMY;
  words[TAIL] = DUMMY;
}

/** Puts a value (from 1) at the end: first the tail goes on, then the one before is linked to it. */
export function* enqueue(words: Int32Array, value: number): Program {
  const before = (yield { kind: 'exchange', words, at: TAIL, values: [value] }) as number;
  yield { kind: 'store', words, at: NODES + before, values: [value] };
  return value;
}

/** Takes a value from the front by reading and writing: nothing is compared. */
export function* dequeue(words: Int32Array): Generator<Step, number, unknown> {
  const head = yield* get(words, HEAD);
  const next = yield* get(words, NODES + head);
  if (next !== 0) yield* set(words, HEAD, next);
  return next;
}

const BATCH_LOCK = 0;
const GATHERED = 1;
const GATHERED_LIST = 2;

/** Gathers under a lock, and hands over two at a time. */
export function* gather(words: Int32Array, id: number, handedOver: number[]): Program {
  yield* lock(words, BATCH_LOCK);
  const count = yield* get(words, GATHERED);
  yield* set(words, GATHERED_LIST + count, id);
  yield* set(words, GATHERED, count + 1);
  if (count + 1 >= 2) yield* handOver(words, handedOver);
  return yield* unlock(words, BATCH_LOCK);
}

/** Hands over what there is; anybody may call it, and it takes no lock. */
export function* handOver(words: Int32Array, handedOver: number[]): Program {
  const count = yield* get(words, GATHERED);
  for (let index = 0; index < count; index++) handedOver.push(yield* get(words, GATHERED_LIST + index));
  return yield* set(words, GATHERED, 0);
}
