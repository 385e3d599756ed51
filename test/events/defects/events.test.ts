/** Defects of what is added: made-up events, lost payloads, dropped ids, ids for ever used up, memory for ever kept, no bound. */

import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { type EventId, EventQueue } from '../../../src/events/events.ts';
import { absent, type Face, Ours, type Seen, soon } from './face.ts';
import { Copying, Naive } from './naive.ts';

const naive = (): Face => new Naive();
const ours = (): Face => new Ours();

describe('defects of what is added', () => {
  absent<Face>('1: a registration makes up an event that nobody added', {
    ours,
    faulty: naive,
    check: async (queue) => {
      let ran = 0;
      queue.once(7, () => void ran++);
      assert.equal(await queue.process(), false, 'there is an event to process');
      assert.equal(ran, 0);
    },
  });

  absent<Face>('2: an event whose callback was registered before it loses its type and data', {
    ours,
    faulty: naive,
    check: async (queue) => {
      const seen: Seen[] = [];
      queue.once(8, ({ id, type, data }) => void seen.push({ id, type, data }));
      queue.add({ id: 8, type: 'order', data: 'paid' });
      await queue.process();
      assert.deepEqual(seen, [{ id: 8, type: 'order', data: 'paid' }]);
    },
  });

  absent<Face>('3: a second event of a pending id vanishes without a word', {
    ours,
    faulty: naive,
    check: (queue) => {
      const answers = [queue.add({ id: 9, type: 'a', data: 'first' }), queue.add({ id: 9, type: 'b', data: 'second' })];
      assert.deepEqual(answers, ['accepted', 'duplicate']);
    },
  });

  absent<Face>('3: … and cannot be had in any other way', {
    ours: () => new Ours({ duplicates: 'queue' }),
    faulty: naive,
    check: async (queue) => {
      const seen: unknown[] = [];
      queue.add({ id: 9, type: 'a', data: 'first' });
      queue.once(9, ({ data }) => void seen.push(data));
      queue.add({ id: 9, type: 'b', data: 'second' });
      let processed = 0;
      while (await queue.process()) processed++;
      assert.deepEqual(seen, ['first']);
      assert.equal(processed, 2);
    },
  });

  absent<Face>('4: an id that was processed once can never be added again', {
    ours,
    faulty: naive,
    check: async (queue) => {
      const seen: unknown[] = [];
      for (const data of ['Monday', 'Tuesday']) {
        queue.add({ id: 'report', type: 'day', data });
        queue.once('report', (event) => void seen.push(event.data));
        assert.equal(await queue.process(), true, `${data} is not processed`);
      }
      assert.deepEqual(seen, ['Monday', 'Tuesday']);
    },
  });

  absent<Face & { readonly kept: () => number }>('5: what was processed is kept for ever', {
    ours: () => {
      const queue = new Ours({ capacity: 64, retain: { count: 10, expired: 20 } });
      return Object.assign(queue, { kept: () => queue.queue.metrics().retained + queue.queue.metrics().inFlight });
    },
    faulty: () => {
      const queue = new Naive();
      return Object.assign(queue, { kept: () => queue.known.size });
    },
    check: async (queue) => {
      // Three times as many as there are places for: what leaks stops it.
      for (let id = 1; id <= 15_000; id++) {
        const answer = queue.add({ id, type: 't', data: 'a text' });
        queue.once(id, () => {});
        await queue.process();
        assert.notEqual(answer, 'full', `at ${id}`);
      }
      assert.ok(queue.kept() <= 31, `${queue.kept()} are kept`);
    },
  });

  absent<Face>('24: nothing bounds the line', {
    ours: () => new Ours({ capacity: 100 }),
    faulty: naive,
    check: async (queue) => {
      let answer: unknown;
      for (let id = 0; id < 100; id++) answer = queue.add({ id, type: 't' });
      assert.notEqual(answer, 'full');
      assert.equal(queue.add({ id: 100, type: 't' }), 'full');
      await queue.process();
      assert.equal(queue.add({ id: 100, type: 't' }), 'accepted');
    },
  });

  absent<Face>('25: a registration looks through the whole line', {
    ours: () => new Ours({ capacity: 70_000, retain: { count: 0, expired: 0 } }),
    faulty: () => new Copying(),
    check: (queue) => {
      let next = 0;
      const fill = (to: number): void => {
        while (next < to) queue.add({ id: next++, type: 't' });
      };
      fill(100);
      const short = timeOf(queue, next);
      fill(60_000);
      const long = timeOf(queue, next);
      // A line six hundred times as long; twenty times leaves room for a busy machine.
      assert.ok(long < 20 * short, `${long} ns and ${short} ns a registration`);
    },
  });
});

