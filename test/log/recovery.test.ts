import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from '../../src/bytes/crc32.ts';
import type { LogFields } from '../../src/host/logger.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { CountingDisk } from './counting-disk.ts';
import { batchesOf, changed, diskWith, type Files, takeFiles } from './files-fixture.ts';
import { append, DIRECTORY, memoryHost, numbered, offset, openLog, readAll, recordsOf, valuesOf } from './fixture.ts';

const FIRST = '00000000000000000000-0.log';

/** Ten batches of three, in one file; `syncAfter`: a sync after these. What the process leaves when it is killed. */
async function killed(syncAfter: readonly number[]): Promise<Uint8Array> {
  const host = memoryHost(new MemoryDisk(), silentLogger, 8);
  const log = await openLog(host);
  for (let i = 0; i < 10; i++) {
    append(log, numbered(3 * i, 3), 1000 + i);
    if (syncAfter.includes(i)) await log.sync();
  }
  await log.sync();
  const files = await takeFiles(host.disk);
  assert.deepEqual([...files.keys()], [FIRST]);
  return files.get(FIRST) ?? new Uint8Array(0);
}

/** Several closed segments and an active one; closed, so that each has its footer. */
async function closedLog(segmentBytes = 500): Promise<{ files: Files; values: string[] }> {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes });
  for (let i = 0; i < 30; i++) append(log, numbered(2 * i, 2), 1000 + i);
  await log.close();
  return { files: await takeFiles(host.disk), values: numbered(0, 60) };
}

async function open(files: Files, options: Parameters<typeof openLog>[1] = {}) {
  return openLog(memoryHost(await diskWith(files)), { segmentBytes: 500, ...options });
}

test('a file cut anywhere opens with the whole batches before the cut', async () => {
  const bytes = await killed([]);
  const places = batchesOf(bytes);
  assert.equal(places.length, 10);
  for (let size = 0; size <= bytes.length; size += size % 73 < 70 ? 7 : 1) {
    const whole = places.filter((_, i) => (places[i + 1] ?? bytes.length) <= size).length;
    const files: Files = new Map([[FIRST, bytes.subarray(0, size)]]);
    const log = await open(files);
    assert.deepEqual(await valuesOf(log), numbered(0, 3 * whole), `cut at ${size}`);
    append(log, ['new']);
    await log.close();
    await assert.rejects(open(files, { atLeast: offset(3 * whole + 1) }), { code: 'damaged' });
    assert.equal((await open(files, { atLeast: offset(3 * whole) })).end, 3 * whole);
  }
});

test('a torn end is told to the operator, and gone for good before anything is appended', async () => {
  const bytes = await killed([]);
  const last = batchesOf(bytes)[9] ?? 0;
  const events: [string, LogFields | undefined][] = [];
  const logger = { info: () => {}, error: () => {}, warn: (event: string, fields?: LogFields) => void events.push([event, fields]) };
  const disk = new CountingDisk(await diskWith(new Map([[FIRST, bytes.subarray(0, bytes.length - 1)]])));
  await openLog(memoryHost(disk, logger));
  assert.deepEqual(events, [['log.end-cut', { file: `${DIRECTORY}/${FIRST}`, byte: last, bytes: bytes.length - 1 - last, offset: 27 }]]);
  assert.deepEqual([disk.count('truncate'), disk.count('sync')], [1, 1]);
});

test('a hole among batches that were never synced is a torn end; one in what was synced is damage', async () => {
  const unsynced = await killed([]);
  const synced = await killed([0, 3, 6]);
  for (const [i, at] of batchesOf(unsynced).entries()) {
    const hole = unsynced.slice();
    hole.fill(0, at, at + 60);
    assert.deepEqual(await valuesOf(await open(new Map([[FIRST, hole]]))), numbered(0, 3 * i), `unsynced, batch ${i}`);
  }
  for (const [i, at] of batchesOf(synced).entries()) {
    const hole = synced.slice();
    hole.fill(0, at, at + 60);
    const files: Files = new Map([[FIRST, hole]]);
    // Batches 7, 8 and 9 were synced last, together, and nothing was written after them.
    if (i >= 7) assert.deepEqual(await valuesOf(await open(files)), numbered(0, 3 * i), `batch ${i}`);
    else
      await assert.rejects(open(files), {
        code: 'damaged',
        message: new RegExp(`${FIRST} is damaged at byte ${at}: .* byte \\d+ was written later`),
      });
  }
});

