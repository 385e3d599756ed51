import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOREVER, fill, nextOf, one, push, queueOf, run } from './queue-of.ts';

test('a delayed message is ready when its time has come, and then in its place', () => {
  const queue = queueOf();
  push(queue, { dueMs: 100 });
  push(queue);
  push(queue, { dueMs: 50 });
  assert.deepEqual([queue.ready, queue.delayed], [1, 2]);
  queue.lease(one(1), 1, 20);
  assert.deepEqual([queue.nextTimeMs(), queue.nextDueMs()], [20, 50], 'a lease ends before that');
  queue.back(one(1), 0, 'failed');
  assert.deepEqual(nextOf(queue, 1000), [1], 'not before `due` was told of the time');
  assert.equal(queue.due(49), 0);
  assert.equal(queue.due(50), 1);
  assert.deepEqual(nextOf(queue), [1, 2]);
  queue.due(100);
  assert.deepEqual(nextOf(queue), [0, 1, 2]);
  assert.equal(queue.due(FOREVER), 0);
  assert.equal(queue.nextTimeMs(), FOREVER);
});

test("the queue's delay holds unless the message says when", () => {
  const queue = queueOf({ delayMs: 100 });
  push(queue, { nowMs: 10 });
  push(queue, { nowMs: 10, dueMs: 10 });
  push(queue, { nowMs: 10, dueMs: 60 });
  fill(queue, 2, undefined, 20);
  assert.deepEqual(nextOf(queue), [1]);
  assert.equal(queue.due(60), 1);
  assert.equal(queue.due(110), 1);
  assert.equal(queue.due(120), 2);
  assert.deepEqual(nextOf(queue), [0, 1, 2, 3, 4]);
});

test('few at a time: the earliest first, among equals the lowest number', () => {
  const queue = queueOf();
  for (const dueMs of [30, 10, 20, 10]) push(queue, { dueMs });
  assert.equal(queue.due(100, 1), 1);
  assert.deepEqual(nextOf(queue), [1]);
  assert.equal(queue.due(100, 2), 2);
  assert.deepEqual(nextOf(queue), [1, 2, 3]);
  assert.equal(queue.due(100, 0), 0);
  assert.equal(queue.due(100), 1);
});

test('back for a retry: delayed, its attempt counted, and due again as often as it fails', () => {
  const queue = queueOf();
  fill(queue, 2);
  for (let attempt = 1; attempt <= 4; attempt++) {
    assert.deepEqual(nextOf(queue), [0, 1]);
    queue.lease(one(0), attempt, FOREVER);
    queue.back(one(0), attempt * 10, 'failed');
    assert.deepEqual([queue.state(0), queue.attempts(0), queue.nextTimeMs()], ['delayed', attempt, attempt * 10]);
    assert.equal(queue.due(attempt * 10), 1);
  }
});

test('what was settled while it waited is never due, and leaves nothing behind', () => {
  const queue = queueOf({ delayMs: 1000 });
  for (let i = 0; i < 30; i++) {
    const first = fill(queue, 500, undefined, i);
    queue.settle(run(first, 499), 'dropped');
  }
  assert.equal(queue.nextTimeMs(), 1000);
  assert.equal(queue.due(1000), 1);
  queue.settle(run(0, 20_000), 'purged');
  assert.deepEqual([queue.due(FOREVER), queue.delayed, queue.ready], [0, 0, 0]);
  for (let i = 0; i < 20 && queue.nextTimeMs() < FOREVER; i++);
  assert.equal(queue.nextTimeMs(), FOREVER);
});
