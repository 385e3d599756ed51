/** Appending and syncing: what becomes safe when, what shares a block, and where a checkpoint may begin. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byteOf, type Position, position, segmentOf } from '../../src/model/lines.ts';
import { copyOf, Harness, harness, hex, type Kept, OVERHEAD, SMALL } from './harness.ts';
import { HeldDisk } from './held-disk.ts';

describe('append and sync', () => {
  test('a new journal is empty, and its tip is safe', async () => {
    await using j = await harness();
    assert.equal(j.journal.tip, 0);
    assert.equal(j.journal.safe, 0);
    assert.equal(j.journal.pendingBytes, 0);
    assert.equal(j.journal.failed, undefined);
    assert.equal(j.journal.tight, false);
    assert.deepEqual(j.replayed, []);
  });

  test('what was appended is replayed in order, byte for byte, at the same positions', async () => {
    await using j = await harness();
    const written = j.append(200, (i) => i * 7);
    await j.sync();
    await j.reopen();
    assert.deepEqual(j.replayed, written);
    assert.equal(j.journal.tip, j.journal.safe);
  });

  test('nothing is safe before its write has come back', async () => {
    const disk = new HeldDisk();
    await using j = await harness(SMALL, disk);
    disk.hold();
    const [first] = j.append(1, () => 10);
    assert.ok(first !== undefined && j.journal.safe < first.position);
    assert.equal(j.journal.pendingBytes, 14);
    j.journal.sync();
    await j.settled();
    assert.equal(disk.held, 1);
    assert.ok(j.journal.safe < first.position);
    assert.deepEqual(j.safe, []);
    disk.release();
    await j.settled();
    assert.equal(j.journal.safe, j.journal.tip);
    assert.equal(j.journal.pendingBytes, 0);
    assert.deepEqual(j.safe, [j.journal.tip]);
  });

  test('one write at a time; all that is appended meanwhile shares the next', async () => {
    const disk = new HeldDisk();
    await using j = await harness(SMALL, disk);
    j.append(1, () => 10);
    await j.sync();
    disk.hold();
    j.append(1, () => 10);
    j.journal.sync();
    for (let i = 0; i < 20; i++) {
      j.append(1, () => 10);
      j.journal.sync();
      await j.settled();
      assert.equal(disk.held, 1);
    }
    disk.release();
    disk.hold();
    await j.settled();
    assert.equal(disk.held, 1);
    assert.equal(j.journal.pendingBytes, 20 * 14);
    disk.release();
    await j.settled();
    assert.equal(j.journal.pendingBytes, 0);
    assert.equal(j.safe.length, 3);
  });

  test('without sync a full block is written, and nothing else', async () => {
    await using j = await harness();
    j.append(1, () => 100);
    await j.settled();
    assert.equal(j.journal.safe, 0);
    const [, , third] = j.append(3, () => 4000);
    await j.settled();
    assert.ok(j.journal.safe > 0 && third !== undefined && j.journal.safe < third.position);
  });

  test('blocks begin at multiples of 4 KiB, are padded with zeros, and are written whole', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, cacheBytes: 0 }, disk);
    const sizeOf = (i: number) => (i < 50 ? 4000 : 1000);
    for (let i = 0; i < 100; i++) {
      j.append(1, () => sizeOf(i));
      await j.sync();
    }
    const blocks = disk.writes.filter(({ path }) => path.endsWith('.journal'));
    assert.equal(blocks.length, 100);
    for (const [i, { byte, bytes }] of blocks.entries()) {
      assert.equal(byte % 4096, 0);
      assert.equal(bytes.length, 4096);
      assert.ok(bytes.subarray(OVERHEAD + sizeOf(i)).every((value) => value === 0));
    }
  });

  test('begin without end appends nothing', async () => {
    await using j = await harness();
    const [first] = j.append(1, () => 20);
    j.journal.begin(500);
    const [second] = j.append(1, () => 30);
    j.journal.begin(7000);
    j.journal.begin(50_000);
    const [third] = j.append(1, () => 40);
    await j.sync();
    await j.reopen();
    assert.deepEqual(j.replayed, [first, second, third]);
  });

  test('room is one object, and its position is that of the first byte', async () => {
    await using j = await harness();
    const room = j.journal.begin(10);
    assert.equal(room.position, j.journal.view(0 as Position) === undefined ? -1 : OVERHEAD);
    room.view.setUint32(room.at, 0x01020304);
    j.journal.end(4);
    assert.equal(j.journal.begin(10), room);
    const view = j.journal.view(position(0, OVERHEAD));
    assert.ok(view !== undefined);
    assert.equal(hex(view.bytes.subarray(OVERHEAD - view.base, OVERHEAD + 4 - view.base)), '01020304');
  });

  test('an entry may be smaller than its room, not larger', async () => {
    await using j = await harness();
    j.journal.begin(10);
    assert.throws(() => j.journal.end(11), RangeError);
    j.journal.end(10);
    assert.throws(() => j.journal.end(10), /end\(\) without begin\(\)/);
    assert.throws(() => j.journal.begin(Number.NaN), RangeError);
    j.journal.begin(-1);
    assert.throws(() => j.journal.end(0), RangeError);
    assert.equal(j.journal.tip, OVERHEAD + 10);
  });

  test('an entry larger than a block has one of its own; larger than a segment, none', async () => {
    await using j = await harness();
    const most = 65536 - OVERHEAD;
    const written = [
      ...j.append(1, () => 10),
      ...j.append(1, () => 20_000),
      ...j.append(1, () => 10),
      ...j.append(1, () => most),
      ...j.append(1, () => 10),
    ];
    assert.throws(() => j.journal.begin(most + 1), { code: 'too-large' });
    written.push(...j.append(1, () => 11));
    await j.sync();
    assert.deepEqual(
      written.map((entry) => segmentOf(entry.position)),
      [0, 0, 0, 1, 2, 2],
    );
    await j.reopen();
    assert.deepEqual(j.replayed, written);
  });

  test('a segment is left when less than a block fits', async () => {
    await using j = await harness();
    const written: Kept[] = [];
    for (let i = 0; i < 40; i++) {
      written.push(...j.append(1, () => 4096 - OVERHEAD));
      await j.sync();
    }
    const bytes = written.filter((entry) => segmentOf(entry.position) === 0).map((entry) => byteOf(entry.position));
    assert.equal(Math.max(...bytes), 65536 - 8192 + OVERHEAD);
    assert.deepEqual(
      j.journal.segments().map(({ number }) => number),
      [...new Set(written.map((entry) => segmentOf(entry.position)))],
    );
    await j.reopen();
    assert.deepEqual(j.replayed, written);
  });
});

describe('a checkpoint', () => {
  test('is where replay begins', async () => {
    await using j = await harness();
    j.append(50, () => 500);
    const start = j.journal.tip;
    const written = j.append(3, () => 100);
    j.journal.checkpointed(start);
    written.push(...j.append(20, () => 300));
    await j.sync();
    await j.reopen();
    assert.deepEqual(j.replayed, written);
    await j.reopen();
    assert.deepEqual(j.replayed, written, 'also of a journal to which nothing was added');
  });

  test('counts once it is on the disk, not before', async () => {
    const disk = new HeldDisk();
    const j = await harness(SMALL, disk);
    const written = j.append(5, () => 500);
    await j.sync();
    disk.hold();
    const start = j.journal.tip;
    j.append(3, () => 100);
    j.journal.checkpointed(start);
    j.journal.sync();
    await j.settled();
    const after = new Harness(SMALL, await copyOf(j));
    await after.open();
    assert.deepEqual(after.replayed, written);
  });

  test('without entries is stated by an empty block', async () => {
    await using j = await harness();
    j.append(5, () => 500);
    await j.sync();
    j.journal.checkpointed(j.journal.tip);
    await j.sync();
    await j.reopen();
    assert.deepEqual(j.replayed, []);
    const written = j.append(1, () => 10);
    await j.sync();
    await j.reopen();
    assert.deepEqual(j.replayed, written);
  });

  test('may begin at the very end of a block that needed no padding, with the next block in another segment', async () => {
    await using j = await harness();
    j.append(1, () => 4096 - OVERHEAD);
    await j.sync();
    assert.equal(j.journal.tip, 4096);
    // Room that is not used moves the next block on, and leaves the tip alone.
    j.journal.begin(65536 - OVERHEAD);
    j.journal.checkpointed(j.journal.tip);
    await j.sync();
    await j.reopen();
    assert.deepEqual(j.replayed, []);
  });

  test('may begin at the very end of a segment', async () => {
    await using j = await harness();
    j.append(1, () => 65536 - OVERHEAD);
    await j.sync();
    assert.equal(j.journal.tip, 65536);
    j.journal.checkpointed(j.journal.tip);
    const written = j.append(1, () => 10);
    await j.sync();
    assert.equal(segmentOf(written[0]?.position as Position), 1);
    await j.reopen();
    assert.deepEqual(j.replayed, written);
  });

  test('is not needed for replay, though the first entry of all went into the second segment', async () => {
    await using j = await harness({});
    const written = j.append(1, () => 5_000_000);
    await j.sync();
    assert.equal(segmentOf(written[0]?.position as Position), 1);
    await j.reopen();
    assert.deepEqual(j.replayed, written);
  });

  test('cannot begin where nothing is', async () => {
    await using j = await harness();
    j.append(1, () => 10);
    assert.throws(() => j.journal.checkpointed(position(3, 0)), RangeError);
  });
});

describe('durability memory', () => {
  test('is safe at once, told soon after, and written behind', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, durability: 'memory' }, disk);
    disk.hold();
    j.append(3, () => 100);
    j.journal.sync();
    assert.equal(j.journal.safe, j.journal.tip);
    assert.equal(j.journal.pendingBytes, 0);
    assert.deepEqual(j.safe, [], 'not from inside sync');
    await j.settled();
    assert.deepEqual(j.safe, [j.journal.tip]);
    disk.release();
  });

  test('waits when more than 64 MiB are not written', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ durability: 'memory', cacheBytes: 0 }, disk);
    disk.hold();
    const sizeBytes = 4 * 1024 * 1024;
    for (let i = 0; i < 16; i++) {
      j.journal.begin(sizeBytes);
      j.journal.end(sizeBytes - 4);
      j.journal.sync();
      assert.equal(j.journal.safe, j.journal.tip);
    }
    j.append(1, () => 10);
    j.journal.sync();
    assert.ok(j.journal.safe < j.journal.tip);
    assert.ok(j.journal.pendingBytes > 0);
    disk.release();
    await j.settled();
    assert.equal(j.journal.safe, j.journal.tip);
    assert.equal(j.safe[j.safe.length - 1], j.journal.tip);
  });
});
