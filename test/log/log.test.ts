import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { PartitionLog } from '../../src/log/log.ts';
import type { Records } from '../../src/model/record.ts';
import { CountingDisk } from './counting-disk.ts';
import { append, DIRECTORY, memoryHost, numbered, offset, openLog, readAll, recordsOf, seenIn, valuesOf } from './fixture.ts';

test('a log that was never written to is empty, and leaves nothing on the disk', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  assert.deepEqual([log.start, log.end, log.synced, log.sizeBytes], [0, 0, 0, 0]);
  const slice = await log.fetch(offset(0), offset(0), 1000);
  assert.deepEqual([slice.records.count, slice.next], [0, 0]);
  await log.sync();
  await log.close();
  assert.deepEqual(await host.disk.list('data'), []);
});

test('what was appended is read back with its offsets and times, before and after it was written', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  append(log, ['a', { key: 'k', value: 'b' }], 1000);
  append(log, ['c'], 2000);
  const expected = [
    { offset: 0, key: '', value: 'a', timeMs: 1000 },
    { offset: 1, key: 'k', value: 'b', timeMs: 1000 },
    { offset: 2, key: '', value: 'c', timeMs: 2000 },
  ];
  assert.deepEqual(await readAll(log), expected);
  assert.equal(log.synced, 0);
  await log.sync();
  assert.equal(log.synced, 3);
  assert.deepEqual(await readAll(log), expected);
  await log.close();
  const again = await openLog(host);
  assert.deepEqual([again.start, again.end, again.synced], [0, 3, 3]);
  assert.deepEqual(await readAll(again), expected);
});

test('records are copied at once, and a fetch gives a copy', async () => {
  const log = await openLog(memoryHost());
  const records = recordsOf(['first', 'second']);
  log.append(offset(0), 1, records);
  records.bytes.fill(0);
  const { records: mine } = await log.fetch(offset(0), log.end, 1000);
  mine.bytes.fill(0);
  assert.deepEqual(await valuesOf(log), ['first', 'second']);
});

test('picks take single records and runs, in their order', async () => {
  const log = await openLog(memoryHost());
  log.append(offset(0), 1, recordsOf(numbered(0, 10)), Uint32Array.of(7, 1, 2, 3, 9));
  log.append(offset(5), 1, recordsOf(numbered(20, 3)), Uint32Array.of());
  assert.deepEqual(await valuesOf(log), ['v7', 'v1', 'v2', 'v3', 'v9']);
});

test('records that begin in the middle of a buffer are found', async () => {
  const log = await openLog(memoryHost());
  const { bytes, ends } = recordsOf(numbered(0, 5));
  const records: Records = { bytes, start: ends[1] ?? 0, ends: ends.subarray(2), count: 3 };
  log.append(offset(0), 1, records);
  assert.deepEqual(await valuesOf(log), ['v2', 'v3', 'v4']);
});

test('a gap, a repeat, a record of the wrong size and a missing time are mistakes of the caller', async () => {
  const log = await openLog(memoryHost());
  append(log, ['a']);
  assert.throws(() => log.append(offset(2), 1, recordsOf(['b'])), /ends with offset 1/);
  assert.throws(() => log.append(offset(0), 1, recordsOf(['b'])), /ends with offset 1/);
  assert.throws(() => log.append(offset(1), Number.NaN, recordsOf(['b'])), /needs a time/);
  const records = recordsOf(['b', 'c']);
  records.bytes[0] = 99;
  assert.throws(() => log.append(offset(1), 1, records), /says it has 99 bytes/);
  assert.throws(() => log.append(offset(1), 1, recordsOf(['b']), Uint32Array.of(4)), /Record 4/);
  assert.deepEqual(await valuesOf(log), ['a']);
});

