/** What a block is, and what is none. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { crc32 } from '../../src/bytes/crc32.ts';
import {
  type BlockHeader,
  checkBlock,
  emptyHeader,
  type Fault,
  FORMAT,
  HEADER_BYTES,
  isLinked,
  readHeader,
  sealBlock,
} from '../../src/journal/block.ts';
import { type Position, position } from '../../src/model/lines.ts';

const JOURNAL = { low: 0x89abcdef, high: 0x01234567 };
const AT = position(70_000, 8192);
const HEADER: BlockHeader = {
  ...emptyHeader(),
  opened: true,
  previousCrc: 0xfedcba98,
  number: 2 ** 40 + 3,
  position: AT,
  durable: AT,
  checkpointBlock: position(69_000, 4096),
  checkpoint: position(69_000, 5000),
  journal: JOURNAL,
  opening: { low: 5, high: 0xffffffff },
};

/** A block with these entries, 16 bytes into its buffer. */
function block(entries: readonly string[], change: Partial<BlockHeader> = {}): { bytes: Uint8Array; view: DataView; header: BlockHeader } {
  const bytes = new Uint8Array(16 + 4096);
  const view = new DataView(bytes.buffer);
  let next = 16 + HEADER_BYTES;
  for (const entry of entries) {
    view.setUint32(next, entry.length, true);
    bytes.set(Buffer.from(entry), next + 4);
    next += 4 + entry.length;
  }
  const header = { ...HEADER, entries: entries.length, sizeBytes: next - 16, ...change };
  sealBlock(bytes, view, 16, header);
  return { bytes, view, header };
}

function fault(bytes: Uint8Array, at: Position = AT, journal: typeof JOURNAL = JOURNAL): Fault | undefined {
  const view = new DataView(bytes.buffer);
  const header = emptyHeader();
  const first = readHeader(view, 16, at, journal, header);
  if (first !== undefined) return first;
  return header.sizeBytes > 4096 ? 'truncated' : checkBlock(bytes, view, 16, header);
}

test('a sealed block says of itself what it was sealed with', () => {
  const { bytes, view, header } = block(['one', '', 'three']);
  const read = emptyHeader();
  assert.equal(readHeader(view, 16, AT, JOURNAL, read), undefined);
  assert.equal(checkBlock(bytes, view, 16, read), undefined);
  assert.deepEqual(read, header);
  assert.equal(read.crc, crc32(bytes.subarray(24, 16 + header.sizeBytes)));
});

describe('is no block', () => {
  test('zeros', () => {
    assert.equal(fault(new Uint8Array(16 + 4096)), 'absent');
  });

  test('one of another place', () => {
    assert.equal(fault(block(['a']).bytes, position(70_000, 4096)), 'moved');
    assert.equal(fault(block(['a']).bytes, position(69_999, 8192)), 'moved');
  });

  test('one of another journal', () => {
    assert.equal(fault(block(['a']).bytes, AT, { ...JOURNAL, low: 1 }), 'foreign');
    assert.equal(fault(block(['a']).bytes, AT, { ...JOURNAL, high: 1 }), 'foreign');
  });

  test('one with any bit changed, of header or entries', () => {
    const { bytes, header } = block(['some bytes', 'and more']);
    for (let bit = 0; bit < header.sizeBytes * 8; bit++) {
      const at = 16 + (bit >> 3);
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
      assert.notEqual(fault(bytes), undefined, `bit ${bit}`);
      bytes[at] = (bytes[at] as number) ^ (1 << (bit & 7));
    }
    assert.equal(fault(bytes), undefined);
  });

  test('one that was sealed with nonsense, though its checksum is right', () => {
    assert.equal(fault(block(['a'], { entries: 2 }).bytes), 'malformed');
    assert.equal(fault(block(['a', 'b'], { entries: 1 }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { entries: 0 }).bytes), 'malformed');
    assert.equal(fault(block(['abc'], { sizeBytes: HEADER_BYTES + 6 }).bytes), 'malformed');
    assert.equal(fault(block([], { sizeBytes: HEADER_BYTES - 1 }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { durable: (AT + 1) as Position }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { checkpointBlock: (AT + 1) as Position, checkpoint: (AT + 2) as Position }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { checkpoint: position(68_000, 0) }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { checkpoint: (AT + HEADER_BYTES + 6) as Position }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { number: 2 ** 53 }).bytes), 'malformed');
    assert.equal(fault(block(['a'], { format: 0 }).bytes), 'malformed');
  });

  test('one of a newer format, but only if it is intact', () => {
    const { bytes } = block(['a'], { format: FORMAT + 1 });
    assert.equal(fault(bytes), 'format');
    bytes[100] = (bytes[100] as number) ^ 1;
    assert.equal(fault(bytes), 'checksum');
  });
});

test('the padding is not part of a block', () => {
  const { bytes, header } = block(['a']);
  bytes.fill(255, 16 + header.sizeBytes);
  assert.equal(fault(bytes), undefined);
});

test('a block is linked to the one before by number, checksum and opening, or by being an opening', () => {
  const before = { ...HEADER, number: 7, crc: 99, opening: { low: 1, high: 2 } };
  const next = { ...HEADER, number: 8, previousCrc: 99, opened: false, opening: { low: 1, high: 2 } };
  assert.ok(isLinked(before, next));
  assert.ok(!isLinked(before, { ...next, number: 7 }));
  assert.ok(!isLinked(before, { ...next, number: 9 }));
  assert.ok(!isLinked(before, { ...next, previousCrc: 98 }));
  assert.ok(!isLinked(before, { ...next, opening: { low: 1, high: 3 } }));
  assert.ok(!isLinked(before, { ...next, opening: { low: 2, high: 2 } }));
  assert.ok(isLinked(before, { ...next, opening: { low: 1, high: 3 }, opened: true }));
  assert.ok(!isLinked(before, { ...next, previousCrc: 98, opened: true }));
});
