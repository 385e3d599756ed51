/** Packs and publishers' times, held against a list of what was appended. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { examineLog, type PartitionLog, salvageLog } from '../../src/log/log.ts';
import type { RecordColumns } from '../../src/model/packs.ts';
import { type Records, sizeOf } from '../../src/model/record.ts';
import { batchesOf, diskWith, takeFiles } from './files-fixture.ts';
import { append, DIRECTORY, memoryHost, offset, openLog, readAll, recordsOf, type Seen, seenIn } from './fixture.ts';

/** A record as it was appended. */
interface Row {
  readonly first: number;
  readonly value: string;
  readonly messages: number;
  readonly timeMs: number;
  readonly foundMs: number;
}

function seenOf({ first, value, messages, timeMs }: Row): Seen {
  return { offset: first, key: '', value, timeMs, ...(messages > 1 && { messages }) };
}

/** Appends at random and remembers it: single records and packs, with and without times, whole batches and picks. */
function appendAny(log: PartitionLog, rows: Row[], random: SimRandom, timeMs: number): void {
  const count = 1 + random.int(6);
  const values = Array.from({ length: count }, (_, i) => `${log.end}.${i}${'x'.repeat(random.int(60))}`);
  const columns = {
    packs: random.chance(0.7) ? Uint32Array.from(values, () => (random.chance(0.3) ? 1 : 1 + random.int(9))) : undefined,
    timesMs: random.chance(0.7) ? Float64Array.from(values, () => timeMs + random.int(50) - 25) : undefined,
  };
  const all = Uint32Array.from(values, (_, i) => i);
  const picks = random.chance(0.3) ? all.filter(() => random.chance(0.6)) : undefined;
  let first: number = log.end;
  log.append(log.end, timeMs, recordsOf(values), picks, columns);
  for (const i of picks ?? all) {
    const messages = columns.packs?.[i] ?? 1;
    rows.push({ first, value: values[i] ?? '', messages, timeMs, foundMs: columns.timesMs?.[i] ?? timeMs });
    first += messages;
  }
  assert.equal(log.end, first);
}

/** What reading has to answer, whole records and whole messages. */
function expected(rows: readonly Row[], from: number, before: number): Seen[] {
  return rows.filter(({ first, messages }) => first + messages > from && first + messages <= before && first < before).map(seenOf);
}

async function checkFetch(log: PartitionLog, rows: readonly Row[], random: SimRandom): Promise<void> {
  const from = log.start + random.int(log.end - log.start + 1);
  const before = log.start + random.int(log.end - log.start + 1);
  const sizeBytesMax = random.int(500);
  const slice = await log.fetch(offset(from), offset(before), sizeBytesMax);
  const seen = seenIn(slice);
  const wanted = from < before ? expected(rows, from, before) : [];
  assert.deepEqual(seen, wanted.slice(0, seen.length), `from ${from} before ${before}`);
  assert.equal(seen.length === 0, wanted.length === 0, `from ${from} before ${before}`);
  const last = seen.at(-1);
  const following = wanted[seen.length];
  // Behind what was read, or behind the offsets that a cut left empty there.
  if (following !== undefined) assert.ok(slice.next >= (last?.offset ?? 0) + (last?.messages ?? 1) && slice.next <= following.offset);
  else assert.ok(slice.next >= from && slice.next <= Math.max(from, before));
  if (seen.length > 1) assert.ok((slice.records.ends[seen.length - 1] ?? 0) <= sizeBytesMax);
  // Reading on from there skips nothing.
  assert.deepEqual(expected(rows, slice.next, log.end)[0], expected(rows, from, log.end)[seen.length]);
}

async function checkTime(log: PartitionLog, rows: readonly Row[], timeMs: number): Promise<void> {
  const row = rows.find(({ first, messages, foundMs }) => first + messages > log.start && foundMs >= timeMs);
  assert.equal(await log.offsetAt(timeMs, log.end), row === undefined ? log.end : Math.max(log.start, row.first), `time ${timeMs}`);
}

