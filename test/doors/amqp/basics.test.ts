/** amqplib's everyday calls, unchanged between our door and the server they were written for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConsumeMessage } from 'amqplib';
import { connected, subject, unique, until } from './subject.ts';

test('what is sent to a queue is consumed from it, with every property as it was', async (t) => {
  const { url } = await subject(t);
  const channel = await (await connected(t, url)).createChannel();
  const queue = unique('props');
  assert.deepEqual(await channel.assertQueue(queue, { durable: true }), { queue, messageCount: 0, consumerCount: 0 });
  const got: ConsumeMessage[] = [];
  const { consumerTag } = await channel.consume(queue, (message) => message && got.push(message));
  channel.sendToQueue(queue, Buffer.from('hello'), {
    persistent: true,
    contentType: 'text/plain',
    contentEncoding: 'identity',
    headers: { a: 1, b: 'two', c: true, d: { e: [1, 'x', null] }, big: 2 ** 40, f: 1.5 },
    priority: 3,
    correlationId: 'c-1',
    replyTo: 'elsewhere',
    messageId: 'm-1',
    timestamp: 1_700_000_000,
    type: 'greeting',
    userId: 'guest',
    appId: 'test',
  });
  await until(() => got.length === 1);
  const [message] = got;
  assert.equal(message?.content.toString(), 'hello');
  assert.deepEqual({ ...message?.fields }, { consumerTag, deliveryTag: 1, redelivered: false, exchange: '', routingKey: queue });
  const { properties } = message ?? {};
  assert.deepEqual(
    { ...properties, headers: { ...properties?.headers, d: { ...properties?.headers?.d } } },
    {
      contentType: 'text/plain',
      contentEncoding: 'identity',
      headers: { a: 1, b: 'two', c: true, d: { e: [1, 'x', null] }, big: 2 ** 40, f: 1.5 },
      deliveryMode: 2,
      priority: 3,
      correlationId: 'c-1',
      replyTo: 'elsewhere',
      expiration: undefined,
      messageId: 'm-1',
      timestamp: 1_700_000_000,
      type: 'greeting',
      userId: 'guest',
      appId: 'test',
      clusterId: undefined,
    },
  );
  if (message) channel.ack(message);
  await channel.cancel(consumerTag);
  assert.deepEqual(await channel.deleteQueue(queue), { messageCount: 0 });
});

test('publishes are confirmed, and bodies of all sizes come through whole', async (t) => {
  const { url } = await subject(t);
  const connection = await connected(t, url);
  const channel = await connection.createConfirmChannel();
  const queue = unique('sizes');
  await channel.assertQueue(queue, { exclusive: true });
  const sizes = [0, 1, 4088, 131_063, 131_064, 131_065, 500_000, 3_000_000];
  for (const size of sizes) channel.sendToQueue(queue, Buffer.alloc(size, size % 251));
  await channel.waitForConfirms();
  const got: Buffer[] = [];
  await channel.consume(queue, (message) => message && got.push(message.content), { noAck: true });
  await until(() => got.length === sizes.length);
  assert.deepEqual(
    got.map((content) => content.length),
    sizes,
  );
  assert.ok(got.every((content) => content.every((byte) => byte === content.length % 251)));
});

test('an exchange of each type routes', async (t) => {
  const { url } = await subject(t);
  const channel = await (await connected(t, url)).createConfirmChannel();
  const take = async (queue: string): Promise<string[]> => {
    const bodies: string[] = [];
    for (let got = await channel.get(queue, { noAck: true }); got; got = await channel.get(queue, { noAck: true }))
      bodies.push(got.content.toString());
    return bodies;
  };
  for (const [type, pattern, key, other] of [
    ['direct', 'a', 'a', 'b'],
    ['topic', 'a.*', 'a.b', 'a.b.c'],
  ] as const) {
    const exchange = unique(type);
    const { queue } = await channel.assertQueue('', { exclusive: true });
    assert.match(queue, /^amq\.gen-/);
    await channel.assertExchange(exchange, type);
    await channel.bindQueue(queue, exchange, pattern);
    channel.publish(exchange, key, Buffer.from('yes'));
    channel.publish(exchange, other, Buffer.from('no'));
    await channel.waitForConfirms();
    assert.deepEqual(await take(queue), ['yes'], type);
    await channel.unbindQueue(queue, exchange, pattern);
    channel.publish(exchange, key, Buffer.from('unbound'));
    await channel.waitForConfirms();
    assert.deepEqual(await take(queue), []);
    await channel.deleteExchange(exchange);
  }
  const fanout = unique('fanout');
  const headers = unique('headers');
  await channel.assertExchange(fanout, 'fanout');
  await channel.assertExchange(headers, 'headers');
  await channel.bindExchange(headers, fanout, '');
  const [all, any] = [
    (await channel.assertQueue('', { exclusive: true })).queue,
    (await channel.assertQueue('', { exclusive: true })).queue,
  ];
  await channel.bindQueue(all, headers, '', { 'x-match': 'all', a: 1, b: 'x' });
  await channel.bindQueue(any, headers, '', { 'x-match': 'any', a: 1, b: 'x' });
  channel.publish(fanout, '', Buffer.from('both'), { headers: { a: 1, b: 'x' } });
  channel.publish(fanout, '', Buffer.from('one'), { headers: { a: 1, b: 'y' } });
  channel.publish(fanout, '', Buffer.from('none'), { headers: { a: 2 } });
  await channel.waitForConfirms();
  assert.deepEqual(await take(all), ['both']);
  assert.deepEqual(await take(any), ['both', 'one']);
  await channel.unbindExchange(headers, fanout, '');
  for (const exchange of [fanout, headers]) await channel.deleteExchange(exchange);
});

test('get takes one message or none, and says how many are left', async (t) => {
  const { url } = await subject(t);
  const channel = await (await connected(t, url)).createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  assert.equal(await channel.get(queue), false);
  for (const body of ['1', '2', '3']) channel.sendToQueue(queue, Buffer.from(body));
  await channel.waitForConfirms();
  const first = await channel.get(queue);
  assert.ok(first);
  assert.deepEqual([first.content.toString(), first.fields.messageCount, first.fields.redelivered], ['1', 2, false]);
  channel.nack(first, false, true);
  await until(async () => (await channel.checkQueue(queue)).messageCount === 3);
  const again = await channel.get(queue);
  assert.ok(again);
  assert.deepEqual([again.content.toString(), again.fields.redelivered], ['1', true], 'back in its place, and said so');
  channel.ack(again);
  assert.equal((await channel.purgeQueue(queue)).messageCount, 2);
});

test('no more is delivered than the prefetch, and ack with multiple settles all before', async (t) => {
  const { url } = await subject(t);
  const channel = await (await connected(t, url)).createConfirmChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (let i = 0; i < 10; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
  await channel.waitForConfirms();
  await channel.prefetch(4);
  const got: ConsumeMessage[] = [];
  const { consumerTag } = await channel.consume(queue, (message) => message && got.push(message));
  await until(() => got.length === 4);
  await channel.checkQueue(queue);
  assert.equal(got.length, 4);
  const last = got[3];
  if (last) channel.ack(last, true);
  await until(() => got.length === 8);
  const five = got[4];
  if (five) channel.reject(five, true);
  await until(() => got.length === 9);
  assert.deepEqual([got[8]?.content.toString(), got[8]?.fields.redelivered], ['4', true]);
  await channel.cancel(consumerTag);
  channel.nackAll(true);
  await until(async () => (await channel.checkQueue(queue)).messageCount === 6);
});

test('what a connection held and did not settle is delivered again to another', async (t) => {
  const { url } = await subject(t);
  const queue = unique('held');
  const first = await connected(t, url);
  const channel = await first.createConfirmChannel();
  await channel.assertQueue(queue);
  channel.sendToQueue(queue, Buffer.from('x'), { persistent: true });
  await channel.waitForConfirms();
  await new Promise<void>((resolve) => void channel.consume(queue, () => resolve()));
  await first.close();
  const second = await (await connected(t, url)).createChannel();
  const again = await second.get(queue);
  assert.ok(again);
  assert.deepEqual([again.content.toString(), again.fields.redelivered], ['x', true]);
  second.ack(again);
  await second.deleteQueue(queue);
});
