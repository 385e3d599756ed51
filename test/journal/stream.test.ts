/** Reading a file through a moving window. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { Stream, StreamBuffers } from '../../src/journal/stream.ts';

async function fileOf(bytes: Uint8Array): Promise<File> {
  const file = await new MemoryDisk().open('file', { create: true });
  await file.write(bytes, 0);
  return file;
}

test('gives the bytes of the file whatever is asked for at once', async () => {
  const random = new SimRandom(1);
  const bytes = random.bytes(300_000);
  const buffers = new StreamBuffers(4096);
  for (let round = 0; round < 30; round++) {
    const from = random.int(5000);
    const stream = new Stream(await fileOf(bytes), 'file', bytes.length, from, buffers);
    for (let byte = from; byte < bytes.length; ) {
      const count = Math.min(bytes.length - byte, random.pick([1, 80, 4000, 4096, 4097, 9000, 100_000]));
      assert.ok(await stream.need(count));
      assert.equal(stream.byte, byte);
      assert.equal(stream.leftBytes, bytes.length - byte);
      const window = stream.bytes.subarray(stream.at, stream.at + count);
      assert.equal(Buffer.compare(window, bytes.subarray(byte, byte + count)), 0);
      assert.equal(stream.view.getUint8(stream.at), bytes[byte]);
      const step = 1 + random.int(count);
      stream.skip(step);
      byte += step;
    }
    assert.equal(await stream.need(1), false);
    await stream.close();
  }
});

test('more than the file holds is not there, and nothing is allocated for it', async () => {
  const stream = new Stream(await fileOf(new Uint8Array(10_000)), 'file', 10_000, 0, new StreamBuffers(4096));
  assert.equal(await stream.need(10_001), false);
  assert.equal(await stream.need(2 ** 32), false);
  assert.ok(await stream.need(10_000));
});

test('a file that turns out shorter than it said ends there', async () => {
  for (const count of [4000, 9000, 20_000]) {
    const stream = new Stream(await fileOf(new Uint8Array(5000)), 'file', 20_000, 0, new StreamBuffers(4096));
    assert.equal(await stream.need(count), count <= 5000);
    await stream.close();
  }
});

test('what is asked for first is read first: little of a large file, and more with each read', async () => {
  const size = 4 * 1024 * 1024;
  const random = new SimRandom(2);
  const bytes = random.bytes(size);
  const file = await fileOf(bytes);
  const reads: number[] = [];
  const counting: File = {
    ...file,
    read: (into, at) => {
      reads.push(into.length);
      return file.read(into, at);
    },
    close: () => file.close(),
  };
  const stream = new Stream(counting, 'file', size, 0, new StreamBuffers(1024 * 1024));
  assert.ok(await stream.need(80));
  assert.deepEqual(reads, [65_536, 131_072]);
  for (let left = size; left > 0; left -= 4096) {
    assert.ok(await stream.need(4096));
    assert.equal(Buffer.compare(stream.bytes.subarray(stream.at, stream.at + 4096), bytes.subarray(size - left, size - left + 4096)), 0);
    stream.skip(4096);
  }
  assert.deepEqual(reads, [65_536, 131_072, 262_144, 524_288, 1_048_576, 1_048_576, 1_048_576, 65_536]);
  await stream.close();
});

test('a read that fails names file and byte', async () => {
  const file = await fileOf(new Uint8Array(20_000));
  for (const count of [6000, 13_000]) {
    const failing: File = {
      ...file,
      read: (into, at) => (at >= 4096 ? Promise.reject(new Error('EIO: i/o error')) : file.read(into, at)),
    };
    const stream = new Stream(failing, 'some/file', 20_000, 0, new StreamBuffers(4096));
    await assert.rejects(stream.need(count), { code: 'damaged', message: /some\/file cannot be read at byte 4096: .*EIO/ });
    await stream.close();
  }
});
