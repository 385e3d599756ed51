/** What a worker of the pool runs: it takes part in the queue until it is told to go. */

import { parentPort, workerData } from 'node:worker_threads';
import { WORKER_LEFT, WORKER_UP, type WorkerStart } from './crew.ts';
import { packFailure } from './failures.ts';
import { EventQueue } from './queue.ts';

const start = workerData as WorkerStart;
// A port with a listener keeps the thread while it waits for a promise without blocking.
parentPort?.on('message', () => {});
const queue = new EventQueue(
  {
    onError: ({ event, ...failure }) =>
      parentPort?.postMessage({ failure: packFailure(failure), event: { id: event.id, type: event.type } }),
  },
  start,
);
parentPort?.postMessage(WORKER_UP);
await queue.serve({ lanes: start.lanes });
await queue.leave();
parentPort?.postMessage(WORKER_LEFT);
parentPort?.close();
