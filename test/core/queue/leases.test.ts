import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf, FOREVER, fill, nextOf, one, queueOf, run } from './queue-of.ts';

function endsOf(queue: ReturnType<typeof queueOf>, nowMs: number, max = 10): number[] {
  const into = new Float64Array(max);
  return [...into.subarray(0, queue.leaseEnds(nowMs, into))];
}

test('a lease ends when its time has come, the earliest first, and goes with its last message', () => {
  const queue = queueOf();
  fill(queue, 6);
  queue.lease(run(0, 2), 11, 300);
  queue.lease(run(2, 2), 12, 100);
  queue.lease(run(4, 2), 13, FOREVER);
  assert.equal(queue.nextTimeMs(), 100);
  assert.deepEqual(endsOf(queue, 99), []);
  assert.deepEqual(endsOf(queue, 100), [12]);
  assert.deepEqual(endsOf(queue, 300), [12, 11]);
  assert.deepEqual(endsOf(queue, 300, 1), [12], 'as many as there is room for');
  assert.deepEqual(endsOf(queue, 300), [12, 11], 'asking changed nothing');
  queue.settle(one(2), 'acked');
  assert.deepEqual([...queue.heldBy(12)], [3, 1]);
  queue.back(queue.heldBy(12), 0, 'failed');
  assert.deepEqual(endsOf(queue, 1000), [11]);
  assert.deepEqual([...queue.heldBy(12)], []);
  assert.deepEqual([...queue.heldBy(13)], [4, 2]);
});

test('extending all of a lease moves its end; its former end means nothing', () => {
  const queue = queueOf();
  fill(queue, 3);
  queue.lease(run(0, 3), 5, 100);
  assert.equal(queue.extend(run(0, 3), 5, 400), 3);
  assert.deepEqual(endsOf(queue, 399), []);
  assert.equal(queue.nextTimeMs(), 400);
  assert.equal(queue.extend(queue.heldBy(5), 5, 50), 3, 'also to an earlier one');
  assert.deepEqual(endsOf(queue, 50), [5]);
  queue.extend(run(0, 3), 5, FOREVER);
  assert.equal(queue.nextTimeMs(), FOREVER);
});

test('extending some of a lease: the same id, two ends, and the rest ends alone', () => {
  const queue = queueOf();
  fill(queue, 5);
  queue.lease(run(0, 5), 5, 100);
  assert.equal(queue.extend(one(1, 3), 5, 200), 2);
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((n) => queue.leaseOf(n)),
    [5, 5, 5, 5, 5],
  );
  assert.deepEqual([...queue.heldBy(5)], [0, 5]);
  assert.deepEqual(endsOf(queue, 150), [5]);
  assert.deepEqual([...queue.heldBy(5, 150)], [0, 1, 2, 1, 4, 1]);
  queue.back(queue.heldBy(5, 150), 0, 'failed');
  assert.deepEqual(endsOf(queue, 150), []);
  assert.equal(queue.nextTimeMs(), 200);
  assert.equal(queue.extend(one(1), 5, 300), 1);
  queue.extend(one(1), 5, 200);
  assert.equal(queue.digest(), copyOf(queue).digest());
  assert.deepEqual([...queue.heldBy(5, 200)], [1, 1, 3, 1], 'parts that end at one time are one');
  queue.settle(run(0, 5), 'acked');
  assert.deepEqual([endsOf(queue, 1000), queue.nextTimeMs()], [[], FOREVER]);
});

test('extending under another id moves the messages to it', () => {
  const queue = queueOf();
  fill(queue, 3);
  queue.lease(run(0, 3), 5, 100);
  queue.extend(one(2), 6, 500);
  assert.deepEqual([queue.leaseOf(1), queue.leaseOf(2)], [5, 6]);
  assert.deepEqual([...queue.heldBy(5)], [0, 2]);
  assert.deepEqual([...queue.heldBy(6)], [2, 1]);
  assert.deepEqual(endsOf(queue, 499), [5]);
});

test('a number named twice in an extension does not make part of a lease look like all of it', () => {
  const queue = queueOf();
  fill(queue, 2);
  queue.lease(run(0, 2), 5, 100);
  queue.extend(one(0, 0), 5, 900);
  assert.deepEqual([...queue.heldBy(5, 100)], [1, 1]);
});

test('one lease may take again and again, as a consumer does that holds what it takes while it lives', () => {
  const queue = queueOf();
  fill(queue, 3000);
  // Every second message settled at once, so that the runs it was given fall to pieces.
  for (let n = 0; n < 3000; n += 2) {
    queue.lease(run(n, 1), 8, FOREVER);
    if (n % 100 !== 0) queue.settle(one(n), 'acked');
  }
  assert.equal(queue.inFlight, 30);
  assert.deepEqual([...queue.heldBy(8)], Array.from({ length: 30 }, (_, i) => [i * 100, 1]).flat());
  queue.back(queue.heldBy(8), 0, 'failed');
  queue.lease(one(0, 100), 8, FOREVER);
  queue.lease(one(1, 0), 8, FOREVER);
  assert.deepEqual([...queue.heldBy(8)], [0, 2, 100, 1]);
});

test('slots are used again, and a hundred thousand short leases leave nothing behind', () => {
  const queue = queueOf();
  for (let id = 1; id <= 100_000; id++) {
    const n = fill(queue, 1);
    queue.lease(one(n), id * 2 ** 20, 1000 + id);
    assert.equal(queue.leaseOf(n), id * 2 ** 20);
    queue.settle(one(n), 'acked');
  }
  assert.equal(queue.nextTimeMs(), FOREVER);
  assert.deepEqual(endsOf(queue, FOREVER), []);
});

test('a lease that is extended a thousand times ends once', () => {
  const queue = queueOf();
  fill(queue, 2);
  queue.lease(one(0), 1, 10);
  queue.lease(one(1), 2, 15);
  for (let i = 0; i < 1000; i++) queue.extend(one(0), 1, i % 2 === 0 ? 20 : 30);
  assert.deepEqual(endsOf(queue, 100), [2, 1]);
  assert.equal(queue.nextTimeMs(), 15);
  assert.deepEqual(nextOf(queue), []);
});
