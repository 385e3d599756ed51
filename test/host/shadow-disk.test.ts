/** The shadow of a disk behaves like that disk, and leaves it as it was. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Disk } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { ShadowDisk } from '../../src/host/shadow-disk.ts';

const NAMES = ['a', 'b', 'c'];

async function contentOf(disk: Disk, directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await disk.list(directory)) {
    const file = await disk.open(`${directory}/${name}`);
    const bytes = new Uint8Array((await file.sizeBytes()) + 1);
    const sizeBytes = await file.read(bytes, 0);
    found[name] = `${sizeBytes} bytes ${createHash('sha256').update(bytes.subarray(0, sizeBytes)).digest('hex')}`;
    await file.close();
  }
  return found;
}

async function prepared(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory('/d');
  for (const [i, sizeBytes] of [10, 200_000].entries()) {
    const file = await disk.open(`/d/${NAMES[i]}`, { create: true });
    await file.write(new Uint8Array(sizeBytes).fill(0x41 + i), 0);
    await file.close();
  }
  return disk;
}

const name = fc.constantFrom(...NAMES);
const place = fc.oneof(fc.nat(300), fc.integer({ min: 65_530, max: 65_545 }), fc.nat(250_000));
const step = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    name,
    at: place,
    sizeBytes: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 140_000 })),
  }),
  fc.record({ kind: fc.constant('truncate' as const), name, at: place }),
  fc.record({ kind: fc.constant('rename' as const), name, to: name }),
  fc.record({ kind: fc.constant('remove' as const), name }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(disk: Disk, one: Step): Promise<string> {
  try {
    if (one.kind === 'rename') await disk.rename(`/d/${one.name}`, `/d/${one.to}`);
    else if (one.kind === 'remove') await disk.remove(`/d/${one.name}`);
    else {
      const file = await disk.open(`/d/${one.name}`, { create: one.kind === 'write' });
      if (one.kind === 'truncate') await file.truncate(one.at);
      else await file.write(new Uint8Array(one.sizeBytes).fill(0x61 + (one.at % 26)), one.at);
      await file.close();
    }
    return 'done';
  } catch (error) {
    return String((error as { code?: string }).code);
  }
}

test('any steps have the same outcome on the shadow as on the disk, and the disk below stays as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const real = await prepared();
      const below = await prepared();
      const before = await contentOf(below, '/d');
      const shadow = new ShadowDisk(below);
      for (const one of steps) assert.equal(await take(shadow, one), await take(real, one));
      assert.deepEqual(await contentOf(shadow, '/d'), await contentOf(real, '/d'));
      assert.deepEqual(await contentOf(below, '/d'), before);
    }),
    { numRuns: 150 },
  );
});

test('directories made in the shadow are seen there only', async () => {
  const below = await prepared();
  const shadow = new ShadowDisk(below);
  await shadow.makeDirectory('/d/inner');
  assert.deepEqual(await shadow.list('/d'), ['a', 'b', 'inner']);
  assert.deepEqual(await below.list('/d'), ['a', 'b']);
  assert.deepEqual(await shadow.list('/nowhere'), []);
  await assert.rejects(shadow.open('/d/missing'), { code: 'ENOENT' });
  await (await shadow.lock()).release();
  assert.equal(await shadow.freeBytes('/d'), await below.freeBytes('/d'));
});