test('whatever is appended, read, sought, trimmed, cut and opened again is what a list says', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const random = new SimRandom(seed);
    let host = memoryHost();
    const options = { segmentBytes: random.pick([200, 600, 5000]), bufferBytes: random.pick([100, 1000]) };
    let log = await openLog(host, options);
    let rows: Row[] = [];
    let nowMs = 1000;
    let start = 0;
    for (let step = 0; step < 60; step++) {
      nowMs += random.int(4);
      const dice = random.int(100);
      if (dice < 45) appendAny(log, rows, random, nowMs);
      else if (dice < 70) await checkFetch(log, rows, random);
      else if (dice < 80) await checkTime(log, rows, nowMs + random.int(80) - 60);
      else if (dice < 88) await log.sync();
      else if (dice < 91) {
        start = log.start + random.int(log.end - log.start + 1);
        await log.trim(offset(start));
      } else if (dice < 94 && log.end > start) {
        // Inside of a pack as well: then that goes as a whole, and the offsets before the cut hold nothing.
        const end = log.end - random.int(Math.min(12, log.end - start));
        await log.truncate(offset(end));
        rows = rows.filter(({ first, messages }) => first + messages <= end);
        assert.equal(log.end, end);
      } else if (dice < 98) {
        // Closed, or killed once all was safe.
        if (random.chance(0.5)) await log.close();
        else await log.sync();
        host = memoryHost(await diskWith(await takeFiles(host.disk)), undefined, seed + step);
        log = await openLog(host, options);
        if (log.start < start) await log.trim(offset(start));
      }
    }
    assert.deepEqual(await readAll(log, offset(start)), expected(rows, start, log.end), `seed ${seed}`);
  }
});

/** Three singles, two packs and a single: offsets 0 to 15. */
function appendSome(log: PartitionLog): void {
  append(log, ['a', 'b', 'c'], 1000);
  log.append(log.end, 1001, recordsOf(['pack of 5', 'pack of 7', 'd']), undefined, { packs: Uint32Array.of(5, 7, 1) });
}

test('reading from inside of a pack begins with it; a pack that is not safe to its end is not there', async () => {
  const log = await openLog(memoryHost());
  appendSome(log);
  assert.equal(log.end, 16);
  const fetch = async (from: number, before: number, sizeBytesMax = 1000) => {
    const slice = await log.fetch(offset(from), offset(before), sizeBytesMax);
    return [[...slice.offsets], [...(slice.packs ?? [])], slice.next];
  };
  for (const synced of [false, true]) {
    if (synced) await log.sync();
    assert.deepEqual(await fetch(0, 16), [[0, 1, 2, 3, 8, 15], [1, 1, 1, 5, 7, 1], 16]);
    assert.deepEqual(await fetch(0, 3), [[0, 1, 2], [], 3], 'no packs, nothing told of them');
    assert.deepEqual(await fetch(7, 16), [[3, 8, 15], [5, 7, 1], 16]);
    assert.deepEqual(await fetch(8, 16, 0), [[8], [7], 15]);
    assert.deepEqual(await fetch(12, 16, 0), [[8], [7], 15]);
    assert.deepEqual(await fetch(2, 12), [[2, 3], [1, 5], 8]);
    assert.deepEqual(await fetch(9, 12), [[], [], 9], 'nothing yet');
    assert.deepEqual(await fetch(3, 8, 20), [[3], [5], 8]);
  }
});

test('what no pack can be is a mistake of the caller, and so is a pack that is there in part', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  const one = (columns: RecordColumns) => log.append(log.end, 1, recordsOf(['a', 'b']), undefined, columns);
  assert.throws(() => one({ packs: Uint32Array.of(1, 0) }), /Record 1 .* 0 messages/);
  assert.throws(() => one({ packs: Uint32Array.of(2 ** 31, 1) }), /Record 0 .* 2147483648 messages/);
  assert.throws(() => one({ packs: Uint32Array.of(1) }), /Record 1 .* 0 messages/);
  assert.throws(() => one({ timesMs: Float64Array.of(1, Number.NaN) }), /Record 1 .* no time/);
  appendSome(log);
  await log.close();
  const again = await openLog(host);
  const records = recordsOf(['pack of 5', 'pack of 7', 'd', 'e']);
  again.append(offset(3), 1, records, undefined, { packs: Uint32Array.of(5, 7, 1, 4) });
  assert.equal(again.end, 20, 'replay passes over the packs that are there');
  const third = await openLog(memoryHost(await diskWith(await takeFiles(host.disk))));
  assert.throws(() => third.append(offset(3), 1, records, undefined, { packs: Uint32Array.of(5, 9, 1, 4) }), /ends with offset 16/);
});

