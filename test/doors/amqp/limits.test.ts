/** Delivery limits, times to live, prefetch and what else bounds a message's life, unchanged between our door and the reference. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConfirmChannel, ConsumeMessage, Message } from 'amqplib';
import { connected, subject, unique, until } from './subject.ts';

async function opened(t: Parameters<typeof subject>[0]): Promise<{ url: string; channel: ConfirmChannel }> {
  const { url } = await subject(t);
  return { url, channel: await (await connected(t, url)).createConfirmChannel() };
}

test('a delivery limit: counted in a header, and dead-lettered after the last', async (t) => {
  const { channel } = await opened(t);
  const queue = unique('limited');
  const dead = `${queue}-dead`;
  await channel.assertQueue(dead);
  await channel.assertQueue(queue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead },
  });
  channel.sendToQueue(queue, Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
  const seen: unknown[] = [];
  await channel.consume(queue, (message) => {
    if (message === null) return;
    seen.push(message.properties.headers?.['x-delivery-count']);
    channel.nack(message, false, true);
  });
  let got: Message | false = false;
  await until(async () => {
    got = await channel.get(dead, { noAck: true });
    return got !== false;
  });
  assert.deepEqual(seen, [undefined, 1, 2]);
  const [death] = (got as unknown as Message).properties.headers?.['x-death'] ?? [];
  assert.deepEqual([death?.reason, death?.queue, death?.count], ['delivery_limit', queue, 1]);
  for (const name of [queue, dead]) await channel.deleteQueue(name);
});

test('the shorter time to live counts, and 0 means now or never', async (t) => {
  const { channel } = await opened(t);
  const { queue } = await channel.assertQueue('', { exclusive: true, messageTtl: 60_000 });
  channel.sendToQueue(queue, Buffer.from('long'), { expiration: '120000' });
  channel.sendToQueue(queue, Buffer.from('short'), { expiration: '30' });
  channel.sendToQueue(queue, Buffer.from('never'), { expiration: '0' });
  await channel.waitForConfirms();
  const first = await channel.get(queue, { noAck: true });
  assert.equal(first === false ? undefined : first.content.toString(), 'long');
  await until(async () => (await channel.checkQueue(queue)).messageCount === 0);
  const got: string[] = [];
  await channel.consume(queue, (message) => message && got.push(message.content.toString()), { noAck: true });
  channel.sendToQueue(queue, Buffer.from('now'), { expiration: '0' });
  await until(() => got.length === 1);
  assert.deepEqual(got, ['now']);
});

test('each consumer has the prefetch it was begun with', async (t) => {
  const { channel } = await opened(t);
  const [a, b] = [await channel.assertQueue('', { exclusive: true }), await channel.assertQueue('', { exclusive: true })];
  for (const { queue } of [a, b]) for (let i = 0; i < 10; i++) channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  const held = { a: [] as ConsumeMessage[], b: [] as ConsumeMessage[] };
  await channel.prefetch(2);
  await channel.consume(a.queue, (message) => message && held.a.push(message));
  await channel.prefetch(5);
  await channel.consume(b.queue, (message) => message && held.b.push(message));
  await until(() => held.a.length === 2 && held.b.length === 5);
  for (let i = 0; i < 3; i++) await channel.checkQueue(a.queue);
  assert.deepEqual([held.a.length, held.b.length], [2, 5]);
});

test('what a cancelled consumer held stays with its channel', async (t) => {
  const { channel } = await opened(t);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const text of ['1', '2']) channel.sendToQueue(queue, Buffer.from(text));
  await channel.waitForConfirms();
  const held: ConsumeMessage[] = [];
  const { consumerTag } = await channel.consume(queue, (message) => message && held.push(message));
  await until(() => held.length === 2);
  await channel.cancel(consumerTag);
  assert.equal((await channel.checkQueue(queue)).messageCount, 0);
  for (const [i, message] of held.entries()) i === 0 ? channel.ack(message) : channel.nack(message, false, true);
  await until(async () => (await channel.checkQueue(queue)).messageCount === 1);
});

test('an exchange that goes with its last binding', async (t) => {
  const { channel } = await opened(t);
  const exchange = unique('passing');
  await channel.assertExchange(exchange, 'fanout', { autoDelete: true, durable: false });
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, exchange, '');
  await channel.checkExchange(exchange);
  await channel.unbindQueue(queue, exchange, '');
  const gone = new Promise<Error>((resolve) => channel.on('error', resolve));
  await assert.rejects(channel.checkExchange(exchange));
  assert.match((await gone).message, /404/);
});

test('a secret is renewed while the connection lasts', async (t) => {
  const { url } = await subject(t);
  const connection = await connected(t, url);
  await connection.updateSecret(Buffer.from('guest'), 'it was time');
  const channel = await connection.createChannel();
  await channel.assertQueue('', { exclusive: true });
});

test('many channels and consumers on one connection, and order on each', async (t) => {
  const { url } = await subject(t);
  const connection = await connected(t, url);
  const lanes = await Promise.all(
    Array.from({ length: 30 }, async (_, lane) => {
      const channel = await connection.createConfirmChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      const got: number[] = [];
      await channel.consume(queue, (message) => {
        if (message === null) return;
        got.push(Number(message.content.toString()));
        channel.ack(message);
      });
      for (let i = 0; i < 100; i++) channel.sendToQueue(queue, Buffer.from(String(i)), { persistent: (i + lane) % 3 === 0 });
      return { channel, got };
    }),
  );
  await Promise.all(lanes.map(({ channel }) => channel.waitForConfirms()));
  await until(() => lanes.every(({ got }) => got.length === 100));
  for (const { got } of lanes)
    assert.deepEqual(
      got,
      [...got].sort((a, b) => a - b),
    );
});
