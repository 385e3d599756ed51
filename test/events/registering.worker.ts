/** Registers three handlers for each event of a queue, from a thread of its own. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';
import { handler } from './kit.ts';

const { handle, events } = workerData as { handle: Handle; events: number };
const queue = EventQueue.attach(handle);
const answers: Record<string, number> = {};
for (let id = 0; id < events; id++) {
  for (let one = 0; one < 3; one++) {
    const { answer } = queue.once({ id }, handler('count'));
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
}
await queue.leave();
parentPort?.postMessage(answers);
