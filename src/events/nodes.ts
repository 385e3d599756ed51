/** Nodes: one callback each, or one who waits for a result, in the list of an event. */

import { life, PART, TAKEN } from './life.ts';
import { GONE } from './list.ts';
import {
  DONE_HIGH,
  DONE_LOW,
  LIFE,
  NODE_BEGUN,
  NODE_DEATHS,
  NODE_DONE,
  NODE_ENTRY,
  NODE_EPOCH,
  NODE_FAULTS,
  NODE_HOME,
  NODE_ORDER,
  NODE_PRIORITY,
  NODE_STAMP,
  NODE_STATE,
  NODE_WHAT,
  SLOT_ORDER,
  WATCH,
  WATCHED,
  WATCHED_BY_SOMEBODY,
} from './memory.ts';
import type { Registry, Standing } from './registry.ts';
import { OP_REGISTER, type Thread } from './thread.ts';

/** What a node says. */
export interface NodeContent {
  /** 0: portable. */
  readonly home: number;
  readonly epoch: number;
  /** Number of the spec, or of the closure on its thread. */
  readonly what: number;
  readonly priority: number;
  /** 0, `WATCH`, or the standing registration it is made from. */
  readonly entry: number;
}

/** Whether a callback may stand in a slot of its record: portable ones may, where order is that of registration and no standing registration has come between. */
export function fitsSlot(thread: Thread, record: number, { home, entry }: NodeContent): boolean {
  const { words, memory } = thread;
  return home === 0 && entry === 0 && words[memory.layout.order] === words[thread.at(record) + SLOT_ORDER];
}

/** A node in this thread's hands; 0 when there is none left. `stamp`: of the event it is for. */
export function makeNode(thread: Thread, content: NodeContent, stamp: number): number {
  const { words } = thread;
  const node = thread.nodes.take();
  if (node === 0) return 0;
  const at = thread.nodeAt(node);
  words[at + NODE_ORDER] = words[thread.memory.layout.order] as number;
  words[at + NODE_HOME] = content.home;
  words[at + NODE_EPOCH] = content.epoch;
  words[at + NODE_WHAT] = content.what;
  words[at + NODE_PRIORITY] = content.priority;
  words[at + NODE_ENTRY] = content.entry;
  words[at + NODE_DEATHS] = 0;
  words[at + NODE_FAULTS] = 0;
  words[at + NODE_STAMP] = stamp;
  words[at + NODE_STATE] = stamp;
  return node;
}

/** Puts a node that was just made at the end of a record's list. Answers what `Lists.append` does; `GONE`: the node is in the stock again. */
export function appendNode(thread: Thread, record: number, stamp: number, node: number): number {
  const { words, me, lists } = thread;
  thread.intend(OP_REGISTER, record, node, stamp);
  const appended = lists.append(record, stamp, node);
  if (appended === GONE) thread.nodes.give(node);
  // It may have run, and be in other hands, by now.
  else Atomics.compareExchange(words, thread.nodeAt(node) + LIFE, life(TAKEN, me, 0), life(PART, 0, 0));
  return appended;
}

/**
 * Where order is not that of registration, the standing registrations that an event has not met yet become nodes of its list, so that
 * each of its callbacks has a state of its own. Answers the first for which there is no node left.
 */
export function spread(
  thread: Thread,
  registry: Registry,
  record: number,
  stamp: number,
  standings: Iterable<Standing>,
): Standing | undefined {
  const { words } = thread;
  const at = thread.at(record);
  for (const standing of standings) {
    // A death in between may have left the node without this word.
    const isMet = hasNodeOf(thread, record, standing);
    if (!isMet && registry.isThere(standing) && (!standing.once || registry.takeOnce(standing, stamp))) {
      const node = makeNode(thread, standing, stamp);
      if (node === 0) return standing;
      words[thread.nodeAt(node) + NODE_ORDER] = standing.orderLow;
      appendNode(thread, record, stamp, node);
      thread.done();
    }
    words[at + DONE_HIGH] = standing.orderHigh;
    words[at + DONE_LOW] = standing.orderLow;
  }
  return undefined;
}

function hasNodeOf(thread: Thread, record: number, standing: Standing): boolean {
  const { words, lists } = thread;
  for (let node = lists.next(record, 0); node !== 0; node = lists.next(record, node)) {
    const at = thread.nodeAt(node);
    if (words[at + NODE_ENTRY] === standing.entry && words[at + NODE_ORDER] === standing.orderLow) return true;
  }
  return false;
}

/** The node to run next: one that has begun already, else, of those that wait, the first of the highest priority; 0 when there is none. */
export function pickNode(thread: Thread, record: number, stamp: number): number {
  const { words, lists } = thread;
  let best = 0;
  let priority = 0;
  for (let node = lists.next(record, 0); node !== 0; node = lists.next(record, node)) {
    const at = thread.nodeAt(node);
    const state = words[at + NODE_STATE] as number;
    if (words[at + NODE_ENTRY] === WATCH) {
      const watched = thread.at(record) + WATCHED;
      if (state === stamp) words[watched] = (words[watched] as number) | WATCHED_BY_SOMEBODY;
    } else if (state === NODE_BEGUN) return node;
    else if (state === stamp && (best === 0 || (words[at + NODE_PRIORITY] as number) > priority)) {
      best = node;
      priority = words[at + NODE_PRIORITY] as number;
    }
  }
  return best;
}

/** The registration that a node was made from, if it is known still. */
export function originOf(plan: readonly Standing[], words: Int32Array, at: number): Standing | undefined {
  for (const standing of plan)
    if (standing.entry === words[at + NODE_ENTRY] && standing.orderLow === words[at + NODE_ORDER]) return standing;
  return undefined;
}

/** Nodes of a record whose callbacks are done with. */
export function countDone(thread: Thread, record: number): number {
  const { words, lists } = thread;
  let done = 0;
  for (let node = lists.next(record, 0); node !== 0; node = lists.next(record, node))
    if (words[thread.nodeAt(node) + NODE_STATE] === NODE_DONE) done++;
  return done;
}
