/** Reader against Writer: everything comes back, nothing is read beyond the end, nothing unsafe is taken for a number. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BytesError, type Order, Reader } from '../../src/bytes/reader.ts';
import { Writer } from '../../src/bytes/writer.ts';

/** Every kind of field: how to make a value, write and read it. */
const fields = {
  u8: fc.integer({ min: 0, max: 0xff }),
  i8: fc.integer({ min: -0x80, max: 0x7f }),
  u16: fc.integer({ min: 0, max: 0xffff }),
  i16: fc.integer({ min: -0x8000, max: 0x7fff }),
  u24: fc.integer({ min: 0, max: 0xffffff }),
  u32: fc.integer({ min: 0, max: 0xffffffff }),
  i32: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  f32: fc.float(),
  f64: fc.double(),
  u64: fc.maxSafeNat(),
  i64: fc.maxSafeInteger(),
  varint: fc.maxSafeNat(),
  zigzag: fc.maxSafeInteger(),
} as const;
const texts = {
  text8: fc.string({ unit: 'grapheme', maxLength: 20 }),
  text16: fc.string({ unit: 'grapheme' }),
  text32: fc.string({ unit: 'grapheme' }),
} as const;

type Field = { readonly kind: keyof typeof fields; readonly value: number } | { readonly kind: keyof typeof texts; readonly value: string };

const anyField: fc.Arbitrary<Field> = fc.oneof(
  ...(Object.keys(fields) as (keyof typeof fields)[]).map((kind) => fields[kind].map((value): Field => ({ kind, value }))),
  ...(Object.keys(texts) as (keyof typeof texts)[]).map((kind) => texts[kind].map((value): Field => ({ kind, value }))),
);
const anyOrder = fc.constantFrom<Order>('big', 'little');

function writeField(writer: Writer, field: Field): void {
  if (typeof field.value === 'string') writer[field.kind as keyof typeof texts](field.value);
  else writer[field.kind as keyof typeof fields](field.value);
}