test('replay passes over what the log has and appends only what is missing', async () => {
  const host = memoryHost();
  const before = await openLog(host);
  append(before, numbered(0, 5));
  await before.close();
  const log = await openLog(host);
  log.append(offset(0), 1, recordsOf(numbered(0, 3)));
  assert.throws(() => log.append(offset(6), 1, recordsOf(['v6'])), /ends with offset 5/);
  log.append(offset(3), 1, recordsOf(numbered(3, 4)));
  log.append(offset(2), 1, recordsOf(numbered(2, 3)), Uint32Array.of(0, 1, 2));
  assert.equal(log.end, 7);
  assert.throws(() => log.append(offset(4), 1, recordsOf(numbered(4, 3))), /ends with offset 7/);
  assert.deepEqual(await valuesOf(log), numbered(0, 7));
});

test('a fetch stays below `before`, within the size, at whole batches where it can, and gives one record always', async () => {
  const log = await openLog(memoryHost());
  for (let i = 0; i < 4; i++) append(log, numbered(i * 3, 3), 1000 + i);
  const fetch = async (from: number, before: number, sizeBytesMax: number) => {
    const slice = await log.fetch(offset(from), offset(before), sizeBytesMax);
    return [seenIn(slice).map(({ offset }) => offset), slice.next];
  };
  const one = recordsOf(['v0']).ends[0] ?? 0;
  for (const synced of [false, true]) {
    if (synced) await log.sync();
    assert.deepEqual(await fetch(0, 12, 3 * one), [[0, 1, 2], 3]);
    assert.deepEqual(await fetch(0, 12, 4 * one), [[0, 1, 2], 3], 'a batch that does not fit waits');
    assert.deepEqual(await fetch(1, 12, 2 * one), [[1, 2], 3]);
    assert.deepEqual(await fetch(1, 12, 5 * one), [[1, 2, 3, 4, 5], 6]);
    assert.deepEqual(await fetch(0, 12, 2 * one), [[0, 1], 2], 'of the first batch, what fits');
    assert.deepEqual(await fetch(4, 12, 0), [[4], 5]);
    assert.deepEqual(await fetch(4, 8, 1000), [[4, 5, 6, 7], 8]);
    assert.deepEqual(await fetch(4, 4, 1000), [[], 4]);
    assert.deepEqual(await fetch(12, 99, 1000), [[], 12]);
    assert.deepEqual(await fetch(5, 2, 1000), [[], 5]);
  }
});

test('offsets outside of the log are refused', async () => {
  const log = await openLog(memoryHost());
  append(log, numbered(0, 3));
  await assert.rejects(log.fetch(offset(4), offset(9), 10), { code: 'out-of-range' });
  await assert.rejects(log.fetch(offset(-1), offset(9), 10), { code: 'out-of-range' });
  await assert.rejects(log.fetch(offset(Number.NaN), offset(9), 10), { code: 'out-of-range' });
  await assert.rejects(log.trim(offset(4)), { code: 'out-of-range' });
});

test('many small appends of one moment share a batch; another time begins another', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  for (let i = 0; i < 100; i++) append(log, [`v${i}`], 5);
  const oneBatch = log.sizeBytes;
  assert.equal(oneBatch, 48 + (recordsOf(numbered(0, 100)).ends[99] ?? 0));
  append(log, ['v100'], 6);
  assert.equal(log.sizeBytes, oneBatch + 48 + (recordsOf(['v100']).ends[0] ?? 0));
  await log.sync();
  append(log, ['v101'], 6);
  assert.deepEqual(await valuesOf(log), numbered(0, 102), 'a batch that was written takes no more');
});

test('records much larger than batches, chunks, blocks and segments come back whole', async () => {
  const host = memoryHost();
  const options = { segmentBytes: 300_000, bufferBytes: 100_000 };
  const log = await openLog(host, options);
  const sizes = [10, 70_000, 3, 400_000, 0, 2_500_000, 65_000, 200];
  const values = sizes.map((size, i) => String.fromCharCode(97 + i).repeat(size));
  append(log, values);
  assert.deepEqual(await valuesOf(log), values);
  await log.sync();
  assert.deepEqual(await valuesOf(log), values);
  assert.equal((await log.fetch(offset(3), log.end, 1000)).records.count, 1);
  await log.close();
  assert.deepEqual(await valuesOf(await openLog(host, options)), values);
});

