import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { decompress } from '../../../src/wire/kafka/compression.ts';

const MAX = 1 << 20;
const open = (codec: number, hex: string, max = MAX) =>
  Buffer.from(decompress(codec, Buffer.from(hex.replaceAll(' ', ''), 'hex'), max)).toString();

test('snappy: literals, copies near and far, copies of themselves', () => {
  assert.equal(open(2, '03 08 616263'), 'abc');
  // "ab", then 10 bytes from 2 back: a copy that repeats what it writes.
  assert.equal(open(2, '0c 04 6162 19 02'), 'ab'.repeat(6));
  // the same with 2 and with 4 bytes of distance
  assert.equal(open(2, '0c 04 6162 26 0200'), 'ab'.repeat(6));
  assert.equal(open(2, '0c 04 6162 27 02000000'), 'ab'.repeat(6));
  // a literal whose length stands in one byte behind the tag
  assert.equal(open(2, `46 f0 45 ${'78'.repeat(70)}`), 'x'.repeat(70));
  assert.equal(open(2, '00'), '');
});

test('snappy in the frames that Java writes: blocks one after another', () => {
  assert.equal(open(2, '82534e4150505900 00000001 00000001 00000005 03 08 616263 00000004 02 04 6465'), 'abcde');
});

test('lz4: blocks stored and packed, linked and not', () => {
  const head = '04224d18 40 40 c0';
  // token: 2 literals, copy of 4 + 6 from 2 back; then a sequence of literals alone
  assert.equal(open(3, `${head} 08000000 26 6162 0200 20 6364 00000000`), `${'ab'.repeat(6)}cd`);
  assert.equal(open(3, `${head} 03000080 616263 00000000`), 'abc');
  // the second block reaches back into the first
  assert.equal(
    open(3, `${head} 04000080 61626364 06000000 00 0400 10 78 00 00000000`.replace('06000000 00 0400 10 78 00', '05000000 00 0400 10 78')),
    'abcdabcdx',
  );
  assert.throws(() => open(3, '04224d18 60 40 82 04000080 61626364 05000000 00 0400 10 78 00000000'), /reaches/, 'blocks that stand alone');
  // checksums and the size of the content are passed over
  assert.equal(open(3, '04224d18 5c 40 0300000000000000 c0 03000080 616263 11111111 00000000 22222222'), 'abc');
  // 15 + 255 + 3 literals
  assert.equal(open(3, `${head} 14010000 f0 ff 03 ${'79'.repeat(273)} 00000000`), 'y'.repeat(273));
});

test('gzip and zstd are what Node opens', () => {
  const text = 'hello '.repeat(100);
  assert.equal(Buffer.from(decompress(1, gzipSync(text), MAX)).toString(), text);
  assert.equal(Buffer.from(decompress(4, zstdCompressSync(text), MAX)).toString(), text);
  assert.equal(Buffer.from(decompress(0, Buffer.from(text), 1)).toString(), text);
});

test('what would become too large is refused before it is', () => {
  const zeros = new Uint8Array(4 * MAX);
  assert.throws(() => decompress(1, gzipSync(zeros), MAX), /gzip/);
  assert.throws(() => decompress(4, zstdCompressSync(zeros), MAX), /zstd/);
  // 64 bytes from 1 back, again and again
  assert.throws(() => open(2, `ffffff7f 00 61 ${'fe0100'.repeat(20_000)}`, 100_000), /more than 100000 bytes/);
  assert.throws(() => open(3, `04224d18404 0c0 ${'ff'.repeat(1)}`, 10), /./);
  const long = `1f 61 0100 ${'ff'.repeat(1000)} 00`;
  const size = Buffer.alloc(4);
  size.writeUInt32LE(5 + 1000);
  assert.throws(() => open(3, `04224d18 40 40 c0 ${size.toString('hex')} ${long}`, 100_000), /more than 100000 bytes/);
});

test('what is damaged is refused', () => {
  assert.throws(() => decompress(5, new Uint8Array(1), MAX), /no compression 5/);
  assert.throws(() => open(2, '05 08 616263'), /says 5 bytes, and holds 3/);
  assert.throws(() => open(2, '0c 04 6162 19 03'), /reaches 3 bytes back/);
  assert.throws(() => open(2, '0c 04 6162 19 00'), /reaches 0 bytes back/);
  assert.throws(() => open(3, '04224d19 40 40 c0'), /No lz4 frame/);
  assert.throws(() => open(3, '04224d18 41 40 c0'), /not read here/);
});

test('arbitrary bytes end in an answer or a refusal', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ maxLength: 200 }), fc.boolean(), (codec, bytes, framed) => {
      const head =
        codec === 3 ? [0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0xc0] : [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];
      try {
        assert.ok(decompress(codec, framed ? Uint8Array.of(...head, ...bytes) : bytes, MAX).length <= MAX);
      } catch (error) {
        assert.equal((error as Error).name, 'BytesError');
      }
    }),
    { numRuns: 500 },
  );
});
