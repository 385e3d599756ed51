import assert from 'node:assert/strict';
import { test } from 'node:test';
import { position } from '../../../src/model/lines.ts';
import { FOREVER, fill, Live, nextOf, one, push, queueOf, run } from './queue-of.ts';

test('numbers are dense, and a run says the same as single pushes', () => {
  const live = new Live();
  const single = queueOf({}, live);
  const many = queueOf();
  assert.equal(single.tail, 0);
  assert.equal(many.pushRun(position(3, 1000), 50, Uint32Array.of(60, 80, 110), 3, 5), 0);
  assert.equal(single.push(position(3, 1000), 10, 5, 0, 0, FOREVER, undefined), 0);
  assert.equal(single.push(position(3, 1010), 20, 5, 0, 0, FOREVER, undefined), 1);
  assert.equal(single.push(position(3, 1030), 30, 5, 0, 0, FOREVER, undefined), 2);
  for (const queue of [single, many]) {
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
  assert.equal(single.digest(), many.digest());
  assert.deepEqual([...live.counts], [[3, 3]]);
});

test('only the first `count` of the ends are meant', () => {
  const queue = queueOf();
  queue.pushRun(position(0, 0), 0, Uint32Array.of(10, 20, 30, 40), 2, 0);
  assert.deepEqual([queue.tail, queue.ready, queue.sizeBytes], [2, 2, 20]);
  queue.pushRun(position(0, 0), 0, Uint32Array.of(), 0, 0);
  assert.equal(queue.tail, 2);
});

test('push, take, lease, settle: the whole road over several chunks, and nothing is left', () => {
  const live = new Live();
  const queue = queueOf({}, live);
  fill(queue, 10_000);
  assert.deepEqual([...live.counts], [[0, 10_000]]);
  assert.equal(live.calls, 1, 'told once for a run of equal segment');
  const take = new Float64Array(3000);
  for (let round = 1; queue.ready > 0; round++) {
    const count = queue.next(0, take.length, take);
    const first = take[0] ?? -1;
    assert.equal(first, (round - 1) * 3000);
    assert.equal(queue.lease(run(first, count), round, FOREVER), count);
    assert.equal(queue.inFlight, count);
    assert.equal(queue.settle(run(first, count), 'acked'), count);
    assert.equal(queue.oldest, first + count);
  }
  assert.deepEqual(queue.totals, { published: 10_000, acked: 10_000, deadLettered: 0, expired: 0, dropped: 0, purged: 0 });
  assert.deepEqual([queue.tail, queue.sizeBytes, live.counts.size], [10_000, 0, 0]);
  assert.equal(queue.state(5), undefined);
});

test('a returned message goes back in its place, with its attempt counted or not', () => {
  const queue = queueOf();
  fill(queue, 6);
  queue.lease(run(0, 4), 1, FOREVER);
  assert.deepEqual(nextOf(queue), [4, 5]);
  queue.back(one(2), 0, 'failed');
  queue.back(one(0), 0, 'requeued');
  assert.deepEqual(nextOf(queue), [0, 2, 4, 5]);
  assert.deepEqual(nextOf(queue, 0, 1), [0]);
  assert.deepEqual(nextOf(queue), [0, 2, 4, 5], 'asking changed nothing');
  assert.deepEqual(
    [0, 1, 2, 4].map((n) => queue.attempts(n)),
    [0, 1, 1, 0],
  );
  assert.deepEqual(
    [queue.ready, queue.inFlight],
    [5, 1].map((n, i) => (i === 0 ? n - 1 : n + 1)),
  );
});

test('attempts are exact past the few that fit into the flags, and end at 65,535', () => {
  const queue = queueOf();
  fill(queue, 2);
  for (let attempt = 1; attempt <= 300; attempt++) {
    queue.lease(one(1), attempt, FOREVER);
    assert.equal(queue.attempts(1), attempt);
    queue.back(one(1), 0, 'failed');
  }
  for (let left = 299; left >= 296; left--) {
    queue.lease(one(1), 1, FOREVER);
    queue.back(one(1), 0, 'requeued');
    queue.setAttempts(1, left);
    assert.equal(queue.attempts(1), left);
  }
  queue.setAttempts(1, 65_535);
  queue.lease(one(1), 1, FOREVER);
  assert.equal(queue.attempts(1), 65_535);
  assert.equal(queue.attempts(0), 0);
});

test('a message is settled once, from any state, and counted in one place', () => {
  const live = new Live();
  const queue = queueOf({}, live);
  push(queue);
  push(queue, { dueMs: 50 });
  push(queue);
  push(queue);
  queue.lease(one(2, 3), 9, FOREVER);
  assert.deepEqual([queue.ready, queue.delayed, queue.inFlight], [1, 1, 2]);
  assert.equal(queue.settle(run(0, 3), 'dropped'), 3);
  assert.equal(queue.settle(run(0, 4), 'deadLettered'), 1);
  assert.equal(queue.settle(run(0, 100), 'acked'), 0);
  assert.deepEqual(queue.totals, { published: 4, acked: 0, deadLettered: 1, expired: 0, dropped: 3, purged: 0 });
  assert.deepEqual([queue.ready, queue.delayed, queue.inFlight, queue.sizeBytes], [0, 0, 0, 0]);
  assert.equal(live.counts.size, 0);
  assert.equal(queue.nextTimeMs(), FOREVER);
  assert.equal(queue.due(100), 0, 'a settled message is never due');
});

test('what is not there, or in another state, is passed over', () => {
  const queue = queueOf();
  fill(queue, 3);
  assert.equal(queue.lease(run(1, 10), 1, FOREVER), 2);
  assert.equal(queue.lease(run(0, 3), 2, FOREVER), 1, 'leased ones stay with their lease');
  assert.deepEqual(
    [0, 1, 2].map((n) => queue.leaseOf(n)),
    [2, 1, 1],
  );
  assert.equal(queue.back(run(5, 5), 0, 'failed'), 0);
  assert.equal(queue.lease(run(0, 3), 3, 10), 0);
  assert.equal(queue.nextTimeMs(), FOREVER, 'a lease of nothing is none');
  for (const strange of [Number.NaN, -5, 0.5, 2 ** 53]) {
    assert.equal(queue.settle(run(strange, 1), 'acked'), 0);
    assert.equal(queue.state(strange), undefined);
    assert.equal(queue.leaseOf(strange), 0);
  }
});

test('questions about a message that is gone say so', () => {
  const queue = queueOf();
  fill(queue, 2);
  queue.settle(one(0), 'acked');
  for (const number of [0, 2, -1, 1e9]) {
    for (const ask of [
      () => queue.position(number),
      () => queue.sizeOf(number),
      () => queue.attempts(number),
      () => queue.expiresMs(number),
      () => queue.setAttempts(number, 1),
      () => queue.setDeaths(number, []),
      () => queue.relocate(number, position(0, 0)),
    ]) {
      assert.throws(ask, { name: 'RangeError', message: `Message ${number} is not in this queue (any more). Ask for its state first.` });
    }
  }
  assert.deepEqual([queue.state(0), queue.leaseOf(0), queue.deaths(0)], [undefined, 0, undefined]);
});

test('heads are what would be delivered next; browsing shows every state', () => {
  const queue = queueOf();
  fill(queue, 5);
  queue.lease(one(0, 1), 1, FOREVER);
  queue.back(one(0), 1000, 'failed');
  queue.settle(one(3), 'acked');
  const into = new Float64Array(10);
  assert.deepEqual([...into.subarray(0, queue.heads(10, into))], [2, 4]);
  assert.deepEqual([...into.subarray(0, queue.heads(1, into))], [2]);
  assert.deepEqual([...into.subarray(0, queue.browse(0, 10, into))], [0, 1, 2, 4]);
  assert.deepEqual([...into.subarray(0, queue.browse(1, 2, into))], [1, 2]);
  assert.deepEqual([...into.subarray(0, queue.browse(3, 10, into))], [4]);
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => queue.state(n)),
    ['delayed', 'in-flight', 'ready', undefined],
  );
  assert.deepEqual([...queue.waiting()], [2, 1, 4, 1]);
  assert.deepEqual([...queue.held()], [1, 1]);
});

