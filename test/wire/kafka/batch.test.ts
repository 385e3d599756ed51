import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_HEADERS } from '../../../src/model/message.ts';
import { type Records, RecordWriter, readMessage } from '../../../src/model/record.ts';
import { BatchHead, place, stampAppendTime } from '../../../src/wire/kafka/batch.ts';
import { encodeBatch, encodeBatches } from '../../../src/wire/kafka/batch-writer.ts';
import { KAFKA } from '../../../src/wire/kafka/language.ts';
import { packInPlace, packOf } from '../../../src/wire/kafka/pack.ts';
import { unpackBatch } from '../../../src/wire/kafka/single.ts';
import { batchOf, type Rec, TIME_MS } from './batches.ts';

const LANGUAGES = new Map([[KAFKA.number, KAFKA]]);
const RULES = { languages: LANGUAGES, emptyIsNull: false, leaderEpoch: 0 };

function messagesOf(records: Records) {
  return Array.from({ length: records.count }, (_, i) =>
    readMessage(records.bytes, i === 0 ? records.start : (records.ends[i - 1] ?? 0), LANGUAGES),
  );
}

function headOf(batch: Uint8Array): BatchHead {
  const head = new BatchHead();
  assert.equal(head.read(batch, 0, batch.length), undefined);
  return head;
}

test('the head of a batch is read where it lies', () => {
  const batch = batchOf([{ value: 'a' }, { value: 'b', timeMs: TIME_MS + 5 }], {
    producer: { id: 7, epoch: 2, sequence: 40 },
    attributes: 16,
  });
  const head = headOf(batch);
  assert.deepEqual(
    { ...head },
    {
      sizeBytes: batch.length,
      attributes: 16,
      lastDelta: 1,
      firstMs: TIME_MS,
      latestMs: TIME_MS + 5,
      producerId: 7,
      producerEpoch: 2,
      sequence: 40,
      count: 2,
    },
  );
  assert.deepEqual([head.isTransactional, head.isControl, head.isAppendTime, head.hasProducer, head.codec], [true, false, false, true, 0]);
  assert.equal(head.check(batch, 0), undefined);
});

test('what a producer may not send is told apart', () => {
  const good = batchOf([{ value: 'a' }]);
  const fault = (batch: Uint8Array) => {
    const head = new BatchHead();
    return head.read(batch, 0, batch.length) ?? head.check(batch, 0);
  };
  assert.equal(fault(good), undefined);
  const flipped = good.slice();
  flipped[good.length - 1] = 0x55;
  assert.equal(fault(flipped), 'corrupt');
  for (let end = 0; end < good.length; end++) assert.equal(fault(good.subarray(0, end)), 'corrupt');
  const old = good.slice();
  old[16] = 1;
  assert.equal(fault(old), 'magic');
  assert.equal(fault(batchOf([{ value: 'a' }], { attributes: 32 })), 'invalid', 'a control batch');
  assert.equal(fault(batchOf([{ value: 'a' }], { count: 2 })), 'invalid', 'counts that do not agree');
  assert.equal(fault(batchOf([])), 'invalid', 'no records');
  assert.equal(fault(batchOf([{ value: 'a' }], { attributes: 5 })), 'invalid', 'no such codec');
  assert.equal(fault(batchOf([{ value: 'a' }], { attributes: 16 })), 'invalid', 'a transaction of nobody');
  assert.equal(fault(batchOf([{ value: 'a' }], { producer: { id: 1, epoch: 0, sequence: -1 } })), 'invalid', 'no sequence');
});

test('a batch is put at its place without touching what its checksum covers; a time is put in with a new one', () => {
  const batch = batchOf([{ value: 'a' }, { value: 'b' }]);
  place(batch, 0, 2 ** 40 + 3, 9);
  const view = new DataView(batch.buffer);
  assert.equal(view.getBigInt64(0), 2n ** 40n + 3n);
  assert.equal(view.getInt32(12), 9);
  assert.equal(headOf(batch).check(batch, 0), undefined);
  stampAppendTime(batch, 0, batch.length, TIME_MS + 77);
  const head = headOf(batch);
  assert.deepEqual([head.isAppendTime, head.latestMs, head.check(batch, 0)], [true, TIME_MS + 77, undefined]);
  assert.deepEqual(
    messagesOf(unpackBatch(batch, 0, 't')).map((m) => m.timestampMs),
    [TIME_MS + 77, TIME_MS + 77],
  );
});

