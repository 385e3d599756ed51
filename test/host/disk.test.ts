/** What every disk must do alike: the contract of `src/host/disk.ts`, held against the real, the memory and the simulated one. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Disk } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { NodeDisk } from '../../src/host/node-disk.ts';
import { SimClock } from '../../src/host/simulated/sim-clock.ts';
import { SimDisk } from '../../src/host/simulated/sim-disk.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { isRefused } from './refused.ts';

const text = new TextEncoder();
const real = await mkdtemp(join(tmpdir(), 'signalbox-disk-'));
after(() => rm(real, { recursive: true, force: true }));

interface Rig {
  readonly disk: Disk;
  readonly base: string;
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
}

let cases = 0;
const rigs: Readonly<Record<string, () => Rig>> = {
  NodeDisk: () => ({ disk: new NodeDisk(), base: join(real, `case-${cases++}`), settle: (promise) => promise }),
  MemoryDisk: () => ({ disk: new MemoryDisk(), base: 'data', settle: (promise) => promise }),
  SimDisk: () => {
    const clock = new SimClock();
    return { disk: new SimDisk(clock, new SimRandom(cases++)), base: 'data', settle: (promise) => clock.settle(promise) };
  },
};

for (const [name, rig] of Object.entries(rigs)) {
  const on = (title: string, body: (disk: Disk, base: string) => Promise<void>) =>
    test(title, async () => {
      const { disk, base, settle } = rig();
      await settle(disk.makeDirectory(base).then(() => body(disk, base)));
    });

  describe(name, () => {
    on('reads back what was written, and less only at the end', async (disk, base) => {
      const file = await disk.open(`${base}/a`, { create: true });
      assert.equal(await file.write(text.encode('hello world'), 0), 11);
      assert.equal(await file.write(text.encode('W'), 6), 1);
      const into = new Uint8Array(8);
      assert.equal(await file.read(into, 4), 7);
      assert.equal(Buffer.from(into.subarray(0, 7)).toString(), 'o World');
      assert.equal(await file.read(into, 11), 0);
      assert.equal(await file.read(into, 100), 0);
      assert.equal(await file.sizeBytes(), 11);
      await file.sync();
      await file.close();
    });

    on('a hole reads as zeros, and what was cut off does not come back', async (disk, base) => {
      const file = await disk.open(`${base}/a`, { create: true, dsync: true });
      await file.write(new Uint8Array(10_000).fill(7), 0);
      await file.truncate(5000);
      await file.write(Uint8Array.of(1), 20_000);
      const into = new Uint8Array(20_001);
      assert.equal(await file.read(into, 0), 20_001);
      assert.equal(into.lastIndexOf(7), 4999);
      assert.equal(into[20_000], 1);
      await file.truncate(30_000);
      assert.equal(await file.sizeBytes(), 30_000);
      assert.equal(await file.read(into, 20_001), 9999);
      assert.equal(
        into.subarray(0, 9999).every((b) => b === 0),
        true,
      );
      await file.close();
    });

    on('a missing file is ENOENT, one in a missing directory too', async (disk, base) => {
      await assert.rejects(disk.open(`${base}/none`), { code: 'ENOENT' });
      await assert.rejects(disk.open(`${base}/no/file`, { create: true }), { code: 'ENOENT' });
      await assert.rejects(disk.rename(`${base}/none`, `${base}/b`), { code: 'ENOENT' });
      assert.deepEqual(await disk.list(`${base}/none`), []);
    });

    on('opening an existing file with create keeps its bytes', async (disk, base) => {
      const first = await disk.open(`${base}/a`, { create: true });
      await first.write(text.encode('kept'), 0);
      await first.close();
      const second = await disk.open(`${base}/a`, { create: true });
      assert.equal(await second.sizeBytes(), 4);
      await second.close();
    });

    on('lists sorted, renames over, removes twice', async (disk, base) => {
      for (const file of ['b', 'a', 'c']) await (await disk.open(`${base}/${file}`, { create: true })).close();
      await disk.makeDirectory(`${base}/d/e`);
      assert.deepEqual(await disk.list(base), ['a', 'b', 'c', 'd']);
      const b = await disk.open(`${base}/b`);
      await b.write(text.encode('b'), 0);
      await disk.rename(`${base}/b`, `${base}/c`);
      await disk.remove(`${base}/a`);
      await disk.remove(`${base}/a`);
      await disk.syncDirectory(base);
      assert.deepEqual(await disk.list(`${base}/`), ['c', 'd']);
      assert.equal(await b.sizeBytes(), 1, 'an open file survives its renaming');
      await b.close();
      const c = await disk.open(`${base}/c`);
      assert.equal(await c.sizeBytes(), 1);
      await c.close();
    });

    on('a removed file lives on for those who have it open', async (disk, base) => {
      const file = await disk.open(`${base}/a`, { create: true });
      await file.write(text.encode('still here'), 0);
      await disk.remove(`${base}/a`);
      const into = new Uint8Array(10);
      assert.equal(await file.read(into, 0), 10);
      assert.equal(Buffer.from(into).toString(), 'still here');
      await file.close();
    });

    on('a closed file refuses everything but being closed', async (disk, base) => {
      const file = await disk.open(`${base}/a`, { create: true });
      await file.close();
      await file.close();
      await assert.rejects(file.read(new Uint8Array(1), 0), { code: 'EBADF' });
      await assert.rejects(file.write(new Uint8Array(1), 0), { code: 'EBADF' });
      await assert.rejects(file.sync(), { code: 'EBADF' });
      await assert.rejects(file.truncate(0), { code: 'EBADF' });
      await assert.rejects(file.sizeBytes(), { code: 'EBADF' });
    });

    on('a directory is not a file', async (disk, base) => {
      await assert.rejects(disk.open(base), { code: 'EISDIR' });
    });

    on('makes directories again, and tells free bytes', async (disk, base) => {
      await disk.makeDirectory(`${base}/x/y`);
      await disk.makeDirectory(`${base}/x/y`);
      assert.deepEqual(await disk.list(`${base}/x`), ['y']);
      assert.ok((await disk.freeBytes(base)) > 1_000_000);
    });

    on('lock: one at a time, and again after release', async (disk, base) => {
      const lock = await disk.lock(base);
      await assert.rejects(disk.lock(base), isRefused('locked', base));
      await lock.release();
      const again = await disk.lock(base);
      await again.release();
      await assert.rejects(disk.lock(`${base}/none`), { code: 'ENOENT' });
    });
  });
}
