import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CountingDisk } from './counting-disk.ts';
import { diskWith, takeFiles } from './files-fixture.ts';
import { append, DIRECTORY, memoryHost, offset, openLog, readAll, type TestRecord, valuesOf } from './fixture.ts';

const OLD = 1000;
/** Long enough that every append of three begins another segment of 300 bytes. */
const pad = '.'.repeat(60);
const put = (key: string, value: string): TestRecord => ({ key, value: value + pad });
const gone = (key: string): TestRecord => ({ key, value: '' });

async function logOf(batches: readonly (readonly (TestRecord | string)[])[], options: Parameters<typeof openLog>[1] = {}) {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 300, ...options });
  for (const [i, batch] of batches.entries()) append(log, batch, OLD + i);
  append(log, ['the active segment stays as it is', 'whatever it holds']);
  await log.sync();
  return { host, log };
}

async function seen(log: Awaited<ReturnType<typeof openLog>>) {
  return (await readAll(log)).map(({ offset, key, value }) => `${offset}:${key}=${value.replace(pad, '')}`);
}

test('of each key the last record stays, with its offset and time; records without a key stay', async () => {
  const { host, log } = await logOf([
    [put('a', '1'), put('b', '1'), 'no key'],
    [put('a', '2'), put('c', '1'), put('c', '2')],
    [put('b', '2'), put('d', '1'), 'no key'],
  ]);
  const { removed } = await log.compact(OLD, log.end, 1e9);
  assert.equal(removed, 3);
  const expected = ['2:=no key', '3:a=2', '5:c=2', '6:b=2', '7:d=1', '8:=no key'];
  assert.deepEqual((await seen(log)).slice(0, 6), expected);
  assert.deepEqual((await readAll(log)).map(({ timeMs }) => timeMs - OLD).slice(0, 6), [0, 1, 1, 2, 2, 2]);
  await log.close();
  const again = await openLog(host, { segmentBytes: 300 });
  assert.deepEqual((await seen(again)).slice(0, 6), expected);
  assert.deepEqual([again.start, again.end], [0, 11]);
});

test('a second compaction finds nothing to do, and writes nothing', async () => {
  const { host, log } = await logOf([
    [put('a', '1'), put('b', '1')],
    [put('a', '2'), put('e', '2'), put('f', '2')],
    [put('g', '1'), put('h', '1')],
  ]);
  assert.equal((await log.compact(OLD, log.end, 1e9)).removed, 1);
  const before = await takeFiles(host.disk);
  assert.equal((await log.compact(OLD, log.end, 1e9)).removed, 0);
  assert.deepEqual(await takeFiles(host.disk), before);
});

test('only segments that are closed and wholly below the limit are compacted', async () => {
  const batches = [[put('a', '1'), put('b', '1'), put('c', '1')], [put('a', '2'), put('b', '2'), put('c', '2')], [put('a', '3')]];
  const { log } = await logOf(batches);
  assert.equal((await log.compact(OLD, offset(5), 1e9)).removed, 0);
  assert.equal((await log.compact(OLD, offset(6), 1e9)).removed, 3);
  assert.deepEqual((await seen(log)).slice(0, 4), ['3:a=2', '4:b=2', '5:c=2', '6:a=3']);
});

test('a tombstone removes its key, stays as long as it is young, and then goes itself', async () => {
  const { log } = await logOf([
    [put('a', '1'), put('b', '1'), put('c', '1')],
    [gone('a'), put('x', '1'), put('y', '1')],
    [put('z', '1'), put('w', '1'), put('v', '1')],
  ]);
  const time = OLD + 1;
  assert.equal((await log.compact(time + 10, log.end, 10)).removed, 1);
  assert.deepEqual((await seen(log)).slice(0, 3), ['1:b=1', '2:c=1', '3:a=']);
  assert.equal((await log.compact(time + 10, log.end, 10)).removed, 0, 'ten old is not older than ten');
  assert.equal((await log.compact(time + 11, log.end, 10)).removed, 1);
  assert.deepEqual((await seen(log)).slice(0, 3), ['1:b=1', '2:c=1', '4:x=1']);
});

test('a tombstone that is old already goes in the same pass as what it buries', async () => {
  const { log } = await logOf([
    [put('a', '1'), put('b', '1'), put('c', '1')],
    [gone('a'), gone('b'), put('c', '2'), put('d', '1')],
  ]);
  assert.equal((await log.compact(OLD + 100, log.end, 0)).removed, 5);
  assert.deepEqual((await seen(log)).slice(0, 2), ['5:c=2', '6:d=1']);
});

test('what a compaction leaves of several segments becomes one', async () => {
  const batches = Array.from({ length: 20 }, (_, i) => [put('a', `${i}`), put('b', `${i}`), put(`only ${i}`, '')]);
  const { host, log } = await logOf(batches);
  assert.equal((await host.disk.list(DIRECTORY)).length, 21);
  await log.compact(OLD, log.end, 1e9);
  assert.equal((await host.disk.list(DIRECTORY)).length, 21, 'one after another, as they were full');
  await log.compact(OLD, log.end, 1e9);
  append(log, [put('new', '1'), put('new', '2'), put('new', '3')]);
  append(log, [`active${pad.repeat(4)}`]);
  await log.sync();
  await log.compact(OLD, log.end, 1e9);
  const names = await host.disk.list(DIRECTORY);
  assert.ok(names.length < 16, `${names.length} files are left`);
  const expected = [...Array.from({ length: 20 }, (_, i) => `only ${i}`), 'a', 'b', '', '', 'new', ''].sort();
  assert.deepEqual((await readAll(log)).map(({ key }) => key).sort(), expected);
  await log.close();
  const again = await openLog(host, { segmentBytes: 300 });
  assert.deepEqual((await readAll(again)).map(({ key }) => key).sort(), expected);
});