describe('Reader and Writer', () => {
  test('what is written is read, in either order, also from the middle of a buffer', () => {
    fc.assert(
      fc.property(anyOrder, fc.array(anyField, { maxLength: 40 }), fc.nat(9), (order, list, offset) => {
        const writer = new Writer(order, 16);
        for (const field of list) writeField(writer, field);
        const around = new Uint8Array(writer.at + offset + 3).fill(0xa5);
        around.set(writer.written(), offset);
        const reader = new Reader(around.subarray(offset, offset + writer.at), order);
        for (const field of list) assert.deepEqual(reader[field.kind](), field.value, field.kind);
        assert.equal(reader.remaining, 0);
      }),
      { numRuns: 300 },
    );
  });

  test('bytes that break off are refused, and the place stays', () => {
    fc.assert(
      fc.property(anyOrder, anyField, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (order, field, share) => {
        const writer = new Writer(order);
        writeField(writer, field);
        const reader = new Reader(writer.written().slice(0, Math.floor(writer.at * share)), order);
        assert.throws(
          () => reader[field.kind](),
          (error) => error instanceof BytesError && error.kind === 'end',
        );
        assert.equal(reader.at, 0);
      }),
      { numRuns: 300 },
    );
  });

  test('any bytes give a value or a BytesError, for every field', () => {
    const kinds = [...Object.keys(fields), ...Object.keys(texts)] as Field['kind'][];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.constantFrom(...kinds), anyOrder, (bytes, kind, order) => {
        const reader = new Reader(bytes, order);
        try {
          const value = reader[kind]();
          if (typeof value === 'number' && kind !== 'f32' && kind !== 'f64') assert.ok(Number.isSafeInteger(value));
        } catch (error) {
          assert.ok(error instanceof BytesError);
        }
        assert.ok(reader.at <= bytes.length);
      }),
      { numRuns: 1000 },
    );
  });

  test('layouts are the known ones', () => {
    const writer = new Writer();
    writer.u16(0x0102);
    writer.u24(0x030405);
    writer.i64(-2);
    writer.varint(300);
    writer.zigzag(-3);
    writer.text16('é');
    assert.equal(Buffer.from(writer.written()).toString('hex'), `0102030405${'ff'.repeat(7)}feac02050002c3a9`);
    const little = new Writer('little');
    little.u24(0x030405);
    little.u64(2 ** 40);
    assert.equal(Buffer.from(little.written()).toString('hex'), '0504030000000000010000');
    assert.equal(new Reader(Buffer.from('8080808001', 'hex')).varint(), 2 ** 28);
  });

  test('64 bits beyond a safe integer are refused as a number and read as a bigint', () => {
    const reader = new Reader(Buffer.from('0020000000000000ffdfffffffffffff', 'hex'));
    assert.throws(() => reader.u64(), { name: 'BytesError', kind: 'value', at: 0 });
    assert.equal(reader.at, 0);
    assert.equal(reader.bigU64(), 2n ** 53n);
    assert.throws(() => reader.i64(), { name: 'BytesError', kind: 'value', at: 8 });
    assert.equal(reader.bigI64(), -(2n ** 53n) - 1n);
    const writer = new Writer();
    writer.big64(-(2n ** 63n));
    writer.big64(2n ** 64n - 1n);
    const back = new Reader(writer.written());
    assert.equal(back.bigI64(), -(2n ** 63n));
    assert.equal(back.bigU64(), 2n ** 64n - 1n);
  });

  test('varints: too long, too large', () => {
    const endless = new Uint8Array(20).fill(0xff);
    assert.throws(() => new Reader(endless).varint(), { kind: 'value' });
    assert.throws(() => new Reader(endless).varint(4), /longer than 4 bytes/);
    assert.throws(() => new Reader(Buffer.from('ffffffffffffff7f', 'hex')).varint(), /beyond 2\^53/);
    assert.throws(() => new Reader(Buffer.from('ffffffffffffff7f', 'hex')).zigzag(), /beyond 2\^53/);
    for (const edge of [Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER, 2 ** 27, -(2 ** 27), 2 ** 28, 0, -1]) {
      const writer = new Writer();
      writer.zigzag(edge);
      assert.equal(new Reader(writer.written()).zigzag(), edge);
    }
  });

  test('text keeps a byte order mark, and refuses what is not UTF-8', () => {
    const writer = new Writer();
    assert.equal(writer.text('\ufeffx'), 4);
    assert.equal(new Reader(writer.written()).text(4), '\ufeffx');
    for (const hex of ['ff', 'c3', 'c080', 'eda080', 'f5808080']) {
      assert.throws(() => new Reader(Buffer.from(hex, 'hex')).text(hex.length / 2), { kind: 'value', at: 0 });
    }
  });

  test('lengths that are no lengths are refused before anything is made', () => {
    const reader = new Reader(new Uint8Array(8));
    for (const length of [-1, 9, Number.NaN, 2 ** 40]) {
      assert.throws(() => reader.bytes(length), { kind: 'end' });
      assert.throws(() => reader.text(length), { kind: 'end' });
      assert.throws(() => reader.skip(length), { kind: 'end' });
      assert.throws(() => reader.seek(length), { kind: 'end' });
    }
    reader.seek(8);
    assert.equal(reader.remaining, 0);
    reader.seek(6);
    assert.equal(reader.bytes(2).length, 2);
  });
});

describe('Writer', () => {
  test('checks what it says it checks', () => {
    const writer = new Writer();
    for (const bad of [-1, 1.5, 2 ** 53, Number.NaN]) {
      assert.throws(() => writer.u64(bad), BytesError);
      assert.throws(() => writer.varint(bad), BytesError);
    }
    assert.throws(() => writer.zigzag(0.5), BytesError);
    assert.throws(() => writer.i64(2 ** 53), BytesError);
    assert.throws(() => writer.text8('x'.repeat(256)), /256 bytes does not fit/);
    assert.throws(() => writer.text16('x'.repeat(65536)), /does not fit/);
    assert.equal(writer.at, 0, 'what was refused leaves nothing behind');
  });

  test('fills in lengths afterwards, but only where something was written', () => {
    const writer = new Writer();
    const at = writer.skip(4);
    writer.text('body');
    writer.setU32(at, writer.at - 4);
    const reader = new Reader(writer.written());
    assert.equal(reader.text32(), 'body');
    assert.throws(() => writer.setU32(6, 1), BytesError);
    assert.throws(() => writer.setU8(-1, 1), BytesError);
  });

  test('what was taken is not written again; reset goes back', () => {
    const writer = new Writer();
    writer.u32(1);
    const taken = writer.take();
    writer.u32(2);
    assert.deepEqual([...taken], [0, 0, 0, 1]);
    writer.u8(9);
    writer.reset(4);
    assert.deepEqual([...writer.written()], [0, 0, 0, 2]);
    assert.throws(() => writer.reset(5), BytesError);
    writer.reset();
    assert.equal(writer.at, 0);
  });
});
