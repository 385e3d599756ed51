/** Both checksums against published vectors, and CRC-32C against the plain bit-by-bit definition. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32, crc32c } from '../../src/bytes/crc32.ts';

const digits = new TextEncoder().encode('123456789');

test('reference vectors', () => {
  assert.equal(crc32(digits), 0xcbf43926);
  assert.equal(crc32c(digits), 0xe3069283);
  // RFC 3720, B.4
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

function bitByBit(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) * 0x82f63b78);
  }
  return ~crc >>> 0;
}

test('any bytes at any alignment, whole or in two parts', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), fc.nat(15), (bytes, cut, offset) => {
      const within = new Uint8Array(bytes.length + offset);
      within.set(bytes, offset);
      const shifted = within.subarray(offset);
      const middle = cut % (bytes.length + 1);
      assert.equal(crc32c(shifted), bitByBit(bytes));
      assert.equal(crc32c(shifted.subarray(middle), crc32c(shifted.subarray(0, middle))), bitByBit(bytes));
      assert.equal(crc32(shifted.subarray(middle), crc32(shifted.subarray(0, middle))), crc32(bytes));
    }),
    { numRuns: 500 },
  );
});