test('what looks like batches inside a record is never taken for one', async () => {
  const foreign = await killed([0, 1, 2, 3, 4, 5]);
  const host = memoryHost();
  const log = await openLog(host);
  append(log, ['a'], 1);
  append(log, ['b'], 2);
  await log.sync();
  const own = (await takeFiles(host.disk)).get(FIRST) ?? new Uint8Array(0);
  const body = Buffer.concat([foreign, own, foreign]);
  const carrier = recordsOf(['x']);
  const bytes = new Uint8Array(carrier.bytes.length + body.length);
  bytes.set(carrier.bytes);
  bytes.set(body, 9);
  new DataView(bytes.buffer).setUint32(0, 9 + body.length, true);
  log.append(log.end, 3, { bytes, start: 0, ends: Uint32Array.of(9 + body.length), count: 1 });
  await log.sync();
  const file = (await takeFiles(host.disk)).get(FIRST) ?? new Uint8Array(0);
  const last = batchesOf(file)[2] ?? 0;
  for (const spoiled of [last, last + 20, last + 50]) {
    const torn = file.slice();
    torn.fill(0xff, spoiled, spoiled + 4);
    assert.deepEqual(await valuesOf(await open(new Map([[FIRST, torn]]))), ['a', 'b']);
  }
});

test('closed segments are not walked through when their footers tell', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 100_000 });
  for (let i = 0; i < 100; i++) append(log, ['x'.repeat(10_000)], i);
  await log.close();
  const disk = new CountingDisk(host.disk);
  const again = await openLog(memoryHost(disk), { segmentBytes: 100_000 });
  const segments = (await disk.list(DIRECTORY)).length;
  assert.ok(segments >= 10);
  assert.equal(again.end, 100);
  assert.equal(again.synced, 100);
  assert.ok(disk.readBytes <= segments * 9000, `${disk.readBytes} bytes were read`);
  assert.equal(disk.count('write'), 0);
});

test('a footer that is missing, torn or stale costs a walk and is written anew', async () => {
  const { files, values } = await closedLog();
  const names = [...files.keys()];
  assert.ok(names.length > 4);
  for (const name of names) {
    const end = batchEnd(files.get(name));
    for (const change of [
      (bytes: Uint8Array) => bytes.subarray(0, end),
      (bytes: Uint8Array) => bytes.subarray(0, end + 17),
      (bytes: Uint8Array) => Uint8Array.of(...bytes, 1, 2, 3),
      (bytes: Uint8Array) => bytes.fill(0, end),
      (bytes: Uint8Array) => bytes.fill(0, end + 30, end + 34),
    ]) {
      const disk = await diskWith(changed(files, name, change));
      const log = await openLog(memoryHost(disk), { segmentBytes: 500 });
      assert.deepEqual(await valuesOf(log), values);
      await log.close();
      const counting = new CountingDisk(disk);
      await openLog(memoryHost(counting), { segmentBytes: 500 });
      assert.equal(counting.count('write'), 0, 'the second opening finds all footers');
    }
  }
});

test('a log that was opened again and appended to leaves its footer at its end', async () => {
  const { files, values } = await closedLog(1_000_000);
  const disk = await diskWith(files);
  const more: string[] = [];
  for (let i = 0; i < 3; i++) {
    const log = await openLog(memoryHost(disk), { segmentBytes: 1_000_000 });
    append(log, ['s'], 5000 + i);
    more.push('s');
    await log.close();
    const counting = new CountingDisk(disk);
    const again = await openLog(memoryHost(counting), { segmentBytes: 1_000_000 });
    assert.equal(counting.count('write') + counting.count('rename'), 0);
    assert.deepEqual(await valuesOf(again), [...values, ...more]);
  }
});

test('what is left of a footer is not taken for a torn end', async () => {
  const { files, values } = await closedLog(1_000_000);
  const disk = await diskWith(files);
  const log = await openLog(memoryHost(disk), { segmentBytes: 1_000_000 });
  append(log, ['s'], 5000);
  await log.sync();
  const warn = (event: string) => assert.fail(event);
  const killed = await diskWith(await takeFiles(disk));
  const again = await openLog(memoryHost(killed, { info: () => {}, error: () => {}, warn }), { segmentBytes: 1_000_000 });
  assert.deepEqual(await valuesOf(again), [...values, 's']);
});