test('many and huge packs: no batch and no segment covers more offsets than it can count', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  const messages = 2 ** 31 - 1;
  const values = Array.from({ length: 7 }, (_, i) => `p${i}`);
  log.append(log.end, 1, recordsOf(values), undefined, { packs: new Uint32Array(7).fill(messages) });
  append(log, ['last'], 2);
  assert.equal(log.end, 7 * messages + 1);
  await log.close();
  const again = await openLog(host);
  const seen = await readAll(again);
  assert.deepEqual(
    seen.map((one) => [one.offset, one.messages ?? 1, one.value]),
    [...values.map((value, i) => [i * messages, messages, value]), [7 * messages, 1, 'last']],
  );
  assert.equal((await host.disk.list(DIRECTORY)).length, 4);
  assert.equal(seenIn(await again.fetch(offset(5 * messages + 77), again.end, 0))[0]?.value, 'p5');
});

test('a record is found by the time its publisher gave it; kept and thrown away it is by the time of its append', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 300 });
  // One from long ago, one from far ahead.
  const foundMs = [50, 9_000_000, 70, 80];
  for (const [i, timeMs] of foundMs.entries())
    log.append(log.end, 1000 + i, recordsOf([`v${i}${'x'.repeat(100)}`]), undefined, { timesMs: Float64Array.of(timeMs) });
  append(log, ['appended'], 2000);
  const check = async (open: PartitionLog) => {
    assert.deepEqual(await Promise.all([0, 50, 51, 9_000_000, 9_000_001].map((ms) => open.offsetAt(ms, open.end))), [0, 0, 1, 1, 5]);
    assert.deepEqual(
      (await readAll(open)).map(({ timeMs }) => timeMs),
      [1000, 1001, 1002, 1003, 2000],
    );
    assert.equal(open.retainFrom(1500, 600, undefined), 0);
    assert.equal(open.retainFrom(1650, 648, undefined), 2);
  };
  await check(log);
  await log.close();
  // With footers, and without any.
  await check(await openLog(host, { segmentBytes: 300 }));
  const files = await takeFiles(host.disk);
  for (const [name, bytes] of files) files.set(name, bytes.slice(0, -1));
  await check(await openLog(memoryHost(await diskWith(files)), { segmentBytes: 300 }));
});

test('a time may lie in any of many batches of one segment, however the times of the appends run', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 8 << 20 });
  const value = 'x'.repeat(10_000);
  for (let i = 0; i < 200; i++) {
    // Appended by a clock that is far behind; every tenth from long ago.
    const timesMs = Float64Array.of(i % 10 === 9 ? 1 : 10 * i, 10 * i + 5);
    log.append(log.end, i, recordsOf([value, value]), undefined, { packs: Uint32Array.of(1, 3), timesMs });
  }
  const check = async (open: PartitionLog) => {
    for (const i of [0, 1, 9, 17, 50, 99, 150, 198]) {
      assert.equal(await open.offsetAt(10 * i + 5, open.end), 4 * i + 1);
      assert.equal(await open.offsetAt(10 * i, open.end), i % 10 === 9 ? 4 * i + 1 : 4 * i);
      assert.equal(seenIn(await open.fetch(offset(4 * i + 3), open.end, 1))[0]?.offset, 4 * i + 1);
    }
    assert.equal(await open.offsetAt(2000, open.end), 800);
  };
  await check(log);
  await log.close();
  const files = await takeFiles(host.disk);
  await check(await openLog(host));
  for (const [name, bytes] of files) files.set(name, bytes.slice(0, -1));
  await check(await openLog(memoryHost(await diskWith(files))));
});

test('compaction keeps the times of what stays', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 400 });
  for (let i = 0; i < 12; i++) {
    const list = [
      { key: `k${i % 3}`, value: `v${i}` },
      { key: `only${i}`, value: 'x'.repeat(40) },
    ];
    log.append(log.end, 1000 + i, recordsOf(list), undefined, { timesMs: Float64Array.of(500 + 20 * i, 510 + 20 * i) });
  }
  await log.sync();
  const closedEnd = 2 * 9;
  assert.ok((await log.compact(2000, offset(closedEnd), 0)).removed >= 5);
  const there = await readAll(log);
  for (let timeMs = 490; timeMs < 760; timeMs += 5) {
    const found = there.find(({ offset: at }) => 500 + 10 * at >= timeMs);
    assert.equal(await log.offsetAt(timeMs, log.end), found?.offset ?? log.end, `time ${timeMs}`);
  }
  const before = there;
  await log.close();
  const again = await openLog(host, { segmentBytes: 400 });
  assert.deepEqual(await readAll(again), before);
  assert.equal(await again.offsetAt(501, again.end), before.find(({ offset: at }) => 500 + 10 * at >= 501)?.offset);
});

