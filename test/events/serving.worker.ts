/** A thread that serves a queue until that is closed, blocking while there is nothing to do. */

import { workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';

const queue = EventQueue.attach((workerData as { handle: Handle }).handle, { onError: () => {} });
await queue.serve();
await queue.leave();
