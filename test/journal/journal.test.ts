/** Opening and closing a journal. */

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
import { FailingDisk } from './failing-disk.ts';
import { type Harness, harness, hex, OVERHEAD, SMALL } from './harness.ts';
import { imageOf } from './image.ts';

describe('open and close', () => {
  test('the first segment is small, and no spare is made before it is needed', async () => {
    await using j = await harness({});
    const sizes = await imageOf(j.disk, j.directory);
    assert.deepEqual(
      [...sizes].map(([name, bytes]) => [name, bytes.length]),
      [
        ['0000000000.journal', 2 * 1024 * 1024],
        ['head', 8192],
      ],
    );
  });

  test('of a new journal, the head is safe before the first segment has its name, and both before anything is written', async () => {
    const disk = new FailingDisk();
    await using j = await harness(SMALL, disk);
    const names = disk.changes.filter((change) => /^(rename|syncDirectory)/.test(change));
    assert.deepEqual(names, [
      `rename ${j.directory}/head.filling`,
      `syncDirectory ${j.directory}`,
      `rename ${j.directory}/0000000000.journal.filling`,
      `syncDirectory ${j.directory}`,
    ]);
    assert.ok(!disk.changes.includes(`write ${j.directory}/0000000000.journal`));
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

  test('so is one that a newer signalbox has gone on with', async () => {
    const j = await harness();
    j.append(1, () => 10);
    await j.sync();
    const [last] = j.append(1, () => 10);
    await j.journal.close();
    await toNewerFormat(j.disk, `${j.directory}/0000000000.journal`, OVERHEAD + 10, (last?.position ?? 0) - OVERHEAD);
    await assert.rejects(j.open(), { code: 'format', message: /format 2 .* newer signalbox/ });
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
async function toNewerFormat(disk: Harness['disk'], path: string, sizeBytes: number, byte = 0): Promise<void> {
  const file = await disk.open(path);
  for (const at of path.endsWith('head') ? [0, 4096] : [byte]) {
    const bytes = Buffer.alloc(sizeBytes);
    await file.read(bytes, at);
    bytes.writeUInt16LE(2, 12);
    bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
    await file.write(bytes, at);
  }
  await file.close();
}
