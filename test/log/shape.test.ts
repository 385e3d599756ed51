import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examineLog } from '../../src/log/log.ts';
import { CountingDisk } from './counting-disk.ts';
import { batchesOf, takeFiles } from './files-fixture.ts';
import { append, DIRECTORY, memoryHost, numbered, offset, openLog, readAll, recordsOf, valuesOf } from './fixture.ts';

/** 30 batches of two, a few to a segment. */
async function filled(segmentBytes = 500) {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes });
  for (let i = 0; i < 30; i++) append(log, numbered(2 * i, 2), 1000 + i);
  await log.sync();
  return { host, log };
}

async function bases(disk: { list(directory: string): Promise<string[]> }): Promise<number[]> {
  return (await disk.list(DIRECTORY)).map((name) => Number(name.slice(0, 20)));
}

test('trim moves the start at once, and removes the segments wholly before it', async () => {
  const { host, log } = await filled();
  const before = await bases(host.disk);
  const third = before[2] ?? 0;
  const done = log.trim(offset(third + 1));
  assert.equal(log.start, third + 1);
  await done;
  assert.deepEqual(await bases(host.disk), before.slice(2));
  assert.deepEqual(await valuesOf(log), numbered(third + 1, 60 - third - 1));
  await assert.rejects(log.fetch(offset(third), log.end, 10), { code: 'out-of-range' });
  await log.trim(offset(3));
  assert.equal(log.start, third + 1, 'a start never goes back');
  await log.close();
  const again = await openLog(host, { segmentBytes: 500 });
  assert.equal(again.start, third, 'the place inside of a segment is for the caller to remember');
  await again.trim(offset(third + 1));
  assert.equal(again.start, third + 1);
});

test('a file that a full disk did not let go is removed before any that comes later: a trimmed log opens again', async () => {
  for (const how of ['trim', 'compact'] as const) {
    const disk = new CountingDisk();
    const host = memoryHost(disk);
    const log = await openLog(host, { segmentBytes: 300 });
    for (let i = 0; i < 30; i++) append(log, [{ key: 'a', value: `${i}` }, ...numbered(2 * i, 2)], 1000 + i);
    await log.sync();
    const names = await bases(disk);
    disk.before = (call, path) => {
      if (call === 'write' && path.endsWith('-0.log')) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const asked = how === 'trim' ? log.trim(offset(names[1] ?? 0)) : log.compact(5000, log.end, 1e9);
    await assert.rejects(asked, { code: 'disk-full' });
    disk.before = () => {};
    await log.trim(offset((names[3] ?? 0) + 1));
    const left = await readAll(log);
    if (how === 'trim') assert.deepEqual(await bases(disk), names.slice(3));
    assert.equal((await bases(disk)).filter((base) => base < log.start).length, 1);
    await log.close();
    const again = await openLog(host, { segmentBytes: 300 });
    await again.trim(log.start);
    assert.deepEqual(await readAll(again), left);
    await again.close();
  }
});

test('a log trimmed to its end remembers where that was', async () => {
  const { host, log } = await filled();
  await log.trim(log.end);
  assert.deepEqual(await bases(host.disk), [60]);
  assert.deepEqual([log.start, log.end, log.sizeBytes], [60, 60, 0]);
  await log.close();
  const again = await openLog(host);
  assert.deepEqual([again.start, again.end], [60, 60]);
  append(again, ['more']);
  assert.deepEqual(await valuesOf(again), ['more']);
  await again.close();
  assert.deepEqual(await valuesOf(await openLog(host)), ['more']);
});

test('what is still in memory may be trimmed, too', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 500 });
  append(log, numbered(0, 60));
  await log.trim(offset(60));
  assert.deepEqual(await bases(host.disk), [60]);
  append(log, ['v60']);
  assert.deepEqual(await valuesOf(log), ['v60']);
});

