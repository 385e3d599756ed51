import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Feed } from '../../src/api/feed.ts';
import { Refused } from '../../src/model/refusal.ts';

test('values come in the order they were pushed, to who asks before or after', async () => {
  const feed = new Feed<number>();
  const first = feed.next();
  feed.push(1);
  feed.push(2);
  feed.push(3);
  assert.equal(await first, 1);
  assert.equal(feed.waiting, 2);
  assert.equal(await feed.next(), 2);
  assert.equal(await feed.next(), 3);
  assert.equal(feed.waiting, 0);
});

test('many values take no longer than their number, and keep their order', async () => {
  const feed = new Feed<number>();
  for (let n = 0; n < 5000; n++) feed.push(n);
  for (let n = 0; n < 3000; n++) assert.equal(await feed.next(), n);
  for (let n = 5000; n < 6000; n++) feed.push(n);
  for (let n = 3000; n < 6000; n++) assert.equal(await feed.next(), n);
});

test('an end hands out what was pushed, then nothing, or its error', async () => {
  const feed = new Feed<number>();
  feed.push(1);
  feed.end();
  feed.push(2);
  feed.fail(new Error('too late'));
  assert.deepEqual([await feed.next(), await feed.next(), await feed.next()], [1, undefined, undefined]);
  const told = new Feed<number>();
  told.push(1);
  told.end(new Error('gone'));
  assert.equal(await told.next(), 1);
  await assert.rejects(told.next(), /gone/);
  await assert.rejects(told.next(), /gone/);
});

test('a failure hands out nothing more, and leaves what was pushed to be taken back', async () => {
  const feed = new Feed<number>();
  for (const n of [1, 2, 3]) feed.push(n);
  assert.equal(await feed.next(), 1);
  feed.fail(new Error('broken'));
  await assert.rejects(feed.next(), /broken/);
  assert.deepEqual(feed.rest(), [2, 3]);
  assert.deepEqual(feed.rest(), []);
});

test('who waits hears of an end and of a failure', async () => {
  const ended = new Feed<number>();
  const waiting = ended.next();
  ended.end();
  assert.equal(await waiting, undefined);
  const failed = new Feed<number>();
  const inVain = failed.next();
  failed.fail(new Error('broken'));
  await assert.rejects(inVain, /broken/);
});

test('a signal ends it at once, also one that was aborted before', async () => {
  const stop = new AbortController();
  const feed = new Feed<number>(stop.signal);
  feed.push(1);
  stop.abort();
  await assert.rejects(feed.next(), (error: unknown) => error instanceof Refused && error.code === 'aborted');
  await assert.rejects(new Feed(AbortSignal.abort()).next(), Refused);
  const over = new AbortController();
  const done = new Feed<number>(over.signal);
  done.end();
  over.abort();
  assert.equal(await done.next(), undefined, 'after its end a signal changes nothing');
});