test('segments are closed at their size, and named by the offset they begin with', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 400 });
  for (let i = 0; i < 60; i++) append(log, [`v${i}`], 1000 + i);
  await log.sync();
  const names = await host.disk.list(DIRECTORY);
  assert.ok(names.length > 5);
  for (const name of names.slice(0, -1)) {
    const file = await host.disk.open(`${DIRECTORY}/${name}`);
    // A footer stands behind the batches.
    assert.ok((await file.sizeBytes()) <= 400 + 84, name);
  }
  assert.deepEqual(await valuesOf(log), numbered(0, 60));
  for (let from = 0; from <= 60; from++) assert.equal((await valuesOf(log, offset(from))).length, 60 - from);
});

test('the tail is read without touching the disk, and a large one is written in the background', async () => {
  const disk = new CountingDisk();
  const log = await openLog(memoryHost(disk), { bufferBytes: 2000 });
  const afterOpen = disk.calls;
  append(log, numbered(0, 20));
  assert.deepEqual(await valuesOf(log), numbered(0, 20));
  assert.equal(disk.calls, afterOpen);
  append(log, numbered(20, 200));
  await disk.called('write');
  assert.equal(disk.count('sync'), 0);
  await log.sync();
  assert.equal(log.unwrittenBytes, 0);
  assert.ok(disk.count('sync') > 0);
});

test('what came while the last large piece was written is written as well, though nothing follows it', async () => {
  const disk = new CountingDisk();
  const log = await openLog(memoryHost(disk), { bufferBytes: 2000, segmentBytes: 1000 });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  disk.before = (call) => (call === 'write' ? held : undefined);
  const first = disk.called('write');
  append(log, numbered(0, 200));
  await first;
  append(log, numbered(200, 400));
  release();
  while (log.unwrittenBytes > 2000) {
    const { calls } = disk;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(disk.calls > calls, `${log.unwrittenBytes} bytes wait, and nobody writes`);
  }
  assert.deepEqual(await valuesOf(log), numbered(0, 600));
});

test('a sync that was asked for twice before it began is one', async () => {
  const disk = new CountingDisk();
  const log = await openLog(memoryHost(disk));
  append(log, ['a']);
  await Promise.all([log.sync(), log.sync(), log.sync()]);
  assert.equal(disk.count('sync'), 1);
  await log.sync();
  assert.equal(disk.count('sync'), 1, 'nothing to do');
});

test('what is appended while a sync is under way is safe after the next one only', async () => {
  const log = await openLog(memoryHost());
  append(log, ['a']);
  const first = log.sync();
  await Promise.resolve();
  await Promise.resolve();
  append(log, ['b']);
  await first;
  assert.ok(log.synced >= 1);
  await log.sync();
  assert.equal(log.synced, 2);
});

test('a closed log says so', async () => {
  const log = await openLog(memoryHost());
  append(log, ['a']);
  await log.close();
  assert.throws(() => append(log, ['b']), { code: 'closed' });
  await assert.rejects(log.sync(), { code: 'closed' });
  await assert.rejects(log.fetch(offset(0), offset(1), 10), { code: 'closed' });
  await assert.rejects(log.trim(offset(0)), { code: 'closed' });
  await log.close();
});

