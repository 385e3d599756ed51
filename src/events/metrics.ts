/** Counts of a queue, over all its threads and for each. */

import { FINISHED, kindOf, WAITING } from './life.ts';
import { BATCH, HELD, LIFE, STATE, THREAD_ID } from './memory.ts';
import {
  ABANDONED,
  BLOCK_ALIVE,
  blockOf,
  CALLBACKS_FAILED,
  CALLBACKS_RUN,
  DEATHS_SEEN,
  LATE_WAKES,
  OPENED,
  PROCESSED,
  RECOVERED,
  readCount,
  SETTLED,
  stateOf,
  type Thread,
  WAITS,
} from './thread.ts';

/** What one thread has done. A thread that comes after another in its place goes on with its counts. */
export interface ThreadMetrics {
  /** Number of node:worker_threads. */
  readonly threadId: number;
  readonly alive: boolean;
  /** Events that ended on it. */
  readonly processed: number;
  readonly callbacksRun: number;
  readonly callbacksFailed: number;
  /** How often it slept. */
  readonly waits: number;
  /** Sleeps that ended by themselves although there was work: 0 unless a wake-up was lost. Only counted with `sleepMs`. */
  readonly lateWakes: number;
}

export interface Metrics {
  /** Events accepted. */
  readonly added: number;
  /** Events whose callbacks have all ended. */
  readonly processed: number;
  /** Events dropped by `stop` or `close`. */
  readonly abandoned: number;
  /** In line, not begun. */
  readonly size: number;
  /** Begun and not ended. */
  readonly inFlight: number;
  /** Finished events that are kept, those that are only known to be over among them. */
  readonly retained: number;
  /** Ids with registrations for an event that has not come. */
  readonly waitingIds: number;
  readonly callbacksRun: number;
  readonly callbacksFailed: number;
  /** Threads that ended without leaving, and events that went on elsewhere. */
  readonly deaths: number;
  readonly recovered: number;
  readonly threads: readonly ThreadMetrics[];
}

/** Events in line: exact while nothing moves, else to the few that are moving. */
export function sizeOf(thread: Thread): number {
  const { words, memory, levels, resumed } = thread;
  let size = resumed.size();
  for (const level of levels) size += level.size();
  for (let other = 1; other <= memory.shape.threads; other++) {
    const block = blockOf(memory, other);
    if (stateOf(words[block + STATE] as number) !== BLOCK_ALIVE) continue;
    size += words[block + BATCH] as number;
    size += Math.max(0, (words[block + HELD] as number) - (words[block + HELD + 1] as number));
  }
  return Math.min(size, unsettledOf(thread));
}

/** Events added and not ended. */
export function unsettledOf(thread: Thread): number {
  const settled = thread.sum(SETTLED);
  return Math.max(0, (thread.sum(OPENED) - settled) | 0);
}

export function metricsOf(thread: Thread): Metrics {
  const { words, memory } = thread;
  const threads: ThreadMetrics[] = [];
  const sum = (counter: number): number => {
    let total = 0;
    for (let other = 1; other <= memory.shape.threads; other++) total += readCount(memory, other, counter);
    return total;
  };
  for (let other = 1; other <= memory.shape.threads; other++) {
    const block = blockOf(memory, other);
    if (words[block + STATE] === 0) continue;
    threads.push({
      threadId: words[block + THREAD_ID] as number,
      alive: stateOf(words[block + STATE] as number) === BLOCK_ALIVE,
      processed: readCount(memory, other, PROCESSED),
      callbacksRun: readCount(memory, other, CALLBACKS_RUN),
      callbacksFailed: readCount(memory, other, CALLBACKS_FAILED),
      waits: readCount(memory, other, WAITS),
      lateWakes: readCount(memory, other, LATE_WAKES),
    });
  }
  const kinds = kindsOf(thread);
  const settled = sum(SETTLED);
  const processed = sum(PROCESSED);
  const abandoned = sum(ABANDONED);
  const size = sizeOf(thread);
  return {
    // An event begun again for a late callback was opened and settled more than once.
    added: sum(OPENED) - (settled - processed - abandoned),
    processed,
    abandoned,
    size,
    inFlight: unsettledOf(thread) - size,
    retained: kinds.finished,
    waitingIds: kinds.waiting,
    callbacksRun: sum(CALLBACKS_RUN),
    callbacksFailed: sum(CALLBACKS_FAILED),
    deaths: sum(DEATHS_SEEN),
    recovered: sum(RECOVERED),
    threads,
  };
}

function kindsOf(thread: Thread): { finished: number; waiting: number } {
  let finished = 0;
  let waiting = 0;
  for (const record of thread.records.used()) {
    const kind = kindOf(thread.words[thread.at(record) + LIFE] as number);
    if (kind === FINISHED) finished++;
    else if (kind === WAITING) waiting++;
  }
  return { finished, waiting };
}
