import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, decodeValue, milliseconds, toBody, toMessage } from '../../src/api/value.ts';
import { type Message, NO_HEADERS } from '../../src/model/message.ts';
import { Refused } from '../../src/model/refusal.ts';

function refuses(...parts: readonly string[]) {
  return (error: unknown) => error instanceof Refused && error.code === 'invalid' && parts.every((part) => error.message.includes(part));
}

function messageOf(value: unknown): Message {
  return toMessage(value, 'x', 'a', 5, {});
}

test('durations are milliseconds, or text with a unit', () => {
  const told: readonly (readonly [number | string, number])[] = [
    [0, 0],
    [1.5, 1.5],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['250ms', 250],
    ['30s', 30_000],
    [' 5 m ', 300_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
  ];
  for (const [duration, expected] of told) assert.equal(milliseconds(duration), expected);
  for (const wrong of [-1, Number.NaN, '', '5', 's', '5 minutes', '-5s', '1e3s', 'Infinity'])
    assert.throws(() => milliseconds(wrong), refuses('duration', String(wrong)));
});

test('a value comes back as it was', () => {
  for (const value of [null, true, 0, -1.5, '', 'täxt', [], [1, [2]], { a: { b: null } }, new Uint8Array(0), Uint8Array.of(0, 255)])
    assert.deepEqual(decodeValue(messageOf(value)), value);
});

test('bytes have no content type, text and JSON say so', () => {
  assert.deepEqual(
    [Uint8Array.of(1), 'text', 5].map((value) => toBody(value).contentType),
    [undefined, 'text/plain', 'application/json'],
  );
  assert.equal(toMessage('<a/>', 'x', 'a', 0, { contentType: 'application/xml' }).contentType, 'application/xml');
});

test('any kind of JSON is parsed, any kind of text is text, all else is bytes', () => {
  const of = (contentType: string | undefined, body: string) =>
    decodeValue({ exchange: '', address: 'a', timestampMs: 0, headers: NO_HEADERS, body: bytesOf(body), contentType });
  assert.deepEqual(of('application/json; charset=utf-8', '{"a":1}'), { a: 1 });
  assert.deepEqual(of('Application/CloudEvents+JSON', '[1]'), [1]);
  assert.equal(of('text/csv', 'a,b'), 'a,b');
  assert.deepEqual(of('application/octet-stream', 'a'), bytesOf('a'));
  assert.deepEqual(of(undefined, 'a'), bytesOf('a'));
  assert.deepEqual(of('application/jsonlines', '{}'), bytesOf('{}'));
  assert.throws(() => of('application/json', '{'), refuses('"a"', 'JSON'));
});

test('what JSON cannot say is refused', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [undefined, () => 1, Symbol('s'), 10n, circle]) assert.throws(() => toBody(value), refuses('Send'));
});

test('options become properties; what cannot be is named', () => {
  const { key, priority, ttlMs, headers, id } = toMessage(1, 'x', 'a', 5, {
    key: 'ä',
    priority: 255,
    ttl: '2s',
    id: 'i',
    headers: { h: 1 },
  });
  assert.deepEqual([key, priority, ttlMs, id, headers], [bytesOf('ä'), 255, 2000, 'i', new Map([['h', 1]])]);
  const mine = new Map([['h', 'v']]);
  assert.equal(toMessage(1, 'x', 'a', 5, { headers: mine }).headers, mine);
  for (const [name, value] of [
    ['priority', 256],
    ['priority', 1.5],
    ['partition', -1],
    ['key', 5],
    ['id', 5],
    ['replyTo', {}],
    ['deliverAt', new Date(Number.NaN)],
    ['headers', 'text'],
    ['headers', null],
  ] as const)
    assert.throws(() => toMessage(1, 'x', 'a', 5, { [name]: value as never }), refuses(`"${name}"`));
});
