/** What the journal promises, one by one, on disks in memory. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { crc32 } from '../../src/bytes/crc32.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { examine, Journal } from '../../src/journal/journal.ts';
import { byteOf, type Position, position, segmentOf } from '../../src/model/lines.ts';
import { Harness, harness, hex, type Kept, SMALL } from './harness.ts';
import { HeldDisk } from './held-disk.ts';
import { diskOf, imageOf } from './image.ts';

/** Header and frame. */
const OVERHEAD = 84;

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

describe('reading back', () => {
  test('what is in memory is viewed, what is not is fetched, also after opening again', async () => {
    await using j = await harness({ ...SMALL, cacheBytes: 32_768 });
    const written: Kept[] = [];
    for (let i = 0; i < 60; i++) {
      written.push(...j.append(3, (n) => 100 + n * 900));
      await j.sync();
    }
    const read = async () => {
      let viewed = 0;
      for (const { position: at, bytes } of written) {
        const view = j.journal.view(at) ?? (await j.journal.fetch(at));
        if (j.journal.view(at) !== undefined) viewed++;
        const from = at - view.base;
        assert.ok(from >= 0 && at + bytes.length / 2 <= view.end);
        assert.equal(hex(view.bytes.subarray(from, from + bytes.length / 2)), bytes);
        view.release();
        view.release();
      }
      return viewed;
    };
    const viewed = await read();
    assert.ok(viewed > 0 && viewed < written.length);
    await j.reopen();
    assert.equal(await read(), 0);
  });

  test('many at once', async () => {
    await using j = await harness({ ...SMALL, cacheBytes: 0 });
    const written = j.append(300, () => 700);
    await j.sync();
    await j.reopen();
    const views = await Promise.all(written.map((entry) => j.journal.fetch(entry.position)));
    for (const [i, view] of views.entries()) {
      const entry = written[i];
      assert.ok(entry !== undefined);
      assert.equal(hex(view.bytes.slice(entry.position - view.base, entry.position - view.base + 700)), entry.bytes);
      view.release();
    }
  });

  test('a fetched view of what is in memory stays what it is until released', async () => {
    await using j = await harness({ ...SMALL, cacheBytes: 0 });
    const [entry] = j.append(1, () => 700);
    assert.ok(entry !== undefined);
    const view = await j.journal.fetch(entry.position);
    await j.sync();
    for (let i = 0; i < 50; i++) {
      j.append(10, () => 700);
      await j.sync();
    }
    assert.equal(j.journal.view(entry.position), undefined);
    assert.equal(hex(view.bytes.subarray(entry.position - view.base, entry.position - view.base + 700)), entry.bytes);
    view.release();
  });

  test('a torn block at the end of an old segment does not keep those before it from being read', async () => {
    const disk = new MemoryDisk();
    const first = await harness(SMALL, disk);
    const [entry] = first.append(1, () => 100);
    await first.sync();
    assert.ok(entry !== undefined);
    first.append(1, () => 6000);
    await first.sync();
    const torn = await imageOf(disk, first.directory);
    torn.get('0000000000.journal')?.fill(0, 8192);
    // The next process goes on in another segment, and a checkpoint keeps the one after from reading this one.
    const second = new Harness(SMALL, await diskOf(torn, first.directory));
    await second.open();
    second.append(1, () => 65000);
    const start = second.journal.tip;
    second.append(1, () => 10);
    second.journal.checkpointed(start);
    await second.reopen();
    assert.equal(second.replayed.length, 1);
    const view = await second.journal.fetch(entry.position);
    assert.equal(hex(view.bytes.subarray(entry.position - view.base, entry.position - view.base + 100)), entry.bytes);
    assert.equal(view.end, 4096);
    view.release();
    await assert.rejects(second.journal.fetch(position(0, 5000)), { code: 'damaged', message: /byte 4096/ });
    await second.journal.close();
    await first.journal.close();
  });

  test('a position that is nowhere is refused', async () => {
    await using j = await harness();
    j.append(1, () => 10);
    await j.sync();
    await assert.rejects(j.journal.fetch(position(7, 100)), { code: 'damaged', message: /Segment 7/ });
    await assert.rejects(j.journal.fetch(position(0, 50_000)), { code: 'damaged', message: /byte 50000/ });
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

  test('waits for whoever reads', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, cacheBytes: 0 }, disk);
    await filled(j);
    // With enough spares the file would be removed at once.
    for (const segment of [1, 2]) j.journal.recycle(segment);
    await j.settled();
    disk.holdReads();
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

/** What would be there after a kill. */
async function copyOf(j: Harness): Promise<MemoryDisk> {
  return diskOf(await imageOf(j.disk, j.directory), j.directory);
}

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

describe('open and close', () => {
  test('the first segment is small, and no spare is made before it is needed', async () => {
    await using j = await harness({});
    const sizes = await imageOf(j.disk, j.directory);
    assert.deepEqual(
      [...sizes].map(([name, bytes]) => [name, bytes.length]),
      [
        ['0000000000.journal', 4 * 1024 * 1024],
        ['head', 8192],
      ],
    );
  });

  test('close makes everything safe, once; afterwards nothing can be appended', async () => {
    const j = await harness();
    const written = j.append(5, () => 50);
    await Promise.all([j.journal.close(), j.journal.close()]);
    assert.equal(j.journal.safe, j.journal.tip);
    assert.throws(() => j.journal.begin(1), { code: 'closed' });
    assert.throws(() => j.journal.checkpointed(j.journal.tip), { code: 'closed' });
    await j.open();
    assert.deepEqual(j.replayed, written);
    await j.journal.close();
  });

  test('only the first block of each opening says so', async () => {
    await using j = await harness();
    for (let opening = 0; opening < 3; opening++) {
      for (let i = 0; i < 3; i++) {
        j.append(1, () => 10);
        await j.sync();
      }
      await j.reopen();
    }
    const first = (await imageOf(j.disk, j.directory)).get('0000000000.journal');
    assert.ok(first !== undefined);
    const blocks = [...Array(9).keys()].map((i) => Buffer.from(first.buffer, i * 4096, 80));
    assert.deepEqual(
      blocks.map((block) => block.readUInt16LE(14)),
      [1, 0, 0, 1, 0, 0, 1, 0, 0],
    );
    const openings = blocks.map((block) => block.subarray(72, 80).toString('hex'));
    assert.equal(new Set(openings).size, 3);
    assert.equal(openings[0], openings[2]);
  });

  test('works on a real disk', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'journal-'));
    const written: string[] = [];
    const replayed: string[] = [];
    const safe: { wake?: () => void } = {};
    const options = { directory: join(directory, 'a/b'), ...SMALL, onSafe: () => safe.wake?.(), onFailure: assert.fail };
    for (const durability of ['fsync', 'os', 'memory'] as const) {
      replayed.length = 0;
      const journal = await Journal.open(nodeHost({ logger: silentLogger }), { ...options, durability }, (bytes, at, sizeBytes) => {
        replayed.push(hex(bytes.subarray(at, at + sizeBytes)));
      });
      assert.deepEqual(replayed, written);
      for (let i = 0; i < 30; i++) {
        const room = journal.begin(3000);
        room.bytes.fill(written.length, room.at, room.at + 3000);
        written.push(hex(room.bytes.subarray(room.at, room.at + 3000)));
        journal.end(3000);
        const woken = new Promise<void>((wake) => {
          safe.wake = wake;
        });
        journal.sync();
        if (journal.safe < journal.tip) await woken;
        assert.equal(journal.safe, journal.tip);
      }
      await journal.close();
    }
    await rm(directory, { recursive: true });
  });

  test('options that cannot be are refused', async () => {
    const disk = new MemoryDisk();
    for (const sizes of [
      { segmentBytes: 1000 },
      { segmentBytes: 128 * 1024 * 1024 },
      { segmentBytes: 65536, blockBytesMax: 131072 },
      { blockBytesMax: 0 },
      { blockBytesMax: 5000 },
      { cacheBytes: -1 },
      { cacheBytes: Number.NaN },
    ]) {
      await assert.rejects(harness(sizes, disk), { code: 'invalid' });
    }
    assert.deepEqual(await disk.list('data/journal'), []);
  });

  test('a journal of a newer format is refused', async () => {
    for (const where of ['head', '0000000000.journal']) {
      const j = await harness();
      j.append(1, () => 10);
      await j.journal.close();
      await toNewerFormat(j.disk, `${j.directory}/${where}`, where === 'head' ? 48 : OVERHEAD + 10);
      await assert.rejects(j.open(), { code: 'format', message: /format 2 .* newer signalbox/ });
      assert.equal((await examine(j.disk, j.directory)).state, 'format');
    }
  });

  test('what replay throws, open rejects with', async () => {
    const j = await harness();
    j.append(1, () => 10);
    await j.journal.close();
    const options = { directory: j.directory, durability: 'fsync' as const, ...SMALL, onSafe() {}, onFailure() {} };
    const failing = Journal.open(j.host, options, () => {
      throw new Error('no such entry');
    });
    await assert.rejects(failing, /no such entry/);
    await j.open();
    assert.equal(j.replayed.length, 1);
    await j.journal.close();
  });
});

/** Rewrites the first structure of a file (and the second, of the head) as a later version might have, checksum included. */
async function toNewerFormat(disk: Harness['disk'], path: string, sizeBytes: number): Promise<void> {
  const file = await disk.open(path);
  for (const at of path.endsWith('head') ? [0, 4096] : [0]) {
    const bytes = Buffer.alloc(sizeBytes);
    await file.read(bytes, at);
    bytes.writeUInt16LE(2, 12);
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    await file.write(bytes, at);
  }
  await file.close();
}
