import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BytesError } from '../../../src/bytes/reader.ts';
import { Writer } from '../../../src/bytes/writer.ts';
import { MessageCodec, MessageReader, NO_UUID } from '../../../src/wire/kafka/codec.ts';
import { type Fields, planOf } from '../../../src/wire/kafka/fields.ts';
import { FETCH, PRODUCE } from '../../../src/wire/kafka/tables/messages.ts';
import { message, sides } from './apis.ts';

function encode(fields: Fields, flexible: number | null, version: number, value: unknown): Uint8Array {
  const to = new Writer();
  new MessageCodec(fields, flexible).encode(to, version, value);
  return to.take();
}

function decode(fields: Fields, flexible: number | null, version: number, bytes: Uint8Array): unknown {
  return new MessageCodec(fields, flexible).decode(new MessageReader(bytes), version);
}

/** What was read holds what was written, and besides only what the version has not. */
function assertHolds(read: unknown, written: unknown, where: string): void {
  if (written instanceof Uint8Array) assert.deepEqual(Buffer.from(read as Uint8Array), Buffer.from(written), where);
  else if (Array.isArray(written)) {
    assert.equal((read as unknown[]).length, written.length, where);
    written.forEach((one, i) => {
      assertHolds((read as unknown[])[i], one, `${where}[${i}]`);
    });
  } else if (typeof written === 'object' && written !== null) {
    for (const [name, one] of Object.entries(written)) assertHolds((read as Record<string, unknown>)[name], one, `${where}.${name}`);
  } else assert.equal(Object.is(read, -0) ? 0 : read, Object.is(written, -0) ? 0 : written, where);
}

test('every message of every version is read as it was written, to the last byte', () => {
  let count = 0;
  for (const { name, fields, version, flexible } of sides()) {
    count += 1;
    fc.assert(
      fc.property(message(fields, version), (value) => {
        const bytes = encode(fields, flexible, version, value);
        const from = new MessageReader(bytes);
        assertHolds(new MessageCodec(fields, flexible).decode(from, version), value, name);
        assert.equal(from.remaining, 0, name);
      }),
      { numRuns: 4 },
    );
  }
  assert.ok(count > 200, `${count} messages`);
});

test('a message that breaks off anywhere is refused, never half read', () => {
  for (const { name, fields, version, flexible } of sides()) {
    const [value] = fc.sample(message(fields, version), { numRuns: 1, seed: 7 });
    const bytes = encode(fields, flexible, version, value);
    for (let end = 0; end < bytes.length; end++)
      assert.throws(() => decode(fields, flexible, version, bytes.subarray(0, end)), BytesError, `${name} ${end}`);
  }
});

test('the bytes are those of the protocol', () => {
  const request = {
    transactionalId: null,
    acks: -1,
    timeoutMs: 30000,
    topicData: [{ name: 't', partitionData: [{ index: 1, records: Uint8Array.of(9) }] }],
  };
  assert.equal(
    Buffer.from(encode(PRODUCE.request, PRODUCE.flexible, 3, request)).toString('hex'),
    'ffff ffff 00007530 00000001 0001 74 00000001 00000001 00000001 09'.replaceAll(' ', ''),
  );
  assert.equal(
    Buffer.from(encode(PRODUCE.request, PRODUCE.flexible, 9, request)).toString('hex'),
    '00 ffff 00007530 02 02 74 02 00000001 02 09 00 00 00'.replaceAll(' ', ''),
  );
});

test('a tagged field is written when it says something, and an unknown one is passed over', () => {
  const fields = { a: 'int8', b: 'int16=-1 1+ #0', c: { $: '1+ #2', d: 'string=x' }, e: ['int8', '1+ #1'] } as const satisfies Fields;
  const plain = encode(fields, 1, 1, { a: 1 });
  assert.deepEqual([...plain], [1, 0]);
  assert.deepEqual(decode(fields, 1, 1, plain), { a: 1, b: -1, c: { d: 'x' }, e: [] });
  const full = encode(fields, 1, 1, { a: 1, b: 7, c: { d: 'y' }, e: [3] });
  assert.deepEqual([...full], [1, 3, 0, 2, 0, 7, 1, 2, 2, 3, 2, 3, 2, 0x79, 0]);
  assert.deepEqual(decode(fields, 1, 1, full), { a: 1, b: 7, c: { d: 'y' }, e: [3] });
  assert.deepEqual(decode(fields, 1, 1, Uint8Array.of(1, 1, 9, 2, 0xff, 0xff)), { a: 1, b: -1, c: { d: 'x' }, e: [] });
  assert.throws(() => decode(fields, 1, 1, Uint8Array.of(1, 1, 0, 3, 0, 7, 0)), /another length than it says/);
});

test('what a version has not is read as its default, and nothing is written for it', () => {
  const read = decode(
    FETCH.request,
    FETCH.flexible,
    4,
    encode(FETCH.request, FETCH.flexible, 4, {
      replicaId: -1,
      maxWaitMs: 1,
      minBytes: 2,
      maxBytes: 3,
      isolationLevel: 0,
      topics: [{ topic: 'a', partitions: [] }],
    }),
  );
  assert.deepEqual(read, {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: -1, replicaEpoch: -1 },
    maxWaitMs: 1,
    minBytes: 2,
    maxBytes: 3,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic: 'a', topicId: NO_UUID, partitions: [] }],
    forgottenTopicsData: [],
    rackId: '',
  });
});

test('a count is believed only as far as bytes are there, and only up to a limit', () => {
  const fields = { list: ['int8'] } as const satisfies Fields;
  assert.throws(() => decode(fields, null, 0, Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 1, 2)), /2147483647 elements, and 2 bytes/);
  assert.throws(() => decode(fields, 0, 0, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 1)), /elements/);
  assert.throws(() => decode(fields, null, 0, Uint8Array.of(0xff, 0xff, 0xff, 0xfe)), /-2 elements/);
  const many = new Uint8Array(4 + 300_000);
  new DataView(many.buffer).setInt32(0, 300_000);
  assert.throws(() => decode(fields, null, 0, many), /more than 200000 elements/);
});

test('numbers of 64 bits beyond 2^53 become the nearest there is', () => {
  const fields = { n: 'int64' } as const satisfies Fields;
  assert.deepEqual(decode(fields, null, 0, Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)), { n: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(decode(fields, null, 0, Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 0)), { n: Number.MIN_SAFE_INTEGER });
  assert.deepEqual(decode(fields, null, 0, new Uint8Array(8).fill(0xff)), { n: -1 });
});

test('a field left out that must be there is a mistake that is named', () => {
  assert.throws(
    () => encode(PRODUCE.response, null, 3, { responses: [{ name: 'a', partitionResponses: [{ index: 0 }] }] }),
    /"baseOffset" of a message is missing/,
  );
  assert.throws(() => encode({ a: 'string' }, null, 0, { a: null }), /is null/);
  assert.throws(() => encode({ a: ['int8'] }, null, 0, { a: null }), /is null/);
  assert.throws(() => encode({ a: 'string' }, null, 0, { a: 'x'.repeat(40_000) }), /longer than this version can say/);
});

test('a table that is not written as tables are is refused', () => {
  assert.throws(() => planOf('a', 'int12', 0), /unknown kind "int12"/);
  assert.throws(() => planOf('a', 'int8 first', 0), /no range of versions/);
});
