/** The head: two copies, of which one is always whole. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from '../../src/bytes/crc32.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { createHead, readHead } from '../../src/journal/head.ts';
import { position } from '../../src/model/lines.ts';

const JOURNAL = { low: 1, high: 2 };

async function directory(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory('j');
  return disk;
}

/** The file with some bytes changed, its checksums put right. */
async function edit(disk: MemoryDisk, change: (view: DataView) => void): Promise<void> {
  const file = await disk.open('j/head');
  const bytes = new Uint8Array(8192);
  await file.read(bytes, 0);
  const view = new DataView(bytes.buffer);
  change(view);
  for (const slot of [0, 4096]) view.setUint32(slot + 4, crc32(bytes.subarray(slot + 8, slot + 48)), true);
  await file.write(bytes, 0);
  await file.close();
}

test('what was written last is read; one damaged copy takes one step back', async () => {
  const disk = await directory();
  assert.equal(await readHead(disk, 'j'), undefined);
  const head = await createHead(disk, 'j', JOURNAL);
  let before = await readHead(disk, 'j');
  assert.deepEqual(before, { journal: JOURNAL, sequence: 0, closed: false, blocks: 0, position: 0 });
  for (let i = 1; i < 6; i++) {
    const state = { closed: i % 2 === 0, blocks: i * 1000, position: position(i, 4096) };
    await head.write(state);
    const now = await readHead(disk, 'j');
    assert.deepEqual(now, { ...state, journal: JOURNAL, sequence: i });
    const file = await disk.open('j/head');
    const saved = new Uint8Array(8192);
    await file.read(saved, 0);
    for (const byte of [0, 5, 11, 13, 15, 20, 30, 39, 47]) {
      const bytes = saved.slice();
      const at = (i % 2) * 4096 + byte;
      bytes[at] = (bytes[at] as number) ^ 8;
      await file.write(bytes, 0);
      assert.deepEqual(await readHead(disk, 'j'), before);
    }
    await file.write(saved, 0);
    before = now;
  }
  await head.close();
});

test('numbers that no journal can have reached, or a copy in the wrong place, are damage', async () => {
  for (const change of [
    (view: DataView) => view.setUint32(20, 2 ** 31, true),
    (view: DataView) => view.setUint32(28, 2 ** 31, true),
    (view: DataView) => view.setUint32(16, 1, true),
    (view: DataView) => view.setUint32(8, 47, true),
    (view: DataView) => view.setUint32(8, 4097, true),
  ]) {
    const disk = await directory();
    await createHead(disk, 'j', JOURNAL);
    await edit(disk, change);
    await assert.rejects(readHead(disk, 'j'), { code: 'damaged', message: /j\/head is damaged at byte 0/ });
  }
});
