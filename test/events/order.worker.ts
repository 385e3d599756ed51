/** Registers a closure for all events, or for one, each time it is told to. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';
import { stepAt } from './handlers.ts';

const { handle } = workerData as { handle: Handle };
const queue = EventQueue.attach(handle);
parentPort?.on('message', (step: number | string) => {
  if (typeof step === 'number') queue.on('all', () => stepAt(step));
  else queue.once({ id: step }, () => {});
  parentPort?.postMessage('done');
});
parentPort?.postMessage('up');
