/** What a dead thread was about to do, by what it had written down before: finished where it can be seen to have happened, else undone. */

import {
  ADDING,
  BODY_OF,
  FINISHED,
  FINISHING,
  HANDED,
  kindOf,
  life,
  ownerOf,
  PART,
  PENDING,
  RETIRED,
  RUNNING,
  restOf,
  TAKEN,
  WAITING,
} from './life.ts';
import { isSlot, stampOf } from './list.ts';
import type { Member } from './member.ts';
import { COUNTS, GEN, LEVEL, LIFE, OP, OP_A, OP_B, OP_COUNT, PASSES } from './memory.ts';
import {
  countIn,
  OP_ADD,
  OP_CLAIM,
  OP_HAND,
  OP_NONE,
  OP_REGISTER,
  OP_REPLACE,
  OP_RESUME,
  OP_RETAIN,
  OP_SETTLE,
  OP_TAKE_BACK,
  OPENED,
  PROCESSED,
  SETTLED,
  type Thread,
} from './thread.ts';

export function undo(member: Member, dead: number, block: number): void {
  const { thread } = member;
  const { words } = thread;
  const a = words[block + OP_A] as number;
  const b = words[block + OP_B] as number;
  const count = words[block + OP_COUNT] as number;
  switch (words[block + OP]) {
    case OP_ADD:
      if (b === 0) finishAdd(member, dead, block, a, count);
      else finishFill(thread, dead, block, a, b, count);
      break;
    case OP_REPLACE:
      for (const body of [a, count]) freeBody(thread, dead, body, b);
      break;
    case OP_TAKE_BACK:
      if (b === 1 || isOf(thread, a, RETIRED, dead)) setCount(words, block, OPENED, count, -1);
      break;
    case OP_REGISTER:
      finishRegister(member, dead, a, b, count);
      break;
    case OP_SETTLE:
      if (hasSettled(thread, dead, a)) {
        if (words[block + COUNTS + 2 * SETTLED] !== count) countIn(words, block, PROCESSED, 1);
        setCount(words, block, SETTLED, count, 1);
      } else words[thread.at(a) + PASSES] = b;
      break;
    case OP_RETAIN:
      if (kindOf(words[thread.at(a) + LIFE] as number) === FINISHED) thread.finished.push(a);
      finishReopening(thread, a, stampOf(a, words[thread.at(a) + GEN] as number));
      break;
    case OP_CLAIM:
      if (isOf(thread, a, RUNNING, dead)) {
        setCount(words, block, OPENED, count, 1);
        words[thread.at(a) + PASSES] = (words[thread.at(a) + PASSES] as number) | 1;
      }
      break;
    case OP_HAND: {
      const word = words[thread.at(a) + LIFE] as number;
      if (kindOf(word) !== HANDED || ownerOf(word) !== b) break;
      thread.mail[b]?.push(a);
      member.post.ring(b);
      break;
    }
    case OP_RESUME:
      if (kindOf(words[thread.at(a) + LIFE] as number) === PENDING) thread.resumed.push(a);
      break;
    default:
  }
  words[block + OP] = OP_NONE;
}

/** An event was added if it is in the index, or, where there is none, pending. */
function finishAdd(member: Member, dead: number, block: number, record: number, count: number): void {
  const { thread } = member;
  const { words } = thread;
  const at = thread.at(record);
  if (isOf(thread, record, TAKEN, dead)) {
    setCount(words, block, OPENED, (count - 1) | 0, -1);
    return;
  }
  if (isOf(thread, record, ADDING, dead)) {
    if (!thread.ids.has(record)) return;
    Atomics.store(words, at + LIFE, life(PENDING, 0, record));
  }
  setCount(words, block, OPENED, count, 1);
  if (kindOf(words[at + LIFE] as number) === PENDING) push(thread, record);
}

