/** Making a node: one callback, or one who waits for a result, in the list of an event. */

import { NODE_DEATHS, NODE_ENTRY, NODE_EPOCH, NODE_HOME, NODE_ORDER, NODE_PRIORITY, NODE_STATE, NODE_WHAT } from './memory.ts';
import type { Thread } from './thread.ts';

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

/** A node in this thread's hands; 0 when there is none left. `stamp`: of the event it is for. */
export function makeNode(thread: Thread, content: NodeContent, stamp: number): number {
  const { words } = thread;
  const node = thread.nodes.take();
  if (node === 0) return 0;
  const at = thread.nodeAt(node);
  words[at + NODE_ORDER] = Atomics.load(words, thread.memory.layout.order);
  words[at + NODE_HOME] = content.home;
  words[at + NODE_EPOCH] = content.epoch;
  words[at + NODE_WHAT] = content.what;
  words[at + NODE_PRIORITY] = content.priority;
  words[at + NODE_ENTRY] = content.entry;
  words[at + NODE_DEATHS] = 0;
  words[at + NODE_STATE] = stamp;
  return node;
}
