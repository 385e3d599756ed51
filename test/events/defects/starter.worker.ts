/** Starts and stops the pool when it is told to: at the same time as the main thread does. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../../src/events/events.ts';

const queue = EventQueue.attach(workerData as Handle);
parentPort?.on('message', async (what: 'start' | 'stop' | 'leave') => {
  if (what === 'start') await queue.start({ workers: 2 });
  else if (what === 'stop') await queue.stop();
  else await queue.leave();
  parentPort?.postMessage(what);
  if (what === 'leave') parentPort?.close();
});
