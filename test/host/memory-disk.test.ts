/** What only the memory disk has: what it costs, and when it is full. The contract itself is in `disk.test.ts`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from '../../src/host/memory-disk.ts';

const MIB = 1024 * 1024;

test('a 64 MiB file filled with zeros takes no memory, written through it takes its size, removed none', async () => {
  const disk = new MemoryDisk({ capacityBytes: 64 * MIB });
  const file = await disk.open('segment', { create: true });
  const zeros = new Uint8Array(MIB);
  for (let i = 0; i < 64; i++) await file.write(zeros, i * MIB);
  assert.equal(await file.sizeBytes(), 64 * MIB);
  assert.equal(await disk.freeBytes('.'), 64 * MIB);
  const ones = new Uint8Array(MIB).fill(1);
  for (let i = 0; i < 64; i++) assert.equal(await file.write(ones, i * MIB), MIB);
  assert.equal(await disk.freeBytes('.'), 0);
  await disk.rename('segment', 'recycled');
  assert.equal(await file.write(ones, 5), MIB, 'overwriting needs no room');
  await assert.rejects(file.write(Uint8Array.of(1), 64 * MIB), { code: 'ENOSPC' });
  await disk.remove('recycled');
  assert.equal(await disk.freeBytes('.'), 0, 'still open');
  await file.close();
  assert.equal(await disk.freeBytes('.'), 64 * MIB);
});

test('replacing by rename and truncating give room back', async () => {
  const disk = new MemoryDisk({ capacityBytes: 10 * MIB });
  for (const name of ['a', 'b']) {
    const file = await disk.open(name, { create: true });
    await file.write(new Uint8Array(3 * MIB).fill(1), 0);
    await file.close();
  }
  assert.equal(await disk.freeBytes('.'), 4 * MIB);
  await disk.rename('a', 'b');
  assert.equal(await disk.freeBytes('.'), 7 * MIB);
  const file = await disk.open('b');
  await file.truncate(MIB);
  assert.equal(await disk.freeBytes('.'), 9 * MIB);
  assert.equal(await new MemoryDisk().freeBytes('.'), Number.POSITIVE_INFINITY);
});
