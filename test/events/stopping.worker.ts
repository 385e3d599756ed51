/** Stops the pool of a queue, or leaves events gathered, from a thread of its own. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';

const { handle, how } = workerData as { handle: Handle; how: 'stop' | 'gather' };
const queue = EventQueue.attach(handle);
parentPort?.on('message', () => {});
if (how === 'stop') parentPort?.postMessage(await queue.stop());
else {
  for (let id = 0; id < 3; id++) queue.add({ id, type: 't' });
  parentPort?.postMessage('gathered');
}
