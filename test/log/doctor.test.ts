/** The doctor of logs: finds damage where it was done and nowhere else, changes nothing, and saves under its old offset what is whole. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Disk } from '../../src/host/disk.ts';
import type { Host } from '../../src/host/host.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { examineLog, salvageLog } from '../../src/log/log.ts';
import { isRefused } from '../host/refused.ts';
import { append, DIRECTORY, memoryHost, numbered, offset, openLog, readAll, type Seen } from './fixture.ts';

const TARGET = 'data/saved';

async function bytesOf(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path);
  const bytes = new Uint8Array(await file.sizeBytes());
  await file.read(bytes, 0);
  await file.close();
  return bytes;
}

async function fingerprint(disk: Disk): Promise<string[]> {
  const names = await disk.list(DIRECTORY);
  return Promise.all(
    names.map(async (name) => {
      const bytes = await bytesOf(disk, `${DIRECTORY}/${name}`);
      return `${name} ${bytes.length} ${createHash('sha256').update(bytes).digest('hex')}`;
    }),
  );
}

async function change(disk: Disk, path: string, work: (bytes: Uint8Array) => void): Promise<void> {
  const bytes = await bytesOf(disk, path);
  work(bytes);
  const file = await disk.open(path);
  await file.write(bytes, 0);
  await file.close();
}

/** A log of several files, every record in a batch of its own; answers what is in it. */
async function written(host: Host, count: number): Promise<Seen[]> {
  const log = await openLog(host, { segmentBytes: 600 });
  for (const value of numbered(0, count)) append(log, [value], 1000 + Number(value.slice(1)));
  await log.sync();
  const seen = await readAll(log);
  await log.close();
  return seen;
}

async function saved(host: Host): Promise<Seen[]> {
  const log = await openLog(host, { directory: TARGET });
  const seen = await readAll(log);
  await log.close();
  return seen;
}

test('a sound log: nothing is found, nothing is changed, and a copy of it is the same', async () => {
  const host = memoryHost();
  const seen = await written(host, 50);
  const before = await fingerprint(host.disk);
  assert.ok(before.length > 3);
  const { files, records, start, end, cut, findings } = await examineLog(host.disk, DIRECTORY);
  assert.deepEqual([files, records, start, end, cut, findings], [before.length, 50, 0, 50, undefined, []]);
  assert.deepEqual(await salvageLog(host, DIRECTORY, TARGET, { start: 0, end: 50 }), []);
  assert.deepEqual(await fingerprint(host.disk), before);
  assert.deepEqual(await saved(host), seen);
  await assert.rejects(salvageLog(host, DIRECTORY, TARGET, { start: 0, end: 50 }), isRefused('conflict', TARGET));
});

test('no log at all is an empty one; what the journal knows of it is lost', async () => {
  const host = memoryHost();
  assert.deepEqual((await examineLog(host.disk, DIRECTORY)).findings, []);
  const [lost, ...more] = await salvageLog(host, DIRECTORY, TARGET, { start: 3, end: 9 });
  assert.deepEqual([lost?.from, lost?.to, more], [3, 9, []]);
  const log = await openLog(host, { directory: TARGET });
  assert.deepEqual([log.start, log.end], [3, 9]);
  append(log, ['next']);
  assert.deepEqual(
    (await readAll(log)).map(({ offset: at, value }) => [at, value]),
    [[9, 'next']],
  );
  await log.close();
});

test('one bit of damage: the place is told, and only what stood there is lost', async () => {
  const host = memoryHost();
  const seen = await written(host, 50);
  const [, second = ''] = await host.disk.list(DIRECTORY);
  const path = `${DIRECTORY}/${second}`;
  const base = Number(second.slice(0, 20));
  // The second batch of the second file.
  const sizeBytes = new DataView((await bytesOf(host.disk, path)).buffer).getUint32(8, true);
  await change(host.disk, path, (bytes) => {
    bytes[sizeBytes + 40] = (bytes[sizeBytes + 40] ?? 0) ^ 1;
  });
  const { findings } = await examineLog(host.disk, DIRECTORY);
  assert.deepEqual(findings, [
    {
      path,
      byte: sizeBytes,
      from: base + 1,
      to: base + 2,
      says: `${path}, byte ${sizeBytes}: no whole batch stands there; offsets ${base + 1} to ${base + 1} are lost.`,
    },
  ]);
  assert.deepEqual(await salvageLog(host, DIRECTORY, TARGET, { start: 0, end: 50 }), findings);
  assert.deepEqual(
    await saved(host),
    seen.filter((one) => one.offset !== base + 1),
  );
});

