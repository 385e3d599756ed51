import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueueHandle } from '../../src/api/queue-handle.ts';
import type { Settle } from '../../src/model/engine.ts';
import { createTestBroker } from '../../src/testing/testing.ts';
import { turns, watched } from './watched.ts';

test('a handler that is stopped keeps what it works on until it is done', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  await queue.sendMany([1, 2]);
  const finish = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  const running = queue.consume(async ({ value }) => {
    seen.push(value);
    await finish.promise;
  });
  await box.idle();
  const stopped = running.stop();
  await turns(20);
  assert.deepEqual(
    await queue.receive({ max: 5 }).then((all) => all.map(({ value }) => value)),
    [],
    'nobody else is given what is worked on',
  );
  finish.resolve();
  await stopped;
  assert.deepEqual(seen, [1]);
  assert.equal((await queue.describe()).totals.acked, 1);
});

test('what onError throws ends the consumer, and done says so', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  await queue.sendMany([1, 2, 3]);
  const running = queue.consume(
    () => {
      throw new Error('the handler');
    },
    {
      onError: () => {
        throw new Error('its watcher');
      },
    },
  );
  await assert.rejects(running.done, /its watcher/);
  const { ready, inFlight, consumers } = await queue.describe();
  assert.deepEqual([ready, inFlight, consumers], [3, 0, 0]);
});

test('an ack that cannot be told ends the consumer, and nothing is forgotten', async () => {
  await using box = await createTestBroker();
  await box.declareQueue('q');
  await box.queue('q').sendMany([1, 2]);
  const engine = watched(box.engine, {
    settle: (settle: Settle) => (settle.outcome === 'ack' ? Promise.reject(new Error('the wire is cut')) : box.engine.settle(settle)),
  });
  const running = new QueueHandle(engine, 'q').consume(() => undefined);
  await assert.rejects(running.done, /the wire is cut/);
  assert.equal((await box.queue('q').describe()).ready, 2);
});

test('done ends when stopped, and rejects when the queue goes', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  const stopped = queue.consume(() => undefined);
  await box.idle();
  await stopped.stop();
  await stopped.done;
  {
    await using _ = queue.consume(() => undefined);
    await box.idle();
    assert.equal((await queue.describe()).consumers, 1);
  }
  assert.equal((await queue.describe()).consumers, 0);
  const removed = queue.consume(() => undefined);
  await box.idle();
  await box.remove('queue', 'q');
  await assert.rejects(removed.done, /removed/);
});

test('a message whose value cannot be read is not the end of its neighbours', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q', { retry: { attempts: 2 } });
  await queue.send('{ no JSON', { contentType: 'application/json' });
  await queue.send('fine');
  const seen: unknown[] = [];
  const faults: unknown[] = [];
  const running = queue.consume(
    (message) => {
      seen.push(message.value);
    },
    { onError: (error) => faults.push(error) },
  );
  await box.idle();
  assert.deepEqual(seen, ['fine']);
  assert.equal(faults.length, 2);
  await running.stop();
});

const hundred = Array.from({ length: 100 }, (_, i) => i);

test('at most once: what was not handed over is there for the next, in every form', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue<'q'>('q');
  const seen: unknown[] = [];
  const rest = async (): Promise<unknown[]> => {
    await box.idle();
    const { inFlight, totals } = await queue.describe();
    assert.deepEqual([inFlight, totals.acked], [0, seen.length], 'what was handed over is settled, and nothing else');
    return (await queue.peek({ max: 100 })).map(({ message }) => message.value);
  };
  await queue.sendMany(hundred);
  for await (const message of queue.consume({ atMostOnce: true, prefetch: 30 })) {
    assert.deepEqual([await message.ack(), message.lease], [false, 0]);
    seen.push(message.value);
    if (seen.length === 3) break;
  }
  assert.deepEqual(await rest(), hundred.slice(3));

  const finish = Promise.withResolvers<void>();
  const running = queue.consume(
    async ({ value }) => {
      seen.push(value);
      await finish.promise;
    },
    { atMostOnce: true, concurrency: 2 },
  );
  await box.idle();
  const stopped = running.stop();
  finish.resolve();
  await stopped;
  assert.deepEqual(await rest(), hundred.slice(5));

  for await (const batch of queue.batches({ atMostOnce: true, prefetch: 10 })) {
    for (let i = 0; i < batch.count; i++) seen.push(batch.value(i));
    break;
  }
  assert.deepEqual(await rest(), hundred.slice(15));
  assert.deepEqual(seen, hundred.slice(0, 15));
});

test('at most once: what was no longer held is not handed over', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue<'q'>('q');
  await queue.sendMany([1, 2]);
  const messages = queue.consume({ atMostOnce: true, lease: '1s' });
  assert.equal((await messages.next()).value?.value, 1);
  await box.advance('1500ms');
  const [other] = await queue.receive();
  assert.equal(other, undefined, 'the consumer is there and was given it again');
  const next = messages.next();
  await box.idle();
  assert.deepEqual([(await next).value?.value, (await next).value?.attempts], [2, 2], 'the former delivery was passed over');
  await messages.return();
  assert.equal((await queue.describe()).totals.acked, 2);
});
