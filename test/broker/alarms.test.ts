import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Alarms } from '../../src/broker/alarms.ts';
import { Queue } from '../../src/core/core.ts';
import { SimClock } from '../../src/host/simulated/sim-clock.ts';

function queueOf(name: string): Queue {
  return new Queue(1, '/', { kind: 'queue', name });
}

function world() {
  const clock = new SimClock();
  const rung: [string, number][] = [];
  const nowMs = () => Math.floor(clock.monotonicMs());
  const alarms = new Alarms(clock, nowMs, (queue) => rung.push([queue.spec.name, nowMs()]));
  return { clock, alarms, rung };
}

test('each queue is rung at its time, never early', async () => {
  const { clock, alarms, rung } = world();
  const [a, b] = [queueOf('a'), queueOf('b')];
  alarms.set(a, 100);
  alarms.set(b, 50);
  await clock.advance(49.5);
  assert.deepEqual(rung, []);
  await clock.advance(1000);
  assert.deepEqual(rung, [
    ['b', 50],
    ['a', 100],
  ]);
});

test('another time replaces the one before, earlier or later; Infinity takes it back', async () => {
  const { clock, alarms, rung } = world();
  const [a, b, c, d] = [queueOf('a'), queueOf('b'), queueOf('c'), queueOf('d')];
  for (const queue of [a, b, c, d]) alarms.set(queue, 100);
  alarms.set(a, 50);
  alarms.set(b, 150);
  alarms.set(c, Number.POSITIVE_INFINITY);
  alarms.forget(d);
  await clock.advance(1000);
  assert.deepEqual(rung, [
    ['a', 50],
    ['b', 150],
  ]);
});

test('a time that is past rings at once, and nothing rings after stop', async () => {
  const { clock, alarms, rung } = world();
  await clock.advance(100);
  alarms.set(queueOf('late'), 5);
  await clock.advance(0);
  assert.deepEqual(rung, [['late', 100]]);
  alarms.set(queueOf('never'), 200);
  alarms.stop();
  await clock.advance(1000);
  assert.equal(rung.length, 1);
});

test('whatever is set and changed, each queue is rung once at its last time', async () => {
  const moves = fc.array(fc.tuple(fc.nat({ max: 9 }), fc.oneof(fc.nat({ max: 500 }), fc.constant(Number.POSITIVE_INFINITY))), {
    maxLength: 60,
  });
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      const { clock, alarms, rung } = world();
      const queues = Array.from({ length: 10 }, (_, i) => queueOf(`q${i}`));
      const last = new Map<string, number>();
      for (const [i, atMs] of all) {
        const queue = queues[i];
        if (queue === undefined) continue;
        alarms.set(queue, atMs);
        last.set(queue.spec.name, atMs);
      }
      await clock.advance(1000);
      const expected = [...last].filter(([, atMs]) => atMs < Number.POSITIVE_INFINITY);
      assert.deepEqual(rung.toSorted(), expected.toSorted());
      assert.deepEqual(
        rung.map(([, atMs]) => atMs),
        rung.map(([, atMs]) => atMs).toSorted((x, y) => x - y),
      );
    }),
    { numRuns: 60 },
  );
});
