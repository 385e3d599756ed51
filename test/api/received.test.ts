import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch, owned, Received } from '../../src/api/received.ts';
import type { Deliveries, Engine, Settle } from '../../src/model/engine.ts';
import { NO_HEADERS } from '../../src/model/message.ts';
import { type Records, RecordWriter, readMessage, sizeOf } from '../../src/model/record.ts';

function recordsOf(bodies: readonly string[]): Records {
  const writer = new RecordWriter(16);
  for (const body of bodies)
    writer.write({
      exchange: '',
      address: 'q',
      timestampMs: 0,
      contentType: 'text/plain',
      headers: NO_HEADERS,
      body: new TextEncoder().encode(body),
    });
  return writer.take();
}

/** Deliveries of these bodies, standing in a block in the order that `order` says. */
function deliveriesOf(bodies: readonly string[], order: readonly number[], numbers = order, gap = 0): Deliveries {
  const { bytes, ends } = recordsOf(bodies);
  const block = new Uint8Array((ends[bodies.length - 1] ?? 0) + gap * bodies.length + 100).fill(0xee);
  const starts: number[] = [];
  let to = 50;
  for (let i = 0; i < bodies.length; i++) {
    const from = i === 0 ? 0 : (ends[i - 1] ?? 0);
    block.set(bytes.subarray(from, ends[i]), to);
    starts.push(to);
    to += (ends[i] ?? 0) - from + gap;
  }
  return {
    queue: 'q',
    count: order.length,
    numbers: Float64Array.from(numbers),
    lease: 7,
    bytes: block,
    at: Uint32Array.from(order, (i) => starts[i] ?? 0),
    attempts: new Uint16Array(order.length).fill(1),
  };
}

function bodies({ bytes, at, count }: Deliveries): string[] {
  return Array.from({ length: count }, (_, i) => new TextDecoder().decode(readMessage(bytes, at[i] ?? 0).body));
}

/** An engine that only settles, and writes down what. */
function settling() {
  const settled: Settle[] = [];
  const engine = {
    settle: async (settle: Settle) => {
      settled.push(settle);
      return 1;
    },
    extend: async () => 1,
  } as unknown as Engine;
  return { engine, settled };
}

test('deliveries with bytes of their own outlive the block, in order or not, side by side or far apart', () => {
  const texts = ['a', 'bb', '', 'dddd'];
  for (const order of [[0, 1, 2, 3], [3, 1, 0, 2], [2], []]) {
    for (const gap of [0, 5000]) {
      const given = deliveriesOf(texts, order, order, gap);
      const own = owned(given);
      given.bytes.fill(0);
      assert.deepEqual(
        bodies(own),
        order.map((i) => texts[i]),
      );
      const size = order.reduce((sum, _, i) => sum + sizeOf(own.bytes, own.at[i] ?? 0), 0);
      assert.ok(own.bytes.length <= 4 * size, `${own.bytes.length} bytes are kept for ${size}`);
    }
  }
});

test('a batch is settled as runs: one for neighbours, one each for others, from where it is told', async () => {
  const { engine, settled } = settling();
  const neighbours = new Batch(engine, deliveriesOf(['a', 'b', 'c'], [0, 1, 2], [5, 6, 7]));
  await neighbours.ack();
  await neighbours.nack({ delay: '1s' });
  await neighbours.requeueFrom(1);
  await neighbours.requeueFrom(3);
  const scattered = new Batch(engine, deliveriesOf(['a', 'b', 'c'], [0, 1, 2], [9, 4, 5]));
  await scattered.reject();
  assert.deepEqual(
    settled.map(({ outcome, runs, lease, delayMs }) => [outcome, [...runs], lease, delayMs]),
    [
      ['ack', [5, 3], 7, undefined],
      ['nack', [5, 3], 7, 1000],
      ['requeue', [6, 2], 7, undefined],
      ['reject', [9, 1, 4, 1, 5, 1], 7, undefined],
    ],
  );
});

test('what is held by nobody is not settled', async () => {
  const { engine, settled } = settling();
  const peeked = { ...deliveriesOf(['a'], [0]), lease: 0 };
  const message = new Received(engine, peeked, 0);
  for (const answer of [message.ack(), message.nack(), message.requeue(), message.reject(), message.extend('1s')])
    assert.equal(await answer, false);
  await new Batch(engine, peeked).ack();
  assert.deepEqual(settled, []);
});

test('a batch gives bodies, values and messages without making more of them than asked for', () => {
  const { engine } = settling();
  const batch = new Batch<string>(engine, deliveriesOf(['a', 'b'], [0, 1], [3, 4]));
  assert.deepEqual([batch.count, batch.queue, batch.value(1)], [2, 'q', 'b']);
  assert.deepEqual([...batch.body(0)], [97]);
  const [first, second] = [...batch];
  assert.deepEqual(
    [first?.value, first?.number, second?.number, second?.lease, second?.attempts, second?.redelivered, second?.deaths],
    ['a', 3, 4, 7, 1, false, []],
  );
});
