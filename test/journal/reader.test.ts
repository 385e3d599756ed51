/** Reading back: from memory, from the disk, after opening again. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { position, segmentOf } from '../../src/model/lines.ts';
import { Harness, harness, hex, type Kept, SMALL } from './harness.ts';
import { HeldDisk } from './held-disk.ts';
import { diskOf, imageOf } from './image.ts';

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

  test('keeps few files open, however many segments there are', async () => {
    const disk = new HeldDisk();
    await using j = await harness({ ...SMALL, cacheBytes: 0 }, disk);
    const written: Kept[] = [];
    while (segmentOf(j.journal.tip) < 40) {
      written.push(...j.append(1, () => 30_000));
      await j.sync();
    }
    assert.ok(disk.openFiles < 25, `${disk.openFiles} files are open after writing`);
    await j.reopen();
    const views = await Promise.all(written.map((entry) => j.journal.fetch(entry.position)));
    for (const view of views) view.release();
    await j.settled();
    assert.ok(disk.openFiles < 25, `${disk.openFiles} files are open after reading`);
    await j.reopen();
    await j.journal.close();
    assert.equal(disk.openFiles, 0);
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
