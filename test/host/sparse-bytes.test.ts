/** Sparse bytes against a plain array, and what they cost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isZero, SparseBytes } from '../../src/host/sparse-bytes.ts';

const SIZE = 40_000;
const step = fc.oneof(
  fc.record({ do: fc.constant('write' as const), at: fc.nat(SIZE - 1), length: fc.nat(12_000), fill: fc.nat(3) }),
  fc.record({ do: fc.constant('cut' as const), at: fc.nat(SIZE), length: fc.constant(0), fill: fc.constant(0) }),
);

test('any writes and cuts leave what they leave in a plain array', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.nat(SIZE), fc.nat(9000), (steps, from, length) => {
      const plain = new Uint8Array(SIZE + 12_000);
      let sparse = new SparseBytes(8192);
      for (const { do: what, at, length: count, fill } of steps) {
        if (what === 'cut') {
          plain.fill(0, at);
          sparse.cut(at);
        } else {
          plain.fill(fill, at, at + count);
          const most = sparse.allocatedBytes + sparse.missingBytes(at, count);
          sparse.write(new Uint8Array(count).fill(fill), at);
          assert.ok(sparse.allocatedBytes <= most);
        }
      }
      const read = new Uint8Array(length).fill(0xee);
      sparse.read(read, from);
      assert.deepEqual(Buffer.from(read), Buffer.from(plain.subarray(from, from + length)));
      sparse = sparse.clone();
      sparse.read(read, from);
      assert.deepEqual(Buffer.from(read), Buffer.from(plain.subarray(from, from + length)));
    }),
    { numRuns: 300 },
  );
});

test('zeros cost nothing, small files little, and a cut gives back', () => {
  const bytes = new SparseBytes(1024 * 1024);
  bytes.write(new Uint8Array(3 * 1024 * 1024), 0);
  assert.equal(bytes.allocatedBytes, 0);
  bytes.write(Uint8Array.of(1), 100);
  assert.equal(bytes.allocatedBytes, 4096);
  bytes.write(Uint8Array.of(1), 2 ** 26);
  assert.equal(bytes.allocatedBytes, 4096 + 2 ** 20);
  bytes.cut(5000);
  assert.equal(bytes.allocatedBytes, 4096);
  bytes.cut(0);
  assert.equal(bytes.allocatedBytes, 0);
});

test('isZero', () => {
  for (const length of [0, 1, 65_536, 65_537, 200_000]) {
    const bytes = new Uint8Array(length);
    assert.equal(isZero(bytes), true);
    for (const at of [0, length - 1, length >> 1]) {
      if (length === 0) continue;
      bytes[at] = 1;
      assert.equal(isZero(bytes), false);
      bytes[at] = 0;
    }
  }
});
