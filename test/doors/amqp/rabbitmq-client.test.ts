/** rabbitmq-client's faces (consumer, publisher, RPC), unchanged between our door and the server they were written for. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type AsyncMessage, Connection } from 'rabbitmq-client';
import { nodeHost } from '../../../src/host/node-host.ts';
import { startAmqp } from '../../../src/servers/amqp/amqp.ts';
import { REFERENCE, subject, unique, until } from './subject.ts';

function client(t: TestContext, url: string): Connection {
  const rabbit = new Connection({ url, retryLow: 20, retryHigh: 50 });
  rabbit.on('error', () => undefined); // a connection that goes is tried again: that is what some tests are for
  t.after(() => rabbit.close());
  return rabbit;
}

test('a consumer with its exchange, bindings and concurrency; a publisher that confirms and retries', async (t) => {
  const { url } = await subject(t);
  const rabbit = client(t, url);
  const [queue, exchange] = [unique('users'), unique('events')];
  const got: AsyncMessage[] = [];
  const consumer = rabbit.createConsumer(
    {
      queue,
      queueOptions: { durable: true },
      qos: { prefetchCount: 2 },
      exchanges: [{ exchange, type: 'topic' }],
      queueBindings: [{ exchange, routingKey: 'users.*' }],
    },
    async (message) => void got.push(message),
  );
  t.after(() => consumer.close());
  await new Promise((resolve) => consumer.once('ready', resolve as () => void));
  const publisher = rabbit.createPublisher({ confirm: true, maxAttempts: 2, exchanges: [{ exchange, type: 'topic' }] });
  for (let i = 0; i < 20; i++) await publisher.send({ exchange, routingKey: 'users.visit', headers: { i } }, { id: i, name: 'Alan' });
  await until(() => got.length === 20);
  assert.deepEqual(
    got.map((message) => (message.body as { id: number }).id),
    Array.from({ length: 20 }, (_, i) => i),
  );
  assert.deepEqual(
    [got[3]?.contentType, got[3]?.headers?.i, got[3]?.exchange, got[3]?.routingKey],
    ['application/json', 3, exchange, 'users.visit'],
  );
  await publisher.close();
  await consumer.close();
  const channel = await rabbit.acquire();
  await channel.queueDelete(queue);
  await channel.exchangeDelete({ exchange });
  await channel.close();
});

test('questions and answers over direct replies', async (t) => {
  const { url } = await subject(t);
  const rabbit = client(t, url);
  const queue = unique('rpc');
  const server = rabbit.createConsumer({ queue, queueOptions: { autoDelete: true } }, async (message, reply) => {
    await reply(`hello ${message.body}`);
  });
  await new Promise((resolve) => server.once('ready', resolve as () => void));
  const asking = rabbit.createRPCClient({ confirm: true });
  const answers = await Promise.all(['a', 'b', 'c'].map((name) => asking.send(queue, name)));
  assert.deepEqual(
    answers.map(({ body }) => body),
    ['hello a', 'hello b', 'hello c'],
  );
  await asking.close();
  await server.close();
});

test('what a handler fails at is delivered again, or dropped', async (t) => {
  const { url } = await subject(t);
  const rabbit = client(t, url);
  const queue = unique('failing');
  const seen: [unknown, boolean][] = [];
  const consumer = rabbit.createConsumer({ queue, queueOptions: { autoDelete: true }, requeue: true }, async (message) => {
    seen.push([message.body, message.redelivered]);
    if (!message.redelivered) throw new Error('not now');
  });
  consumer.on('error', () => undefined);
  await new Promise((resolve) => consumer.once('ready', resolve as () => void));
  const publisher = rabbit.createPublisher({ confirm: true });
  await publisher.send(queue, 'x');
  await until(() => seen.length === 2);
  assert.deepEqual(seen, [['x', false], ['x', true]]); // biome-ignore format: two pairs
  await publisher.close();
  await consumer.close();
});

test('a mandatory message that nobody takes comes back', async (t) => {
  const { url } = await subject(t);
  const rabbit = client(t, url);
  const publisher = rabbit.createPublisher({ confirm: true });
  const returned = new Promise<unknown>((resolve) => publisher.once('basic.return', resolve));
  await publisher.send({ routingKey: unique('nobody'), mandatory: true }, 'x');
  assert.equal(((await returned) as { replyCode: number }).replyCode, 312);
  await publisher.close();
});

test('a door that went away and came back is found again, and consumers go on', { skip: REFERENCE !== undefined }, async (t) => {
  const { url, port, broker, close } = await subject(t);
  assert.ok(broker);
  const rabbit = client(t, url);
  const queue = unique('again');
  const got: unknown[] = [];
  const consumer = rabbit.createConsumer({ queue, queueOptions: { durable: true } }, async (message) => void got.push(message.body));
  consumer.on('error', () => undefined);
  await new Promise((resolve) => consumer.once('ready', resolve as () => void));
  const publisher = rabbit.createPublisher({ confirm: true, maxAttempts: 5 });
  await publisher.send(queue, 'before');
  await until(() => got.length === 1);
  await close?.();
  const again = await startAmqp(broker, { machine: nodeHost({ level: 'warn' }), port, limits: { closeMs: 100 } });
  t.after(() => again.close());
  await publisher.send(queue, 'after');
  await until(() => got.includes('after'));
  await publisher.close();
  await consumer.close();
  await rabbit.close();
});
