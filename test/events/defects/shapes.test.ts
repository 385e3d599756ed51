/** Defects of batches and priorities: what is gathered and never handed over, order lost where a counter ends, waiting without end. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventQueue, type Handle } from '../../../src/events/events.ts';
import { COUNTS, layoutOf, type RingPlace } from '../../../src/events/memory.ts';
import { blockOf, OPENED, PROCESSED, SETTLED } from '../../../src/events/thread.ts';
import { absent, type Call, type Face, Ours, soon } from './face.ts';
import { NaivePriorities } from './naive.ts';
import { NaiveBatches } from './naive-pool.ts';

/** Gathers events, calls back for each. */
interface Batches {
  add(id: number, call: Call): unknown;
  close(): Promise<unknown>;
}

function oursInBatches(lingerMs: number): Batches {
  const queue = new EventQueue({ batch: { size: 10, lingerMs } });
  const abort = new AbortController();
  const serving = queue.serve({ signal: abort.signal });
  return {
    add: (id, call) => queue.add({ id, type: 't' }, { callbacks: [(event) => call(event)] }),
    close: async () => {
      const stopped = await queue.close();
      abort.abort();
      await serving;
      return stopped;
    },
  };
}

function naiveInBatches(): Batches {
  const queue = new NaiveBatches(10);
  return { add: (id, call) => queue.add({ id, type: 't', data: undefined }, call), close: () => queue.close() };
}

describe('18: too few for a batch are never handed over', () => {
  absent<Batches>('however long they wait', {
    ours: () => oursInBatches(5),
    faulty: naiveInBatches,
    check: async (queue) => {
      const ran = Promise.all([1, 2, 3].map((id) => new Promise<void>((resolve) => void queue.add(id, () => resolve()))));
      await soon(ran, 'the handing over', 500);
    },
    end: async (queue) => void (await queue.close()),
  });

  absent<Batches>('not even at the end', {
    ours: () => oursInBatches(1_000_000),
    faulty: naiveInBatches,
    check: async (queue) => {
      let ran = 0;
      for (const id of [1, 2, 3]) queue.add(id, () => void ran++);
      await queue.close();
      assert.equal(ran, 3);
    },
    end: async (queue) => void (await queue.close()),
  });
});

/** Makes the empty rings of a queue, and this thread's counts, what they are after `position` events. */
function after({ shared, settings }: Handle, position: number): void {
  const words = new Int32Array(shared);
  const layout = layoutOf(settings.shape);
  for (const place of [...layout.levels, layout.resumed, layout.finished]) startAt(words, place, position);
  const block = blockOf({ layout } as Parameters<typeof blockOf>[0], 1);
  for (const counter of [OPENED, SETTLED, PROCESSED]) words[block + COUNTS + 2 * counter] = position | 0;
}

function startAt(words: Int32Array, { at, bits }: RingPlace, start: number): void {
  words[at] = start;
  words[at + 32] = start;
  const slots = 2 ** bits;
  for (let position = start; position < start + slots; position++) {
    words[at + 64 + (position & (slots - 1))] = (((position | 0) >>> bits) & 0xfff) << 20;
  }
}

/** Ours where the counters are about to reach `2 ** bits`. */
function oursNear(bits: 31 | 32): Face {
  const queue = new Ours({ levels: 3, ageMs: 0 });
  after(queue.queue.handle, 2 ** bits - 5);
  return queue;
}

async function checkOrder(queue: Face): Promise<void> {
  const order: unknown[] = [];
  const expected: string[] = [];
  for (let id = 1; id <= 60; id++) {
    queue.once(id, ({ data }) => void order.push(data));
    queue.add({ id, type: 't', data: `${id % 3}:${String(id).padStart(2, '0')}` }, id % 3);
  }
  for (const level of [2, 1, 0])
    for (let id = 1; id <= 60; id++) if (id % 3 === level) expected.push(`${level}:${String(id).padStart(2, '0')}`);
  while (await queue.process());
  assert.deepEqual(order, expected);
}

describe('defects of priorities', () => {
  for (const bits of [31, 32] as const) {
    absent<Face>(`26: order within a level is lost where a counter passes 2^${bits}`, {
      ours: () => oursNear(bits),
      faulty: () => new NaivePriorities(2 ** 31 - 5),
      check: checkOrder,
    });
  }

  test('26: … and so are the counts', async () => {
    const queue = new EventQueue({ capacity: 100 });
    after(queue.handle, 2 ** 32 - 5);
    for (let id = 1; id <= 20; id++) {
      assert.equal(queue.add({ id, type: 't' }), 'accepted');
      assert.equal(queue.size, 1);
      await queue.tryProcess();
      assert.equal(queue.size + queue.inFlight, 0);
    }
    await soon(queue.drain(), 'the end of all events');
    assert.equal(queue.metrics().processed, 2 ** 32 + 15);
    assert.equal(queue.once({ id: 20 }, () => {}).answer, 'late');
    await queue.close();
  });

  absent<Face>('26: one of low priority waits for ever while others come', {
    ours: () => new Ours({ levels: 4, ageMs: 2 }),
    faulty: () => new NaivePriorities(),
    check: async (queue) => {
      let ran = false;
      queue.once('low', () => {
        ran = true;
      });
      queue.add({ id: 'low', type: 't' }, 0);
      const endNs = process.hrtime.bigint() + 500_000_000n;
      for (let id = 1; !ran && process.hrtime.bigint() < endNs; id++) {
        queue.add({ id, type: 't' }, 3);
        await queue.process();
      }
      assert.equal(ran, true);
    },
  });

  absent<Face>('26: a callback for one event stays for all that have its id later', {
    ours: () => new Ours({ levels: 4 }),
    faulty: () => new NaivePriorities(),
    check: async (queue) => {
      let ran = 0;
      queue.once(1, () => void ran++);
      for (let count = 0; count < 3; count++) {
        queue.add({ id: 1, type: 't' });
        await queue.process();
      }
      assert.equal(ran, 1);
    },
  });
});
