import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outgoing } from '../../src/api/outgoing.ts';
import { decodeValue } from '../../src/api/value.ts';
import { murmur2 } from '../../src/model/murmur.ts';
import { type Records, readMessage } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';

function read({ bytes, start, ends, count }: Records) {
  return Array.from({ length: count }, (_, i) => readMessage(bytes, i === 0 ? start : (ends[i - 1] ?? 0)));
}

test('messages of which nothing is said have no columns, and each its own body and type', () => {
  const values = ['a', { b: 1 }, Uint8Array.of(5), 'c'];
  const { records, columns } = outgoing(values, 'x', 'there', 1234, () => undefined);
  assert.equal(columns, undefined);
  const messages = read(records);
  assert.deepEqual(messages.map(decodeValue), values);
  for (const message of messages) assert.deepEqual([message.exchange, message.address, message.timestampMs], ['x', 'there', 1234]);
});

test('a column is made when the first message says something, and filled for the others', () => {
  const options = [
    undefined,
    { key: 'k', priority: 7 },
    { delay: '1s', ttl: '2s', group: 'g' },
    { deliverAt: new Date(9000), partition: 3, dedupId: 'd' },
  ];
  const { columns } = outgoing([0, 1, 2, 3], '', 'q', 1000, (i) => options[i]);
  const none = Number.POSITIVE_INFINITY;
  assert.deepEqual(columns, {
    keyHash: Int32Array.of(-1, murmur2(new TextEncoder().encode('k')), -1, -1),
    priority: Uint8Array.of(0, 7, 0, 0),
    dueMs: Float64Array.of(0, 0, 2000, 9000),
    ttlMs: Float64Array.of(none, none, 2000, none),
    group: [undefined, undefined, 'g', undefined],
    partition: Int32Array.of(-1, -1, -1, 3),
    dedupId: [undefined, undefined, undefined, 'd'],
  });
});

test('properties stand in the record, where every door can read them', () => {
  const { records } = outgoing([1], 'x', 'a', 5, () => ({
    key: 'k',
    priority: 9,
    ttl: 100,
    correlationId: 'c',
    headers: { h: 2n ** 70n },
  }));
  const [message] = read(records);
  assert.deepEqual([message?.priority, message?.ttlMs, message?.correlationId, message?.headers.get('h')], [9, 100, 'c', 2n ** 70n]);
});

test('of a batch with one message that cannot be, nothing is made', () => {
  for (const options of [{ priority: -1 }, { delay: 'soon' }, { headers: { f: (() => 1) as never } }])
    assert.throws(() => outgoing([1, 2], 'x', 'a', 5, (i) => (i === 1 ? options : undefined)), Refused);
});