/** The fastest of a few rounds of registering for the newest events, in nanoseconds for each. */
function timeOf(queue: Face, events: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 12; round++) {
    const from = process.hrtime.bigint();
    for (let index = 1; index <= 20; index++) queue.once(events - index, () => {});
    least = Math.min(least, Number(process.hrtime.bigint() - from) / 20);
  }
  return least;
}

/** What a queue offers to whoever changes his mind. */
interface Revocable extends Face {
  /** Waits for an event until told not to. */
  processNext(signal: AbortSignal): Promise<unknown>;
  /** Registers a callback that fails unless it has settled in time. */
  onceWithin(id: EventId, timeoutMs: number, call: (event: Seen) => Promise<void>): void;
}

class OursRevocable extends Ours implements Revocable {
  processNext(signal: AbortSignal): Promise<unknown> {
    return this.queue.processNext({ signal });
  }

  onceWithin(id: EventId, timeoutMs: number, call: (event: Seen) => Promise<void>): void {
    this.queue.once({ id }, (event) => call(event as Seen), { timeoutMs });
  }
}

class NaiveRevocable extends Naive implements Revocable {
  readonly #never = new Promise<unknown>(() => {});

  processNext(): Promise<unknown> {
    return this.#never;
  }

  onceWithin(id: EventId, _timeoutMs: number, call: (event: Seen) => Promise<void>): void {
    this.once(id, call);
  }
}

describe('24: what was begun cannot be called off', () => {
  const make = { ours: () => new OursRevocable(), faulty: () => new NaiveRevocable() };

  absent<Revocable>('a registration', {
    ...make,
    check: async (queue) => {
      let ran = 0;
      queue.add({ id: 1, type: 't' });
      const dispose = queue.once(1, () => void ran++);
      assert.equal(dispose?.(), true);
      await queue.process();
      assert.equal(ran, 0);
    },
  });

  absent<Revocable>('waiting for an event', {
    ...make,
    check: async (queue) => {
      const abort = new AbortController();
      const waiting = queue.processNext(abort.signal);
      abort.abort(new Error('enough'));
      await assert.rejects(soon(waiting, 'the end of the wait', 200), /enough/);
    },
  });

  absent<Revocable>('a callback that does not come to an end', {
    ...make,
    check: async (queue) => {
      let ran = 0;
      queue.add({ id: 1, type: 't' });
      queue.onceWithin(1, 5, () => new Promise(() => {}));
      queue.once(1, () => void ran++);
      await soon(queue.process(), 'the end of the event', 500);
      assert.equal(ran, 1);
    },
  });

  absent<{ readonly addWaiting: (signal: AbortSignal) => Promise<unknown> }>('waiting for room', {
    ours: () => {
      const queue = new EventQueue({ capacity: 1 });
      queue.add({ id: 1, type: 't' });
      return { addWaiting: (signal) => queue.addWaiting({ id: 2, type: 't' }, { signal }) };
    },
    faulty: () => ({ addWaiting: () => new Promise(() => {}) }),
    check: async ({ addWaiting }) => {
      const abort = new AbortController();
      const waiting = addWaiting(abort.signal);
      abort.abort(new Error('enough'));
      await assert.rejects(soon(waiting, 'the end of the wait', 200), /enough/);
    },
  });
});
