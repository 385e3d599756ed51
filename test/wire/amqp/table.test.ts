import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Reader } from '../../../src/bytes/reader.ts';
import { Writer } from '../../../src/bytes/writer.ts';
import type { HeaderValue } from '../../../src/model/message.ts';
import { decodeEntries, letterOf, readTable, WireFault, writeTable } from '../../../src/wire/amqp/amqp.ts';

function bytesOf(table: ReadonlyMap<string, HeaderValue>): Uint8Array {
  const writer = new Writer();
  writeTable(writer, table);
  return writer.take();
}

const name = fc.string({ maxLength: 20 });
const { value } = fc.letrec<{ value: HeaderValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}));

test('a table comes back as it went', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 8 }), (entries) => {
      const table = new Map(entries);
      const back = readTable(new Reader(bytesOf(table)));
      assert.deepEqual(new Map(back), table);
    }),
  );
});

test('every type that RabbitMQ writes is read', () => {
  const entry = (letter: string, ...bytes: number[]): number[] => [1, 97, letter.charCodeAt(0), ...bytes];
  const cases: readonly (readonly [readonly number[], HeaderValue])[] = [
    [entry('t', 1), true],
    [entry('b', 0xff), -1],
    [entry('B', 0xff), 255],
    [entry('s', 0xff, 0xfe), -2],
    [entry('u', 0xff, 0xfe), 65_534],
    [entry('I', 0xff, 0xff, 0xff, 0xff), -1],
    [entry('i', 0xff, 0xff, 0xff, 0xff), 4_294_967_295],
    [entry('l', 0, 0, 0, 0, 0, 0, 0, 5), 5],
    [entry('T', 0, 0, 0, 0, 0, 0, 0, 5), 5],
    [entry('f', 0x3f, 0x80, 0, 0), 1],
    [entry('d', 0x3f, 0xf0, 0, 0, 0, 0, 0, 0), 1],
    [entry('D', 2, 0, 0, 1, 0x3a), 3.14],
    [entry('V'), null],
    [entry('S', 0, 0, 0, 1, 0xff), Uint8Array.of(0xff)],
    [entry('x', 0, 0, 0, 1, 0x41), Uint8Array.of(0x41)],
  ];
  for (const [bytes, expected] of cases) {
    const table = decodeEntries(Uint8Array.from(bytes));
    assert.deepEqual(table.get('a'), expected);
    assert.equal(letterOf(table, 'a'), String.fromCharCode(bytes[2] ?? 0));
  }
});

test('names that mean something to objects are names', () => {
  const table = new Map<string, HeaderValue>([['__proto__', 1], ['constructor', 'x']]); // biome-ignore format: pairs
  assert.deepEqual(new Map(readTable(new Reader(bytesOf(table)))), table);
});

test('what is nested too deep, breaks off, or has no type that exists is refused', () => {
  let deep: HeaderValue = 1;
  for (let i = 0; i < 40; i++) deep = [deep];
  const refused = (bytes: Uint8Array): void =>
    assert.throws(
      () => readTable(new Reader(bytes)),
      (error: WireFault) => error instanceof WireFault && error.code === 502,
    );
  refused(bytesOf(new Map([['a', deep]])));
  let tables: HeaderValue = 1;
  for (let i = 0; i < 40; i++) tables = new Map([['a', tables]]);
  refused(bytesOf(new Map([['a', tables]])));
  refused(Uint8Array.of(0, 0, 0, 3, 1, 97, 63));
  refused(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1));
  const whole = bytesOf(new Map<string, HeaderValue>([['a', 'text'], ['b', [1, new Map([['c', 2]])]]])); // biome-ignore format: pairs
  for (let cut = 5; cut < whole.length; cut++) {
    const bytes = whole.slice(0, cut);
    new DataView(bytes.buffer).setUint32(0, cut - 4);
    // Cut between two entries it is a shorter table; anywhere else it is none.
    try {
      readTable(new Reader(bytes));
    } catch (error) {
      assert.ok(error instanceof WireFault, `${cut}: ${error}`);
    }
  }
});
