import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FOREVER, fill, nextOf, one, push, queueOf, run } from './queue-of.ts';

test('higher levels first, the lowest number first within one; returned ones in their place', () => {
  const queue = queueOf({ priorityMax: 5 });
  for (const priority of [0, 5, 3, 5, 0, 3]) push(queue, { priority });
  assert.deepEqual(nextOf(queue), [1, 3, 2, 5, 0, 4]);
  queue.lease(one(1, 3, 2), 1, FOREVER);
  assert.deepEqual(nextOf(queue), [5, 0, 4]);
  queue.back(one(3, 2), 0, 'failed');
  push(queue, { priority: 5 });
  assert.deepEqual(nextOf(queue), [3, 6, 2, 5, 0, 4]);
  assert.deepEqual(nextOf(queue, 0, 2), [3, 6]);
});

test('a priority above the highest counts as the highest; a plain queue has none', () => {
  const queue = queueOf({ priorityMax: 2 });
  for (const priority of [2, 200, 1]) push(queue, { priority });
  assert.deepEqual(nextOf(queue), [0, 1, 2]);
  const plain = queueOf();
  for (const priority of [0, 9]) push(plain, { priority });
  assert.deepEqual(nextOf(plain), [0, 1]);
});

test('without ageing a low one waits for ever', () => {
  const queue = queueOf({ priorityMax: 1 });
  push(queue, { priority: 0, nowMs: 0 });
  push(queue, { priority: 1, nowMs: 1e12 });
  assert.deepEqual(nextOf(queue, 1e12), [1, 0]);
});

test('ageing: one level higher for each time it has waited; among equals the older one', () => {
  const queue = queueOf({ priorityMax: 9, priorityAgeMs: 100 });
  push(queue, { priority: 0, nowMs: 0 });
  push(queue, { priority: 2, nowMs: 150 });
  assert.deepEqual(nextOf(queue, 199), [1, 0], '1 against 2');
  assert.deepEqual(nextOf(queue, 200), [0, 1], '2 against 2');
  assert.deepEqual(nextOf(queue, 250), [1, 0], '2 against 3');
  assert.deepEqual(nextOf(queue, 300), [0, 1], '3 against 3');
});

test('ageing goes past the highest level, so that no stream of important ones starves the others', () => {
  const queue = queueOf({ priorityMax: 3, priorityAgeMs: 10 });
  push(queue, { priority: 0, nowMs: 0 });
  for (let nowMs = 1; nowMs < 60; nowMs++) {
    const important = push(queue, { priority: 3, nowMs });
    const [first] = nextOf(queue, nowMs, 1);
    if (first === 0) {
      assert.equal(nowMs, 30);
      return;
    }
    assert.equal(first, important);
    queue.settle(one(important), 'acked');
  }
  assert.fail('the low one starved');
});

test('a clock that jumps back makes nobody younger than new', () => {
  const queue = queueOf({ priorityMax: 3, priorityAgeMs: 10 });
  push(queue, { priority: 1, nowMs: 1000 });
  push(queue, { priority: 0, nowMs: 500 });
  assert.deepEqual(nextOf(queue, 505), [0, 1]);
});

test('heads: the lowest priority first, the oldest of each', () => {
  const queue = queueOf({ priorityMax: 5 });
  for (const priority of [0, 5, 3, 5, 0, 3]) push(queue, { priority });
  const into = new Float64Array(4);
  assert.deepEqual([...into.subarray(0, queue.heads(4, into))], [0, 4, 2, 5]);
  assert.deepEqual(nextOf(queue, 0, 1), [1]);
});

test('what is stale in the lines is swept out, and nothing that waits is lost', () => {
  const queue = queueOf({ priorityMax: 3 });
  for (let i = 0; i < 8000; i++) push(queue, { priority: i % 4 });
  queue.settle(run(0, 7990), 'acked');
  fill(queue, 3000);
  assert.deepEqual(nextOf(queue, 0, 12), [7991, 7995, 7999, 7990, 7994, 7998, 7993, 7997, 7992, 7996, 8000, 8001]);
  queue.lease(run(7990, 10), 1, FOREVER);
  nextOf(queue);
  queue.back(run(7990, 10), 0, 'failed');
  assert.deepEqual(nextOf(queue, 0, 4), [7991, 7995, 7999, 7990]);
});
