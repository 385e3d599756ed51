/** What only the real disk has: modes, descriptors, directories made safe. The contract itself is in `disk.test.ts`. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NodeDisk } from '../../src/host/node-disk.ts';

const base = await mkdtemp(join(tmpdir(), 'signalbox-node-disk-'));
after(() => rm(base, { recursive: true, force: true }));
const disk = new NodeDisk();
const onLinux = { skip: process.platform === 'linux' ? false : 'reads /proc' };

test('files and directories are for their owner alone', async () => {
  await disk.makeDirectory(`${base}/one/two`);
  const file = await disk.open(`${base}/one/two/a`, { create: true });
  await file.close();
  assert.equal((await stat(`${base}/one`)).mode & 0o777, 0o700);
  assert.equal((await stat(`${base}/one/two/a`)).mode & 0o777, 0o600);
});

test('a file opened with dsync has O_DSYNC, another has not', onLinux, async () => {
  const flagsOf = async (path: string) => {
    for (const fd of await readdir('/proc/self/fd')) {
      const target = await readlink(`/proc/self/fd/${fd}`).catch(() => ''); // The one that lists them is gone by now.
      if (target === path) return Number.parseInt(/flags:\s+(\d+)/.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '', 8);
    }
    return assert.fail(`${path} is not open`);
  };
  const synced = await disk.open(`${base}/synced`, { create: true, dsync: true });
  const plain = await disk.open(`${base}/plain`, { create: true });
  const O_DSYNC = 0o10000;
  assert.equal((await flagsOf(`${base}/synced`)) & O_DSYNC, O_DSYNC);
  assert.equal((await flagsOf(`${base}/plain`)) & O_DSYNC, 0);
  await synced.close();
  await plain.close();
});

test('close waits for what is in flight, so that no write can reach a descriptor that has become another file', async () => {
  const file = await disk.open(`${base}/busy`, { create: true });
  const writes = Array.from({ length: 50 }, (_, i) => file.write(new Uint8Array(4096).fill(i), i * 4096));
  const closed = file.close();
  const other = await disk.open(`${base}/other`, { create: true });
  assert.deepEqual(new Set(await Promise.all(writes)), new Set([4096]));
  await closed;
  assert.equal((await stat(`${base}/busy`)).size, 50 * 4096);
  assert.equal(await other.sizeBytes(), 0);
  await other.close();
});

test('a failed call does not keep close waiting, and says which file it was', async () => {
  const file = await disk.open(`${base}/named`, { create: true });
  await assert.rejects(file.read(new Uint8Array(1), Number.NaN));
  await assert.rejects(file.truncate(Number.MAX_SAFE_INTEGER), (error: Error) => error.message.includes(`${base}/named`));
  await file.close();
});

test('no descriptor is left behind by directory syncs and refused opens', onLinux, async () => {
  const count = async () => (await readdir('/proc/self/fd')).length;
  await disk.syncDirectory(base);
  const before = await count();
  for (let i = 0; i < 20; i++) {
    await disk.syncDirectory(base);
    await disk.makeDirectory(`${base}/deep/${i}/er`);
    await assert.rejects(disk.syncDirectory(`${base}/none`), { code: 'ENOENT' });
    await assert.rejects(disk.open(`${base}/none`), { code: 'ENOENT' });
  }
  assert.equal(await count(), before);
});

test('what is no missing file is an error: list of a file, remove of a directory, free bytes of nothing', async () => {
  await (await disk.open(`${base}/plain-file`, { create: true })).close();
  await assert.rejects(disk.list(`${base}/plain-file`), { code: 'ENOTDIR' });
  await mkdir(`${base}/directory`);
  await assert.rejects(disk.remove(`${base}/directory`));
  await assert.rejects(disk.freeBytes(`${base}/none`), { code: 'ENOENT' });
});
