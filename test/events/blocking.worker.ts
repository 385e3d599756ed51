/** A thread that waits for an event, and adds as many as it is told without going on before there is room. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';

const { handle } = workerData as { handle: Handle };
const queue = EventQueue.attach(handle);
parentPort?.on('message', (count: number) => {
  parentPort?.postMessage(Array.from({ length: count }, (_, id) => queue.addBlocking({ id, type: 't' })));
});
void queue.processNext();
parentPort?.postMessage('up');