test('offsetAt finds the first record that is not earlier, also where times run backwards', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 500 });
  const times = [10, 20, 15, 40, 40, 30, 50, 5, 60, 60];
  for (const [i, timeMs] of times.entries()) append(log, numbered(2 * i, 2), timeMs);
  const expected = (timeMs: number) => {
    const i = times.findIndex((t) => t >= timeMs);
    return i < 0 ? 20 : 2 * i;
  };
  for (let round = 0; round < 3; round++) {
    let last = 0;
    for (let timeMs = 0; timeMs < 70; timeMs++) {
      const found = await log.offsetAt(timeMs, log.end);
      assert.equal(found, expected(timeMs), `time ${timeMs}, round ${round}`);
      assert.ok(found >= last);
      last = found;
    }
    if (round === 0) await log.sync();
    if (round === 1) await log.trim(offset(1));
    if (round === 1) times[0] = 10;
    if (round === 1) break;
  }
  assert.equal(await log.offsetAt(0, log.end), 1, 'not before the start');
  assert.equal(await log.offsetAt(60, offset(9)), 9, 'not beyond what may be seen');
  assert.equal(await log.offsetAt(Number.POSITIVE_INFINITY, log.end), 20);
});

test('an answer by time may lie in any of many batches of one segment', async () => {
  const log = await openLog(memoryHost(), { segmentBytes: 8 << 20 });
  const value = 'x'.repeat(10_000);
  for (let i = 0; i < 200; i++) append(log, [value, value], i * 10);
  await log.sync();
  for (const i of [0, 1, 17, 50, 99, 150, 199]) {
    assert.equal(await log.offsetAt(i * 10 - 3, log.end), 2 * i);
    assert.equal(await log.offsetAt(i * 10, log.end), 2 * i);
    assert.equal(seenIn(await log.fetch(offset(2 * i + 1), log.end, 1))[0]?.offset, 2 * i + 1);
  }
});

test('two logs may share descriptors and buffers', async () => {
  const { LogFiles } = await import('../../src/log/log.ts');
  const host = memoryHost(new MemoryDisk());
  const files = new LogFiles(host, 2);
  const logs: PartitionLog[] = [];
  for (let i = 0; i < 8; i++)
    logs.push(await PartitionLog.open(host, { directory: `d/${i}`, segmentBytes: 300, files, onFailure: assert.ifError }));
  for (const log of logs) for (let i = 0; i < 30; i++) append(log, [`v${i}`], i);
  await Promise.all(logs.map((log) => log.sync()));
  const all = await Promise.all(logs.map((log) => valuesOf(log)));
  for (const values of all) assert.deepEqual(values, numbered(0, 30));
  await Promise.all(logs.map((log) => log.close()));
});

test('large records take memory that others have done with, and are read into that of the caller where they fit', async () => {
  const host = memoryHost(new MemoryDisk());
  const { LogFiles } = await import('../../src/log/log.ts');
  const files = new LogFiles(host);
  const block = files.takeBlock(1_500_000);
  assert.equal(block.bytes.length, 6 * 256 * 1024);
  files.giveBlock(block);
  assert.notEqual(files.takeBlock(500_000), block, 'far too large');
  assert.equal(files.takeBlock(1_400_000), block);
  files.giveBlock(block);
  const log = await openLog(host, { files });
  const values = Array.from({ length: 12 }, (_, i) => String.fromCharCode(97 + i).repeat(1_100_000 + 50_000 * (i % 3)));
  for (const [i, value] of values.entries()) {
    log.append(log.end, 1000, recordsOf([value]), undefined, { packs: undefined, timesMs: Float64Array.of(1000) });
    if (i % 5 === 4) await log.sync();
  }
  await log.sync();
  const room = new Uint8Array(2_000_000);
  const used: boolean[] = [];
  for (let from = log.start; from < log.end; ) {
    const slice = await log.fetch(from, log.end, 1, room);
    const [seen] = seenIn(slice);
    assert.equal(seen?.value, values[from]);
    used.push(slice.records.bytes === room);
    from = slice.next;
  }
  assert.deepEqual(new Set(used), new Set([true]));
  const small = new Uint8Array(1000);
  const slice = await log.fetch(offset(3), log.end, 1, small);
  assert.deepEqual([slice.records.bytes === small, seenIn(slice)[0]?.value], [false, values[3]]);
  const two = await log.fetch(offset(3), log.end, 2_400_000, room);
  assert.deepEqual(
    seenIn(two).map(({ value }) => value),
    values.slice(3, 5),
    'what did not fit any more',
  );
  await log.close();
});