/** A payload `body` for the record `found`, which only had registrations. */
function finishFill(thread: Thread, dead: number, block: number, body: number, found: number, count: number): void {
  const { words } = thread;
  if (freeBody(thread, dead, body, found) || isOf(thread, body, TAKEN, dead)) {
    setCount(words, block, OPENED, (count - 1) | 0, -1);
    return;
  }
  setCount(words, block, OPENED, count, 1);
  if (kindOf(words[thread.at(found) + LIFE] as number) === PENDING) push(thread, found);
}

/** Frees a record that holds a payload for another one which does not know of it. */
function freeBody(thread: Thread, dead: number, body: number, found: number): boolean {
  const { words } = thread;
  if (body === found || words[thread.at(body) + LIFE] !== life(BODY_OF, 0, found)) return false;
  const word = Atomics.load(words, thread.at(found) + LIFE);
  const holds = [PENDING, RUNNING, HANDED, FINISHING, FINISHED, RETIRED].includes(kindOf(word));
  if (holds && restOf(word) === body) return false;
  words[thread.at(body) + LIFE] = life(TAKEN, dead, 0);
  return true;
}

/** A callback for an id: either its record is in the index and it is in its list, or it goes back to the stock. */
function finishRegister(member: Member, dead: number, record: number, node: number, stamp: number): void {
  const { thread, settler } = member;
  const { words, lists, me } = thread;
  const at = thread.at(record);
  if (stampOf(record, words[at + GEN] as number) !== stamp) return;
  const word = Atomics.load(words, at + LIFE);
  if (kindOf(word) === WAITING && !thread.ids.has(record)) {
    const retired = life(RETIRED, me, 0);
    if (Atomics.compareExchange(words, at + LIFE, word, retired) === word) settler.retire(record, retired);
    return;
  }
  // Without a node it was only to begin a finished event again, which has happened or does not matter.
  if (node === 0) {
    if (kindOf(word) === PENDING) thread.resumed.push(record);
    return;
  }
  if (isSlot(node)) {
    finishReopening(thread, record, stamp);
    return;
  }
  if (!lists.has(record, node)) return;
  // Whoever buries the list owns its nodes first; then this does nothing.
  Atomics.compareExchange(words, thread.nodeAt(node) + LIFE, life(TAKEN, dead, 0), life(PART, 0, 0));
  finishReopening(thread, record, stamp);
}

/** If the list of a finished event is open, that goes on from there. One that is just finishing looks at its list once more itself: see `Settler`. */
function finishReopening(thread: Thread, record: number, stamp: number): void {
  const { words, lists } = thread;
  const at = thread.at(record) + LIFE;
  const word = Atomics.load(words, at);
  const begun =
    kindOf(word) === FINISHED &&
    !lists.isClosed(record, stamp) &&
    Atomics.compareExchange(words, at, word, life(PENDING, 0, restOf(word))) === word;
  // Or the hint of one that was begun again may be missing.
  if (begun || kindOf(word) === PENDING) thread.resumed.push(record);
}

/** True when the event was settled, as far as the dead thread was to do it. */
function hasSettled(thread: Thread, dead: number, record: number): boolean {
  if (isOf(thread, record, RUNNING, dead)) return false;
  if (!isOf(thread, record, FINISHING, dead)) return true;
  return thread.lists.isClosed(record, stampOf(record, thread.words[thread.at(record) + GEN] as number));
}

function isOf(thread: Thread, record: number, kind: number, owner: number): boolean {
  const word = Atomics.load(thread.words, thread.at(record) + LIFE);
  return kindOf(word) === kind && ownerOf(word) === owner;
}

/** Makes a count what it was to be, one `step` from what it may still be. */
function setCount(words: Int32Array, block: number, counter: number, target: number, step: number): void {
  if (words[block + COUNTS + 2 * counter] !== target) countIn(words, block, counter, step);
}

function push(thread: Thread, record: number): void {
  const word = thread.words[thread.at(record) + LIFE] as number;
  thread.levels[thread.words[thread.at(restOf(word)) + LEVEL] as number]?.push(record);
}
