/** Packs at the edges: those nobody can take apart, those that are cut into by hand, and what the log is told while it is being opened. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock } from '../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import type { Fetched, Publish } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { type Language, RecordWriter, readMessage } from '../../src/model/record.ts';
import { BUNDLES, type Bundled, bundle } from '../../src/testing/conformance/bundles.ts';
import { batch, type Opened, opened } from './opened.ts';

const LANGUAGES = new Map([[BUNDLES.number, BUNDLES]]);
const WITH = { languages: [BUNDLES] };

function packsOf(topic: string, given: readonly (readonly Bundled[])[], rest: Partial<Publish> = {}): Publish {
  const writer = new RecordWriter();
  const packs = Uint32Array.from(given, (one) => bundle(writer, one));
  const timeMs = Float64Array.from(given, (one) => Math.max(...one.map((message) => message.timeMs ?? 0)));
  return {
    address: topic,
    records: writer.take(),
    toTopic: true,
    packs,
    columns: { partition: new Int32Array(given.length), timeMs },
    ...rest,
  };
}

function pack(...values: string[]): Bundled[] {
  return values.map((value) => ({ value, timeMs: Number(value) || 0 }));
}

function seen({ records, offsets }: Fetched): string[] {
  return Array.from({ length: records.count }, (_, i) => {
    const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    try {
      const message = readMessage(records.bytes, at, LANGUAGES);
      return `${offsets[i]} ${new TextDecoder().decode(message.body)}`;
    } catch {
      return `${offsets[i]} unreadable`;
    }
  });
}

async function read({ broker }: Opened, from: number, sizeBytesMax = 1000): Promise<string[]> {
  return seen(await broker.fetch({ topic: 't', partition: 0, offset: offset(from), sizeBytesMax }));
}

/** A pack of three whose own word is all that is right of it. */
function broken(topic: string): Publish {
  const publish = packsOf(topic, [pack('1', '2', '3')]);
  const { records } = publish;
  // The size of the first value: far beyond the end.
  records.bytes[8 + 5 + 12 + 3] = 0x7f;
  return publish;
}

test('a pack that nobody can take apart is one record that says so to whoever reads it, and does not stand in the way', async (t) => {
  const open = await opened(t, WITH);
  await open.broker.declare({ kind: 'topic', name: 't' });
  await open.broker.publish(packsOf('t', [pack('0')]));
  await open.broker.publish(broken('t'));
  await open.broker.publish(packsOf('t', [pack('4', '5')]));
  assert.deepEqual(await read(open, 0), ['0 0', '1 unreadable', '4 4', '5 5']);
  assert.deepEqual(await read(open, 2), ['2 unreadable', '4 4', '5 5'], 'never before what was asked for');
  assert.equal(await open.broker.offsetAt('t', 0, 3), 1);
  assert.equal(await open.broker.offsetAt('t', 0, 5), 5);
  // A queue that would need its messages cannot have them.
  await open.broker.declare({ kind: 'topic', name: 'c', compact: true });
  await assert.rejects(open.broker.publish(broken('c')), { code: 'invalid' });
});

test('a pack that turns out to hold fewer messages than it took offsets is not taken for others', async (t) => {
  const forgetful: Language = { ...BUNDLES, unpack: (head, body) => ({ ...BUNDLES.unpack(head, body), count: 1 }) };
  const open = await opened(t, { languages: [forgetful] });
  await open.broker.declare({ kind: 'topic', name: 't' });
  await open.broker.publish(packsOf('t', [pack('0', '1'), pack('2')]));
  assert.deepEqual(await read(open, 0), ['0 unreadable', '2 2']);
});

test('packs of a language that no door speaks any more can still be read past', async (t) => {
  const before = await opened(t, WITH);
  await before.broker.declare({ kind: 'topic', name: 't' });
  await before.broker.publish(packsOf('t', [pack('0', '1', '2'), pack('3')]));
  await before.broker.close();
  const open = await opened(t, { disk: before.host.disk, clock: before.clock });
  const fetched = await open.broker.fetch({ topic: 't', partition: 0, offset: offset(1) });
  assert.deepEqual([[...fetched.offsets], fetched.next], [[1, 3], 4]);
  assert.equal(await open.broker.offsetAt('t', 0, 2), 0);
});

test('a partition may begin inside of a pack', async (t) => {
  let open = await opened(t, WITH);
  await open.broker.declare({ kind: 'topic', name: 't' });
  await open.broker.publish(packsOf('t', [pack('10', '11', '12', '13'), pack('14')]));
  assert.equal(await open.broker.trim('t', 0, offset(2)), 2);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(await read(open, 2), ['2 12', '3 13', '4 14']);
    await assert.rejects(read(open, 1), { code: 'out-of-range' });
    assert.equal(await open.broker.offsetAt('t', 0, 0), 2);
    assert.equal(await open.broker.offsetAt('t', 0, 13), 3);
    const { offsets } = await open.broker.fetch({ topic: 't', partition: 0, offset: offset(2), packed: true });
    assert.deepEqual([...offsets], [0, 4]);
    open = await open.reopen();
  }
});

