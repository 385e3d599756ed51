import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PieceReader, PieceWriter } from '../../../src/core/queue/pieces.ts';
import { Queue } from '../../../src/core/queue/queue.ts';
import type { Death } from '../../../src/model/engine.ts';
import { type Position, position } from '../../../src/model/lines.ts';
import { copyOf, FOREVER, fill, Live, nextOf, one, push, queueOf, run } from './queue-of.ts';

const DEATHS: readonly Death[] = [
  {
    reason: 'rejected',
    queue: 'wörk',
    exchange: 'e',
    address: 'a.b',
    to: { exchange: 'dead', address: 'x' },
    atMs: 1_700_000_000_000.5,
    count: 3,
  },
  { reason: 'expired', queue: '', exchange: '', address: '', to: { exchange: '', address: '' }, atMs: 0, count: 1 },
];

test('every kind of side data comes back', () => {
  const queue = queueOf({ grouped: true, priorityMax: 200, priorityAgeMs: 10, dedupWindowMs: 1000, ttlMs: 1e9 });
  for (let i = 0; i < 40; i++) {
    push(queue, {
      nowMs: 1e12 + i / 3,
      priority: i * 5,
      dueMs: i % 4 === 0 ? 1e12 + 500.25 + i : 0,
      group: `g${i % 5}`,
      expiresMs: i % 3 === 0 ? 1e12 + i : FOREVER,
    });
  }
  queue.lease(run(0, 10), 2 ** 40, 1e12 + 77.5);
  queue.lease(run(10, 5), 3, FOREVER);
  queue.extend(one(13), 3, 5);
  queue.setAttempts(11, 1000);
  queue.setDeaths(13, DEATHS);
  queue.settle(one(1, 20), 'deadLettered');
  queue.remember('x', 5, 1e12);
  const live = new Live();
  const copy = copyOf(queue, live);
  assert.equal(copy.digest(), queue.digest());
  assert.deepEqual(copy.deaths(13), DEATHS);
  assert.equal(copy.attempts(11), 1000);
  assert.deepEqual([copy.leaseOf(2), copy.leaseOf(13), [...copy.heldBy(3, 5)]], [2 ** 40, 3, [13, 1]]);
  assert.deepEqual(copy.totals, queue.totals);
  assert.deepEqual(
    [copy.tail, copy.ready, copy.delayed, copy.inFlight, copy.sizeBytes],
    [queue.tail, queue.ready, queue.delayed, queue.inFlight, queue.sizeBytes],
  );
  assert.deepEqual([...live.counts], [[0, 38]]);
  for (const nowMs of [1e12, 1e12 + 20]) assert.deepEqual(nextOf(copy, nowMs), nextOf(queue, nowMs));
  assert.equal(copy.nextTimeMs(), queue.nextTimeMs());
});

test('equal states have equal digests, however they came about; other states have others', () => {
  const one_ = queueOf();
  const other = queueOf();
  fill(one_, 5000);
  for (let i = 0; i < 5000; i += 50) fill(other, 50, position(0, i * 100));
  one_.lease(run(0, 10), 5, 100);
  other.lease(run(5, 5), 9, FOREVER);
  other.back(run(5, 5), 0, 'unseen');
  other.lease(one(9, 8, 7, 6, 5), 5, 100);
  other.lease(run(0, 5), 5, 100);
  nextOf(other);
  assert.equal(one_.digest(), other.digest());
  one_.settle(run(100, 4850), 'acked');
  for (let n = 4949; n >= 100; n--) other.settle(one(n), 'acked');
  assert.equal(one_.digest(), other.digest(), 'dense and sparse alike');
  const seen = new Set([one_.digest()]);
  for (const change of [
    (q: Queue) => q.back(one(0), 0, 'failed'),
    (q: Queue) => q.back(one(1), 0, 'requeued'),
    (q: Queue) => q.back(one(2), 7, 'failed'),
    (q: Queue) => q.extend(one(3), 5, 101),
    (q: Queue) => q.extend(one(4), 6, 100),
    (q: Queue) => q.settle(one(5), 'acked'),
    (q: Queue) => q.relocate(6, position(9, 1)),
    (q: Queue) => q.setDeaths(7, DEATHS),
    (q: Queue) => q.setAttempts(8, 2),
    (q: Queue) => push(q),
    (q: Queue) => push(q, { expiresMs: 5 }),
  ]) {
    change(one_);
    assert.equal(seen.has(one_.digest()), false);
    seen.add(one_.digest());
    assert.equal(copyOf(one_).digest(), one_.digest());
  }
});

test('a long queue is restated in pieces of at most half a MiB, a byte a plain message', () => {
  const queue = queueOf({ dedupWindowMs: 1 });
  for (let i = 0; i < 60; i++) fill(queue, 10_000, position(i, 0));
  for (let i = 0; i < 20_000; i++) queue.remember(`a rather long dedup id, number ${i}`, i, 0);
  for (let i = 0; i < 600_000; i += 30) queue.setDeaths(i, DEATHS);
  const pieces = [...queue.restate()];
  assert.ok(pieces.length > 3);
  for (const piece of pieces) assert.ok(piece.length <= 512 * 1024, `${piece.length}`);
  assert.equal(copyOf(queue).digest(), queue.digest());
  const plain = queueOf();
  fill(plain, 100_000);
  const bytes = [...plain.restate()].reduce((sum, piece) => sum + piece.length, 0);
  assert.ok(bytes < 110_000, `${bytes} bytes for 100,000 messages`);
});

