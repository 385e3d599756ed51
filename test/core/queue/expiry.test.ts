import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyOf, expiredOf, FOREVER, fill, nextOf, one, push, queueOf, run } from './queue-of.ts';

test("a queue's time to live: messages are over in the order they came, and are not delivered after it", () => {
  const queue = queueOf({ ttlMs: 100 });
  fill(queue, 3, undefined, 0);
  fill(queue, 2, undefined, 50);
  assert.deepEqual(
    [0, 4].map((n) => queue.expiresMs(n)),
    [100, 150],
  );
  assert.equal(queue.nextTimeMs(), 100);
  assert.deepEqual(expiredOf(queue, 99), []);
  assert.deepEqual(expiredOf(queue, 100), [0, 1, 2]);
  assert.deepEqual(expiredOf(queue, 100, 2), [0, 1]);
  assert.deepEqual(expiredOf(queue, 150), [0, 1, 2, 3, 4]);
  assert.deepEqual(nextOf(queue, 101), [3, 4]);
  assert.deepEqual(nextOf(queue, 99), [0, 1, 2, 3, 4], 'asking changed nothing');
  queue.settle(run(0, 3), 'expired');
  assert.equal(queue.nextTimeMs(), 150);
  assert.equal(queue.totals.expired, 3);
});

test('a time to live of 0 means now or never', () => {
  const queue = queueOf({ ttlMs: 0 });
  push(queue, { nowMs: 10 });
  assert.deepEqual(nextOf(queue, 10), [0]);
  assert.deepEqual(expiredOf(queue, 10), [0]);
  assert.deepEqual(nextOf(queue, 11), []);
});

test('times of their own are found anywhere, the earliest first; the shorter of two counts', () => {
  const queue = queueOf();
  for (const expiresMs of [500, 100, FOREVER, 300, 100]) push(queue, { expiresMs });
  assert.equal(queue.nextTimeMs(), 100);
  assert.deepEqual(expiredOf(queue, 400), [1, 4, 3]);
  assert.deepEqual(expiredOf(queue, 400, 1), [1]);
  assert.deepEqual(nextOf(queue, 400), [0, 2]);
  queue.settle(one(1, 4), 'expired');
  assert.equal(queue.nextTimeMs(), 300);
  const bounded = queueOf({ ttlMs: 100 });
  push(bounded, { expiresMs: 500 });
  push(bounded, { expiresMs: 20 });
  assert.deepEqual([bounded.expiresMs(0), bounded.expiresMs(1)], [100, 20]);
  assert.deepEqual(expiredOf(bounded, 50), [1]);
  assert.deepEqual(expiredOf(bounded, 100), [1, 0]);
});

test('in flight nothing is over; when it comes back, its time counts again', () => {
  for (const spec of [{ ttlMs: 100 }, {}]) {
    const queue = queueOf(spec);
    for (let i = 0; i < 3; i++) push(queue, { expiresMs: 100 });
    queue.lease(run(0, 2), 1, FOREVER);
    assert.deepEqual(expiredOf(queue, 200), [2]);
    queue.settle(one(2), 'expired');
    assert.equal(queue.nextTimeMs(), FOREVER);
    queue.back(one(1), 0, 'failed');
    assert.equal(queue.nextTimeMs(), 100);
    assert.deepEqual(expiredOf(queue, 200), [1]);
    assert.deepEqual(nextOf(queue, 200), []);
    queue.lease(one(1), 2, FOREVER);
    assert.deepEqual(expiredOf(queue, 200), []);
    queue.back(one(1), 0, 'failed');
    queue.back(one(0), 0, 'failed');
    assert.deepEqual(expiredOf(queue, 200), [0, 1]);
  }
});

test('a delayed message may be over before it is due', () => {
  const queue = queueOf({ ttlMs: 100, delayMs: 300 });
  push(queue);
  assert.equal(queue.nextTimeMs(), 100);
  assert.deepEqual(expiredOf(queue, 100), [0]);
});

test('a clock that jumps back: the new ones are over first, the old ones in their time', () => {
  const queue = queueOf({ ttlMs: 100 });
  fill(queue, 2, undefined, 1000);
  fill(queue, 2, undefined, 500);
  fill(queue, 2, undefined, 1001);
  assert.equal(queue.nextTimeMs(), 600);
  assert.deepEqual(expiredOf(queue, 700), [2, 3]);
  assert.deepEqual(expiredOf(queue, 1100), [2, 3, 0, 1]);
  assert.deepEqual(expiredOf(queue, 1101), [2, 3, 0, 1, 4, 5]);
});

test('the line goes on over many chunks and through what was settled', () => {
  const queue = queueOf({ ttlMs: 10 });
  for (let t = 0; t < 10; t++) fill(queue, 2000, undefined, t);
  queue.settle(run(0, 9000), 'acked');
  queue.lease(run(9000, 1000), 1, FOREVER);
  assert.equal(queue.nextTimeMs(), 15);
  assert.deepEqual(expiredOf(queue, 15, 3), [10_000, 10_001, 10_002]);
  queue.settle(run(10_000, 10_000), 'purged');
  assert.equal(queue.nextTimeMs(), FOREVER);
  fill(queue, 1, undefined, 100);
  assert.equal(queue.nextTimeMs(), 110);
});

test('many that were settled before their time are cleared away bit by bit, and the next time is never told late', () => {
  const queue = queueOf();
  for (let i = 0; i < 20_000; i++) push(queue, { expiresMs: 1000 + ((i * 7919) % 20_000) });
  queue.settle(run(1, 19_998), 'acked');
  const first = queue.expiresMs(0);
  const last = queue.expiresMs(19_999);
  assert.equal(queue.nextTimeMs(), first);
  queue.settle(one(0), 'acked');
  let asked = 1;
  for (; queue.nextTimeMs() < last; asked++) assert.ok(asked < 100);
  assert.ok(asked > 5, 'not all at once');
  assert.equal(queue.nextTimeMs(), last);
  assert.deepEqual(expiredOf(queue, 1e6), [19_999]);
  for (let i = 0; i < 5000; i++) queue.settle(one(push(queue, { expiresMs: 1e6 + i })), 'acked');
  assert.deepEqual(expiredOf(queue, 1e9), [19_999], 'those too');
});

test('a restored queue expires what the original would', () => {
  const queue = queueOf({ ttlMs: 100 });
  fill(queue, 5, undefined, 0);
  fill(queue, 5, undefined, 50);
  push(queue, { nowMs: 60, expiresMs: 70 });
  queue.lease(run(0, 7), 1, FOREVER);
  const copy = copyOf(queue);
  for (const one of [queue, copy]) {
    assert.equal(one.nextTimeMs(), 70);
    assert.deepEqual(expiredOf(one, 150).sort(), [10, 7, 8, 9]);
    one.back(run(0, 7), 0, 'failed');
    assert.deepEqual(
      expiredOf(one, 100).sort((a, b) => a - b),
      [0, 1, 2, 3, 4, 10],
    );
  }
});
