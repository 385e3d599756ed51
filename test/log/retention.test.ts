import assert from 'node:assert/strict';
import { test } from 'node:test';
import { append, DIRECTORY, memoryHost, numbered, offset, openLog } from './fixture.ts';

/** One batch of 200 bytes or so to a segment, at times 0, 10, 20 … */
async function filled(count = 6) {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 200 });
  const starts: number[] = [];
  for (let i = 0; i < count; i++) {
    starts.push(log.end);
    append(log, ['x'.repeat(120)], i * 10);
  }
  await log.sync();
  assert.equal((await host.disk.list(DIRECTORY)).length, count);
  return { host, log, starts };
}

test('without limits everything stays', async () => {
  const { log } = await filled();
  assert.equal(log.retainFrom(1e9, undefined, undefined), 0);
});

test('by age: segments go whose last record is older than that', async () => {
  const { log } = await filled();
  assert.equal(log.retainFrom(30, 20, undefined), 1);
  assert.equal(log.retainFrom(30, 30, undefined), 0);
  assert.equal(log.retainFrom(45, 20, undefined), 3);
  assert.equal(log.retainFrom(65, 20, undefined), 5);
});

test('by size: as many go as leave at least that much', async () => {
  const { log } = await filled();
  const one = log.sizeBytes / 6;
  assert.equal(log.retainFrom(0, undefined, log.sizeBytes), 0);
  assert.equal(log.retainFrom(0, undefined, log.sizeBytes - 1), 0);
  assert.equal(log.retainFrom(0, undefined, log.sizeBytes - one), 1);
  assert.equal(log.retainFrom(0, undefined, 2 * one), 4);
  assert.equal(log.retainFrom(0, undefined, 0), 5, 'never the active segment');
});

test('when everything is too old, the active segment goes as well', async () => {
  const { host, log } = await filled();
  assert.equal(log.retainFrom(1000, 20, undefined), 6);
  await log.trim(offset(6));
  assert.deepEqual([log.start, log.end], [6, 6]);
  assert.deepEqual(await host.disk.list(DIRECTORY), ['00000000000000000006-0.log']);
  assert.equal(log.retainFrom(9999, 20, 0), 6);
});

test('a segment whose oldest record is due takes no more, so that what is due can go in time', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  append(log, numbered(0, 3), 0);
  append(log, numbered(3, 3), 90);
  assert.equal(log.retainFrom(101, 100, undefined), 0);
  append(log, numbered(6, 3), 101);
  assert.equal(log.retainFrom(191, 100, undefined), 6);
  await log.trim(offset(6));
  assert.deepEqual(await host.disk.list(DIRECTORY), ['00000000000000000006-0.log']);
});

test('an answer never lies before the start', async () => {
  const { log } = await filled();
  await log.trim(offset(3));
  assert.equal(log.retainFrom(0, 1000, undefined), 3);
});

test('what a truncation left dead in a file does not count as kept', async () => {
  const log = await openLog(memoryHost(), { segmentBytes: 100_000 });
  append(log, numbered(0, 10), 0);
  const batch = log.sizeBytes;
  // Twice: the second file then is one with a file before it.
  for (const end of [5, 15]) {
    for (let i = 0; i < 9; i++) append(log, numbered(log.end, 10), i);
    await log.sync();
    await log.truncate(offset(end));
  }
  append(log, numbered(15, 10), 20);
  await log.sync();
  assert.equal(log.retainFrom(30, undefined, 3 * batch), 0, 'one batch lives in the second file, eight are dead, and one comes after');
  assert.equal(log.retainFrom(30, undefined, 1.5 * batch), 5);
});
