/** Failures of callbacks: written to the event's record, so that whoever gets its result sees them, and told to whoever listens. */

import type { EventId } from './keys.ts';
import { FAULT_BYTES, FAULTS, NODE_FAULT_BYTES, NODE_FAULTS } from './memory.ts';
import type { Thread } from './thread.ts';

/** One attempt of a callback that did not succeed. */
export interface Failure {
  /** `module#export`, or the name of a closure. */
  readonly callback: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** What was thrown; on another thread an Error with the same name, message and stack, or the same plain value. */
  readonly cause: unknown;
  /** True when it was not tried again. */
  readonly final: boolean;
}

/** A failure with the event it happened to. */
export interface FailureReport extends Failure {
  readonly event: { readonly id: EventId; readonly type: string };
}

/** Causes that the queue itself gives. */
export class CallbackError extends Error {
  override readonly name: string = 'CallbackError';
  /** `timeout`: its promise did not settle in time. `died`: the thread it ran on ended. `home`: the thread it belongs to is gone. `load`: its module could not be loaded. */
  readonly code: 'timeout' | 'died' | 'home' | 'load';

  constructor(code: 'timeout' | 'died' | 'home' | 'load', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** Kept per event; of more than these the first and the newest. */
const KEPT = 32;

interface Written {
  readonly callback: string;
  readonly attempt: number;
  readonly final: boolean;
  readonly error?: { readonly name: string; readonly message: string; readonly stack?: string | undefined; readonly code?: unknown };
  readonly value?: unknown;
}

/** Adds a failure to a record that this thread runs; or, where callbacks run in parallel, to the `node` that it runs. */
export function recordFailure(thread: Thread, record: number, node: number, failure: Failure): void {
  const { words, payloads, me } = thread;
  const pages = node === 0 ? thread.at(record) + FAULTS : thread.nodeAt(node) + NODE_FAULTS;
  const bytes = node === 0 ? thread.at(record) + FAULT_BYTES : thread.nodeAt(node) + NODE_FAULT_BYTES;
  const before = readWritten(thread, pages, bytes);
  const all = [...before, write(failure)];
  if (all.length > KEPT) all.splice(KEPT - 1, 1);
  const text = Buffer.from(JSON.stringify(all));
  const first = payloads.store(text, text.length);
  // Without a page left the count stays, and the report to whoever listens.
  if (first === 0) return;
  payloads.release(pages, me);
  words[bytes] = text.length;
  words[pages] = first;
  payloads.attach(first);
}

/** All failures of an event, those that its nodes have of their own among them. */
export function readFailures(thread: Thread, record: number): Failure[] {
  const { words, lists } = thread;
  const written = readWritten(thread, thread.at(record) + FAULTS, thread.at(record) + FAULT_BYTES);
  for (let node = lists.nextNode(record, 0); node !== 0; node = lists.nextNode(record, node)) {
    const at = thread.nodeAt(node);
    if (words[at + NODE_FAULTS] !== 0) written.push(...readWritten(thread, at + NODE_FAULTS, at + NODE_FAULT_BYTES));
  }
  return written.map(unpackFailure);
}

/** A failure as plain data, to be sent to another thread. */
export function packFailure(failure: Failure): unknown {
  return write(failure);
}

export function unpackFailure(packed: unknown): Failure {
  const { callback, attempt, final, error, value } = packed as Written;
  return { callback, attempt, final, cause: error === undefined ? value : errorOf(error) };
}

function readWritten(thread: Thread, pages: number, bytes: number): Written[] {
  const first = thread.words[pages] as number;
  if (first === 0) return [];
  const length = thread.words[bytes] as number;
  return JSON.parse(thread.payloads.gather(first, length).text.utf8Slice(0, length)) as Written[];
}

function write({ callback, attempt, final, cause }: Failure): Written {
  if (cause instanceof Error) {
    const { name, message, stack } = cause;
    const code = (cause as { code?: unknown }).code;
    return { callback, attempt, final, error: { name, message, stack, ...(typeof code === 'string' ? { code } : {}) } };
  }
  return { callback, attempt, final, value: plain(cause) };
}

function plain(value: unknown): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(JSON.stringify(value) ?? JSON.stringify(String(value)));
  } catch {
    return String(value);
  }
}

function errorOf({ name, message, stack, code }: NonNullable<Written['error']>): Error {
  const error = new Error(message);
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true });
  if (stack !== undefined) error.stack = stack;
  if (code !== undefined) Object.assign(error, { code });
  return error;
}
