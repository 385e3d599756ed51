/** Hears of the end of threads that this one starts, whoever starts them and for what, so that a queue they take part in can be recovered. */

import type { Worker } from 'node:worker_threads';

type Listener = (threadId: number) => void;

/** One per thread of the process: `process` tells of every worker that this thread starts. */
const listeners: Set<Listener> = new Set();

function onWorker(worker: Worker): void {
  // Its number is gone once it has ended.
  const { threadId } = worker;
  worker.once('exit', () => {
    for (const listener of [...listeners]) listener(threadId);
  });
}

/** Calls `listener` with the number of every worker that has ended. Answers what stops that. */
export function watchWorkers(listener: Listener): () => void {
  if (listeners.size === 0) process.on('worker', onWorker);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) process.off('worker', onWorker);
  };
}

/** For a worker that was started before its queue. */
export function watchWorker(worker: Worker, listener: Listener): void {
  const { threadId } = worker;
  worker.once('exit', () => listener(threadId));
}
