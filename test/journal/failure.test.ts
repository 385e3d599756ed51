/** What the journal does when the disk does not: stop for good after an error, wait when there is no room. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { segmentOf } from '../../src/model/lines.ts';
import { type Call, FailingDisk, type Harm } from './failing-disk.ts';
import { type Harness, harness, type Kept, type Sizes, SMALL } from './harness.ts';

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

describe('no room for another segment', () => {
  /** Appends until it is so, or so many times. */
  async function fill(j: Harness, until: () => boolean, most = 200): Promise<Kept[]> {
    const written: Kept[] = [];
    for (let i = 0; i < most && !until(); i++) {
      written.push(...j.append(1, () => 4000));
      await j.sync();
    }
    return written;
  }

  const PASSING: readonly { call: Call; path: RegExp; harm: Harm }[] = [
    { call: 'open', path: /\.filling$/, harm: 'EMFILE' },
    { call: 'write', path: /\.filling$/, harm: 'ENOSPC' },
    { call: 'write', path: /\.filling$/, harm: 'EDQUOT' },
    { call: 'write', path: /\.filling$/, harm: { short: 5 } },
    { call: 'sync', path: /\.filling$/, harm: 'ENOSPC' },
    { call: 'open', path: /0000000001\.journal$/, harm: 'ENFILE' },
  ];
  for (const { call, path, harm } of PASSING) {
    const how = typeof harm === 'string' ? harm : `short by ${harm.short}`;
    test(`${call} of ${path.source} ${how}: tight, tried again every second, nothing lost`, async () => {
      const disk = new FailingDisk();
      await using j = await harness(SMALL, disk);
      disk.fail(call, path, harm, 3);
      const written = await fill(j, () => j.journal.tight);
      assert.ok(j.journal.tight);
      assert.deepEqual(j.warnings, ['journal.tight']);
      assert.ok(!(await disk.list(j.directory)).some((name) => name.endsWith('.filling')));
      written.push(...(await fill(j, () => false, 3)));
      assert.equal(j.journal.safe, j.journal.tip, 'what is prepared still takes entries');
      written.push(...(await fill(j, () => segmentOf(j.journal.tip) > 1)));
      assert.ok(j.journal.safe < j.journal.tip, 'and then they wait');
      await j.clock.advance(2500);
      assert.ok(j.journal.tight);
      await j.clock.advance(1000);
      assert.equal(j.journal.tight, false);
      await j.sync();
      assert.equal(j.journal.safe, j.journal.tip);
      assert.equal(j.journal.failed, undefined);
      await j.reopen();
      assert.deepEqual(j.replayed, written);
    });
  }

  test('is known from the start, and ends by itself', async () => {
    const disk = new FailingDisk();
    await using j = await harness(SMALL, disk);
    await j.journal.close();
    disk.free = 2 * 65536 - 1;
    await j.open();
    await j.settled();
    assert.ok(j.journal.tight);
    disk.free = 2 * 65536;
    await j.clock.advance(1000);
    assert.equal(j.journal.tight, false);
  });

  test('ends at once when a segment is recycled', async () => {
    const disk = new FailingDisk();
    await using j = await harness(SMALL, disk);
    await fill(j, () => segmentOf(j.journal.tip) === 2);
    disk.free = 0;
    await fill(j, () => j.journal.tight);
    const start = j.journal.tip;
    j.append(1, () => 10);
    j.journal.checkpointed(start);
    j.journal.recycle(0);
    await j.sync();
    assert.equal(j.journal.tight, false);
    assert.equal(j.clock.monotonicMs(), 0, 'no time has passed');
  });

  test('and a small first segment removed makes room too', async () => {
    const disk = new FailingDisk();
    await using j = await harness({ blockBytesMax: 65536, segmentBytes: 8 * 1024 * 1024 }, disk);
    const big = async () => {
      j.append(1, () => 1_000_000);
      await j.sync();
    };
    while (segmentOf(j.journal.tip) < 1) await big();
    await j.settled();
    disk.free = 0;
    while (!j.journal.tight) await big();
    j.journal.checkpointed(j.journal.tip);
    await j.sync();
    disk.free = 16 * 1024 * 1024;
    j.journal.recycle(0);
    await j.settled();
    assert.equal(j.journal.tight, false);
    assert.equal(j.clock.monotonicMs(), 0, 'no time has passed');
  });

  test('at close: what found no room was never safe, and close says so', async () => {
    const disk = new FailingDisk();
    const j = await harness(SMALL, disk);
    disk.free = 0;
    const written = await fill(j, () => segmentOf(j.journal.tip) === 1);
    const { safe } = j.journal;
    assert.ok(safe < j.journal.tip);
    await assert.rejects(j.journal.close(), { code: 'disk-full', message: /last \d+ bytes/ });
    assert.equal(j.journal.safe, safe);
    disk.free = Number.POSITIVE_INFINITY;
    await j.open();
    assert.deepEqual(
      j.replayed,
      written.filter((entry) => entry.position < safe),
    );
    await j.journal.close();
  });

  test('for a new journal: refused, and nothing stays in the way', async () => {
    const disk = new FailingDisk();
    disk.fail('write', /journal\.filling$/, 'ENOSPC');
    await assert.rejects(harness(SMALL, disk), { code: 'disk-full' });
    await using j = await harness(SMALL, disk);
    assert.deepEqual(j.replayed, []);
  });
});