test('records are taken out of a batch one by one, whatever it is compressed with', () => {
  const records: Rec[] = [
    {
      key: 'k',
      value: 'v',
      headers: [
        ['h', 'x'],
        ['n', null],
      ],
    },
    { key: null, value: null, timeMs: TIME_MS + 3 },
    {
      key: '',
      value: '',
      headers: [
        ['ce_id', '17'],
        ['ce_type', 'made'],
        ['content-type', 'text/plain'],
      ],
    },
  ];
  for (const codec of [0, 1, 4]) {
    const [a, b, c] = messagesOf(unpackBatch(batchOf(records, { codec }), 0, 'orders.made'));
    assert.deepEqual(a, {
      exchange: 'amq.topic',
      address: 'orders.made',
      timestampMs: TIME_MS,
      key: new Uint8Array(Buffer.from('k')),
      headers: new Map([
        ['h', 'x'],
        ['n', null],
      ]),
      body: new Uint8Array(Buffer.from('v')),
    });
    assert.deepEqual([b?.key, b?.body.length, b?.timestampMs], [undefined, 0, TIME_MS + 3]);
    assert.deepEqual([c?.id, c?.type, c?.contentType, c?.headers.size, c?.key?.length], ['17', 'made', 'text/plain', 0, 0]);
  }
});

const record: fc.Arbitrary<Rec> = fc.record({
  key: fc.option(fc.string({ maxLength: 200 }), { nil: null }),
  value: fc.option(fc.string({ maxLength: 300 }), { nil: null }),
  headers: fc.array(fc.tuple(fc.string({ maxLength: 9 }), fc.option(fc.string({ maxLength: 70 }), { nil: null })), { maxLength: 4 }),
  timeMs: fc.integer({ min: 0, max: 2 ** 42 }),
});

test('taken apart and put together again, a batch holds the same records', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.constantFrom(0, 1, 4), (records, codec) => {
      const plain = batchOf(records);
      const singles = unpackBatch(batchOf(records, { codec }), 0, 'a');
      const offsets = Float64Array.from(records, (_, i) => i);
      const again = encodeBatch({ records: singles, offsets }, RULES);
      assert.equal(Buffer.from(again.subarray(61)).toString('hex'), Buffer.from(plain.subarray(61)).toString('hex'));
      assert.equal(headOf(Uint8Array.from(again)).check(Uint8Array.from(again), 0), undefined);
    }),
    { numRuns: 100 },
  );
});

test('batches that were kept whole are moved together where they lie; what stands between them becomes batches of its own', () => {
  const writer = new RecordWriter();
  const plain = (body: string) => {
    writer.write({ exchange: '', address: 'a', timestampMs: TIME_MS, headers: NO_HEADERS, body: Buffer.from(body) });
    return writer.take();
  };
  const sides: Record<string, () => Records> = {
    p: () => packOf('a', batchOf([{ value: 'p'.repeat(50) }, { value: 'q' }])),
    s: () => plain('s'),
  };
  for (const order of ['', 'p', 's', 'ppp', 'ps', 'sp', 'psp', 'ppssp', 'sspp', 'pspsp']) {
    const made = [...order].map((one) => (sides[one] as () => Records)());
    const ahead = 9;
    const bytes = new Uint8Array(made.reduce((sum, one) => sum + one.bytes.length, ahead));
    const ends = new Uint32Array(made.length);
    const offsets = new Float64Array(made.length);
    let at = ahead;
    let next = 100;
    for (const [i, one] of made.entries()) {
      bytes.set(one.bytes.subarray(0, one.ends[0]), at);
      at += one.ends[0] ?? 0;
      ends[i] = at;
      offsets[i] = next;
      next += order[i] === 'p' ? 2 : 1;
    }
    const batches = Uint8Array.from(
      encodeBatches({ records: { bytes, start: ahead, ends, count: made.length }, offsets, timestamps: offsets }, RULES),
    );
    const found: string[] = [];
    const head = new BatchHead();
    for (let from = 0; from < batches.length; from += head.sizeBytes) {
      assert.equal(head.read(batches, from, batches.length) ?? head.check(batches, from), undefined);
      const base = Number(new DataView(batches.buffer).getBigInt64(from));
      for (const [i, { body }] of messagesOf(unpackBatch(batches, from, 'a')).entries())
        found.push(`${base + i}${body[0] === 115 ? 's' : ''}`);
    }
    const expected = [...order].flatMap((one, i) => (one === 'p' ? [`${offsets[i]}`, `${(offsets[i] ?? 0) + 1}`] : [`${offsets[i]}s`]));
    assert.deepEqual(found, expected, order);
  }
});

