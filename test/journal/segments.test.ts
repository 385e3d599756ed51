/** The segment files: recycled when nothing needs them, made ahead of time, and not made when there is no room. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { position, segmentOf } from '../../src/model/lines.ts';
import { type Call, FailingDisk, type Harm } from './failing-disk.ts';
import { copyOf, Harness, harness, type Kept, OVERHEAD, SMALL } from './harness.ts';
import { HeldDisk } from './held-disk.ts';
import { imageOf } from './image.ts';

describe('recycling', () => {
  /** Fills segments 0 to 2, with a checkpoint in 3 that is on the disk. */
  async function filled(j: Harness): Promise<void> {
    while (segmentOf(j.journal.tip) < 3) {
      j.append(1, () => 4000);
      await j.sync();
    }
    const start = j.journal.tip;
    j.append(1, () => 100);
    j.journal.checkpointed(start);
    await j.sync();
  }

  const segments = async (j: Harness) =>
    (await j.disk.list(j.directory)).filter((name) => name.endsWith('.journal')).map((name) => Number.parseInt(name, 10));

  test('makes the oldest segments the next ones, and removes what is too many', async () => {
    await using j = await harness();
    await filled(j);
    assert.deepEqual(await segments(j), [0, 1, 2, 3, 4]);
    for (const segment of [0, 1, 2]) j.journal.recycle(segment);
    assert.deepEqual(
      j.journal.segments().map(({ number }) => number),
      [3],
    );
    await j.settled();
    assert.deepEqual(await segments(j), [3, 4, 5]);
    assert.equal(j.journal.sizeBytes, 3 * 65536);
    j.journal.recycle(0);
  });

  test('stale blocks of a recycled segment are never replayed', async () => {
    await using j = await harness();
    await filled(j);
    for (const segment of [0, 1, 2]) j.journal.recycle(segment);
    await j.settled();
    const start = j.journal.tip;
    const written = j.append(1, () => 10);
    j.journal.checkpointed(start);
    while (segmentOf(j.journal.tip) < 5) {
      written.push(...j.append(1, () => 4000));
      await j.sync();
      const after = new Harness(SMALL, await copyOf(j));
      await after.open();
      assert.deepEqual(after.replayed, written);
    }
  });

  test('waits until what made the segment free is on the device', async () => {
    const disk = new HeldDisk();
    await using j = await harness(SMALL, disk);
    await filled(j);
    disk.hold();
    j.append(1, () => 100);
    j.journal.recycle(0);
    await j.settled();
    assert.ok((await segments(j)).includes(0), 'the entry before recycle() is not even written');
    j.journal.sync();
    await j.settled();
    assert.ok((await segments(j)).includes(0), 'it is being written');
    disk.release();
    await j.settled();
    assert.ok(!(await segments(j)).includes(0));
  });

  test('waits for a checkpoint behind the segment', async () => {
    const disk = new HeldDisk();
    await using j = await harness(SMALL, disk);
    while (segmentOf(j.journal.tip) < 2) {
      j.append(1, () => 4000);
      await j.sync();
    }
    j.journal.recycle(0);
    j.append(1, () => 10);
    await j.sync();
    assert.ok((await segments(j)).includes(0), 'replay needs it');
    j.journal.checkpointed(j.journal.tip);
    await j.settled();
    assert.ok((await segments(j)).includes(0), 'the checkpoint is not stated on the disk');
    await j.sync();
    assert.ok(!(await segments(j)).includes(0));
  });

  for (const durability of ['os', 'memory'] as const) {
    test(`${durability}: needs no further entry to be done`, async () => {
      const disk = new FailingDisk();
      await using j = await harness({ ...SMALL, durability }, disk);
      await filled(j);
      disk.changes = [];
      for (const segment of [0, 1, 2]) j.journal.recycle(segment);
      await j.settled();
      assert.deepEqual(await segments(j), [3, 4, 5]);
      const synced = disk.changes.indexOf(`sync ${j.directory}/0000000003.journal`);
      const renamed = disk.changes.findIndex((change) => /^(rename|remove)/.test(change));
      assert.ok(synced >= 0 && synced < renamed, 'what made them free is on the device first');
    });
  }

  test('os: a segment is on the device before the one after the next is begun', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, durability: 'os' }, disk);
    const release = disk.hold('sync');
    for (let i = 0; i < 60; i++) {
      j.append(1, () => 4000);
      await j.sync();
    }
    assert.ok(segmentOf(j.journal.tip) > 1);
    assert.equal(segmentOf(j.journal.safe), 1, 'segment 0 is not on the device, so segment 2 is not begun');
    release();
    disk.release();
    await j.settled();
    assert.equal(j.journal.safe, j.journal.tip);
  });

  test('os: the head does not speak of a block that is still being written', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, durability: 'os' }, disk);
    await filled(j);
    const append = async () => {
      j.append(1, () => 100);
      await j.sync();
    };
    const release = disk.hold('sync');
    j.journal.recycle(0);
    await append();
    j.journal.recycle(1);
    disk.hold('write');
    await append();
    assert.equal(disk.held, 2, 'a sync and a write');
    // The sync for segment 0 is done, that for segment 1 follows, and the last block is still on its way.
    release();
    await j.settled();
    assert.deepEqual(await segments(j), [2, 3, 4, 5]);
    const after = new Harness(SMALL, await copyOf(j));
    await after.open();
    assert.equal(after.replayed.length, 2);
  });

  test('waits for whoever reads', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, cacheBytes: 0 }, disk);
    await filled(j);
    // With enough spares the file would be removed at once.
    for (const segment of [1, 2]) j.journal.recycle(segment);
    await j.settled();
    disk.hold('read');
    const fetched = j.journal.fetch(position(0, OVERHEAD));
    await j.settled();
    j.journal.recycle(0);
    await j.settled();
    assert.ok((await segments(j)).includes(0));
    disk.release();
    (await fetched).release();
    await j.settled();
    assert.ok(!(await segments(j)).includes(0));
  });

  test('a segment whose file is on its way out is given to nobody', async () => {
    await using j = await harness({ ...SMALL, cacheBytes: 0 });
    await filled(j);
    j.journal.recycle(0);
    await assert.rejects(j.journal.fetch(position(0, OVERHEAD)), { code: 'damaged', message: /^Segment 0 / });
  });

  test('does not touch what is being filled', async () => {
    await using j = await harness();
    await filled(j);
    assert.throws(() => j.journal.recycle(3), RangeError);
    assert.throws(() => j.journal.recycle(77), RangeError);
  });

  test('a file that does not begin with its own block is removed, not written to', async () => {
    const disk = new MemoryDisk();
    const first = await harness(SMALL, disk);
    await filled(first);
    await first.journal.close();
    const names = await disk.list(first.directory);
    const image = await imageOf(disk, first.directory);
    const file = await disk.open(`${first.directory}/${names[1]}`);
    await file.write(image.get(names[2] as string) as Uint8Array, 0);
    await file.close();
    await using j = await harness(SMALL, disk);
    j.journal.recycle(1);
    await j.settled();
    assert.ok(!(await segments(j)).includes(1));
    assert.ok(!(await segments(j)).includes(5));
  });
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