test('what is published at any moment of the opening of its log is in it, with its packs and times', async (t) => {
  const { broker } = await opened(t, WITH);
  for (let ticks = 0; ticks < 40; ticks++) {
    const topic = `t${ticks}`;
    await broker.declare({ kind: 'topic', name: topic });
    const opening = broker.fetch({ topic, partition: 0, offset: offset(0) });
    for (let tick = 0; tick < ticks; tick++) await undefined;
    // What is not waited for is given back at once, and may be written over.
    const publish = packsOf(topic, [pack('7', '8'), pack('9')], { transient: true });
    await broker.publish(publish);
    publish.records.bytes.fill(0);
    publish.packs?.fill(1);
    publish.columns?.timeMs?.fill(0);
    await opening;
    const fetched = await broker.fetch({ topic, partition: 0, offset: offset(0), waitMs: 1000 });
    assert.deepEqual(seen(fetched), ['0 7', '1 8', '2 9'], `after ${ticks} ticks`);
    assert.equal(await broker.offsetAt(topic, 0, 8), 1);
  }
});

test('a reader that waits is woken by a pack, and gets its messages', async (t) => {
  const open = await opened(t, WITH);
  await open.broker.declare({ kind: 'topic', name: 't' });
  const waiting = open.broker.fetch({ topic: 't', partition: 0, offset: offset(0), waitMs: 10_000 });
  await open.broker.publish(packsOf('t', [pack('0', '1')]));
  assert.deepEqual(seen(await waiting), ['0 0', '1 1']);
});

test('killed before its log was synced, a partition has its packs again from the journal, between single messages', async (t) => {
  const options = { ...WITH, disk: new MemoryDisk(), clock: new HandClock(), durability: 'fsync' as const };
  let open = await opened(t, options);
  await open.broker.declare({ kind: 'topic', name: 't', partitions: 2 });
  const expected: string[] = [];
  let end = 0;
  for (let life = 0; life < 3; life++) {
    for (let n = 0; n < 4; n++) {
      const values = Array.from({ length: 1 + ((n + life) % 3) }, (_, i) => String(end + i));
      const columns = { partition: Int32Array.of(0, 1), timeMs: Float64Array.of(end, 0) };
      await open.broker.publish(packsOf('t', [pack(...values), pack('elsewhere', 'too')], { columns }));
      for (const value of values) expected.push(`${end++} ${value}`);
      await open.broker.publish({ ...batch('t', 'plain'), columns: { partition: Int32Array.of(0) } });
      expected.push(`${end++} plain`);
    }
    await open.kill();
    open = await opened(t, options);
    assert.deepEqual(await read(open, 0, 10_000), expected);
    const packed = await open.broker.fetch({ topic: 't', partition: 0, offset: offset(0), packed: true });
    assert.equal(packed.records.count, 8 * (life + 1));
  }
});

test('a pack that is read in many steps is taken apart once', async (t) => {
  let unpacked = 0;
  const counting: Language = {
    ...BUNDLES,
    unpack: (head, body) => {
      unpacked++;
      return BUNDLES.unpack(head, body);
    },
  };
  const open = await opened(t, { languages: [counting] });
  await open.broker.declare({ kind: 'topic', name: 't' });
  const values = Array.from({ length: 40 }, (_, i) => String(i));
  await open.broker.publish(packsOf('t', [pack('first'), pack(...values), pack('last')]));
  const all: string[] = [];
  for (let next = 0; next < 42; ) {
    const fetched = await open.broker.fetch({ topic: 't', partition: 0, offset: offset(next), sizeBytesMax: 100 });
    all.push(...seen(fetched));
    next = fetched.next;
  }
  assert.deepEqual(
    all,
    ['first', ...values, 'last'].map((value, i) => `${i} ${value}`),
  );
  assert.ok(unpacked <= 4, `${unpacked} times`);
  // Another reader elsewhere is not given what was kept for the first.
  assert.deepEqual(await read(open, 0, 30), ['0 first']);
  assert.deepEqual((await read(open, 7, 30)).slice(0, 1), ['7 6']);
  assert.deepEqual((await read(open, 41, 30)).slice(0, 1), ['41 last']);
});

test('nothing looks into a pack on its way in and out', async (t) => {
  const never = () => {
    throw new Error('somebody looked into a pack');
  };
  const open = await opened(t, { languages: [{ ...BUNDLES, read: never, unpack: never }] });
  await open.broker.declare({ kind: 'topic', name: 't', partitions: 2, retentionMs: 1000 });
  const { id, epoch } = await open.broker.producer();
  for (const sequence of [0, 2, 0]) await open.broker.publish(packsOf('t', [pack('0', '1')], { producer: { id, epoch, sequence } }));
  const { packs } = await open.broker.fetch({ topic: 't', partition: 0, offset: offset(1), packed: true });
  assert.deepEqual([...(packs ?? [])], [2, 2]);
  await open.advance(120_000);
  const again = await open.reopen();
  assert.equal((await again.broker.fetch({ topic: 't', partition: 0, offset: offset(4), packed: true })).end, 4);
});
