/** One event at a time, and between them nothing: every thread falls asleep again and again, and each event must wake one. */

import { Worker } from 'node:worker_threads';
import { EventQueue, type Handle, portable } from '../../../src/events/events.ts';
import { watchProgress } from './events.ts';
import { Ledger } from './ledger.ts';

const HANDLERS = new URL('./handlers.ts', import.meta.url);
const PINGER = new URL('./pinger.worker.ts', import.meta.url);

export interface SparseFigures {
  readonly events: number;
  readonly seconds: number;
  readonly sleeps: number;
  /** Sleeps that ended by themselves although there was work. */
  readonly timedOut: number;
  readonly missed: number;
}

export interface PingerStart {
  readonly handle: Handle;
  readonly events: number;
  readonly seed: number;
}

export async function runSparse(events: number, seed: number): Promise<SparseFigures> {
  Ledger.make(1, 1);
  const queue = new EventQueue({ sleepMs: 1000 });
  queue.on('all', portable(HANDLERS, 'answer'));
  const fromMs = performance.now();
  await queue.start({ workers: 2 });
  const watch = watchProgress(queue);
  const start: PingerStart = { handle: queue.handle, events, seed };
  await new Promise<void>((resolve, reject) => {
    const worker = new Worker(PINGER, { workerData: start });
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
  await queue.drain();
  watch();
  const { threads, processed } = queue.metrics();
  await queue.close();
  return {
    events,
    seconds: (performance.now() - fromMs) / 1000,
    sleeps: threads.reduce((sum, { waits }) => sum + waits, 0),
    timedOut: threads.reduce((sum, { lateWakes }) => sum + lateWakes, 0),
    missed: events - processed,
  };
}