test('whoever reads what is being trimmed away gets it, or is told that it is gone', async () => {
  const { log } = await filled(200);
  const reads = Array.from({ length: 20 }, (_, i) =>
    valuesOf(log, offset(2 * i)).then(undefined, (error: { code?: string }) => error.code),
  );
  await log.trim(offset(50));
  for (const [i, read] of (await Promise.all(reads)).entries()) {
    if (read !== 'out-of-range') assert.deepEqual(read, numbered(2 * i, 60 - 2 * i));
  }
});

test('truncate drops what is behind, at any offset', async () => {
  for (let end = 0; end <= 60; end += 1) {
    const { host, log } = await filled();
    await log.truncate(offset(end));
    assert.deepEqual([log.end, log.synced], [end, end]);
    assert.deepEqual(await valuesOf(log), numbered(0, end));
    append(log, ['new'], 5000);
    assert.equal(await log.offsetAt(5000, log.end), end);
    assert.deepEqual(await valuesOf(log), [...numbered(0, end), 'new']);
    await log.sync();
    const files = await takeFiles(host.disk);
    await log.close();
    assert.deepEqual(await valuesOf(await openLog(host)), [...numbered(0, end), 'new']);
    assert.ok([...files.keys()].length <= 16);
  }
});

test('truncate leaves every batch as it is: a new file says where the log goes on', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  append(log, numbered(0, 10));
  append(log, numbered(10, 10), 2000);
  append(log, numbered(20, 10), 3000);
  await log.sync();
  await log.truncate(offset(15));
  assert.deepEqual(await host.disk.list(DIRECTORY), ['00000000000000000000-0.log', '00000000000000000015-0.log']);
  assert.equal(batchesOf((await takeFiles(host.disk)).get('00000000000000000000-0.log') ?? new Uint8Array(0)).length, 3);
  append(log, ['new', 'newer'], 500);
  const expected = [...numbered(0, 15), 'new', 'newer'];
  assert.deepEqual(await valuesOf(log), expected);
  assert.deepEqual(
    (await readAll(log, offset(12), offset(16), 30)).map(({ value }) => value),
    ['v12', 'v13', 'v14', 'new'],
  );
  assert.equal(await log.offsetAt(2500, log.end), 17, 'what is dead is not found by its time either');
  assert.equal(await log.offsetAt(2000, log.end), 10);
  await log.close();
  const again = await openLog(host);
  assert.deepEqual(await valuesOf(again), expected);
  assert.deepEqual([again.end, again.synced], [17, 17]);
  await again.compact(9999, again.end, 0);
  assert.deepEqual(await valuesOf(again), expected);
});

test('dead records are not kept by a compaction, and do not make others void', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  append(log, [
    { key: 'a', value: '1' },
    { key: 'b', value: '1' },
    { key: 'b', value: '2' },
    { key: 'a', value: 'dead' },
    { key: 'b', value: 'dead' },
  ]);
  await log.truncate(offset(3));
  append(log, [{ key: 'c', value: '1' }]);
  await log.sync();
  assert.equal((await log.compact(9999, log.end, 0)).removed, 1);
  const expected = ['0:a=1', '2:b=2', '3:c=1'];
  const seen = async (one: typeof log) => (await readAll(one)).map(({ offset, key, value }) => `${offset}:${key}=${value}`);
  assert.deepEqual(await seen(log), expected);
  await log.close();
  assert.deepEqual(await seen(await openLog(host)), expected);
});

