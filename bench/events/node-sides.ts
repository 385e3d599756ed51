/** What Node programs use today to give small jobs to other threads: messages, and a pool of task runners. */

import { MessageChannel, Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { CALLBACKS, createControl, DONE, EVENTS, OVER, ROUND, reaches } from './control.ts';
import type { Side } from './ours.ts';
import type { PostedStart } from './posted.ts';

/** One thread posts objects one by one, in turn to each worker. */
export async function postingSide(workers: number): Promise<Side> {
  const control = createControl();
  const channels = Array.from({ length: workers }, () => new MessageChannel());
  const ends: Promise<void>[] = [];
  const startThread = (start: PostedStart): void => {
    const worker = new Worker(new URL('./posted.ts', import.meta.url), { workerData: start, transferList: [...start.ports] });
    ends.push(
      new Promise((resolve, reject) => {
        worker.once('error', reject);
        worker.once('exit', () => resolve());
      }),
    );
  };
  for (const { port1 } of channels) startThread({ ports: [port1], posts: false, control });
  startThread({ ports: channels.map(({ port2 }) => port2), posts: true, control });
  let rounds = 0;
  let all = 0;
  return {
    async round(events) {
      rounds++;
      all += events;
      Atomics.store(control, EVENTS, events);
      const startMs = performance.now();
      Atomics.store(control, ROUND, rounds);
      Atomics.notify(control, ROUND);
      await reaches(control, DONE, rounds);
      await reaches(control, CALLBACKS, all);
      return (events / (performance.now() - startMs)) * 1000;
    },
    async end() {
      Atomics.store(control, OVER, 1);
      Atomics.store(control, ROUND, rounds + 1);
      Atomics.notify(control, ROUND);
      await Promise.all(ends);
    },
  };
}

/** Tasks that are given to piscina at one time. */
const TASKS_AT_ONCE = 1000;

/** Tiny tasks: each is awaited, as piscina has no other way; the queue's events are not. */
export async function piscinaSide(workers: number): Promise<Side> {
  const filename = new URL('./piscina-task.ts', import.meta.url).href;
  const pool = new Piscina({ filename, name: 'take', minThreads: workers, maxThreads: workers });
  return {
    async round(events) {
      const startMs = performance.now();
      for (let from = 0; from < events; from += TASKS_AT_ONCE) {
        const tasks: Promise<unknown>[] = [];
        for (let id = from; id < events && id < from + TASKS_AT_ONCE; id++)
          tasks.push(pool.run({ id, type: 'event', data: { user: 12345, name: 'alice', ok: true } }));
        await Promise.all(tasks);
      }
      return (events / (performance.now() - startMs)) * 1000;
    },
    end: () => pool.close(),
  };
}
