import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestBroker } from '../../src/testing/testing.ts';

test('time stands still until it is turned, and then everything that is due happens in order', async () => {
  await using box = await createTestBroker({ startMs: 1_000_000 });
  assert.equal(box.nowMs(), 1_000_000);
  const queue = await box.declareQueue('q', { retry: { attempts: 3, backoffMs: 60_000 }, leaseMs: 30_000 });
  await queue.send('later', { delay: '150s' });
  await queue.send('soon', { delay: '1m' });
  const seen: string[] = [];
  const running = queue.consume(({ value, attempts }) => {
    seen.push(`${value} ${attempts} at ${box.nowMs() - 1_000_000}`);
    if (attempts < 3) throw new Error('again');
  });
  await box.advance('59s');
  assert.deepEqual(seen, []);
  await box.advance('10m');
  assert.deepEqual(seen, [
    'soon 1 at 60000',
    'soon 2 at 120000',
    'later 1 at 150000',
    'later 2 at 210000',
    'soon 3 at 240000',
    'later 3 at 330000',
  ]);
  await running.stop();
});

test('what was published, delivered and dead-lettered is listed', async () => {
  await using box = await createTestBroker();
  await box.declareQueue('dead');
  const queue = await box.declareQueue('q', { deadLetter: { exchange: '', address: 'dead' }, ttlMs: 1000 });
  await queue.send({ n: 1 }, { headers: { a: 1 } });
  await box.publish('orders.new', 2);
  await box.transaction((transaction) => transaction.send('q', 3));
  const [first] = await queue.receive();
  await first?.requeue();
  for await (const message of queue.consume()) {
    await message.reject();
    break;
  }
  await box.advance('2s');
  assert.deepEqual(
    box.published.map(({ exchange, address, value }) => [exchange, address, value]),
    [
      ['', 'q', { n: 1 }],
      ['amq.topic', 'orders.new', 2],
      ['', 'q', 3],
    ],
  );
  assert.equal(box.published[0]?.message.headers.get('a'), 1);
  assert.deepEqual(
    box.delivered.slice(0, 2).map(({ queue: from, value, attempts }) => [from, value, attempts]),
    [
      ['q', { n: 1 }, 1],
      ['q', { n: 1 }, 1],
    ],
  );
  assert.deepEqual(
    box.deadLettered.map(({ queue: from, value, reason }) => [from, value, reason]),
    [
      ['q', { n: 1 }, 'rejected'],
      ['q', 3, 'expired'],
    ],
  );
});

test('what died before it came in is listed as dead-lettered, what nobody took is not', async () => {
  await using box = await createTestBroker();
  await box.declareQueue('dead');
  const deadLetter = { exchange: '', address: 'dead' };
  const full = await box.declareQueue('full', { countMax: 0, overflow: 'refuse-dead-letter', deadLetter });
  const strict = await box.declareQueue('strict', { schema: { jsonSchema: { type: 'number' }, onFault: deadLetter } });
  const lost = await box.declareQueue('lost', { deadLetter: { exchange: '', address: 'nowhere' } });
  await full.send('too much');
  await strict.sendMany([1, 'no number']);
  await box.transaction((transaction) => transaction.send('strict', 'nor this'));
  await lost.send('gone');
  await (await lost.receive())[0]?.reject();
  await box.idle();
  assert.deepEqual(
    box.deadLettered.map(({ queue, value, reason }) => [queue, value, reason]),
    [
      ['full', 'too much', 'overflow'],
      ['', 'no number', 'schema'],
      ['', 'nor this', 'schema'],
    ],
  );
});

test('the same seed gives the same run, names and jitter included', async () => {
  const run = async (seed: number) => {
    await using box = await createTestBroker({ seed });
    const queue = await box.declareQueue('q', { retry: { attempts: 9, backoffMs: 1000, jitter: 1 } });
    await queue.send(1);
    const seen: number[] = [];
    const running = queue.consume(() => {
      seen.push(box.nowMs());
      throw new Error('again');
    });
    const responder = await box.respond('echo', (value) => value);
    await box.request('echo', 1);
    await box.advance('1h');
    const queues = (await box.list('queue')).map((described) => ('spec' in described ? described.spec.name : ''));
    await running.stop();
    await responder.stop();
    return { seen, queues };
  };
  const [first, again, other] = [await run(1), await run(1), await run(2)];
  assert.deepEqual(first, again);
  assert.equal(first.seen.length, 9);
  assert.notDeepEqual(first.seen, other.seen);
  assert.deepEqual(first.queues, ['q', 'reply-1', 'respond-echo']);
});

test('idle waits for all that follows from what was done', async () => {
  await using box = await createTestBroker();
  const [a, b] = [await box.declareQueue('a'), await box.declareQueue('b')];
  const moving = a.consume(async ({ value }) => void (await b.send(Number(value) + 1)));
  const seen: unknown[] = [];
  const reading = b.consume(({ value }) => seen.push(value));
  await a.sendMany([1, 2, 3]);
  await box.idle();
  assert.deepEqual(seen, [2, 3, 4]);
  await moving.stop();
  await reading.stop();
});

test('event names carry the types of their values', async () => {
  await using box = await createTestBroker<{ 'order.placed': { id: number } }>();
  const topic = await box.declareTopic('order.placed');
  await topic.publish({ id: 1 });
  // @ts-expect-error: an order has a number as id
  await topic.publish({ id: 'one' });
  // @ts-expect-error: neither is this an order
  await box.publish('order.placed', 5);
  await box.publish('anything.else', 5);
  for await (const event of await box.topic('order.placed').subscribe({ from: 'earliest' })) {
    const id: number = event.value.id;
    assert.equal(id, 1);
    break;
  }
  const listening = box.listen('order.placed');
  const next = listening.next();
  await box.idle();
  await box.publish('order.placed', { id: 2 });
  const { value: message } = await next;
  if (message !== undefined) {
    const { id }: { id: number } = message.value;
    assert.equal(id, 2);
  }
  await listening.return();
});
