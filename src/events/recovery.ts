/**
 * Recovery from the death of a thread. Its end has been reported, so it writes no more; everybody else goes on meanwhile. What it was
 * about to do is finished or undone, what it owned is found by the owner in the life words, what it may have swallowed is sent again.
 * If the recovering thread dies on the way, whoever recovers that one begins again.
 */

import { ADDING, FINISHED, FINISHING, HANDED, kindOf, life, ownerOf, PENDING, RETIRED, RUNNING, restOf, SHARED, TAKEN } from './life.ts';
import { recordOf, stampOf } from './list.ts';
import { type Member, unbegun } from './member.ts';
import {
  BATCH,
  BATCH_MAX,
  CACHE_WORDS,
  CACHES,
  DEATHS,
  DONE_LOW,
  DONE_NODE,
  ENDED,
  ENDED_MAX,
  GEN,
  LEVEL,
  LIFE,
  NODE_DEATHS,
  NODE_STAMP,
  NODE_STATE,
  PARENT,
  POPPING,
  RECOVERING,
  STARTED,
  STARTED_NODE,
  STARTED_STANDING,
  STARTED_WHAT,
  STATE,
  THREAD_ID,
} from './memory.ts';
import { CREW_NONE } from './serving.ts';
import { BLOCK_ALIVE, BLOCK_DYING, BLOCK_FREE, blockOf, DEATHS_SEEN, OP_RESUME, RECOVERED, stateOf, type Thread } from './thread.ts';
import { undo } from './undo.ts';

/** What a recovery did. */
export interface Recovered {
  readonly thread: number;
  /** Events whose callbacks go on on another thread. */
  readonly resumed: number;
  /** Callbacks that had begun and not ended: 0 or 1 for each event in flight there. */
  readonly inFlight: number;
  /** When others could take its events up, by the queue's clock. */
  readonly resumedAtMs: number;
}

/** Recovers every thread of the queue that ran as this one (`threadId` of node:worker_threads), and the threads they had started. */
export function recoverThread(member: Member, threadId: number): Recovered[] {
  const { memory, words } = member.thread;
  const done: Recovered[] = [];
  for (let thread = 1; thread <= memory.shape.threads; thread++) {
    const block = blockOf(memory, thread);
    if (words[block + THREAD_ID] !== threadId || stateOf(Atomics.load(words, block + STATE)) === BLOCK_FREE) continue;
    done.push(...recoverBlock(member, thread));
  }
  return done;
}

/** Recovers one thread, dead for sure. Fine when somebody has begun it, or done it. */
export function recoverBlock(member: Member, dead: number): Recovered[] {
  const { thread } = member;
  const { words, memory } = thread;
  const block = blockOf(memory, dead);
  words[thread.block + RECOVERING] = dead;
  const word = Atomics.load(words, block + STATE);
  const begins = stateOf(word) === BLOCK_ALIVE && Atomics.compareExchange(words, block + STATE, word, (word & ~3) | BLOCK_DYING) === word;
  if (!begins && stateOf(Atomics.load(words, block + STATE)) !== BLOCK_DYING) return [];
  // A thread takes those that it has started with it. One whose recovery it was at has not been recovered.
  const more: Recovered[] = [];
  for (let child = 1; child <= memory.shape.threads; child++) {
    if (words[blockOf(memory, child) + PARENT] === dead && stateOf(words[blockOf(memory, child) + STATE] as number) === BLOCK_ALIVE) {
      more.push(...recoverBlock(member, child));
    }
  }
  const unfinished = words[block + RECOVERING] as number;
  words[block + RECOVERING] = 0;
  if (unfinished !== 0) more.push(...recoverBlock(member, unfinished));
  words[thread.block + RECOVERING] = dead;
  const recovered = recover(member, dead, block);
  Atomics.store(words, block + STATE, (Atomics.load(words, block + STATE) & ~3) | BLOCK_FREE);
  words[thread.block + RECOVERING] = 0;
  return [recovered, ...more];
}

function recover(member: Member, dead: number, block: number): Recovered {
  const { thread, registry } = member;
  const { work, room, idle } = thread;
  undo(member, dead, block);
  registry.removeOf(dead);
  resend(thread, block);
  const swept = sweep(member, dead);
  const resumed = swept.resumed;
  const inFlight = swept.inFlight + (member.runsTogether ? sweepNodes(thread, dead) : 0);
  // It may have been woken, and told nobody.
  for (const park of [work, room, idle]) {
    park.endWatch(dead);
    park.wakeAll();
  }
  const resumedAtMs = thread.clock.monotonicMs();
  // What it had in its hands is looked for in all of the stock, and nobody is in a hurry for it.
  thread.nodes.reclaim(block + CACHES + CACHE_WORDS, dead);
  thread.pages.reclaim(block + CACHES + 2 * CACHE_WORDS, dead);
  thread.records.reclaim(block + CACHES, dead);
  room.wakeAll();
  endCrewOf(thread, dead);
  thread.count(DEATHS_SEEN, 1);
  thread.count(RECOVERED, resumed);
  thread.tellIdle();
  return { thread: dead, resumed, inFlight, resumedAtMs };
}