test('locate answers for many at once', () => {
  const queue = queueOf();
  fill(queue, 4, position(2, 500));
  queue.lease(one(3), 1, FOREVER);
  const positions = new Float64Array(2);
  const sizes = new Uint32Array(2);
  const attempts = new Uint16Array(2);
  queue.locate(Float64Array.of(3, 1, 99), 2, positions, sizes, attempts);
  assert.deepEqual([...positions], [position(2, 800), position(2, 600)]);
  assert.deepEqual([...sizes, ...attempts], [100, 100, 1, 0]);
});

test('deaths come along and go with the message', () => {
  const queue = queueOf();
  fill(queue, 2);
  const deaths = [
    { reason: 'rejected', queue: 'a', exchange: '', address: 'a', to: { exchange: '', address: 'd' }, atMs: 1, count: 1 },
  ] as const;
  queue.setDeaths(1, deaths);
  assert.equal(queue.deaths(1), deaths);
  assert.equal(queue.deaths(0), undefined);
  queue.settle(run(0, 2), 'acked');
  assert.equal(queue.deaths(1), undefined);
});

test('replaying without ever asking keeps the order, and what came back a hundred thousand times is there once', () => {
  const queue = queueOf();
  fill(queue, 3000);
  for (let round = 0; round < 20; round++) {
    nextOf(queue);
    queue.lease(run(0, 3000), round + 1, FOREVER);
    queue.back(run(0, 3000), 0, 'failed');
    fill(queue, 500);
  }
  queue.settle(run(0, 2990), 'acked');
  queue.lease(run(2990, 10), 99, FOREVER);
  for (let n = 2999; n >= 2990; n--) queue.back(one(n), 0, 'failed');
  assert.deepEqual(nextOf(queue, 0, 12), [2990, 2991, 2992, 2993, 2994, 2995, 2996, 2997, 2998, 2999, 3000, 3001]);
});

