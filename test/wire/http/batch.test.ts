import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAIN_LINE } from '../../../src/model/message.ts';
import { murmur2 } from '../../../src/model/murmur.ts';
import { type Records, readMessage } from '../../../src/model/record.ts';
import type { Refused } from '../../../src/model/refusal.ts';
import { Batch, Lines } from '../../../src/wire/http/batch.ts';
import { LineReader } from '../../../src/wire/http/ndjson.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const TO = { exchange: MAIN_LINE, address: 'a.b' };

function messagesOf(records: Records) {
  return Array.from({ length: records.count }, (_, i) => readMessage(records.bytes, i === 0 ? records.start : (records.ends[i - 1] ?? 0)));
}

test('each message of a batch keeps what it says, and the columns agree', () => {
  const batch = new Batch();
  batch.add({ headers: new Map(), body: bytes('1'), key: bytes('k'), priority: 9, delayMs: 50, dedupId: 'd' }, TO, 1000);
  batch.add({ headers: new Map([['h', 'v']]), body: bytes('2'), dueMs: 7777, ttlMs: 5, group: 'g', partition: 3 }, TO, 1000);
  assert.equal(batch.count, 2);
  const { records, columns } = batch.take();
  const [first, second] = messagesOf(records);
  assert.equal(first?.address, 'a.b');
  assert.equal(first?.priority, 9);
  assert.deepEqual(second?.headers, new Map([['h', 'v']]));
  assert.deepEqual(columns, {
    priority: Uint8Array.of(9, 0),
    dueMs: Float64Array.of(1050, 7777),
    ttlMs: Float64Array.of(Number.POSITIVE_INFINITY, 5),
    group: [undefined, 'g'],
    dedupId: ['d', undefined],
    keyHash: Int32Array.of(murmur2(bytes('k')), -1),
    partition: Int32Array.of(-1, 3),
  });
  assert.equal(batch.count, 0);
  batch.add({ headers: new Map(), body: bytes('3') }, TO, 1);
  assert.deepEqual(batch.take().columns, {}, 'nothing said, no columns');
});

test('lines share one head', () => {
  const lines = new Lines({ headers: new Map([['h', 'v']]), contentType: 'application/json', key: bytes('k'), priority: 2 }, TO);
  lines.add(bytes('1'), 10);
  lines.add(bytes('[2]'), 99);
  const { records, columns } = lines.take();
  assert.deepEqual(
    messagesOf(records).map((m) => [new TextDecoder().decode(m.body), m.timestampMs, m.contentType]),
    [
      ['1', 10, 'application/json'],
      ['[2]', 10, 'application/json'],
    ],
  );
  assert.deepEqual(columns, { priority: Uint8Array.of(2, 2), keyHash: Int32Array.of(murmur2(bytes('k')), murmur2(bytes('k'))) });
  lines.add(bytes('3'), 500);
  assert.equal(messagesOf(lines.take().records)[0]?.timestampMs, 500, 'each batch has its own time');
});

function read(chunks: readonly Uint8Array[], max = 1000): string[] {
  const lines: string[] = [];
  const reader = new LineReader(max, (body) => lines.push(new TextDecoder().decode(body)));
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return lines;
}

test('lines are the same however the stream is cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.json({ maxDepth: 2 }), fc.constantFrom('', '  ', '"é😀"')), { maxLength: 12 }),
      fc.array(fc.nat(40), { maxLength: 30 }),
      fc.constantFrom('\n', '\r\n'),
      fc.boolean(),
      (values, cuts, end, ends) => {
        const all = bytes(values.join(end) + (ends ? end : ''));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of cuts) {
          chunks.push(all.slice(at, at + cut));
          at += cut;
        }
        chunks.push(all.slice(at));
        assert.deepEqual(
          read(chunks),
          values.filter((v) => v.trim() !== ''),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test('a bad line is named, and those before it were given', () => {
  const seen: string[] = [];
  const reader = new LineReader(100, (body) => seen.push(new TextDecoder().decode(body)));
  assert.throws(
    () => reader.push(bytes('1\n\n2\n{"a":\n4\n')),
    (e: Refused) => e.code === 'invalid' && /Line 4\b.*byte 5/.test(e.message),
  );
  assert.deepEqual(seen, ['1', '2']);
  assert.throws(() => read([bytes('1\n2\n'), Uint8Array.of(0x22, 0xff, 0x22, 0x0a)]), /Line 3 is not UTF-8/);
  assert.throws(() => read([Uint8Array.of(0x22, 0xff), Uint8Array.of(0x22)]), /Line 1 is not UTF-8/);
  assert.throws(() => read([bytes('1\n{')]), /Line 2/);
});

test('a line longer than one message may be is refused before it is whole', () => {
  assert.deepEqual(read([bytes('"12345678"\n')], 10), ['"12345678"']);
  assert.deepEqual(read([bytes('"1234'), bytes('5678"')], 10), ['"12345678"']);
  const tooLarge = (e: Refused): boolean => e.code === 'too-large' && /Line 2/.test(e.message);
  assert.throws(() => read([bytes('1\n"123456789"\n')], 10), tooLarge);
  const reader = new LineReader(10, () => undefined);
  reader.push(bytes('1\n"12345678'));
  assert.throws(() => reader.push(bytes('9012')), tooLarge);
});
