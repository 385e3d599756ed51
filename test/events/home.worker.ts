/** A thread with a closure of its own for every event. */

import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';
import { counters } from './kit.ts';

const { handle } = workerData as { handle: Handle };
const queue = EventQueue.attach(handle);
queue.on('all', () => void Atomics.add(counters, 0, 1));
parentPort?.on('message', () => {});
parentPort?.postMessage('up');