test('a footer that lies, though its checksum is right, does not matter to readers', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 8 << 20 });
  const values = Array.from({ length: 120 }, (_, i) => `${i}:${'y'.repeat(20_000)}`);
  for (const [i, value] of values.entries()) append(log, [value], i);
  await log.close();
  const files = await takeFiles(host.disk);
  for (const { row, delta, at } of [
    { row: 0, delta: 0, at: 1 },
    { row: 1, delta: 2, at: 7_000_000 },
    { row: 2, delta: 0, at: 2_000_000 },
    { row: 3, delta: 100, at: 48 },
  ]) {
    const lying = changed(files, FIRST, (bytes) => {
      const view = new DataView(bytes.buffer);
      const from = batchEnd(bytes);
      view.setUint32(from + 76 + 16 * row, delta, true);
      view.setUint32(from + 76 + 16 * row + 4, at, true);
      view.setUint32(from + 4, crc32(bytes.subarray(from + 8)), true);
      return bytes;
    });
    const again = await open(lying);
    for (const from of [0, 13, 14, 50, 119]) assert.deepEqual(await valuesOf(again, offset(from)), values.slice(from), `row ${row}`);
    assert.equal(await again.offsetAt(77, again.end), 77);
    append(again, ['more'], 200);
    assert.deepEqual(await valuesOf(again, offset(119)), [values[119], 'more']);
  }
});

test('a closed segment that is not whole is damage, at whatever byte', async () => {
  const { files, values } = await closedLog();
  const [first = '', second = ''] = files.keys();
  for (const name of [first, second]) {
    const end = batchEnd(files.get(name));
    const versions = new Set(batchesOf(files.get(name) ?? new Uint8Array(0)).map((at) => at + 3));
    for (let at = 0; at < end; at += 5) {
      if (versions.has(at)) continue;
      const bad = changed(
        changed(files, name, (bytes) => bytes.fill((bytes[at] ?? 0) ^ 0x10, at, at + 1)),
        name,
        (bytes) => bytes.subarray(0, end),
      );
      await assert.rejects(open(bad), { code: 'damaged', message: new RegExp(name) });
    }
    await assert.rejects(open(changed(files, name, (bytes) => bytes.subarray(0, end - 1))), { code: 'damaged' });
  }
  assert.equal(values.length, 60);
});

test('with footers that hide it, damage is found by whoever reads it', async () => {
  const { files, values } = await closedLog();
  const [, second = ''] = files.keys();
  const bad = changed(files, second, (bytes) => bytes.fill((bytes[60] ?? 0) ^ 1, 60, 61));
  const log = await open(bad);
  const base = Number(second.slice(0, 20));
  assert.deepEqual(await readAll(log, offset(0), offset(base)).then((all) => all.length), base);
  await assert.rejects(readAll(log), { code: 'damaged', message: new RegExp(`${second} is damaged at byte 0`) });
  await assert.rejects(log.compact(9999, log.end, 0), { code: 'damaged' });
  assert.equal((await valuesOf(log, offset(base + 12))).length, values.length - base - 12);
});

test('a footer whose checksum is wrong is not believed in anything', async () => {
  const { files } = await closedLog();
  const [first = ''] = files.keys();
  const sound = await open(files);
  const latest = changed(files, first, (bytes) => {
    new DataView(bytes.buffer).setFloat64(batchEnd(bytes) + 40, 9999, true);
    return bytes;
  });
  const log = await open(latest);
  assert.ok(sound.retainFrom(2000, 985, undefined) > 0);
  assert.equal(log.retainFrom(2000, 985, undefined), sound.retainFrom(2000, 985, undefined));
});

test('a last batch that is not the one its footer knows is found when the log is opened', async () => {
  const { files } = await closedLog();
  const [first = ''] = files.keys();
  const bad = changed(files, first, (bytes) => {
    const at = (batchesOf(bytes).at(-1) ?? 0) + 5;
    return bytes.fill((bytes[at] ?? 0) ^ 4, at, at + 1);
  });
  await assert.rejects(open(bad), { code: 'damaged', message: new RegExp(first) });
});

