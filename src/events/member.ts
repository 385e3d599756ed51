/** All that one thread needs to take part in a queue, put together. */

import type { Clock } from '../host/clock.ts';
import { Adding } from './adding.ts';
import { Attempts } from './attempts.ts';
import { Handlers, Locals } from './callbacks.ts';
import { Claiming } from './claiming.ts';
import type { FailureReport } from './failures.ts';
import { kindOf, PENDING } from './life.ts';
import { HELD, HELD_MAX, LIFE, layoutOf, type Memory, openMemory, STATE } from './memory.ts';
import { Pass } from './pass.ts';
import { Post } from './post.ts';
import { Pump } from './pump.ts';
import { Registering } from './registering.ts';
import { Registry } from './registry.ts';
import type { Settings } from './settings.ts';
import { Settler } from './settle.ts';
import { Slab } from './slab.ts';
import { BLOCK_DYING, BLOCK_FREE, Thread } from './thread.ts';

export interface Member {
  readonly thread: Thread;
  readonly registry: Registry;
  readonly handlers: Handlers;
  readonly locals: Locals;
  readonly settler: Settler;
  readonly adding: Adding;
  readonly registering: Registering;
  readonly claiming: Claiming;
  readonly post: Post;
  readonly pass: Pass;
  readonly pump: Pump;
  readonly underWay: UnderWay;
  /** True when callbacks of one event run in parallel. */
  readonly runsTogether: boolean;
}

/** Passes on this thread that wait for a promise. */
export class UnderWay {
  readonly #passes = new Set<Promise<void>>();
  readonly #onEnd: () => void;

  /** `onEnd`: called when one has ended. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  add(pass: Promise<void> | undefined): void {
    if (pass === undefined) return;
    const settled = pass.finally(() => {
      this.#passes.delete(settled);
      this.#onEnd();
    });
    this.#passes.add(settled);
  }

  get size(): number {
    return this.#passes.size;
  }

  get all(): readonly Promise<void>[] {
    return [...this.#passes];
  }
}

export interface MemberHooks {
  readonly report: (failure: FailureReport) => void;
  /** Handed to callbacks. */
  readonly queue: () => unknown;
}

/** The memory of a new queue. */
export function createMemory(settings: Settings): Memory {
  const layout = layoutOf(settings.shape);
  const memory = openMemory(new SharedArrayBuffer(layout.words * 4), settings.shape);
  for (const place of [layout.records, layout.nodes, layout.pages]) Slab.stock(memory.words, place);
  return memory;
}

/** `me`: the block of this thread. */
export function openMember(memory: Memory, settings: Settings, clock: Clock, me: number, hooks: MemberHooks): Member {
  const thread = new Thread(memory, clock, me, settings.schemas);
  const indexed = settings.duplicates !== 'unchecked';
  const registry = new Registry(thread);
  const handlers = new Handlers(thread);
  const locals = new Locals();
  const settler = new Settler(thread, indexed, { count: settings.retainCount, ms: settings.retainMs, expired: settings.retainExpired });
  const adding = new Adding(thread, settler, {
    duplicates: settings.duplicates,
    capacity: settings.capacity,
    batch: settings.batchSize,
    stampTime: settings.shape.levels > 1 && settings.ageMs > 0,
  });
  const registering = new Registering(thread, settler);
  const post = new Post(thread);
  const attempts = new Attempts(thread, {
    report: (failure, { id, type }) => hooks.report({ ...failure, event: { id, type } }),
    queue: hooks.queue,
  });
  const pass = new Pass({
    thread,
    registry,
    handlers,
    locals,
    settler,
    attempts,
    post,
    order: settings.order,
    deathsMax: settings.deathsMax,
  });
  const underWay = new UnderWay(() => thread.tellIdle());
  const claiming = new Claiming(thread, settings.ageMs, (record) => underWay.add(pass.run(record, false, undefined)));
  const pump = new Pump(thread, post, pass, underWay);
  const runsTogether = settings.order === 'parallel';
  return { thread, registry, handlers, locals, settler, adding, registering, claiming, post, pass, pump, underWay, runsTogether };
}

/** Leaves in good order: what was handed to this thread is run, what it holds goes back, its closures are no longer called. */
export async function leave(member: Member): Promise<void> {
  const { thread, registry, adding, pump, pass, post, underWay } = member;
  const { words, block } = thread;
  adding.flush();
  registry.removeOf(thread.me);
  // From here on nothing more is handed to it: see `Post`.
  const state = Atomics.load(words, block + STATE);
  Atomics.store(words, block + STATE, (state & ~3) | BLOCK_DYING);
  pump.stop();
  for (let record = post.next(); record !== 0; record = post.next()) underWay.add(pass.run(record, true, undefined));
  while (underWay.size > 0) await Promise.all(underWay.all);
  returnHeld(thread);
  // A wait for room that was given up must not be what is woken: this thread may end before it passes that on.
  thread.room.wakeAll();
  for (const slab of [thread.records, thread.nodes, thread.pages]) slab.release();
  Atomics.store(words, block + STATE, (state & ~3) | BLOCK_FREE);
  thread.tellIdle();
}

/** Events that a thread has taken from the line and, as far as can be seen, not begun. */
export function unbegun(words: Int32Array, block: number): number[] {
  const count = Math.min(words[block + HELD] as number, HELD_MAX);
  // The last one that is counted as past may not have been claimed.
  const past = Math.max(0, (words[block + HELD + 1] as number) - 1);
  const records: number[] = [];
  for (let index = past; index < count; index++) records.push(words[block + HELD + 2 + index] as number);
  return records.filter((record) => record !== 0);
}

function returnHeld(thread: Thread): void {
  const { words, block, resumed, work } = thread;
  for (const record of unbegun(words, block)) if (kindOf(words[thread.at(record) + LIFE] as number) === PENDING) resumed.push(record);
  words[block + HELD] = 0;
  work.wakeAll();
}