test('an empty queue takes one small piece', () => {
  const pieces = [...queueOf().restate()];
  assert.equal(pieces.length, 1);
  assert.ok((pieces[0]?.length ?? 99) < 16);
  const queue = queueOf();
  fill(queue, 5);
  queue.settle(run(0, 5), 'purged');
  const copy = copyOf(queue);
  assert.deepEqual([copy.tail, copy.oldest, copy.totals.purged], [5, 5, 5]);
  assert.equal(fill(copy, 1), 5);
});

test('a restored queue goes on: holes, sparse chunks, and a tail in the middle of a chunk', () => {
  const queue = queueOf();
  fill(queue, 9000);
  queue.settle(run(10, 8000), 'acked');
  queue.settle(run(8500, 500), 'acked');
  const live = new Live();
  const copy = copyOf(queue, live);
  assert.deepEqual([...live.counts], [[0, 500]]);
  for (const q of [queue, copy]) {
    assert.equal(fill(q, 3, position(1, 0)), 9000);
    assert.equal(q.state(8999), undefined);
    q.lease(run(0, 9001), 1, FOREVER);
    q.settle(run(5, 8000), 'acked');
    q.back(run(0, 9001), 0, 'failed');
  }
  assert.equal(copy.digest(), queue.digest());
  assert.deepEqual(nextOf(copy, 0, 6), [0, 1, 2, 3, 4, 8010]);
  assert.deepEqual(nextOf(copy, 0, 600), nextOf(queue, 0, 600));
});

test('numbers are exact up to 2^53', () => {
  const near = 2 ** 53 - 9000;
  const writer = new PieceWriter();
  for (const tag of [1, 2]) writer.byte(tag);
  writer.whole(near);
  for (const total of [near, near, 0, 0, 0, 0]) writer.whole(total);
  writer.byte(4);
  writer.whole(0);
  const queue = queueOf();
  queue.restore(writer.take());
  assert.deepEqual([queue.tail, queue.oldest], [near, near]);
  assert.equal(fill(queue, 8000), near);
  assert.deepEqual(nextOf(queue, 0, 2), [near, near + 1]);
  queue.lease(run(near, 8000), 1, FOREVER);
  queue.back(one(near + 7999, near + 4097), 0, 'failed');
  queue.settle(run(near, 4000), 'acked');
  assert.deepEqual(nextOf(queue), [near + 4097, near + 7999]);
  assert.deepEqual([...queue.heldBy(1)], [near + 4000, 97, near + 4098, 3901]);
  const copy = copyOf(queue);
  assert.equal(copy.digest(), queue.digest());
  assert.equal(copy.leaseOf(near + 4096), 1);
});

test('what changes while it is restated is not restated', () => {
  const queue = queueOf();
  fill(queue, 5);
  const pieces = queue.restate();
  pieces.next();
  fill(queue, 1);
  assert.throws(() => pieces.next(), { message: 'Queue "work" changed while it was restated. Take all pieces at once.' });
});

test('what is no restated queue is refused', () => {
  const queue = queueOf();
  fill(queue, 300);
  const [piece = new Uint8Array()] = [...queue.restate()];
  assert.throws(() => queue.restore(piece), /cannot be restored over/);
  const fresh = () => new Queue(1, '/', { kind: 'queue', name: 'q' });
  assert.throws(() => fresh().restore(piece.subarray(3)), /do not come in order/);
  assert.throws(() => fresh().restore(Uint8Array.of(1, 99)), /version 99/);
  assert.throws(() => fresh().restore(piece.subarray(0, piece.length - 4)), /breaks off/);
  const foreign = piece.slice();
  foreign[foreign.length - 3] = 77;
  assert.throws(() => fresh().restore(foreign), /unknown kind 77/);
  const fewer = piece.slice();
  fewer[fewer.length - 2] = (fewer.at(-2) ?? 0) ^ 1;
  assert.throws(() => fresh().restore(fewer), /holds 301 messages, and 300 came/);
});

test('numbers and texts are exact, near or far', () => {
  const writer = new PieceWriter();
  const values = [0, 1, -1, 63, 64, -64, 1e15, -1e15, 2 ** 53, -(2 ** 53), 0.5, 1e300, FOREVER, -FOREVER];
  for (const value of values) for (const former of [0, 1, 2 ** 52, 0.25, FOREVER]) writer.near(value, former);
  for (const whole of [0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53]) writer.whole(whole);
  writer.text('a\ud800é');
  const reader = new PieceReader(writer.take());
  for (const value of values) for (const former of [0, 1, 2 ** 52, 0.25, FOREVER]) assert.equal(reader.near(former), value);
  for (const whole of [0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53]) assert.equal(reader.whole(), whole);
  assert.equal(reader.text(), 'a\ud800é');
  assert.ok(reader.isAtEnd);
});

test('a position far along the journal comes back whole', () => {
  const queue = queueOf();
  const far = position(100_000_000, 67_108_000) as Position;
  queue.push(far, 800, 0, 0, 0, FOREVER, undefined);
  assert.equal(copyOf(queue).position(0), far);
});