test('what was compacted can be truncated, written again and compacted again', async () => {
  const host = memoryHost();
  const options = { segmentBytes: 300 };
  let log = await openLog(host, options);
  const batch = (i: number) => ['a', 'b', `only${i}`].map((key) => ({ key, value: `${key}${i}${'.'.repeat(60)}` }));
  const seen = async () => (await readAll(log)).map(({ offset, key }) => `${offset}${key}`);
  for (let i = 0; i < 8; i++) append(log, batch(i), i);
  await log.sync();
  for (let round = 0; round < 3; round++) {
    await log.compact(100, log.end, 1e9);
    // Before the segments of the same file end, in a file that holds more than counts.
    await log.truncate(offset(10));
    await log.close();
    log = await openLog(host, options);
    assert.deepEqual([log.start, log.end], [0, 10]);
    assert.deepEqual((await seen()).slice(0, 3), ['2only0', '5only1', '8only2']);
    log.append(offset(10), 3, recordsOf(batch(3)), Uint32Array.of(1, 2));
    for (let i = 4; i < 8; i++) append(log, batch(i), i);
    await log.sync();
    await log.compact(100, log.end, 1e9);
    await log.close();
    const examined = await examineLog(host.disk, DIRECTORY);
    assert.equal(examined.findings.length, 0);
    log = await openLog(host, options);
    assert.equal(log.end, 24);
    assert.deepEqual((await seen()).slice(-3), ['21a', '22b', '23only7']);
    assert.deepEqual((await seen()).filter((one) => one.includes('only')).length, 8);
  }
});

test('a compaction of what follows a truncation does not bring back what was dropped', async () => {
  const host = memoryHost();
  const options = { segmentBytes: 500 };
  let log = await openLog(host, options);
  const put = (...keys: string[]) =>
    append(
      log,
      keys.map((key) => ({ key, value: `${key}${'.'.repeat(60)}` })),
      log.end,
    );
  const keys = async () => (await readAll(log)).map(({ offset, key }) => `${offset}${key}`);
  put('x', 'a', 'b', 'c', 'd', 'e');
  put('x', 'f', 'g', 'h', 'i', 'j');
  put('k', 'l');
  await log.sync();
  assert.equal((await log.compact(100, log.end, 1e9)).removed, 1);
  await log.truncate(offset(4));
  put('y', 'y', 'm', 'n', 'o', 'p');
  put('q', 'r');
  for (let round = 0; round < 2; round++) {
    await log.close();
    log = await openLog(host, options);
    const expected = ['1a', '2b', '3c', ...(round === 0 ? ['4y'] : []), '5y', '6m', '7n', '8o', '9p', '10q', '11r'];
    assert.deepEqual(await keys(), expected);
    await log.compact(100, log.end, 1e9);
    assert.deepEqual(
      await keys(),
      expected.filter((one) => one !== '4y'),
    );
  }
});

test('a log cut back to the end of a segment goes on in a new one', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 500 });
  append(log, ['small'], 1);
  append(log, ['x'.repeat(450)], 2);
  await log.sync();
  assert.equal((await bases(host.disk)).length, 2);
  await log.truncate(offset(1));
  append(log, ['next'], 3);
  await log.sync();
  assert.deepEqual([log.end, log.synced], [2, 2]);
  assert.deepEqual(await bases(host.disk), [0, 1]);
  await log.close();
  assert.deepEqual(await valuesOf(await openLog(host)), ['small', 'next']);
});

test('truncate at or behind the end does nothing, and before the first segment is refused', async () => {
  const { log } = await filled();
  await log.truncate(offset(60));
  await log.truncate(offset(99));
  assert.equal(log.end, 60);
  await log.trim(offset(40));
  await assert.rejects(log.truncate(offset(1)), { code: 'out-of-range' });
});

test('after a truncation the dropped offsets are new ones', async () => {
  const { log } = await filled();
  await log.truncate(offset(10));
  log.append(offset(10), 1, recordsOf(['other']));
  assert.throws(() => log.append(offset(10), 1, recordsOf(['again'])), /ends with offset 11/);
  assert.deepEqual((await valuesOf(log)).slice(9), ['v9', 'other']);
});

test('a truncation and an append at the same time are a mistake of the caller', async () => {
  const { log } = await filled();
  const cut = log.truncate(offset(10));
  await Promise.resolve();
  assert.throws(() => append(log, ['x']), /while the log is truncated/);
  await cut;
});
