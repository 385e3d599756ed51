/** The lock of a real directory: it dies with its holder and with nothing else, and holds across every road to the directory. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { lockDirectory } from '../../src/host/node-lock.ts';
import { isRefused } from './refused.ts';

const base = await mkdtemp(join(tmpdir(), 'signalbox-lock-'));
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(base, { recursive: true, force: true });
});
let directories = 0;

async function newDirectory(): Promise<string> {
  const directory = join(base, `d${directories++}`);
  await mkdir(directory);
  return directory;
}

const source = new URL('../../src/host/node-lock.ts', import.meta.url).href;

/** A process that takes the lock, says `held`, and then stays or (`stay` false) has nothing left to do. `around`: a command to run it in. */
function holderOf(directory: string, stay: boolean, around: readonly string[] = []): ChildProcess {
  const script = `
    const { lockDirectory } = await import(${JSON.stringify(source)});
    await lockDirectory(${JSON.stringify(directory)});
    process.stdout.write('held');
    ${stay ? 'setInterval(() => {}, 60_000);' : ''}`;
  const [command = '', ...args] = [...around, process.execPath, '--input-type=module', '--eval', script];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return child;
}

async function held(child: ChildProcess): Promise<void> {
  const [said] = await once(child.stdout ?? child, 'data');
  assert.equal(String(said), 'held');
}

test('another process is refused with the pid of the holder, and gets the lock at once after kill -9', async () => {
  const directory = await newDirectory();
  const child = holderOf(directory, true);
  await held(child);
  await assert.rejects(lockDirectory(directory), isRefused('locked', `${directory} is open in process ${child.pid};`));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.match(await readFile(join(directory, 'lock'), 'utf8'), new RegExp(`"pid":${child.pid},`), 'what the dead wrote is still there');
  const lock = await lockDirectory(directory);
  assert.match(await readFile(join(directory, 'lock'), 'utf8'), new RegExp(`"pid":${process.pid},`));
  await lock.release();
});

test('the lock does not keep its process alive', async () => {
  const child = holderOf(await newDirectory(), false);
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

test('a lock file that names a living process is no lock, nor is one full of rubbish', async () => {
  const directory = await newDirectory();
  for (const text of [`{"pid":${process.pid},"machine":"x"}`, 'rubbish', '']) {
    await writeFile(join(directory, 'lock'), text);
    await (await lockDirectory(directory)).release();
  }
});

test('a symbolic link is the same directory', async () => {
  const directory = await newDirectory();
  const link = `${directory}-link`;
  await symlink(directory, link);
  const lock = await lockDirectory(directory);
  await assert.rejects(lockDirectory(link), isRefused('locked', `this process (${process.pid}) already`));
  await lock.release();
});

test('of many who ask at once exactly one gets it, also over the remains of a dead one', async () => {
  const directory = await newDirectory();
  const child = holderOf(directory, true);
  await held(child);
  child.kill('SIGKILL');
  await once(child, 'exit');
  for (let round = 0; round < 5; round++) {
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)));
    const got = asked.filter((one) => one.status === 'fulfilled');
    assert.equal(got.length, 1);
    await got[0]?.value.release();
  }
});

test('a path longer than a socket name may be', async () => {
  const directory = join(await newDirectory(), 'x'.repeat(120));
  await mkdir(directory);
  const lock = await lockDirectory(directory);
  await assert.rejects(lockDirectory(directory), isRefused('locked'));
  await lock.release();
});

test('nothing is left after release, and releasing one directory leaves the lock of another alone', async () => {
  const [one, two] = [await newDirectory(), await newDirectory()];
  const first = await lockDirectory(one);
  const second = await lockDirectory(two);
  const there = await readdir(two);
  await first.release();
  assert.deepEqual(await readdir(one), []);
  const third = await lockDirectory(one);
  assert.deepEqual(await readdir(two), there);
  await assert.rejects(lockDirectory(two), isRefused('locked'));
  await second.release();
  assert.deepEqual(await readdir(one), there);
  await third.release();
  assert.deepEqual([await readdir(one), await readdir(two)], [[], []]);
});

const ownNetwork = ['unshare', '--map-root-user', '--net'];
const canUnshare = process.platform === 'linux' && spawnSync('unshare', [...ownNetwork.slice(1), 'true']).status === 0;

test('a container that shares only the directory is refused, until the holder dies', {
  skip: canUnshare ? false : 'needs unshare(1)',
}, async () => {
  const directory = await newDirectory();
  const child = holderOf(directory, true, ownNetwork);
  await held(child);
  await assert.rejects(lockDirectory(directory), isRefused('locked', directory));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockDirectory(directory);
  await lock.release();
});
