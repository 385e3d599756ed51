import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogFiles } from '../../src/log/log.ts';
import { CountingDisk } from './counting-disk.ts';
import { append, DIRECTORY, memoryHost, numbered, offset, openLog, valuesOf } from './fixture.ts';

function failing(code: string): Error {
  return Object.assign(new Error(`${code}: the disk said no`), { code });
}

test('a failed sync is final: told once, never tried again, and every later sync rejects', async () => {
  for (const call of ['sync', 'syncDirectory', 'write', 'open', 'makeDirectory'] as const) {
    const disk = new CountingDisk();
    const told: Error[] = [];
    const log = await openLog(memoryHost(disk), { onFailure: (error) => told.push(error) });
    append(log, numbered(0, 3));
    disk.before = (asked) => {
      if (asked === call) throw failing('EIO');
    };
    await assert.rejects(log.sync(), { code: 'closed', message: /the disk said no.*Restart/ });
    assert.equal(disk.count(call), 1);
    disk.before = () => {};
    const calls = disk.calls;
    append(log, ['more']);
    await assert.rejects(log.sync(), { code: 'closed' });
    await assert.rejects(log.trim(offset(0)), { code: 'closed' });
    await assert.rejects(log.compact(0, log.end, 0), { code: 'closed' });
    assert.equal(disk.calls, calls, 'nothing is asked of the disk any more');
    assert.equal(told.length, 1, call);
    assert.equal(log.synced, 0);
    assert.deepEqual(await valuesOf(log), [...numbered(0, 3), 'more'], 'what is in memory can be read');
    await assert.rejects(log.close(), { code: 'closed' });
    assert.equal(disk.openNow, 0);
  }
});

test('a sync that succeeds while another one fails promises nothing', async () => {
  const disk = new CountingDisk();
  const log = await openLog(memoryHost(disk), { segmentBytes: 200, onFailure: () => {} });
  for (let i = 0; i < 4; i++) append(log, ['x'.repeat(80)], i);
  await log.sync();
  const [names, bytes] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  disk.before = async (call) => {
    if (call === 'sync' && disk.count('syncDirectory') > before) await bytes.promise;
    if (call === 'syncDirectory') await names.promise.then(() => Promise.reject(failing('EIO')));
  };
  const before = disk.count('syncDirectory');
  assert.equal((await disk.inner.list(DIRECTORY)).length, 4);
  const trimming = disk.called('syncDirectory');
  const trim = log.trim(offset(2));
  await trimming;
  append(log, ['y'], 3);
  const syncing = disk.called('sync');
  const sync = log.sync();
  await syncing;
  // The directory may have lost the name of the very file that is being synced.
  names.resolve();
  await assert.rejects(trim, { code: 'closed' });
  bytes.resolve();
  await assert.rejects(sync, { code: 'closed' });
  assert.deepEqual([log.synced, disk.count('syncDirectory')], [4, before + 1]);
});

test('a sync that says the disk is full is as final as any: only writes may be tried again', async () => {
  const disk = new CountingDisk();
  let told = 0;
  const log = await openLog(memoryHost(disk), { onFailure: () => told++ });
  append(log, ['a']);
  disk.before = (call) => {
    if (call === 'sync') throw failing('ENOSPC');
  };
  await assert.rejects(log.sync(), { code: 'closed' });
  assert.equal(told, 1);
});

test('a failed write in the background is told, too', async () => {
  const disk = new CountingDisk();
  const told = Promise.withResolvers<Error>();
  const log = await openLog(memoryHost(disk), { bufferBytes: 100, onFailure: told.resolve });
  disk.before = (call) => {
    if (call === 'write') throw failing('EIO');
  };
  append(log, numbered(0, 30));
  assert.match((await told.promise).message, /the disk said no/);
  await assert.rejects(log.sync(), { code: 'closed' });
});

test('while the disk is full syncs are refused, and the log goes on when there is room', async () => {
  for (const full of ['error', 'nothing taken'] as const) {
    const disk = new CountingDisk();
    const host = memoryHost(disk);
    const log = await openLog(host, { segmentBytes: 400, bufferBytes: 200 });
    append(log, numbered(0, 10), 1);
    await log.sync();
    let room = 100;
    disk.room = () => {
      if (full === 'error' && room === 0) throw failing('ENOSPC');
      const now = room;
      room = 0;
      return now;
    };
    for (let i = 1; i < 20; i++) append(log, numbered(10 * i, 10), i + 1);
    await assert.rejects(log.sync(), { code: 'disk-full', message: /no room to write .*\.log/ });
    await assert.rejects(log.sync(), { code: 'disk-full' });
    assert.equal(log.synced, 10);
    assert.deepEqual(await valuesOf(log), numbered(0, 200));
    disk.room = undefined;
    await log.sync();
    assert.equal(log.synced, 200);
    await log.close();
    assert.deepEqual(await valuesOf(await openLog(host)), numbered(0, 200));
  }
});

