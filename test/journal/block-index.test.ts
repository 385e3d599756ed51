/** The index of the blocks of a segment, against a plain list. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { BlockIndex } from '../../src/journal/block-index.ts';

interface Block {
  readonly byte: number;
  readonly end: number;
}

function filled(index: BlockIndex, fromByte: number, count: number, random: SimRandom): Block[] {
  const blocks: Block[] = [];
  for (let byte = fromByte; blocks.length < count; ) {
    const sizeBytes = 80 + random.int(20_000);
    index.add(byte, sizeBytes);
    const end = byte + Math.ceil(sizeBytes / 4096) * 4096;
    blocks.push({ byte, end });
    byte = end;
  }
  return blocks;
}

function check(index: BlockIndex, blocks: readonly Block[]): void {
  for (const { byte, end } of blocks) {
    assert.equal(index.floor(byte), byte);
    assert.equal(index.floor(end - 1), byte);
    for (const most of [0, 4096, 30_000, 1_000_000]) {
      const expected = Math.max(end, ...blocks.filter((other) => other.byte >= byte && other.end <= byte + most).map((other) => other.end));
      assert.equal(index.run(byte, most), expected);
    }
  }
  assert.equal(index.floor(index.endByte), -1);
}

test('finds the block of any byte, and how far a run of blocks goes', () => {
  const index = new BlockIndex();
  assert.equal(index.floor(0), -1);
  check(index, filled(index, 0, 200, new SimRandom(1)));
});

test('takes what was walked over later in front', () => {
  const random = new SimRandom(2);
  const earlier = new BlockIndex();
  const first = filled(earlier, 0, 40, random);
  const index = new BlockIndex(earlier.endByte);
  const second = filled(index, earlier.endByte, 70, random);
  assert.equal(index.floor(0), -1);
  index.prepend(earlier);
  assert.equal(index.knownFromByte, 0);
  check(index, [...first, ...second, ...filled(index, index.endByte, 30, random)]);
});

test('of a segment of which nothing was known, what was walked over is all there is', () => {
  const walked = new BlockIndex();
  const blocks = filled(walked, 0, 5, new SimRandom(3));
  const index = new BlockIndex(64 * 1024 * 1024);
  index.prepend(walked);
  check(index, blocks);
});
