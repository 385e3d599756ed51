import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiredOf, FOREVER, fill, nextOf, one, push, queueOf, run } from './queue-of.ts';

test('one of each group, the first; the next when the first is settled', () => {
  const queue = queueOf({ grouped: true });
  for (const group of ['a', 'a', 'b', 'a', 'b']) push(queue, { group });
  assert.deepEqual(nextOf(queue), [0, 2]);
  assert.deepEqual(nextOf(queue, 0, 1), [0]);
  queue.lease(one(0), 1, FOREVER);
  assert.deepEqual(nextOf(queue), [2], 'its group waits for it');
  queue.settle(one(0), 'acked');
  assert.deepEqual(nextOf(queue), [1, 2]);
  queue.settle(one(1, 2), 'acked');
  assert.deepEqual(nextOf(queue), [3, 4]);
});

test('a first message that came back, or waits for its retry, keeps its group waiting', () => {
  const queue = queueOf({ grouped: true });
  for (const group of ['a', 'a', 'b']) push(queue, { group });
  queue.lease(one(0, 2), 1, FOREVER);
  queue.back(one(0), 0, 'failed');
  assert.deepEqual(nextOf(queue), [0]);
  queue.lease(one(0), 2, FOREVER);
  queue.back(one(0), 500, 'failed');
  assert.deepEqual(nextOf(queue), []);
  assert.equal(queue.due(500), 1);
  assert.deepEqual(nextOf(queue), [0]);
});

test('a first message published with a delay keeps its group waiting too', () => {
  const queue = queueOf({ grouped: true });
  push(queue, { group: 'a', dueMs: 50 });
  push(queue, { group: 'a' });
  push(queue, { group: 'b' });
  assert.deepEqual(nextOf(queue), [2]);
  queue.due(50);
  assert.deepEqual(nextOf(queue), [0, 2]);
});

test('one that is settled before its turn is passed over', () => {
  const queue = queueOf({ grouped: true });
  for (let i = 0; i < 6; i++) push(queue, { group: 'a' });
  queue.settle(one(1, 2, 4), 'purged');
  assert.deepEqual(nextOf(queue), [0]);
  queue.settle(one(0), 'acked');
  assert.deepEqual(nextOf(queue), [3]);
  queue.settle(one(3), 'acked');
  assert.deepEqual(nextOf(queue), [5]);
});

test('a first message whose time is over is not delivered, and its group goes on once it is settled', () => {
  const queue = queueOf({ grouped: true });
  push(queue, { group: 'a', expiresMs: 10 });
  push(queue, { group: 'a' });
  assert.deepEqual(nextOf(queue, 11), []);
  assert.deepEqual(expiredOf(queue, 11), [0]);
  queue.settle(one(0), 'expired');
  assert.deepEqual(nextOf(queue, 11), [1]);
});

test('messages without a group wait for nobody; a run has none', () => {
  const queue = queueOf({ grouped: true });
  push(queue);
  push(queue);
  fill(queue, 2);
  assert.deepEqual(nextOf(queue), [0, 1, 2, 3]);
});

test('a group that was empty begins anew', () => {
  const queue = queueOf({ grouped: true });
  for (let i = 0; i < 200; i++) {
    const number = push(queue, { group: `g${i % 3}` });
    assert.deepEqual(nextOf(queue), [number]);
    queue.settle(one(number), 'acked');
  }
});

test('a long group is served to its end, in order', () => {
  const queue = queueOf({ grouped: true });
  for (let i = 0; i < 5000; i++) push(queue, { group: 'only' });
  queue.settle(run(100, 2000), 'purged');
  for (let i = 5000; i < 5100; i++) push(queue, { group: 'only' });
  const seen: number[] = [];
  for (let next = nextOf(queue); next.length > 0; next = nextOf(queue)) {
    assert.equal(next.length, 1);
    seen.push(next[0] ?? -1);
    queue.lease(one(next[0] ?? -1), seen.length, FOREVER);
    queue.settle(one(next[0] ?? -1), 'acked');
  }
  assert.deepEqual(seen, [...Array(100).keys(), ...Array.from({ length: 3000 }, (_, i) => 2100 + i)]);
});

test('a first message that waits is still the first when most of its group is gone', () => {
  const queue = queueOf({ grouped: true });
  push(queue, { group: 'a', dueMs: 10 });
  for (let i = 0; i < 100; i++) push(queue, { group: 'a' });
  queue.settle(run(1, 99), 'purged');
  push(queue, { group: 'a' });
  assert.deepEqual(nextOf(queue), []);
  queue.due(10);
  for (const number of [0, 100, 101]) {
    assert.deepEqual(nextOf(queue), [number]);
    queue.settle(one(number), 'acked');
  }
  assert.equal(queue.ready, 0);
});

test('heads are the oldest ready ones, blocked or not', () => {
  const queue = queueOf({ grouped: true });
  for (const group of ['a', 'a', 'b', 'a']) push(queue, { group });
  queue.lease(one(0), 1, FOREVER);
  const into = new Float64Array(4);
  const heads = (count: number) => [...into.subarray(0, queue.heads(count, into))];
  assert.deepEqual(heads(2), [1, 2]);
  queue.back(one(0), 0, 'failed');
  assert.deepEqual(heads(4), [0, 1, 2, 3]);
  assert.deepEqual(heads(0), []);
});
