import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Broker } from '../../src/broker/broker.ts';
import type { File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import type { Deliveries } from '../../src/model/engine.ts';
import { idle, type Opened, opened, sending } from './opened.ts';

/** A disk that counts what is written to the journal. */
class CountingDisk extends MemoryDisk {
  writes = 0;

  override async open(...args: Parameters<MemoryDisk['open']>): Promise<File> {
    const file = await super.open(...args);
    const write = file.write.bind(file);
    file.write = (bytes, position) => {
      this.writes++;
      return write(bytes, position);
    };
    return file;
  }
}

interface Started extends Opened {
  /** Writes to the disk since it was asked last. */
  written(): number;
  readonly taken: Deliveries[];
  readonly disk: CountingDisk;
}

/** A durable queue with a consumer that holds what it is given. */
async function started(t: TestContext, prefetch: number): Promise<Started> {
  const disk = new CountingDisk();
  const all = await opened(t, { disk, durability: 'fsync' });
  const taken: Deliveries[] = [];
  await all.broker.declare({ kind: 'queue', name: 'q' });
  await all.broker.consume(
    { queue: 'q', prefetch },
    { deliver: (deliveries) => taken.push({ ...deliveries, numbers: deliveries.numbers.slice() }), cancelled: () => undefined },
  );
  await all.advance(1000);
  let before = disk.writes;
  const written = () => {
    const count = disk.writes - before;
    before = disk.writes;
    return count;
  };
  return { ...all, written, taken, disk };
}

async function ack(broker: Broker, { numbers, lease }: Deliveries): Promise<void> {
  const runs = Float64Array.from([...numbers].flatMap((number) => [number, 1]));
  assert.equal(await broker.settle({ queue: 'q', runs, lease, outcome: 'ack', lazy: true }), numbers.length);
  await idle(broker);
}

test('an ack that nobody waits for starts no write: the next publish takes it along', async (t) => {
  const { broker, taken, written, advance } = await started(t, 10);
  for (let round = 0; round < 3; round++) {
    await broker.publish(sending('q', 'a'));
    await idle(broker);
    assert.equal(written(), 1, 'the message, and that somebody holds it');
    await ack(broker, taken.splice(0)[0] as Deliveries);
    assert.equal(written(), 0);
  }
  await advance(20);
  assert.equal(written(), 1, 'the last ack had nobody to ride with');
  await advance(1000);
  assert.equal(written(), 0);
});

test('what an ack makes room for is handed over without a write, and kept soon after', async (t) => {
  const { broker, taken, written, advance, kill, disk, clock } = await started(t, 1);
  await broker.publish(sending('q', 'a', 'b', 'c'));
  await idle(broker);
  written();
  for (let k = 0; k < 2; k++) await ack(broker, taken.at(-1) as Deliveries);
  assert.equal(taken.length, 3);
  assert.equal(written(), 0);
  await advance(20);
  assert.ok(written() > 0);
  await kill();
  const again = await opened(t, { disk, clock, durability: 'fsync' });
  const left = await again.broker.receive({ queue: 'q', countMax: 10 });
  assert.deepEqual([...(left?.numbers ?? [])], [2], 'two were acked');
  assert.deepEqual([...(left?.attempts ?? [])], [2], 'and the third was held');
});

test('what is gone at restart starts no write when it comes; a close still writes all', async (t) => {
  const { broker, written, advance, disk, clock } = await started(t, 1);
  await broker.declare({ kind: 'queue', name: 'passing', durable: false });
  await advance(1000);
  written();
  for (const publish of [sending('passing', 'a'), { ...sending('passing', 'b'), transient: true }]) {
    assert.equal((await broker.publish(publish)).routed, 1);
    await idle(broker);
  }
  const all = await broker.publishAll([sending('passing', 'c'), sending('passing', 'd')]);
  assert.equal(all.length, 2);
  await idle(broker);
  assert.equal(written(), 0);
  assert.equal((await broker.receive({ queue: 'passing', countMax: 10 }))?.count, 4);
  await advance(20);
  assert.ok(written() > 0);
  await broker.publishAll([sending('passing', 'e'), sending('q', 'lasts')]);
  assert.equal(written(), 1, 'with one that lasts among them all are written, and waited for');
  await broker.publish({ ...sending('q', 'also lasts'), transient: true });
  await idle(broker);
  assert.equal(written(), 1);
  await broker.publish(sending('passing', 'f'));
  await broker.close();
  const again = await opened(t, { disk, clock, durability: 'fsync' });
  const kept = await again.broker.receive({ queue: 'q', countMax: 10 });
  assert.equal(kept?.count, 2);
});
