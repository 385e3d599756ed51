import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { batch, bodiesOf, opened, sending } from './opened.ts';

/** A disk whose writes wait while it is stalled. */
class SlowDisk extends MemoryDisk {
  #free: Promise<void> = Promise.resolve();

  /** Answers what lets writes go on. */
  stall(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = promise;
    return resolve;
  }

  override async open(...args: Parameters<MemoryDisk['open']>): Promise<File> {
    const file = await super.open(...args);
    const write = file.write.bind(file);
    file.write = async (bytes, position) => {
      await this.#free;
      return write(bytes, position);
    };
    return file;
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('nothing waits for the disk on account of a queue that is not durable, and everything on account of one that is', async (t) => {
  const disk = new SlowDisk();
  const { broker } = await opened(t, { disk, durability: 'fsync' });
  await broker.declare({ kind: 'queue', name: 'passing', durable: false });
  await broker.declare({ kind: 'queue', name: 'lasting' });
  await broker.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'passing' }, pattern: 'both' });
  await broker.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'lasting' }, pattern: 'both' });
  const seen: string[] = [];
  for (const queue of ['passing', 'lasting']) {
    await broker.consume(
      { queue },
      {
        deliver: (deliveries) => {
          for (const body of bodiesOf(deliveries)) seen.push(`${queue} ${body}`);
          const runs = Float64Array.from([...deliveries.numbers].flatMap((number) => [number, 1]));
          void broker
            .settle({ queue, runs, lease: deliveries.lease, outcome: 'ack' })
            .then((count) => seen.push(`${queue} acked ${count}`));
        },
        cancelled: () => undefined,
      },
    );
  }
  const goOn = disk.stall();
  await broker.publish(sending('passing', 'a'));
  await turns();
  assert.deepEqual(seen.splice(0), ['passing a', 'passing acked 1']);
  let confirmed = false;
  const both = broker.publish(batch('both', 'b')).then(() => {
    confirmed = true;
  });
  await turns();
  assert.deepEqual(seen.splice(0), ['passing b', 'passing acked 1'], 'the other has to wait');
  assert.equal(confirmed, false);
  goOn();
  await both;
  await turns();
  assert.deepEqual(seen, ['lasting b', 'lasting acked 1']);
});
