/** The event queue under load: workers that run handlers, threads that add, and rounds that are timed from the first add to the last callback. */

import { Worker } from 'node:worker_threads';
import { EventQueue } from '../../src/events/events.ts';
import { CALLBACKS, createControl, DONE, EVENTS, EXPIRED, OVER, ROUND, reaches } from './control.ts';
import type { ProducerStart } from './producer.ts';
import { COUNT, optionsOf, registers, type Shape, TAKING, TYPE } from './shape.ts';

/** One side of a comparison: made ready, run for some rounds, ended. */
export interface Side {
  /** Events per second over this many events. */
  round(events: number): Promise<number>;
  end(): Promise<void>;
}

export interface OurSide extends Side {
  /** Callbacks that came too late for the retention, over all rounds. */
  readonly expired: number;
}

export async function queueSide(shape: Shape): Promise<OurSide> {
  const control = createControl();
  const queue = new EventQueue({ ...optionsOf(shape), onError: ({ cause }) => fail(cause) });
  const callbacks = registers(shape.calls) || shape.load === 'word' ? 3 : 1;
  if (!registers(shape.calls)) for (let made = 0; made < callbacks; made++) queue.on({ type: TYPE }, TAKING[shape.load]);
  await queue.start({ workers: shape.workers });
  // Brings the handler into every thread before anything is timed.
  if (registers(shape.calls)) queue.on({ type: 'other' }, COUNT);
  const producers = Array.from({ length: shape.producers }, (_, index) => startProducer({ handle: queue.handle, shape, index, control }));
  let rounds = 0;
  let all = 0;
  return {
    get expired() {
      return Atomics.load(control, EXPIRED);
    },
    async round(events) {
      const each = Math.floor(events / shape.producers);
      rounds++;
      all += each * shape.producers;
      Atomics.store(control, EVENTS, events);
      const startMs = performance.now();
      Atomics.store(control, ROUND, rounds);
      Atomics.notify(control, ROUND);
      await reaches(control, DONE, rounds * shape.producers);
      await queue.drain();
      const seconds = (performance.now() - startMs) / 1000;
      const ran = queue.metrics().callbacksRun + Atomics.load(control, EXPIRED);
      if (ran !== callbacks * all) throw new Error(`${callbacks * all} callbacks were to run, and ${ran} did: ${JSON.stringify(shape)}`);
      if (shape.load === 'word' && Atomics.load(control, CALLBACKS) !== ran)
        throw new Error(`Not all callbacks counted: ${JSON.stringify(shape)}`);
      return (each * shape.producers) / seconds;
    },
    async end() {
      Atomics.store(control, OVER, 1);
      Atomics.store(control, ROUND, rounds + 1);
      Atomics.notify(control, ROUND);
      await Promise.all(producers);
      await queue.close();
    },
  };
}

/** Resolves when it has ended. */
function startProducer(start: ProducerStart): Promise<void> {
  const worker = new Worker(new URL('./producer.ts', import.meta.url), { workerData: start });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
}

function fail(cause: unknown): never {
  throw cause;
}
