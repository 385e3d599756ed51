import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { bodiesOf, idle, opened, sending } from './opened.ts';

/** A disk that cannot be read while it is ill. */
class IllDisk extends MemoryDisk {
  isIll = false;

  override async open(...args: Parameters<MemoryDisk['open']>): Promise<File> {
    const file = await super.open(...args);
    const read = file.read.bind(file);
    file.read = async (into, position) => {
      if (this.isIll) throw new Error('EIO: the disk is ill');
      return read(into, position);
    };
    return file;
  }
}

test('dead letters that cannot be read are moved once the disk is well; the others need not wait', async (t) => {
  const disk = new IllDisk();
  // A message a block, and none of them in memory for long.
  const { broker, advance } = await opened(t, { disk, durability: 'fsync', blockBytesMax: 65_536, cacheBytes: 0 });
  await broker.declare({ kind: 'queue', name: 'q', deadLetter: { exchange: '', address: 'dead' } });
  await broker.declare({ kind: 'queue', name: 'dead' });
  for (let n = 0; n < 100; n++) await broker.publish(sending('q', String.fromCharCode(97 + n).repeat(60_000)));
  const held = await broker.receive({ queue: 'q', countMax: 100, leaseMs: 3_600_000 });
  assert.equal(held?.count, 100);
  await broker.publish(sending('q', 'z'));
  const reject = (number: number, lease = held.lease) =>
    broker.settle({ queue: 'q', runs: Float64Array.of(number, 1), lease, outcome: 'reject' });
  disk.isIll = true;
  await assert.rejects(reject(0), /cannot be read/);
  await advance(10_001);
  assert.equal(await broker.receive({ queue: 'dead' }), undefined, 'still ill');
  assert.equal((await broker.receive({ queue: 'q' }))?.count, 1, 'nobody else is given what is on its way out');
  disk.isIll = false;
  assert.equal(await reject(1), 1);
  await advance(10_001);
  await idle(broker);
  const dead = await broker.receive({ queue: 'dead', countMax: 3 });
  assert.ok(dead);
  assert.deepEqual(
    bodiesOf(dead).map((body) => body.slice(0, 1)),
    ['b', 'a'],
  );
  const queue = await broker.describe('queue', 'q');
  assert.equal(queue?.kind === 'queue' && queue.totals.deadLettered, 2);
});

test('dead letters of one queue come in the order in which they died, each once, and are told of when they are safe', async (t) => {
  const told: string[] = [];
  const { broker } = await opened(t, { onDeath: (queue, deliveries, reason) => told.push(`${queue} ${reason} ${bodiesOf(deliveries)}`) });
  await broker.declare({ kind: 'queue', name: 'q', deadLetter: { exchange: '', address: 'dead' } });
  await broker.declare({ kind: 'queue', name: 'dead' });
  await broker.publish(sending('q', 'a', 'b', 'c', 'd'));
  const held = await broker.receive({ queue: 'q', countMax: 4, leaseMs: 60_000 });
  assert.ok(held);
  const reject = (number: number) => broker.settle({ queue: 'q', runs: Float64Array.of(number, 1), lease: held.lease, outcome: 'reject' });
  assert.deepEqual(await Promise.all([reject(2), reject(0), reject(2), reject(3)]), [1, 1, 0, 1]);
  const dead = await broker.receive({ queue: 'dead', countMax: 9 });
  assert.deepEqual(dead && bodiesOf(dead), ['c', 'a', 'd']);
  assert.deepEqual(told, ['q rejected c', 'q rejected a', 'q rejected d']);
});

test('however much dies at once: it is moved in portions that the journal takes', async (t) => {
  const { broker, advance } = await opened(t, { blockBytesMax: 8192, segmentBytes: 32_768 });
  await broker.declare({ kind: 'queue', name: 'q', ttlMs: 100, deadLetter: { exchange: '', address: 'dead' } });
  await broker.declare({ kind: 'queue', name: 'dead' });
  const letters = Array.from({ length: 20 }, (_, n) => String.fromCharCode(97 + n));
  for (const letter of letters) await broker.publish(sending('q', letter.repeat(5000)));
  await advance(200);
  await idle(broker);
  const seen: string[] = [];
  for (let got = await broker.receive({ queue: 'dead' }); got !== undefined; got = await broker.receive({ queue: 'dead' }))
    seen.push(...bodiesOf(got).map((body) => body.slice(0, 1)));
  assert.deepEqual(seen, letters);
});
