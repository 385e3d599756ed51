import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock } from '../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import type { Consumer } from '../../src/model/engine.ts';
import { bodiesOf, idle, opened, sending } from './opened.ts';

test('what a consumer that cancels was never handed goes back uncounted', async (t) => {
  // A message a block: the receiver is called once for each.
  const { broker } = await opened(t, { blockBytesMax: 4096 });
  await broker.declare({ kind: 'queue', name: 'q', retry: { attempts: 1 } });
  for (const letter of ['a', 'b', 'c']) await broker.publish(sending('q', letter.repeat(5000)));
  let consumer: Consumer | undefined;
  const seen: string[] = [];
  consumer = await broker.consume(
    { queue: 'q' },
    {
      deliver: (deliveries) => {
        seen.push(...bodiesOf(deliveries).map((body) => body.slice(0, 1)));
        void consumer?.cancel();
      },
      cancelled: () => undefined,
    },
  );
  await idle(broker);
  assert.deepEqual(seen, ['a']);
  const got = await broker.receive({ queue: 'q', countMax: 10 });
  assert.ok(got);
  assert.deepEqual(
    bodiesOf(got).map((body) => body.slice(0, 1)),
    ['b', 'c'],
  );
  assert.deepEqual([...got.attempts], [1, 1]);
  const described = await broker.describe('queue', 'q');
  assert.equal(described?.kind === 'queue' && described.totals.dropped, 1, 'what it was handed has had its attempt');
});

test('a consumer without a limit can be given one, and be paused', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'queue', name: 'q' });
  const seen: string[] = [];
  const consumer = await broker.consume(
    { queue: 'q', prefetch: Number.POSITIVE_INFINITY, settle: 'on-delivery' },
    { deliver: (deliveries) => seen.push(...bodiesOf(deliveries)), cancelled: () => undefined },
  );
  await broker.publish(sending('q', 'a', 'b'));
  await idle(broker);
  consumer.prefetch(0);
  await broker.publish(sending('q', 'c'));
  await idle(broker);
  assert.deepEqual(seen, ['a', 'b']);
  consumer.prefetch(1);
  await idle(broker);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  consumer.prefetch(Number.POSITIVE_INFINITY);
  await broker.publish(sending('q', 'd', 'e'));
  await idle(broker);
  assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e']);
});

test('what may live for no time at all is given to who is ready, though the clock has moved on before it is served', async (t) => {
  const clock = new HandClock();
  const { broker } = await opened(t, { clock });
  await broker.declare({ kind: 'queue', name: 'q', ttlMs: 0 });
  const seen: string[] = [];
  const consumer = await broker.consume(
    { queue: 'q', settle: 'on-delivery', prefetch: Number.POSITIVE_INFINITY },
    { deliver: (deliveries) => seen.push(...bodiesOf(deliveries)), cancelled: () => undefined },
  );
  await idle(broker);
  const published = broker.publish(sending('q', 'a'));
  // The publish is decided in this turn, and served in the next one.
  void clock.advance(3, async () => undefined);
  await published;
  await idle(broker);
  assert.deepEqual(seen, ['a']);
  await consumer.cancel();
  await broker.publish(sending('q', 'nobody is there'));
  await idle(broker);
  const queue = await broker.describe('queue', 'q');
  assert.ok(queue?.kind === 'queue');
  assert.deepEqual([queue.ready, queue.totals.acked, queue.totals.expired], [0, 1, 1]);
});

test('a turn that comes seconds late gives nothing that has expired meanwhile', async (t) => {
  const clock = new HandClock();
  const { broker } = await opened(t, { clock });
  await broker.declare({ kind: 'queue', name: 'q', ttlMs: 500 });
  const seen: string[] = [];
  await broker.consume({ queue: 'q' }, { deliver: (deliveries) => seen.push(...bodiesOf(deliveries)), cancelled: () => undefined });
  await idle(broker);
  const published = broker.publish(sending('q', 'a'));
  // As when a full disk keeps a checkpoint from ending.
  void clock.advance(5000, async () => undefined);
  await published;
  await idle(broker);
  assert.deepEqual(seen, []);
});

test('what is removed while the rest of it is read from disk is not handed over any more', async (t) => {
  const disk = new MemoryDisk();
  const first = await opened(t, { disk, blockBytesMax: 4096 });
  await first.broker.declare({ kind: 'queue', name: 'q' });
  for (const letter of ['a', 'b']) await first.broker.publish(sending('q', letter.repeat(5000)));
  const shut = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  const open = disk.open.bind(disk);
  let reads: number | undefined;
  disk.open = async (path, options) => {
    const file = await open(path, options);
    const read = file.read.bind(file);
    file.read = async (into, position) => {
      if (reads !== undefined && ++reads === 2) {
        reached.resolve();
        await shut.promise;
      }
      return read(into, position);
    };
    return file;
  };
  const { broker } = await first.reopen();
  reads = 0;
  const received = broker.receive({ queue: 'q', countMax: 2 });
  await reached.promise;
  await broker.remove('queue', 'q');
  shut.resolve();
  assert.equal(await received, undefined);
});