test('running out of descriptors passes', async () => {
  const disk = new CountingDisk();
  const log = await openLog(memoryHost(disk));
  append(log, ['a']);
  disk.before = (call) => {
    if (call === 'open') throw failing('EMFILE');
  };
  await assert.rejects(log.sync(), { code: 'EMFILE' });
  disk.before = () => {};
  await log.sync();
  assert.equal(log.synced, 1);
});

test('a write that takes only a part is gone on with', async () => {
  const disk = new CountingDisk();
  const host = memoryHost(disk);
  const log = await openLog(host);
  disk.room = () => 7;
  append(log, numbered(0, 50));
  await log.close();
  disk.room = undefined;
  assert.deepEqual(await valuesOf(await openLog(host)), numbered(0, 50));
});

test('a segment is synced, name and all, before the next one is made', async () => {
  const disk = new CountingDisk();
  const steps: string[] = [];
  const log = await openLog(memoryHost(disk), { segmentBytes: 200 });
  disk.before = (call, path) => {
    if (call !== 'makeDirectory') steps.push(`${call} ${Number(path.slice(-26, -6)) || path.slice(-6)}`);
  };
  for (let i = 0; i < 3; i++) append(log, ['x'.repeat(120)], i);
  await log.sync();
  const ofFirst = ['open -0.log', 'write -0.log', 'sync -0.log', 'syncDirectory opic/0', 'write -0.log'];
  assert.deepEqual(steps.slice(0, 6), [...ofFirst, 'open 1']);
  assert.deepEqual(steps.slice(6, 11), ['write 1', 'sync 1', 'syncDirectory opic/0', 'write 1', 'open 2']);
});

test('idle logs hold no descriptors beyond the limit, and those with unsynced bytes at most half of it', async () => {
  const disk = new CountingDisk();
  const host = memoryHost(disk);
  const files = new LogFiles(host, 6);
  const logs = await Promise.all(Array.from({ length: 30 }, (_, i) => openLog(host, { directory: `d/${i}`, files, bufferBytes: 100 })));
  for (let round = 0; round < 5; round++) {
    for (const log of logs) append(log, numbered(round * 20, 20));
    await Promise.all(logs.map((log) => valuesOf(log)));
  }
  await Promise.all(logs.map((log) => log.sync()));
  for (const log of logs) assert.deepEqual(await valuesOf(log), numbered(0, 100));
  assert.ok(disk.openMost <= 6, `${disk.openMost} were open at once`);
  await Promise.all(logs.map((log) => log.close()));
  assert.equal(disk.openNow, 0);
});

test('a file is not closed under one reader when another is done with it', async () => {
  const disk = new CountingDisk();
  const host = memoryHost(disk);
  const log = await openLog(host, { segmentBytes: 200, files: new LogFiles(host, 2) });
  for (let i = 0; i < 6; i++) append(log, ['x'.repeat(120)], i);
  await log.sync();
  const gate = Promise.withResolvers<void>();
  let held = false;
  disk.before = async (call, path) => {
    if (call !== 'read' || held || !path.endsWith('0-0.log')) return;
    held = true;
    await gate.promise;
  };
  const slow = log.fetch(offset(0), offset(1), 1000);
  await disk.called('read');
  for (const from of [0, 1, 2, 3, 4]) assert.equal((await log.fetch(offset(from), offset(from + 1), 1000)).records.count, 1);
  gate.resolve();
  assert.equal((await slow).records.count, 1);
});

test('nothing of a log stays open after it was closed, also when reading', async () => {
  const disk = new CountingDisk();
  const log = await openLog(memoryHost(disk), { segmentBytes: 300 });
  for (let i = 0; i < 20; i++) append(log, numbered(i * 5, 5), i);
  await log.sync();
  const read = valuesOf(log);
  await read;
  assert.ok(disk.openNow > 0);
  await log.close();
  assert.equal(disk.openNow, 0);
  assert.deepEqual((await disk.list(DIRECTORY)).length > 3, true);
});