test('a stale heap is swept when more comes back', () => {
  const queue = queueOf();
  fill(queue, 20_000);
  nextOf(queue, 0, 1);
  queue.lease(run(0, 20_000), 1, FOREVER);
  nextOf(queue, 0, 1);
  queue.back(run(0, 10_000), 0, 'failed');
  queue.settle(run(0, 9_990), 'acked');
  queue.settle(run(10_000, 9_990), 'acked');
  queue.back(run(19_990, 10), 0, 'failed');
  assert.deepEqual(nextOf(queue, 0, 12), [9990, 9991, 9992, 9993, 9994, 9995, 9996, 9997, 9998, 9999, 19_990, 19_991]);
});

test('a new declaration may change times, not the order of delivery', () => {
  const queue = queueOf({ ttlMs: 10 });
  push(queue);
  queue.spec = { ...queue.spec, ttlMs: 1000, delayMs: 5, priorityMax: 0, grouped: false };
  push(queue);
  assert.deepEqual([queue.expiresMs(0), queue.expiresMs(1), queue.state(1)], [10, 1000, 'delayed']);
  const message = 'Queue "work" cannot change its priorities or groups. Remove it and declare it anew.';
  for (const other of [{ priorityMax: 3 }, { grouped: true }, { priorityAgeMs: 5 }]) {
    assert.throws(() => {
      queue.spec = { ...queue.spec, ...other };
    }, new RangeError(message));
  }
});