test('a file that is missing is a hole; the torn end of the last one is none', async () => {
  const host = memoryHost();
  const seen = await written(host, 50);
  const names = await host.disk.list(DIRECTORY);
  await host.disk.remove(`${DIRECTORY}/${names[1]}`);
  const [gone = 0, after = 0] = names.slice(1, 3).map((name) => Number(name.slice(0, 20)));
  const last = `${DIRECTORY}/${names.at(-1)}`;
  // Without its footer, and with half a batch behind: as a crash leaves it.
  const bytes = await bytesOf(host.disk, last);
  const sizeBytes = new DataView(bytes.buffer).getUint32(8, true);
  const file = await host.disk.open(last);
  await file.truncate(sizeBytes + 30);
  await file.close();
  const { findings, cut, end } = await examineLog(host.disk, DIRECTORY);
  assert.deepEqual(
    findings.map(({ from, to }) => [from, to]),
    [[gone, after]],
  );
  assert.deepEqual(cut, { path: last, byte: sizeBytes });
  assert.equal(end, Number(names.at(-1)?.slice(0, 20)) + 1);
  await salvageLog(host, DIRECTORY, TARGET, { start: 0, end });
  assert.deepEqual(
    await saved(host),
    seen.filter((one) => one.offset < end && (one.offset < gone || one.offset >= after)),
  );
});

test('a truncated, trimmed and compacted log is copied as what it is', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 600 });
  for (let i = 0; i < 60; i++) append(log, [{ key: `k${i % 9}`, value: `v${i}` }]);
  await log.sync();
  await log.compact(5000, offset(40), 1e9);
  await log.trim(offset(12));
  await log.truncate(offset(47));
  append(log, ['w47', 'w48']);
  await log.sync();
  const seen = await readAll(log);
  const { start, end } = log;
  await log.close();
  assert.deepEqual((await examineLog(host.disk, DIRECTORY)).findings, []);
  assert.deepEqual(await salvageLog(host, DIRECTORY, TARGET, { start, end }), []);
  assert.deepEqual(
    (await saved(host)).filter((one) => one.offset >= start),
    seen,
  );
});

/** Whatever is done to the files: no wrong record is ever saved, and none is lost that the doctor does not name. */
async function damageAnything(seed: number): Promise<void> {
  const random = new SimRandom(seed);
  const host = memoryHost(new MemoryDisk(), undefined, seed);
  const count = 20 + random.int(60);
  const log = await openLog(host, { segmentBytes: 300 + random.int(2000) });
  const truth: string[] = [];
  while (truth.length < count) {
    const more = numbered(truth.length, 1 + random.int(4)).map((value) => value.repeat(1 + random.int(30)));
    append(log, more, 1000 + truth.length);
    truth.push(...more);
    if (random.chance(0.2)) await log.sync();
  }
  await log.sync();
  const end = log.end;
  await log.close();
  const names = await host.disk.list(DIRECTORY);
  for (let i = random.int(4); i >= 0; i--) {
    const path = `${DIRECTORY}/${names[random.int(names.length)]}`;
    if (!(await host.disk.list(DIRECTORY)).some((name) => path.endsWith(name))) continue;
    const kind = random.int(5);
    if (kind === 0 && names.length > 1) await host.disk.remove(path);
    else if (kind === 1) {
      const file = await host.disk.open(path);
      await file.truncate(random.int(await file.sizeBytes()));
      await file.close();
    } else {
      await change(host.disk, path, (bytes) => {
        const at = random.int(bytes.length);
        if (kind === 2) bytes.fill(0, at, at + random.int(512));
        else if (kind === 3) bytes.copyWithin(at, random.int(bytes.length), random.int(bytes.length));
        else bytes[at] = random.int(256);
      });
    }
  }
  const before = await fingerprint(host.disk);
  await examineLog(host.disk, DIRECTORY);
  const lost = await salvageLog(host, DIRECTORY, TARGET, { start: 0, end });
  assert.deepEqual(await fingerprint(host.disk), before);
  const copied = await openLog(host, { directory: TARGET });
  assert.ok(copied.end >= end, `it ends with ${copied.end} instead of ${end}`);
  const found = new Map((await readAll(copied)).map(({ offset: at, value }) => [at, value]));
  await copied.close();
  assert.equal(found.size, [...found.keys()].filter((at) => at < end).length);
  for (const [at, value] of truth.entries()) {
    const isLost = lost.some(({ from, to }) => at >= from && at < to);
    assert.equal(found.get(at), isLost ? undefined : value, `offset ${at} of seed ${seed}`);
  }
}

test('any damage to any file: what is whole is saved, what is lost is named, and nothing is made up', async () => {
  for (let seed = 0; seed < 60; seed++) await damageAnything(seed);
});