test('a neutral message becomes a record, its properties headers; gaps between offsets stay', () => {
  const writer = new RecordWriter();
  const base = { exchange: 'amq.topic', address: 'a', timestampMs: TIME_MS + 0.5 };
  writer.write({
    ...base,
    id: 'i',
    contentType: 'application/json',
    headers: new Map<string, string | number>([
      ['x', 'y'],
      ['n', 5],
    ]),
    body: Buffer.from('{}'),
  });
  writer.write({ ...base, key: Buffer.from('k'), headers: NO_HEADERS, body: new Uint8Array(0) });
  const records = writer.take();
  const batch = Uint8Array.from(encodeBatch({ records, offsets: Float64Array.of(10, 14) }, { ...RULES, emptyIsNull: true }));
  const head = headOf(batch);
  assert.deepEqual([head.lastDelta, head.count, new DataView(batch.buffer).getBigInt64(0), head.firstMs], [4, 2, 10n, TIME_MS]);
  const [a, b] = messagesOf(unpackBatch(batch, 0, 'a'));
  assert.deepEqual(
    [a?.id, a?.contentType, a?.headers, Buffer.from(a?.body ?? []).toString()],
    [
      'i',
      'application/json',
      new Map([
        ['x', 'y'],
        ['n', '5'],
      ]),
      '{}',
    ],
  );
  assert.equal(Buffer.from(b?.key ?? []).toString(), 'k');
  assert.equal(
    encodeBatch(
      { records: { bytes: new Uint8Array(0), start: 0, ends: new Uint32Array(0), count: 0 }, offsets: new Float64Array(0) },
      RULES,
    ).length,
    0,
  );
});

test('a batch that says other than it holds is refused', () => {
  const batch = batchOf([{ value: 'abcdef' }, { value: 'x' }]);
  for (const [at, byte] of [
    [61, 0x80],
    [61, 2],
    [61, 1],
    [66, 0x7e],
  ] as const) {
    const wrong = batch.slice();
    wrong[at] = byte;
    assert.throws(() => unpackBatch(wrong, 0, 'a'), { name: 'BytesError' }, `${at}`);
  }
  assert.throws(() => unpackBatch(batch.subarray(0, 70), 0, 'a'), { name: 'BytesError' });
  assert.throws(() => unpackBatch(batchOf([{ value: 'a' }], { codec: 1, compress: () => Buffer.from('no') }), 0, 'a'), /gzip/);
  assert.throws(() => unpackBatch(batchOf([{ value: 'a' }], { codec: 4, compress: () => Buffer.from('no') }), 0, 'a'), /zstd/);
});

test('a batch is made a record where it lies, with what stands in front of it written over, or is copied where there is no room', () => {
  const batch = batchOf([{ value: 'a' }, { value: 'b' }]);
  const room = new Uint8Array(30 + batch.length);
  room.fill(0x77);
  room.set(batch, 30);
  const copied = packOf('topic', batch);
  const placed = packInPlace('topic', room.subarray(30));
  assert.equal(Buffer.from(placed.bytes).toString('hex'), Buffer.from(copied.bytes).toString('hex'));
  assert.equal(placed.bytes.buffer, room.buffer);
  assert.deepEqual([...room.subarray(0, 5)], [0x77, 0x77, 0x77, 0x77, 0x77], 'no more than is needed');
  assert.notEqual(packInPlace('topic', room.subarray(30).slice()).bytes.buffer, room.buffer);
  const head = copied.bytes.subarray(8, 25);
  assert.deepEqual([KAFKA.count?.(head, copied.bytes.subarray(25)), copied.ends[0]], [2, copied.bytes.length]);
  assert.throws(() => readMessage(copied.bytes, 0, LANGUAGES), { code: 'invalid' }, 'it is no single message');
  const single = packOf('topic', batchOf([{ key: 'k', value: 'only' }], { codec: 1 }));
  assert.equal(Buffer.from(readMessage(single.bytes, 0, LANGUAGES).body).toString(), 'only', 'but a batch of one is');
});
