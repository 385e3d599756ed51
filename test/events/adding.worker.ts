/** Adds events, blocking while there is no room, and tells how they were answered. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';

const { handle, from, events } = workerData as { handle: Handle; from: number; events: number };
const queue = EventQueue.attach(handle);
const answers: Record<string, number> = {};
for (let id = from; id < from + events; id++) {
  const answer = queue.addBlocking({ id, type: 't', data: { id } });
  answers[answer] = (answers[answer] ?? 0) + 1;
}
await queue.leave();
parentPort?.postMessage(answers);
