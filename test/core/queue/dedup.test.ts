import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dedup } from '../../../src/core/queue/dedup.ts';
import { copyOf, queueOf } from './queue-of.ts';

test('an id is known inside the window, and not a moment longer', () => {
  const queue = queueOf({ dedupWindowMs: 100 });
  queue.remember('a', 7, 1000);
  assert.equal(queue.seen('a', 1000), 7);
  assert.equal(queue.seen('a', 1099), 7);
  assert.equal(queue.seen('a', 1100), undefined);
  assert.equal(queue.seen('b', 1000), undefined);
  queue.remember('a', 9, 1100);
  assert.equal(queue.seen('a', 1150), 9);
});

test('a queue without a window knows none', () => {
  const queue = queueOf();
  queue.remember('a', 1, 0);
  assert.equal(queue.seen('a', 0), undefined);
  assert.equal(queue.digest(), queueOf().digest());
});

test('the window survives restoring, whatever the ids are made of', () => {
  const queue = queueOf({ dedupWindowMs: 100 });
  const ids = ['', 'plain', 'ünï\u{1f600}', '\ud800 alone', '\u0000'];
  for (const [i, id] of ids.entries()) queue.remember(id, i, 1000.25 + i);
  const copy = copyOf(queue);
  for (const [i, id] of ids.entries()) assert.equal(copy.seen(id, 1050), i);
  assert.equal(copy.digest(), queue.digest());
  for (const one of [queue, copy]) one.remember('new', 9, 1102);
  assert.equal(copy.digest(), queue.digest(), 'both forgot the same');
  assert.equal(copy.seen('plain', 1050), undefined);
});

test('what is over is forgotten as new ones come', () => {
  const dedup = new Dedup();
  for (let i = 0; i < 10_000; i++) dedup.remember(`id ${i}`, i, i, 50);
  const left = [...dedup.entries()];
  assert.deepEqual(left[0], ['id 9950', 9950, 9950]);
  assert.equal(left.length, 50);
});

test('an id remembered anew counts from then, once', () => {
  const dedup = new Dedup();
  dedup.remember('a', 1, 0, 50);
  dedup.remember('b', 2, 10, 50);
  dedup.add('a', 3, 20);
  assert.deepEqual(
    [...dedup.entries()],
    [
      ['b', 2, 10],
      ['a', 3, 20],
    ],
  );
  dedup.remember('c', 4, 65, 50);
  assert.equal(dedup.seen('b', 55, 50), undefined);
  assert.equal(dedup.seen('a', 69, 50), 3);
});