test('a segment that is missing in the middle is damage; the first one missing is a later start', async () => {
  const { files } = await closedLog();
  const names = [...files.keys()];
  const without = (name: string | undefined) => new Map([...files].filter(([one]) => one !== name));
  await assert.rejects(open(without(names[1])), { code: 'damaged', message: new RegExp(`${names[0]}.*next file begins with`) });
  const log = await open(without(names[0]));
  assert.equal(log.start, Number(names[1]?.slice(0, 20)));
  const overlapping = new Map(files);
  overlapping.set('00000000000000000003-0.log', files.get(names[1] ?? '') ?? new Uint8Array(0));
  await assert.rejects(open(overlapping), { code: 'damaged', message: /0003-0\.log is damaged.*next file begins with/ });
});

test('a batch of a newer version is refused, not cut off; three letters of one are not a batch', async () => {
  const bytes = await killed([]);
  const at = batchesOf(bytes)[9] ?? 0;
  const newer = bytes.slice();
  newer[at + 3] = '3'.charCodeAt(0);
  await assert.rejects(open(new Map([[FIRST, newer]])), { code: 'format', message: new RegExp(`byte ${at}\\.`) });
  newer[at + 60] = 255;
  assert.equal((await open(new Map([[FIRST, newer]]))).end, 27);
});

test('a log that a newer version has written, or gone on with, is refused when it is opened, and left as it was', async () => {
  const { files } = await closedLog();
  for (const [name, bytes] of files) {
    const places = batchesOf(bytes);
    for (const [first, at] of places.entries()) {
      for (const footed of [true, false]) {
        // From this batch on, to the end of the file; behind it a footer of ours, or one of theirs.
        const newer = bytes.slice();
        for (const place of places.slice(first)) newer[place + 3] = '3'.charCodeAt(0);
        if (!footed) newer[bytes.length - 1] = '3'.charCodeAt(0);
        const disk = await diskWith(new Map([...files, [name, newer]]));
        const before = await takeFiles(disk);
        await assert.rejects(openLog(memoryHost(disk), { segmentBytes: 500 }), {
          code: 'format',
          message: `The log file ${DIRECTORY}/${name} holds a batch of another format at byte ${at}. Open it with the version that wrote it.`,
        });
        assert.deepEqual(await takeFiles(disk), before);
      }
    }
  }
});

test('of two generations the later one counts, and the former is removed', async () => {
  const { files, values } = await closedLog();
  const [first = '', second = ''] = files.keys();
  const base = second.slice(0, 20);
  const two = new Map(files);
  two.set(`${base}-4.log`, files.get(second) ?? new Uint8Array(0));
  two.set(second, Uint8Array.of(1, 2, 3));
  two.set(`${base}-5.log.new`, Uint8Array.of(1, 2, 3));
  two.set('notes.txt', Uint8Array.of(1));
  const disk = await diskWith(two);
  const log = await openLog(memoryHost(disk), { segmentBytes: 500 });
  assert.deepEqual(await valuesOf(log), values);
  const names = await disk.list(DIRECTORY);
  assert.deepEqual(names.slice(0, 2), [first, `${base}-5.log`]);
  assert.ok(names.includes('notes.txt') && !names.some((name) => name.endsWith('.new')));
});

