/** What must not grow and what must not turn: memory over many fresh ids, and the processor's time of a pool with nothing to do. */

import { setTimeout as sleep } from 'node:timers/promises';
import { EventQueue, type NewEvent, portable } from '../../../src/events/events.ts';
import { SLOTS } from '../../../src/events/memory.ts';
import { watchProgress } from './events.ts';

const HANDLERS = new URL('./handlers.ts', import.meta.url);
const MANY = 64;
/** More than a record holds: pages come and go too. */
const LONG = 'long '.repeat(600);

export interface IdsFigures {
  readonly ids: number;
  readonly seconds: number;
  /** Resident memory, MiB, after each tenth of the ids. */
  readonly rssMiB: readonly number[];
  /** By how much it grew after the second tenth, at most. */
  readonly growthMiB: number;
}

/** Ids that were never there before, numbers and texts in turn, each with callbacks of their own now and then, and a result that is over at once. */
export async function runIds(ids: number): Promise<IdsFigures> {
  const queue = new EventQueue({ capacity: 8192, spillBytes: 2 ** 21, registrationsMax: 8192 });
  queue.on('all', portable(HANDLERS, 'nothing'));
  await queue.start({ workers: 2 });
  const watch = watchProgress(queue);
  // More than a record has slots for.
  const own = Array.from({ length: SLOTS + 2 }, () => portable(HANDLERS, 'nothing'));
  const fromMs = performance.now();
  const rssMiB: number[] = [];
  for (let next = 0; next < ids; ) {
    const events: NewEvent[] = [];
    for (; events.length < MANY && next < ids; next++)
      events.push({ id: next % 2 === 0 ? next : `order ${next}`, type: 'fresh', data: next % 100 === 1 ? LONG : next });
    const options = next % 640 === 0 ? { callbacks: own } : {};
    for (const [index, answer] of queue.addMany(events, options).entries()) {
      if (answer === 'full') await queue.addWaiting(events[index] as NewEvent, options);
    }
    if (next >= ((rssMiB.length + 1) * ids) / 10) rssMiB.push(Math.round(process.memoryUsage().rss / 2 ** 20));
  }
  await queue.drain();
  watch();
  const { processed } = queue.metrics();
  await queue.close();
  if (processed !== ids) throw new Error(`Of ${ids} events ${processed} were processed.`);
  const growthMiB = Math.max(...rssMiB.slice(2)) - (rssMiB[1] as number);
  return { ids, seconds: (performance.now() - fromMs) / 1000, rssMiB, growthMiB };
}

export interface IdleFigures {
  readonly workers: number;
  readonly seconds: number;
  /** Of all threads of the process, milliseconds. */
  readonly cpuMs: number;
}

/** A pool that has worked and has nothing more to do. */
export async function runIdle(seconds: number): Promise<IdleFigures> {
  const workers = 4;
  const queue = new EventQueue();
  queue.on('all', portable(HANDLERS, 'nothing'));
  await queue.start({ workers });
  for (let id = 0; id < 1000; id++) queue.add({ id, type: 't' });
  await queue.drain();
  await sleep(500);
  const before = process.cpuUsage();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  await queue.close();
  return { workers, seconds, cpuMs: (user + system) / 1000 };
}
