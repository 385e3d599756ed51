import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from '../../src/bytes/crc32.ts';
import { extendBatch, HEADER_BYTES, Header, sealBatch } from '../../src/log/batch.ts';

function written(change: (header: Header) => void): { header: Header; view: DataView; bytes: Uint8Array } {
  const header = new Header();
  header.sizeBytes = HEADER_BYTES + 20;
  header.count = 2;
  header.span = 2;
  header.base = 0x1_2345_6789_abcd;
  header.timeMs = 1234.5;
  header.salt = 77;
  change(header);
  const bytes = new Uint8Array(200).fill(5);
  const view = new DataView(bytes.buffer);
  header.write(view, 3);
  return { header, view, bytes };
}

test('a header reads as it was written, at any byte, and beyond 32 bits', () => {
  const { header, view } = written((h) => {
    h.synced = 9;
  });
  const read = new Header();
  assert.ok(read.read(view, 3));
  assert.deepEqual({ ...read }, { ...header });
  assert.equal(read.end, 0x1_2345_6789_abcd + 2);
});

test('a batch grows until it is sealed; its checksum covers all but the magic', () => {
  const { view, bytes } = written(() => {});
  extendBatch(view, 3, 40, 3);
  assert.equal(sealBatch(bytes, view, 3, 1234), HEADER_BYTES + 60);
  const header = new Header();
  assert.ok(header.read(view, 3));
  assert.deepEqual([header.sizeBytes, header.count, header.span, header.synced], [HEADER_BYTES + 60, 5, 5, 1234]);
  assert.equal(header.crc, crc32(bytes.subarray(11, 3 + HEADER_BYTES + 60)));
});

test('what cannot be a batch is not one, whatever its checksum says', () => {
  const bad: Record<string, (header: Header) => void> = {
    'no records, not compacted': (h) => Object.assign(h, { count: 0, span: 0 }),
    'other span than count': (h) => Object.assign(h, { span: 3 }),
    'more records than fit': (h) => Object.assign(h, { count: 1000, span: 1000 }),
    'no time': (h) => Object.assign(h, { timeMs: Number.NaN }),
    'offsets beyond what a number can hold': (h) => Object.assign(h, { base: Number.MAX_SAFE_INTEGER }),
    'compacted, covering nothing': (h) => Object.assign(h, { compacted: true, count: 0, span: 0 }),
    'compacted, more records than offsets': (h) => Object.assign(h, { compacted: true, count: 2, span: 1, sizeBytes: 200 }),
    'compacted, no room for its offsets': (h) => Object.assign(h, { compacted: true, sizeBytes: HEADER_BYTES + 16 }),
    'a cut with records': (h) => Object.assign(h, { cut: true, sizeBytes: HEADER_BYTES }),
    'packed, no records': (h) => Object.assign(h, { packed: true, count: 0, span: 3 }),
    'packed, more records than offsets': (h) => Object.assign(h, { packed: true, span: 1, sizeBytes: 200 }),
    'packed, no room for its offsets': (h) => Object.assign(h, { packed: true, sizeBytes: HEADER_BYTES + 23 }),
    'timed, no room for its times': (h) => Object.assign(h, { timed: true, sizeBytes: HEADER_BYTES + 31 }),
    'timed, other span than count': (h) => Object.assign(h, { timed: true, span: 3, sizeBytes: 200 }),
    'compacted and packed': (h) => Object.assign(h, { compacted: true, packed: true, span: 3, sizeBytes: 200 }),
    'a cut with times': (h) => Object.assign(h, { cut: true, timed: true, count: 0, span: 0, sizeBytes: HEADER_BYTES }),
    'smaller than its header': (h) => Object.assign(h, { sizeBytes: HEADER_BYTES - 1 }),
  };
  for (const [what, change] of Object.entries(bad)) assert.equal(new Header().read(written(change).view, 3), false, what);
  const { view } = written(() => {});
  view.setUint32(3 + 44, 3, true);
  assert.equal(new Header().read(view, 3), false, 'flags that nobody has given a meaning');
  for (const flags of [4, 8, 9, 12]) {
    view.setUint32(3 + 44, flags, true);
    assert.equal(new Header().read(view, 3), false, `flags ${flags} in the first version`);
  }
  for (const flags of [0, 1, 2, 3, 5, 6, 7, 10, 11, 13, 14, 15, 16, 20]) {
    const { view: second } = written((h) => Object.assign(h, { packed: true, sizeBytes: 200 }));
    second.setUint32(3 + 44, flags, true);
    assert.equal(new Header().read(second, 3), false, `flags ${flags} in the second version`);
  }
  assert.equal(new Header().read(new DataView(new ArrayBuffer(60)), 0), false, 'zeros');
});

test('a compacted batch may cover offsets and hold none of them; a cut covers none', () => {
  const header = new Header();
  assert.ok(header.read(written((h) => Object.assign(h, { compacted: true, count: 0, span: 9, sizeBytes: HEADER_BYTES })).view, 3));
  assert.deepEqual([header.recordsAt, header.count, header.span], [HEADER_BYTES, 0, 9]);
  assert.ok(header.read(written((h) => Object.assign(h, { cut: true, count: 0, span: 0, sizeBytes: HEADER_BYTES })).view, 3));
  assert.equal(header.end, header.base);
});

test('of each record a batch tells its offset and its time; only what is packed or timed is of the second version', () => {
  const kinds = [
    {},
    { compacted: true },
    { packed: true },
    { timed: true },
    { packed: true, timed: true },
    { compacted: true, timed: true },
  ];
  for (const kind of kinds) {
    const { packed = false, compacted = false, timed = false } = kind as Partial<Header>;
    const gaps = packed || compacted;
    const { view, bytes } = written((h) => Object.assign(h, kind, { span: gaps ? 9 : 2, sizeBytes: 150 }));
    assert.equal(bytes[3 + 3], (packed || timed ? '2' : '1').charCodeAt(0));
    const header = new Header();
    assert.ok(header.read(view, 3), JSON.stringify(kind));
    if (gaps) for (const [i, delta] of [0, 4].entries()) view.setUint32(3 + HEADER_BYTES + 4 * i, delta, true);
    if (timed) for (const [i, timeMs] of [70, 60].entries()) view.setFloat64(3 + HEADER_BYTES + (gaps ? 8 : 0) + 8 * i, timeMs, true);
    assert.equal(header.recordsAt, HEADER_BYTES + (gaps ? 8 : 0) + (timed ? 16 : 0));
    assert.deepEqual(
      [0, 1, 2].map((i) => header.deltaOf(view, 3, i)),
      gaps ? [0, 4, 9] : [0, 1, 2],
    );
    assert.deepEqual(
      [0, 1].map((i) => header.timeOf(view, 3, i)),
      timed ? [70, 60] : [1234.5, 1234.5],
    );
    assert.equal(header.latestMs(view, 3), timed ? 70 : 1234.5);
  }
});