/** The workers of a pool end with the thread that started it. */
function endCrewOf(thread: Thread, dead: number): void {
  const { words } = thread;
  if (words[thread.global('crewOwner')] !== dead) return;
  words[thread.global('crewOwner')] = 0;
  Atomics.store(words, thread.global('crewSize'), 0);
  Atomics.store(words, thread.global('crew'), CREW_NONE);
  Atomics.add(words, thread.global('crewSignal'), 1);
  Atomics.notify(words, thread.global('crewSignal'));
}

/** Hints that the thread had taken from a ring, or not yet put into one. One too many does no harm. */
function resend(thread: Thread, block: number): void {
  const { words, resumed, finished } = thread;
  const popping = words[block + POPPING] as number;
  if (popping !== 0) {
    const kind = kindOf(words[thread.at(popping) + LIFE] as number);
    if (kind === PENDING) resumed.push(popping);
    else if (kind === FINISHED) finished.push(popping);
  }
  for (const record of unbegun(words, block)) if (kindOf(words[thread.at(record) + LIFE] as number) === PENDING) resumed.push(record);
  const gathered = Math.min(words[block + BATCH] as number, BATCH_MAX);
  for (let index = 1; index <= gathered; index++) {
    const record = words[block + BATCH + index] as number;
    const word = words[thread.at(record) + LIFE] as number;
    if (kindOf(word) === PENDING) thread.levels[words[thread.at(restOf(word)) + LEVEL] as number]?.push(record);
  }
  const ended = Math.min(words[block + ENDED] as number, ENDED_MAX);
  for (let index = 1; index <= ended; index++) {
    const record = words[block + ENDED + index] as number;
    if (kindOf(words[thread.at(record) + LIFE] as number) === FINISHED) finished.push(record);
  }
  words[block + POPPING] = 0;
  words[block + BATCH] = 0;
  words[block + ENDED] = 0;
}

/** All records that were the dead thread's. */
function sweep(member: Member, dead: number): { resumed: number; inFlight: number } {
  const { thread, settler } = member;
  const { words, records, me, lists } = thread;
  let resumed = 0;
  let inFlight = 0;
  for (const record of records.used()) {
    const at = thread.at(record);
    const word = Atomics.load(words, at + LIFE);
    if (kindOf(word) === SHARED) hintAgain(thread, record);
    if (ownerOf(word) !== dead || kindOf(word) === SHARED) continue;
    switch (kindOf(word)) {
      case FINISHING:
        if (lists.isClosed(record, stampOf(record, words[at + GEN] as number))) {
          settler.conclude(record, word);
          break;
        }
        resumed += resume(thread, record, word) ? 1 : 0;
        break;
      case RUNNING:
        if (hadBegun(thread, at)) {
          inFlight++;
          words[at + DEATHS] = (words[at + DEATHS] as number) + 1;
        }
        resumed += resume(thread, record, word) ? 1 : 0;
        break;
      case HANDED:
        resumed += resume(thread, record, word) ? 1 : 0;
        break;
      case RETIRED: {
        const mine = life(RETIRED, me, restOf(word));
        if (Atomics.compareExchange(words, at + LIFE, word, mine) === word) settler.retire(record, mine);
        break;
      }
      case ADDING:
        words[at + LIFE] = life(TAKEN, dead, 0);
        settler.strip(record);
        break;
      case TAKEN:
        if (restOf(word) === 0) settler.strip(record);
        break;
      default:
    }
  }
  return { resumed, inFlight };
}

/** Callbacks that run in parallel and that the dead thread had claimed. */
function sweepNodes(thread: Thread, dead: number): number {
  const { words, nodes } = thread;
  const theirs = life(RUNNING, dead, 0);
  let count = 0;
  for (const node of nodes.used()) {
    const at = thread.nodeAt(node);
    if (words[at + NODE_STATE] !== theirs) continue;
    const stamp = words[at + NODE_STAMP] as number;
    words[at + NODE_DEATHS] = (words[at + NODE_DEATHS] as number) + 1;
    Atomics.store(words, at + NODE_STATE, stamp);
    hintAgain(thread, recordOf(stamp));
    count++;
  }
  return count;
}

/** There may be something to do, and nobody who knows. */
function hintAgain(thread: Thread, record: number): void {
  thread.resumed.push(record);
  thread.work.wakeOne();
}

/** Makes a record that was in the dead thread's hands pending again: its pass goes on where it stands. */
function resume(thread: Thread, record: number, word: number): boolean {
  const { words, resumed, work } = thread;
  thread.intend(OP_RESUME, record, 0, 0);
  const taken = Atomics.compareExchange(words, thread.at(record) + LIFE, word, life(PENDING, 0, restOf(word))) === word;
  if (taken) resumed.push(record);
  thread.done();
  if (taken) work.wakeOne();
  return taken;
}

/** True when a callback had been called and had not been marked as done. */
function hadBegun(thread: Thread, at: number): boolean {
  const { words } = thread;
  const what = words[at + STARTED_WHAT] as number;
  if (words[at + STARTED] === STARTED_NODE) return words[at + DONE_NODE] !== what;
  return words[at + STARTED] === STARTED_STANDING && words[at + DONE_LOW] !== what;
}