test('a segment on its way out does not come back, wherever it lies', async () => {
  const { files, values } = await closedLog();
  const names = [...files.keys()];
  const mark = (base: number, salt: number, generation = 0) => {
    const bytes = new Uint8Array(20);
    const view = new DataView(bytes.buffer);
    bytes.set(new TextEncoder().encode('sbx1'));
    view.setUint32(4, salt, true);
    view.setBigUint64(8, BigInt(base), true);
    view.setUint32(16, generation, true);
    return bytes;
  };
  const erased = (name: string) =>
    changed(files, name, (bytes) =>
      Uint8Array.of(...bytes, ...mark(Number(name.slice(0, 20)), new DataView(bytes.buffer).getUint32(40, true))),
    );
  const last = names.at(-1) ?? '';
  const ends = Number(last.slice(0, 20));
  // Removing it for good is cut short: what stands there then says the same.
  const inner = await diskWith(erased(names[0] ?? ''));
  const disk = new CountingDisk(inner);
  disk.before = (call, path) => {
    if (call === 'remove' && path.endsWith(names[0] ?? '')) throw new Error('no more');
  };
  await assert.rejects(openLog(memoryHost(disk), { segmentBytes: 500 }), /no more/);
  assert.deepEqual(await takeFiles(inner), erased(names[0] ?? ''));
  assert.deepEqual(await valuesOf(await open(erased(last))), values.slice(0, ends));
  const second = Number(names[1]?.slice(0, 20));
  assert.deepEqual(await valuesOf(await open(erased(names[0] ?? ''))), values.slice(second));
  await assert.rejects(open(erased(names[1] ?? '')), { code: 'damaged' });
  // The same bytes without the file's own salt are what a record may end with.
  const forged = changed(files, last, (bytes) => Uint8Array.of(...bytes, ...mark(ends, 1)));
  assert.deepEqual(await valuesOf(await open(forged)), values);
});

test('one file under two names, after a rename was lost, is kept under the later one', async () => {
  const { files, values } = await closedLog();
  const [, second = ''] = files.keys();
  const base = second.slice(0, 20);
  const both = new Map(files);
  both.set(`${base}-2.log`, files.get(second) ?? new Uint8Array(0));
  const disk = new LinkedDisk(await diskWith(both), `${DIRECTORY}/${second}`, `${DIRECTORY}/${base}-2.log`);
  for (let round = 0; round < 2; round++) assert.deepEqual(await valuesOf(await openLog(memoryHost(disk), { segmentBytes: 500 })), values);
});

test('what may be unsynced is written and synced once more after a crash, under a new name', async () => {
  const bytes = await killed([0, 3, 6]);
  const disk = new CountingDisk(await diskWith(new Map([[FIRST, bytes]])));
  const log = await openLog(memoryHost(disk));
  const seventh = batchesOf(bytes)[7] ?? 0;
  assert.equal(disk.writtenBytes, bytes.length - seventh);
  assert.deepEqual(await disk.list(DIRECTORY), ['00000000000000000000-1.log']);
  assert.deepEqual([log.synced, log.end], [21, 30]);
  await log.sync();
  assert.deepEqual([log.synced, disk.count('sync'), disk.count('syncDirectory')], [30, 1, 1]);
});

test('any single bit that flips at rest is found, or changes nothing that is read', async () => {
  const { files, values } = await closedLog(900);
  let found = 0;
  for (const [name, bytes] of files) {
    for (let at = 0; at < bytes.length; at += 7) {
      const bad = changed(files, name, (copy) => copy.fill((copy[at] ?? 0) ^ (1 << (at % 8)), at, at + 1));
      try {
        const log = await open(bad, { atLeast: offset(60) });
        assert.deepEqual(await valuesOf(log), values, `${name}, byte ${at}`);
      } catch (error) {
        assert.match((error as { code?: string }).code ?? String(error), /^(damaged|format)$/, `${name}, byte ${at}`);
        found++;
      }
    }
  }
  assert.ok(found > 100);
});

test('a directory that holds only foreign files is an empty log', async () => {
  const files: Files = new Map([
    ['99999999999999999999-0.log', Uint8Array.of(1)],
    ['x.log', Uint8Array.of(1)],
  ]);
  const log = await open(files);
  assert.deepEqual([log.start, log.end], [0, 0]);
  await assert.rejects(open(new Map(), { atLeast: offset(1) }), { code: 'damaged' });
});

/** A disk on which two names, at first, lead to the same file. */
class LinkedDisk extends CountingDisk {
  readonly #one: string;
  #other: string;

  constructor(inner: MemoryDisk, one: string, other: string) {
    super(inner);
    this.#one = one;
    this.#other = other;
  }

  override open(path: string, options?: { create?: boolean; dsync?: boolean }) {
    return super.open(path === this.#one ? this.#other : path, options);
  }

  override rename(from: string, to: string): Promise<void> {
    if (from === this.#other) this.#other = to;
    return super.rename(from, to);
  }
}

function batchEnd(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) throw new Error('There is no such file.');
  const last = batchesOf(bytes).at(-1) ?? 0;
  return last + new DataView(bytes.buffer, bytes.byteOffset).getUint32(last + 8, true);
}
