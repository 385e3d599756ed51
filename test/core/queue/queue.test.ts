import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from '../../../src/core/queue/queue.ts';
import type { QueueSpec } from '../../../src/model/declaration.ts';
import { type Position, position } from '../../../src/model/lines.ts';

const FOREVER = Number.POSITIVE_INFINITY;

class Live {
  readonly counts = new Map<number, number>();
  calls = 0;
  add(segment: number, count: number): void {
    this.calls++;
    const now = (this.counts.get(segment) ?? 0) + count;
    if (now === 0) this.counts.delete(segment);
    else this.counts.set(segment, now);
  }
}

function queueOf(spec: Partial<QueueSpec> = {}, live: Live = new Live()): Queue {
  return new Queue(7, '/', { kind: 'queue', name: 'work', ...spec }, live);
}

/** Pushes `count` messages of 100 bytes from `at` on as one run. */
function fill(queue: Queue, count: number, at: Position = position(0, 0), nowMs = 0): number {
  return queue.pushRun(
    at,
    0,
    Uint32Array.from({ length: count }, (_, i) => (i + 1) * 100),
    count,
    nowMs,
  );
}

function nextOf(queue: Queue, countMax = 100, nowMs = 0): number[] {
  const take = new Float64Array(countMax);
  return [...take.subarray(0, queue.next(nowMs, countMax, take))];
}

const runs = (...numbers: number[]): Float64Array => Float64Array.from(numbers);

test('numbers are dense, and a run says the same as single pushes', () => {
  const live = new Live();
  const one = queueOf({}, live);
  const many = queueOf();
  assert.equal(one.tail, 0);
  assert.equal(many.pushRun(position(3, 1000), 50, Uint32Array.of(60, 80, 110), 3, 5), 0);
  assert.equal(one.push(position(3, 1000), 10, 5, 0, 0, FOREVER, undefined), 0);
  assert.equal(one.push(position(3, 1010), 20, 5, 0, 0, FOREVER, undefined), 1);
  assert.equal(one.push(position(3, 1030), 30, 5, 0, 0, FOREVER, undefined), 2);
  for (const queue of [one, many]) {
    assert.equal(queue.tail, 3);
    assert.deepEqual([queue.ready, queue.delayed, queue.inFlight, queue.sizeBytes], [3, 0, 0, 60]);
    assert.deepEqual(
      [0, 1, 2].map((n) => queue.position(n)),
      [position(3, 1000), position(3, 1010), position(3, 1030)],
    );
    assert.deepEqual(
      [0, 1, 2].map((n) => queue.sizeOf(n)),
      [10, 20, 30],
    );
  }
  assert.deepEqual([...live.counts], [[3, 3]]);
});

test('push, take, lease, settle: the whole road over several chunks, and nothing is left', () => {
  const live = new Live();
  const queue = queueOf({}, live);
  fill(queue, 10_000);
  assert.deepEqual([...live.counts], [[0, 10_000]]);
  assert.equal(live.calls, 1);
  const take = new Float64Array(3000);
  for (let round = 1; queue.ready > 0; round++) {
    const count = queue.next(0, take.length, take);
    assert.equal(take[0], (round - 1) * 3000);
    assert.equal(queue.lease(runs(take[0] ?? 0, count), round, FOREVER), count);
    assert.equal(queue.inFlight, count);
    assert.equal(queue.settle(runs(take[0] ?? 0, count), 'acked'), count);
    assert.equal(queue.oldest, (take[0] ?? 0) + count);
  }
  assert.deepEqual(queue.totals, { published: 10_000, acked: 10_000, deadLettered: 0, expired: 0, dropped: 0, purged: 0 });
  assert.deepEqual([queue.tail, queue.sizeBytes, live.counts.size], [10_000, 0, 0]);
  assert.equal(queue.state(5), undefined);
});

test('a returned message goes back in its place, with its attempt counted or not', () => {
  const queue = queueOf();
  fill(queue, 6);
  queue.lease(runs(0, 4), 1, FOREVER);
  assert.deepEqual(nextOf(queue), [4, 5]);
  queue.back(runs(2, 1), 0, true);
  queue.back(runs(0, 1), 0, false);
  assert.deepEqual(nextOf(queue), [0, 2, 4, 5]);
  assert.deepEqual(nextOf(queue, 1), [0], 'asking changes nothing');
  assert.deepEqual(
    [0, 1, 2, 4].map((n) => queue.attempts(n)),
    [0, 1, 1, 0],
  );
  assert.equal(queue.settle(runs(1, 1, 1, 1), 'acked'), 1, 'once');
  assert.deepEqual([queue.ready, queue.inFlight], [4, 1]);
});
