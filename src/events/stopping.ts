/** Ends: of the pool of workers, of the events in line, and of the queue. */

import { isMainThread } from 'node:worker_threads';
import { isInCallback } from './attempts.ts';
import type { Crew } from './crew.ts';
import { kindOf, PENDING, restOf } from './life.ts';
import type { Member } from './member.ts';
import { BATCH, BATCH_MAX, LEVEL, LIFE, STATE } from './memory.ts';
import { sizeOf } from './metrics.ts';
import { abortable, type Processing } from './processing.ts';
import { CREW_DRAINING, CREW_LEAVING, CREW_NONE, CREW_RUNNING, Serving } from './serving.ts';
import { ABANDONED, BLOCK_FREE, blockOf, PROCESSED, stateOf } from './thread.ts';

/** What `stop` and `close` did with the events that were there. */
export interface Stopped {
  /** Ended while it was stopping. */
  readonly processed: number;
  /** Dropped: their callbacks did not run. */
  readonly abandoned: number;
  /** Still in line. */
  readonly left: number;
}

/** What becomes of the events in line: processed first, dropped, or left there. */
export type Pending = 'drain' | 'abandon' | 'keep';

export class Stopping {
  hasLeft = false;
  readonly #member: Member;
  readonly #crew: Crew;
  readonly #processing: Processing;

  constructor(member: Member, crew: Crew, processing: Processing) {
    this.#member = member;
    this.#crew = crew;
    this.#processing = processing;
  }

  get isInCallback(): boolean {
    return isInCallback(this.#member.thread);
  }

  /** `ofCrew`: it is one of the pool's workers, and over with the pool. */
  async serve(lanes: number, sleepMs: number, signal: AbortSignal | undefined, ofCrew: boolean): Promise<void> {
    const { thread } = this.#member;
    const { words } = thread;
    const closed = thread.global('closed');
    const crew = thread.global('crew');
    const wake = (): void => thread.work.wakeAll();
    signal?.addEventListener('abort', wake);
    const isOver = (isEmpty: boolean): boolean => {
      if (signal?.aborted === true) return true;
      // Asked after every event; what it said before the last one is as good.
      const state = ofCrew ? (words[crew] as number) : CREW_RUNNING;
      if (state === CREW_LEAVING || state === CREW_NONE) return true;
      return isEmpty && (state === CREW_DRAINING || Atomics.load(words, closed) !== 0) && thread.isDrained();
    };
    await new Serving(this.#member, { lanes, sleepMs, blocks: !isMainThread && signal === undefined }).serve(isOver);
    signal?.removeEventListener('abort', wake);
  }

  stop(pending: Pending): Promise<Stopped> {
    const counting = this.#count();
    this.#crew.tell(pending === 'drain' ? CREW_DRAINING : CREW_LEAVING);
    // Waiting for the end of the callback that waits would last for ever.
    if (this.isInCallback) {
      if (pending === 'abandon') this.#abandon();
      return Promise.resolve(counting());
    }
    return this.#stopped(pending, counting);
  }

  async drained(signal: AbortSignal | undefined): Promise<void> {
    const { thread } = this.#member;
    for (;;) {
      signal?.throwIfAborted();
      const key = thread.idle.enter();
      if (thread.isDrained()) return;
      await abortable(signal, (others) => thread.idle.doze(key, others));
    }
  }

  close(pending: Exclude<Pending, 'keep'>): Promise<Stopped> {
    const { thread } = this.#member;
    const { words, room, work } = thread;
    const counting = this.#count();
    Atomics.store(words, thread.global('closed'), 1);
    this.#flushAll();
    room.wakeAll();
    work.wakeAll();
    this.#crew.tell(pending === 'drain' ? CREW_DRAINING : CREW_LEAVING);
    const closing = this.#closed(pending, counting);
    return this.isInCallback ? Promise.resolve(counting()) : closing;
  }

  async #stopped(pending: Pending, counting: () => Stopped): Promise<Stopped> {
    await this.#crew.gone();
    if (pending === 'abandon') this.#abandon();
    return counting();
  }

  async #closed(pending: Pending, counting: () => Stopped): Promise<Stopped> {
    const { thread } = this.#member;
    await this.#crew.gone();
    if (pending === 'abandon') this.#abandon();
    // What the workers have left, or what there is without any; and what comes back from other threads.
    while (!thread.isDrained()) {
      const running = this.#processing.tryNext();
      if (running !== undefined) {
        await running;
        continue;
      }
      const idle = thread.idle.enter();
      const work = thread.work.enter();
      if (thread.isDrained() || !this.#member.claiming.isEmpty()) continue;
      await Promise.race([thread.idle.doze(idle, []), thread.work.doze(work, [])]);
    }
    thread.work.wakeAll();
    return counting();
  }

  /** Drops all events in line. */
  #abandon(): void {
    const { claiming, pass, thread } = this.#member;
    for (let record = claiming.next(); record !== 0; record = claiming.next()) pass.abandon(record);
    thread.tellIdle();
  }

  /** Hands over what other threads have gathered and would hand over only later. What they do themselves meanwhile does no harm. */
  #flushAll(): void {
    const { thread } = this.#member;
    const { words, memory, levels, work } = thread;
    for (let other = 1; other <= memory.shape.threads; other++) {
      const block = blockOf(memory, other);
      if (stateOf(words[block + STATE] as number) === BLOCK_FREE) continue;
      const count = Math.min(Atomics.load(words, block + BATCH), BATCH_MAX);
      for (let index = 1; index <= count; index++) {
        const record = words[block + BATCH + index] as number;
        const word = words[thread.at(record) + LIFE] as number;
        if (kindOf(word) === PENDING) levels[words[thread.at(restOf(word)) + LEVEL] as number]?.push(record);
      }
    }
    work.wakeAll();
  }

  #count(): () => Stopped {
    const { thread } = this.#member;
    const processed = thread.sum(PROCESSED);
    const abandoned = thread.sum(ABANDONED);
    return () => ({
      processed: (thread.sum(PROCESSED) - processed) | 0,
      abandoned: (thread.sum(ABANDONED) - abandoned) | 0,
      left: sizeOf(thread),
    });
  }
}
