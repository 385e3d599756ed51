import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../src/broker/broker.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { offset } from '../../src/model/lines.ts';
import { MAIN_LINE, NO_HEADERS } from '../../src/model/message.ts';
import { RecordWriter } from '../../src/model/record.ts';
import { batch, bodiesOf, idle, opened, sending } from './opened.ts';

async function offsetsIn(broker: Broker, topic: string): Promise<number[]> {
  const found: number[] = [];
  for (let next = offset(0); ; ) {
    const fetched = await broker.fetch({ topic, partition: 0, offset: next });
    found.push(...fetched.offsets.subarray(0, fetched.records.count));
    if (fetched.next >= fetched.end) return found;
    next = fetched.next;
  }
}

async function publishKeyed(broker: Broker, topic: string, key: string, body: Uint8Array): Promise<void> {
  const writer = new RecordWriter();
  writer.write({ exchange: MAIN_LINE, address: topic, timestampMs: 0, key: new TextEncoder().encode(key), headers: NO_HEADERS, body });
  await broker.publish({ address: topic, records: writer.take() });
}

test('a tombstone goes when its time is over, also when nothing new comes', async (t) => {
  const { broker, advance } = await opened(t, { logSegmentBytes: 100_000, upkeep: { tombstoneMs: 60_000 } });
  await broker.declare({ kind: 'topic', name: 't', compact: true });
  const body = new Uint8Array(40_000);
  await publishKeyed(broker, 't', 'gone', body);
  await publishKeyed(broker, 't', 'gone', new Uint8Array(0));
  // Enough behind them that they are written, and in segments that are closed.
  for (let n = 0; n < 60; n++) await publishKeyed(broker, 't', `other-${n}`, body);
  await advance(2000);
  assert.deepEqual(
    (await offsetsIn(broker, 't')).slice(0, 2),
    [1, 2],
    'the tombstone has buried its key, and stays for those who read later',
  );
  await advance(120_000);
  assert.deepEqual((await offsetsIn(broker, 't')).slice(0, 2), [2, 3]);
});

test('a segment that nothing needs is recycled, and few old messages are carried forward', async (t) => {
  const disk = new MemoryDisk();
  const upkeep = { checkpointBytes: 200_000, carryCountMax: 100, segmentsMin: 2 };
  const { broker, advance, reopen } = await opened(t, { disk, segmentBytes: 262_144, blockBytesMax: 65_536, upkeep });
  await broker.declare({ kind: 'queue', name: 'old', priorityMax: 3 });
  await broker.declare({ kind: 'queue', name: 'busy' });
  await broker.publish(sending('old', 'a', 'b', 'c'));
  const held = await broker.receive({ queue: 'old', leaseMs: 3_600_000 });
  assert.ok(held);
  const text = 'x'.repeat(20_000);
  for (let n = 0; n < 150; n++) {
    await broker.publish(sending('busy', text));
    const got = await broker.receive({ queue: 'busy' });
    assert.ok(got);
    await broker.settle({ queue: 'busy', lease: got.lease, runs: Float64Array.of(got.numbers[0] ?? -1, 1), outcome: 'ack' });
    if (n % 10 === 0) await advance(1000);
  }
  await advance(5000);
  const segments = (await disk.list('/data/journal')).filter((name) => /^\d+\.journal$/.test(name));
  assert.ok(segments.length <= 5, `3 MB went through, and ${segments.length} segments of 256 KiB are kept`);
  assert.equal(await broker.settle({ queue: 'old', lease: held.lease, runs: Float64Array.of(0, 1), outcome: 'requeue' }), 1);
  const digest = broker.digest();
  const rest = await broker.peek({ queue: 'old' });
  assert.deepEqual(bodiesOf(rest), ['a', 'b', 'c']);
  const again = await reopen();
  assert.equal(again.broker.digest(), digest, 'the state replayed is the state that was');
  assert.deepEqual(bodiesOf(await again.broker.peek({ queue: 'old' })), ['a', 'b', 'c']);
});

test('large messages are carried forward bit by bit', async (t) => {
  const disk = new MemoryDisk();
  const options = { segmentBytes: 2 << 20, blockBytesMax: 1 << 20, messageBytesMax: 1 << 20 };
  const { broker, pass } = await opened(t, {
    disk,
    ...options,
    upkeep: { checkpointBytes: 1 << 20, carryCountMax: 100, segmentsMin: 1 },
  });
  await broker.declare({ kind: 'queue', name: 'old' });
  await broker.declare({ kind: 'queue', name: 'busy' });
  const large = 'x'.repeat(600_000);
  // More in all than a segment holds, spread over several.
  for (let n = 0; n < 6; n++) await broker.publish(sending('old', `${n}${large}`));
  for (let n = 0; n < 12; n++) {
    await broker.publish(sending('busy', large));
    const got = await broker.receive({ queue: 'busy' });
    await broker.settle({ queue: 'busy', runs: Float64Array.of(got?.numbers[0] ?? -1, 1), outcome: 'ack' });
    await pass(1000);
  }
  await pass(5000);
  const names = (await disk.list('/data/journal')).filter((name) => /^\d+\.journal$/.test(name)).toSorted();
  assert.ok(Number(names[0]?.split('.')[0]) > 0, `the first segment is gone: ${names}`);
  assert.deepEqual(
    bodiesOf(await broker.peek({ queue: 'old' })).map((body) => body[0]),
    ['0', '1', '2', '3', '4', '5'],
  );
});

test('a queue that expires does so after a restart as well, from when it was opened', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'queue', name: 'q', expiresMs: 5000 });
  await broker.publish(sending('q', 'a'));
  const again = await reopen();
  await again.advance(4999);
  assert.ok(await again.broker.describe('queue', 'q'));
  await again.broker.declare({ kind: 'queue', name: 'q', expiresMs: 5000 });
  await again.advance(4999);
  assert.ok(await again.broker.describe('queue', 'q'), 'declared again, its time began anew');
  await again.advance(1);
  assert.equal(await again.broker.describe('queue', 'q'), undefined);
});

test('a checkpoint while others publish loses nothing and lets them wait', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.declare({ kind: 'topic', name: 't' });
  const sent: Promise<unknown>[] = [];
  for (let round = 0; round < 5; round++) {
    sent.push(broker.checkpoint());
    for (let n = 0; n < 10; n++) sent.push(broker.publish(sending('q', `${round}-${n}`)), broker.publish(batch('t', `${round}-${n}`)));
    await idle(broker);
  }
  await Promise.all(sent);
  const digest = broker.digest();
  const again = await reopen();
  assert.equal(again.broker.digest(), digest);
  const topic = await again.broker.describe('topic', 't');
  assert.equal(topic?.kind === 'topic' && topic.partitions[0]?.end, 50);
  assert.equal((await offsetsIn(again.broker, 't')).length, 50);
});
