/** A thread that adds events to the benchmarked queue, round after round. */

import { workerData } from 'node:worker_threads';
import { EventQueue, type Handle } from '../../src/events/events.ts';
import { CALLBACKS, DONE, EVENTS, EXPIRED, OVER, ROUND } from './control.ts';
import { COUNT, COUNT_THREE, type Load, type Shape, TEXT, TOGETHER, TYPE } from './shape.ts';

export interface ProducerStart {
  readonly handle: Handle;
  readonly shape: Shape;
  readonly index: number;
  readonly control: Int32Array;
}

interface Added {
  readonly id: number;
  readonly type: string;
  readonly data: unknown;
}

const { handle, shape, index, control } = workerData as ProducerStart;
const queue = EventQueue.attach(handle);
const make = makerOf(shape.load);

for (let round = 1; ; round++) {
  Atomics.wait(control, ROUND, round - 1);
  if (Atomics.load(control, OVER) !== 0) break;
  const events = Atomics.load(control, EVENTS);
  const each = Math.floor(events / shape.producers);
  // Ids of which none was there before.
  const first = round * 0x2000000 + index * each;
  produce(first, first + each);
  Atomics.add(control, DONE, 1);
  Atomics.notify(control, DONE);
}
await queue.leave();

function produce(first: number, end: number): void {
  switch (shape.calls) {
    case 'add':
      for (let id = first; id < end; id++) add(make(id));
      return;
    case 'add, register':
      for (let id = first; id < end; id++) {
        add(make(id));
        for (let callback = 0; callback < 3; callback++) register(id);
      }
      return;
    case 'register, add':
      for (let id = first; id < end; id++) {
        for (let callback = 0; callback < 3; callback++) registerFirst(id);
        add(make(id));
      }
      return;
    case 'add with callbacks':
      for (let id = first; id < end; id++) addWithCallbacks(make(id));
      return;
    case 'addMany':
      addTogether(first, end, {});
      return;
    case 'addMany with callbacks':
      addTogether(first, end, { callbacks: COUNT_THREE });
  }
}

function add(event: Added): void {
  if (queue.add(event) === 'full') queue.addBlocking(event);
}

function addWithCallbacks(event: Added): void {
  const options = { callbacks: COUNT_THREE };
  if (queue.add(event, options) === 'full') queue.addBlocking(event, options);
}

/** Registers for an event that was added just now. Where it was processed so long ago that it is forgotten, the callback is run here. */
function register(id: number): void {
  const registration = queue.once({ id }, COUNT);
  if (registration.answer === 'pending' || registration.answer === 'late') return;
  if (registration.answer === 'waiting') registration.dispose();
  Atomics.add(control, EXPIRED, 1);
  Atomics.add(control, CALLBACKS, 1);
}

/** Registers for an event that is to come. */
function registerFirst(id: number): void {
  for (;;) {
    try {
      queue.once({ id }, COUNT);
      return;
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'full')) throw cause;
      Atomics.wait(control, OVER, 0, 1);
    }
  }
}

function addTogether(first: number, end: number, options: { callbacks?: typeof COUNT_THREE }): void {
  for (let from = first; from < end; from += TOGETHER) {
    const events: Added[] = [];
    for (let id = from; id < end && id < from + TOGETHER; id++) events.push(make(id));
    const answers = queue.addMany(events, options);
    for (let at = answers.indexOf('full'); at >= 0; at = answers.indexOf('full', at + 1)) queue.addBlocking(events[at] as Added, options);
  }
}

/** Each event is a new object with new data where programs would make one. */
function makerOf(load: Load): (id: number) => Added {
  switch (load) {
    case 'word':
      return (id) => ({ id, type: TYPE, data: 'data' });
    case 'text':
      return (id) => ({ id, type: TYPE, data: TEXT });
    case 'object':
      return (id) => ({ id, type: TYPE, data: { user: 12345, name: 'alice', ok: true } });
    case 'bytes': {
      const bytes = new Uint8Array(64);
      return (id) => {
        bytes.fill(id & 0xff, 4);
        return { id, type: TYPE, data: bytes };
      };
    }
  }
}
