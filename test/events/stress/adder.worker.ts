/** Adds its share of the events of a stress run: one by one, and many together. */

import { workerData } from 'node:worker_threads';
import { EventQueue, type NewEvent, portable } from '../../../src/events/events.ts';
import { type AdderStart, EVERY, PROGRESS } from './events.ts';
import { ledger } from './ledger.ts';
import { steps } from './yields.ts';

const { handle, adder, adders } = workerData as AdderStart;
const queue = EventQueue.attach(handle);
const book = ledger();
const own = [portable(new URL('./handlers.ts', import.meta.url), 'own')];
/** So long there is no room only when somebody was not woken. */
const ROOM_MS = 5000;

function addOne(event: NewEvent, callbacks: typeof own | undefined): void {
  for (;;) {
    const answer = queue.addBlocking(event, { timeoutMs: ROOM_MS, ...(callbacks === undefined ? {} : { callbacks }) });
    if (answer === 'accepted') return;
    if (answer !== 'full') throw new Error(`The event ${event.id} was answered ${answer}.`);
    book.fault('lateRoom');
  }
}

for (let row = adder; row < book.events; ) {
  if (row % 64 < 32) {
    addOne({ id: row, type: 'one' }, row % EVERY === 0 ? own : undefined);
    row += adders;
  } else {
    const events: NewEvent[] = [];
    const special: NewEvent[] = [];
    for (; row < book.events && row % 64 >= 32; row += adders)
      (row % EVERY === 0 ? special : events).push({ id: row, type: 'many', data: row });
    for (const [index, answer] of queue.addMany(events).entries()) {
      if (answer === 'full') addOne(events[index] as NewEvent, undefined);
      else if (answer !== 'accepted') throw new Error(`An event was answered ${answer}.`);
    }
    for (const event of special) addOne(event, own);
  }
  steps().plain.store(book.marks, PROGRESS + adder, row);
}
await queue.leave();
