import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Writer } from '../../../src/bytes/writer.ts';
import type { Message } from '../../../src/model/message.ts';
import { readMessage } from '../../../src/model/record.ts';
import {
  AMQP_LANGUAGE,
  changeProperties,
  keptHeaders,
  NO_PROPERTIES,
  namesOf,
  PropertyScan,
  propertiesOf,
  RecordBatch,
  WireFault,
  writeTable,
} from '../../../src/wire/amqp/amqp.ts';

function scanned(bytes: Uint8Array): PropertyScan {
  const scan = new PropertyScan();
  scan.scan(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
  return scan;
}

const SOME = {
  contentType: (writer: Writer) => writer.text8('text/plain'),
  headers: (writer: Writer) => writeTable(writer, new Map<string, string | number>([['a', 1], ['CC', 'x'], ['b', 'c']])), // biome-ignore format: pairs
  priority: (writer: Writer) => writer.u8(7),
  timestamp: (writer: Writer) => writer.u64(1_700_000_000),
  clusterId: (writer: Writer) => writer.text8('last'),
};

test('properties are found where they stand, changed one by one, and else left byte for byte', () => {
  const bytes = changeProperties(scanned(NO_PROPERTIES), SOME);
  const scan = scanned(bytes);
  assert.deepEqual(
    [scan.text('contentType'), scan.octet('priority'), scan.timestamp, scan.text('clusterId')],
    ['text/plain', 7, 1_700_000_000, 'last'],
  );
  assert.deepEqual([scan.text('type'), scan.octet('deliveryMode'), scan.has('headers')], [undefined, undefined, true]);
  assert.deepEqual([...scan.headers()], [['a', 1], ['CC', 'x'], ['b', 'c']]); // biome-ignore format: pairs
  assert.deepEqual(changeProperties(scan, {}), bytes);
  const changed = scanned(
    changeProperties(scan, {
      contentType: undefined,
      type: (writer) => writer.text8('t'),
      headers: (writer) => keptHeaders(scan, writer, new Set(['CC'])),
    }),
  );
  assert.deepEqual([changed.text('contentType'), changed.text('type'), changed.octet('priority')], [undefined, 't', 7]);
  assert.deepEqual([...changed.headers()], [['a', 1], ['b', 'c']]); // biome-ignore format: pairs
});

test('properties that are not just as long as they say are refused', () => {
  const bytes = changeProperties(scanned(NO_PROPERTIES), SOME);
  for (let cut = 0; cut < bytes.length; cut++) assert.throws(() => scanned(bytes.slice(0, cut)), WireFault, String(cut));
  assert.throws(() => scanned(Uint8Array.of(...bytes, 0)), WireFault);
  assert.throws(() => scanned(Uint8Array.of(0, 1)), WireFault, 'flags that go on');
});

test('a batch holds records that read as what was published, also when one of them moves on to another batch', () => {
  const names = Buffer.from(namesOf('x', 'key'));
  const properties = changeProperties(scanned(NO_PROPERTIES), { messageId: (writer) => writer.text8('m') });
  const batch = new RecordBatch();
  const begin = (into: RecordBatch): void => {
    into.begin(5, names);
    into.properties(properties, 0, properties.length);
  };
  for (const text of ['one', 'two']) {
    begin(batch);
    batch.setPriority(text.length);
    batch.body(Buffer.from(text), 0, 3);
    batch.end();
  }
  begin(batch);
  batch.setPriority(9);
  batch.setTtlMs(100);
  batch.setKeyHash(77);
  batch.body(Buffer.from('thr'), 0, 3);
  const other = new RecordBatch();
  batch.moveBegun(other);
  other.body(Buffer.from('ee'), 0, 2);
  other.end();
  const languages = new Map([[AMQP_LANGUAGE.number, AMQP_LANGUAGE]]);
  const read = (from: RecordBatch, i: number): Message => readMessage(from.bytes, from.records(i, i + 1).start, languages);
  assert.deepEqual([batch.count, other.count], [2, 1]);
  assert.deepEqual(
    [0, 1].map((i) => Buffer.from(read(batch, i).body).toString()),
    ['one', 'two'],
  );
  const moved = read(other, 0);
  assert.deepEqual(
    [Buffer.from(moved.body).toString(), moved.exchange, moved.address, moved.id, moved.timestampMs],
    ['three', 'x', 'key', 'm', 5],
  );
  assert.deepEqual(other.columns(0, 1), { priority: Uint8Array.of(9), ttlMs: Float64Array.of(100), keyHash: Int32Array.of(77) });
  assert.deepEqual(batch.columns(0, 2)?.priority, Uint8Array.of(3, 3));
  batch.clear();
  assert.equal(batch.columns(0, 0), undefined);
});

test('a text too long for its property becomes a header', () => {
  const long = 'x'.repeat(300);
  const scan = scanned(
    propertiesOf({ exchange: '', address: 'a', timestampMs: 0, id: long, type: 't', headers: new Map(), body: new Uint8Array(0) }),
  );
  assert.deepEqual([scan.text('messageId'), scan.text('type'), scan.headers().get('x-messageId')], [undefined, 't', long]);
});

test('nothing that was read or handed on points into memory that is written again', () => {
  const names = Buffer.from(namesOf('x', 'key'));
  const properties = changeProperties(scanned(NO_PROPERTIES), {
    headers: (writer) => writeTable(writer, new Map([['raw', Uint8Array.of(1, 2, 3)]])),
  });
  const batch = new RecordBatch();
  batch.begin(5, names);
  batch.properties(properties, 0, properties.length);
  batch.body(Buffer.from('body'), 0, 4);
  batch.end();
  const { bytes, start, ends } = batch.records(0, 1);
  // What a broker does to keep them.
  const kept = bytes.slice(start, ends[0]);
  const read = readMessage(Buffer.from(kept.buffer), 0, new Map([[AMQP_LANGUAGE.number, AMQP_LANGUAGE]]));
  const given = Buffer.from(kept);
  const language = AMQP_LANGUAGE.read(given.subarray(8, given.length - 4), given.subarray(given.length - 4));
  batch.bytes.fill(0);
  given.fill(0);
  assert.equal(Buffer.from(kept.subarray(-4)).toString(), 'body');
  assert.equal(Buffer.from(language.body).toString(), 'body');
  assert.deepEqual(language.headers.get('raw'), Uint8Array.of(1, 2, 3));
  assert.deepEqual(read.headers.get('raw'), Uint8Array.of(1, 2, 3));
});
