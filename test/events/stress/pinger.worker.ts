/** Adds an event, or a few together, waits until they have been processed, does nothing for a moment, and so on. */

import { workerData } from 'node:worker_threads';
import { EventQueue, type NewEvent } from '../../../src/events/events.ts';
import { ANSWERED, ledger } from './ledger.ts';
import type { PingerStart } from './sparse.ts';
import { steps } from './yields.ts';

const { handle, events, seed } = workerData as PingerStart;
const queue = EventQueue.attach(handle);
const { marks } = ledger();
const { plain } = steps();
const bed = new Int32Array(new SharedArrayBuffer(4));
let random = seed;

function draw(below: number): number {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
  return Math.floor(((random >>> 0) / 2 ** 32) * below);
}

for (let next = 0; next < events; ) {
  const some: NewEvent[] = [];
  for (let count = draw(4) === 0 ? 3 : 1; count > 0 && next < events; count--) some.push({ id: next++, type: 't' });
  if (some.length === 1) queue.add(some[0] as NewEvent);
  else queue.addMany(some);
  for (let seen = plain.load(marks, ANSWERED); seen < next; seen = plain.load(marks, ANSWERED)) plain.wait(marks, ANSWERED, seen);
  // So that the others are met at any step of their falling asleep, and long asleep.
  if (draw(4) === 0) plain.wait(bed, 0, 0, draw(300) / 100);
  else for (let turns = draw(4000); turns > 0; turns--) plain.load(bed, 0);
}
await queue.leave();