test('a log of which nothing is left goes on where it was', async () => {
  const { host, log } = await logOf(
    [
      [gone('a'), gone('b'), gone('c')],
      [gone('a'), gone('b'), gone('c')],
    ],
    { segmentBytes: 80 },
  );
  await log.compact(OLD + 10, log.end, 0);
  assert.deepEqual((await seen(log)).length, 2);
  assert.equal((await log.fetch(offset(0), offset(4), 100)).next, 4);
  assert.equal((await log.fetch(offset(0), offset(4), 100)).records.count, 0);
  await log.close();
  const again = await openLog(host, { segmentBytes: 80 });
  assert.deepEqual([again.start, again.end], [0, 8]);
  append(again, ['more']);
  assert.deepEqual(
    (await readAll(again)).map(({ offset }) => offset),
    [6, 7, 8],
  );
});

test('fetches, times and limits hold over the gaps', async () => {
  const { log } = await logOf([
    [put('a', '1'), put('b', '1'), put('a', '2')],
    [put('a', '3'), put('b', '2'), put('c', '1')],
    [put('a', '4'), put('d', '1'), put('e', '1')],
  ]);
  await log.compact(OLD, log.end, 1e9);
  assert.deepEqual((await seen(log)).slice(0, 5), ['4:b=2', '5:c=1', '6:a=4', '7:d=1', '8:e=1']);
  for (let from = 0; from <= 9; from++) {
    assert.equal((await readAll(log, offset(from), offset(9), 1))[0]?.offset, from === 9 ? undefined : Math.max(from, 4));
    assert.equal((await log.fetch(offset(0), offset(from), 1e6)).next, from, 'whoever has read all below a limit goes on from there');
  }
  assert.equal(await log.offsetAt(OLD, log.end), 4);
  assert.equal(await log.offsetAt(OLD + 2, log.end), 6);
});

test('with few keys in memory at once the rest is left for the next time', async () => {
  const batches = Array.from({ length: 12 }, (_, i) => [put(`k${i % 6}`, `${i}`), put(`k${(i + 1) % 6}`, `${i}`), put(`m${i}`, '')]);
  const { log } = await logOf(batches, { compactKeysMax: 4 });
  const all = await logOf(batches);
  await all.log.compact(OLD, all.log.end, 1e9);
  let rounds = 0;
  while ((await log.compact(OLD, log.end, 1e9)).removed > 0) rounds++;
  assert.ok(rounds > 2);
  assert.deepEqual(await seen(log), await seen(all.log));
});

test('whoever reads while files are replaced reads on', async () => {
  const batches = Array.from({ length: 30 }, (_, i) => [put('a', `${i}`), put(`k${i}`, '1'), put(`l${i}`, '1')]);
  const { log } = await logOf(batches, { segmentBytes: 1000 });
  const reads = Promise.all(Array.from({ length: 20 }, (_, i) => readAll(log, offset(4 * i), log.end, 300)));
  await Promise.all([log.compact(OLD, log.end, 1e9), reads]);
  for (const [i, all] of (await reads).entries()) {
    const keys = new Set(all.map(({ key }) => key));
    for (let k = Math.ceil((4 * i) / 3); k < 30; k++) assert.ok(keys.has(`l${k}`), `reader ${i} missed l${k}`);
  }
});

test('a disk that is full or fails ends a compaction, and nothing else', async () => {
  for (const code of ['ENOSPC', 'EIO']) {
    const disk = new CountingDisk();
    const log = await openLog(memoryHost(disk), { segmentBytes: 300 });
    for (let i = 0; i < 5; i++) append(log, [put('a', `${i}`), put('b', `${i}`), put(`${i}`, '')]);
    await log.sync();
    const before = await seen(log);
    const names = await disk.list(DIRECTORY);
    disk.before = (call, path) => {
      if (call === 'write' && path.endsWith('.new')) throw Object.assign(new Error(code), { code });
    };
    await assert.rejects(log.compact(OLD, log.end, 1e9), { code: code === 'EIO' ? 'EIO' : 'disk-full' });
    assert.deepEqual(await disk.list(DIRECTORY), names);
    disk.before = () => {};
    assert.deepEqual(await seen(log), before);
    append(log, ['more']);
    await log.sync();
    assert.equal((await log.compact(OLD, log.end, 1e9)).removed, 8);
  }
});

test('without keyOf nothing is compacted', async () => {
  const host = memoryHost();
  const { log } = await logOf([
    [put('a', '1'), put('a', '2')],
    [put('a', '3'), put('a', '4')],
  ]);
  await log.close();
  const files = await takeFiles(host.disk);
  const plain = memoryHost(await diskWith(files));
  const { PartitionLog } = await import('../../src/log/log.ts');
  const without = await PartitionLog.open(plain, { directory: DIRECTORY, onFailure: assert.ifError });
  assert.deepEqual(await without.compact(OLD, without.end, 0), { removed: 0 });
  assert.deepEqual(await valuesOf(without), []);
});