test('compaction leaves packs alone, what stands before them, and every tombstone that may bury something in them', async () => {
  const host = memoryHost();
  for (const again of [false, true]) {
    const log = await openLog(host, { segmentBytes: 200 });
    if (!again) {
      append(
        log,
        [
          { key: 'k', value: 'old' },
          { key: 'k', value: 'newer' },
        ],
        1000,
      );
      log.append(log.end, 1001, recordsOf(['pack'.repeat(40)]), undefined, { packs: Uint32Array.of(10) });
      for (let i = 0; i < 8; i++) append(log, [{ key: 'j', value: `${i}${'x'.repeat(80)}` }], 1002 + i);
      append(log, [{ key: 'k', value: '' }], 1010);
      for (let i = 0; i < 3; i++) append(log, [{ value: 'y'.repeat(90) }], 1011);
    }
    await log.sync();
    const { removed } = await log.compact(5000, log.end, 10);
    assert.equal(removed, again ? 0 : 7, 'and it is not begun again and again');
    assert.deepEqual(
      (await readAll(log)).map(({ value }) => value.slice(0, 5)),
      ['old', 'newer', 'packp', '7xxxx', '', 'yyyyy', 'yyyyy', 'yyyyy'],
    );
    await log.close();
  }
});

test('only what is packed or timed needs the second version, and its footer says so', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 150 });
  append(log, ['plain'.repeat(20)]);
  log.append(log.end, 1, recordsOf(['pack'.repeat(20)]), undefined, { packs: Uint32Array.of(3) });
  append(log, ['plain'.repeat(20)]);
  log.append(log.end, 1, recordsOf(['timed'.repeat(20)]), undefined, { timesMs: Float64Array.of(5) });
  append(log, ['plain'.repeat(20)]);
  log.append(log.end, 1, recordsOf(['plain'.repeat(20)]), undefined, {});
  await log.close();
  const files = await takeFiles(host.disk);
  assert.deepEqual(
    [...files.values()].map((bytes) => [bytes[3], bytes[bytes.length - 1]].map((byte) => String.fromCharCode(byte ?? 0)).join('')),
    ['11', '22', '11', '22', '11', '11'],
  );
});

test('a pack that is damaged is refused, and never taken for another', async () => {
  const host = memoryHost();
  const log = await openLog(host);
  appendSome(log);
  append(log, ['behind'], 1002);
  await log.close();
  const [[name, bytes] = ['', new Uint8Array(0)]] = await takeFiles(host.disk);
  const at = batchesOf(bytes)[1] ?? 0;
  for (let i = at; i < at + 90; i++) {
    const bad = bytes.slice();
    bad[i] = (bad[i] ?? 0) ^ 4;
    const disk = await diskWith(new Map([[name, bad]]));
    const reading = openLog(memoryHost(disk), { atLeast: offset(17) }).then((open) => readAll(open));
    await assert.rejects(reading, { code: 'damaged' }, `byte ${i}`);
  }
});

test('the doctor counts messages, and saves packs as they are', async () => {
  const host = memoryHost();
  const log = await openLog(host, { segmentBytes: 300 });
  for (let i = 0; i < 6; i++) {
    log.append(log.end, 1000 + i, recordsOf(['p'.repeat(50), 'q'.repeat(50)]), undefined, {
      packs: Uint32Array.of(4, 1 + i),
      timesMs: Float64Array.of(i, i),
    });
  }
  await log.sync();
  const truth = await readAll(log);
  await log.close();
  const { records, end, findings } = await examineLog(host.disk, DIRECTORY);
  assert.deepEqual([records, end, findings], [45, 45, []]);
  assert.deepEqual(await salvageLog(host, DIRECTORY, 'data/saved', { start: 0, end: 45 }), []);
  assert.deepEqual(await readAll(await openLog(host, { directory: 'data/saved' })), truth);
});

test('a pack is kept to the byte', async () => {
  const log = await openLog(memoryHost());
  const records: Records = recordsOf(['x'.repeat(200_000), 'y']);
  log.append(offset(0), 1, records, undefined, { packs: Uint32Array.of(1000, 1), timesMs: Float64Array.of(1, 2) });
  await log.sync();
  const { records: read } = await log.fetch(offset(500), log.end, 1 << 20);
  assert.equal(sizeOf(read.bytes, 0), read.ends[0]);
  assert.deepEqual(read.bytes.subarray(0, read.ends[1]), records.bytes.subarray(0, records.ends[1]));
});
