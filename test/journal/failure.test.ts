/** What the journal does when the disk does not: stop for good after an error, and leave what can be opened again. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentOf } from '../../src/model/lines.ts';
import { type Call, FailingDisk, type Harm } from './failing-disk.ts';
import { harness, type Sizes, SMALL } from './harness.ts';
import { imageOf, putOn } from './image.ts';

const FAILURES: readonly { call: Call; path: RegExp; harm: Harm; sizes?: Sizes }[] = [
  { call: 'write', path: /\.journal$/, harm: 'EIO' },
  { call: 'write', path: /\.journal$/, harm: 'ENOSPC' },
  { call: 'write', path: /\.journal$/, harm: { short: 1 } },
  { call: 'write', path: /\.journal$/, harm: { short: 4096 } },
  { call: 'write', path: /\.journal$/, harm: { short: 1e9 } },
  { call: 'write', path: /head$/, harm: 'EIO' },
  { call: 'write', path: /head$/, harm: { short: 100 } },
  { call: 'write', path: /\.filling$/, harm: 'EIO' },
  { call: 'sync', path: /\.filling$/, harm: 'EIO' },
  { call: 'rename', path: /\.filling$/, harm: 'EIO' },
  { call: 'syncDirectory', path: /journal$/, harm: 'EIO' },
  { call: 'syncDirectory', path: /journal$/, harm: 'ENOSPC' },
  { call: 'sync', path: /\.journal$/, harm: 'EIO', sizes: { durability: 'os' } },
  { call: 'sync', path: /\.journal$/, harm: 'ENOSPC', sizes: { durability: 'memory' } },
];

for (const { call, path, harm, sizes = {} } of FAILURES) {
  const how = typeof harm === 'string' ? harm : `short by ${harm.short}`;
  test(`${sizes.durability ?? 'fsync'}: ${call} of ${path.source} ${how} is final`, async () => {
    const disk = new FailingDisk();
    const j = await harness({ ...SMALL, ...sizes }, disk);
    const written = j.append(5, () => 100);
    await j.sync();
    disk.fail(call, path, harm);
    for (let i = 0; i < 60 && j.journal.failed === undefined; i++) {
      written.push(...j.append(1, () => 4000));
      await j.sync();
    }
    assert.equal(disk.planned, 0, 'it went wrong');
    assert.equal(j.failures.length, 1);
    assert.equal(j.journal.failed, j.failures[0]);
    const { safe } = j.journal;
    assert.ok(safe <= j.journal.tip);
    const told = j.safe.length;
    disk.changes = [];
    for (let i = 0; i < 40; i++) {
      j.append(1, () => 4000);
      await j.sync();
    }
    await j.clock.advance(5000);
    assert.equal(j.journal.safe, safe, 'nothing becomes safe any more');
    assert.equal(j.safe.length, told);
    assert.ok(j.journal.pendingBytes > 0);
    await j.journal.close();
    assert.deepEqual(disk.changes, [], 'nothing is written any more');
    assert.equal(j.failures.length, 1);
    await j.open();
    const acked = written.filter((entry) => entry.position < safe);
    assert.deepEqual(j.replayed.slice(0, acked.length), acked);
    assert.deepEqual(j.replayed, written.slice(0, j.replayed.length));
    await j.journal.close();
  });
}

test('two things that fail at once are one failure', async () => {
  const disk = new FailingDisk();
  const j = await harness(SMALL, disk);
  j.append(1, () => 100);
  j.journal.sync();
  j.append(1, () => 100);
  j.journal.sync();
  // The first block is on its way; what follows it goes wrong.
  disk.fail('write', /head$/, 'EIO');
  disk.fail('write', /\.journal$/, 'EIO');
  await j.settled();
  assert.equal(disk.planned, 0);
  assert.equal(j.failures.length, 1);
  await j.journal.close();
});

test('a failure while the journal is closed is told, and close rejects', async () => {
  for (const [path, sizes] of [
    [/head$/, {}],
    [/\.journal$/, { durability: 'os' }],
  ] as const) {
    const disk = new FailingDisk();
    const j = await harness({ ...SMALL, ...sizes }, disk);
    j.append(5, () => 100);
    await j.sync();
    disk.fail(path.source.startsWith('head') ? 'write' : 'sync', path, 'EIO');
    await assert.rejects(j.journal.close(), /EIO/);
    assert.equal(j.failures.length, 1);
  }
});

test('a failed opening rejects, and leaves nothing in the way of the next', async () => {
  const calls: [Call, RegExp][] = [
    ['write', /head/],
    ['sync', /head/],
    ['rename', /head/],
    ['write', /journal/],
    ['sync', /journal/],
    ['rename', /journal\.filling/],
    ['syncDirectory', /./],
    ['open', /journal$/],
  ];
  for (const [call, path] of calls) {
    const disk = new FailingDisk();
    disk.fail(call, path, 'EIO');
    await assert.rejects(harness(SMALL, disk), /EIO/, `${call} ${path}`);
    const j = await harness(SMALL, disk);
    const written = j.append(3, () => 100);
    await j.sync();
    disk.fail(call === 'rename' || call === 'sync' ? 'write' : call, call === 'open' ? path : /./, 'EIO');
    await j.journal.close().catch(() => undefined);
    disk.heal();
    await j.open();
    assert.deepEqual(j.replayed, written);
    await j.journal.close();
  }
});

test('os: when a power cut has taken the first blocks of all, what it left of later ones never counts', async () => {
  const first = await harness({ ...SMALL, durability: 'os' });
  const unwritten = await imageOf(first.disk, first.directory);
  while (segmentOf(first.journal.tip) < 1) {
    first.append(1, () => 4000);
    await first.sync();
  }
  const left = await imageOf(first.disk, first.directory);
  for (const [name, bytes] of unwritten) left.set(name, bytes);
  const disk = new FailingDisk();
  await putOn(disk, left, first.directory);
  disk.fail('remove', /0000000001/, 'EIO');
  await assert.rejects(harness(SMALL, disk), /EIO/);
  await using j = await harness(SMALL, disk);
  assert.deepEqual(j.replayed, []);
  await first.journal.close();
});
