/** RabbitMQ's extensions as amqplib's users use them, unchanged between our door and the server they were written for. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel, ConfirmChannel, ConsumeMessage, Message } from 'amqplib';
import { connected, REFERENCE, subject, unique, until } from './subject.ts';

const body = (message: Message | false | null): string | undefined => (message ? message.content.toString() : undefined);

async function drained(channel: Channel, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (let got = await channel.get(queue, { noAck: true }); got; got = await channel.get(queue, { noAck: true }))
    bodies.push(got.content.toString());
  return bodies;
}

async function own(channel: Channel, args: Record<string, unknown> = {}): Promise<string> {
  return (await channel.assertQueue('', { exclusive: true, arguments: args })).queue;
}

/** The next message of a queue, when it comes. */
async function next(channel: Channel, queue: string): Promise<Message> {
  let got: Message | false = false;
  await until(async () => {
    got = await channel.get(queue, { noAck: true });
    return got !== false;
  });
  return got as unknown as Message;
}

async function opened(t: Parameters<typeof subject>[0]): Promise<{ url: string; channel: ConfirmChannel }> {
  const { url } = await subject(t);
  return { url, channel: await (await connected(t, url)).createConfirmChannel() };
}

test('a mandatory message that nobody takes comes back before it is confirmed', async (t) => {
  const { channel } = await opened(t);
  const heard: string[] = [];
  channel.on('return', (message: Message) => {
    const { replyCode, replyText, exchange, routingKey } = message.fields as unknown as Record<string, unknown>;
    heard.push(`returned ${replyCode} ${replyText} ${exchange} ${routingKey} ${message.content} ${message.properties.headers?.h}`);
  });
  await new Promise<void>((resolve) =>
    channel.publish('amq.direct', 'nobody', Buffer.from('x'), { mandatory: true, headers: { h: 1 } }, () => {
      heard.push('confirmed');
      resolve();
    }),
  );
  channel.publish('', 'no-such-queue', Buffer.from('y'), { mandatory: true });
  channel.publish('', 'no-such-queue', Buffer.from('z'));
  await channel.waitForConfirms();
  assert.deepEqual(heard, ['returned 312 NO_ROUTE amq.direct nobody x 1', 'confirmed', 'returned 312 NO_ROUTE  no-such-queue y undefined']);
});

test('rejected messages go to the dead-letter exchange, and say where they died', async (t) => {
  const { channel } = await opened(t);
  const dead = await own(channel);
  const queue = unique('dying');
  await channel.assertExchange(`${queue}-dlx`, 'fanout');
  await channel.bindQueue(dead, `${queue}-dlx`, '');
  await channel.assertQueue(queue, { deadLetterExchange: `${queue}-dlx`, deadLetterRoutingKey: 'gone' });
  channel.sendToQueue(queue, Buffer.from('x'), { headers: { mine: 1 } });
  await channel.waitForConfirms();
  channel.nack((await channel.get(queue)) as Message, false, false);
  const got = await next(channel, dead);
  assert.deepEqual([got.fields.exchange, got.fields.routingKey], [`${queue}-dlx`, 'gone']);
  const { headers = {} } = got.properties;
  const [death, ...others] = headers['x-death'] ?? [];
  assert.equal(others.length, 0);
  assert.deepEqual(
    { ...death, time: typeof (death?.time as unknown as { value: number } | undefined)?.value },
    { count: 1, reason: 'rejected', queue, time: 'number', exchange: '', 'routing-keys': [queue] },
  );
  assert.deepEqual(
    ['mine', 'x-first-death-exchange', 'x-first-death-queue', 'x-first-death-reason'].map((name) => headers[name]),
    [1, '', queue, 'rejected'],
  );
  await channel.deleteQueue(queue);
  await channel.deleteExchange(`${queue}-dlx`);
});

test('going round between two queues is counted, and what expired says what it was granted', async (t) => {
  const { channel } = await opened(t);
  const queue = unique('retry');
  await channel.assertQueue(queue, { deadLetterExchange: '', deadLetterRoutingKey: `${queue}-wait` });
  await channel.assertQueue(`${queue}-wait`, { deadLetterExchange: '', deadLetterRoutingKey: queue, messageTtl: 20 });
  channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  for (let round = 1; round <= 3; round++) {
    let got: Message | false = false;
    await until(async () => {
      got = await channel.get(queue);
      return got !== false;
    });
    const message = got as unknown as Message;
    const deaths = (message.properties.headers?.['x-death'] ?? []).map(({ queue: at, reason, count }) => [at, reason, count]);
    const rounds = round - 1;
    assert.deepEqual(deaths, rounds === 0 ? [] : [[`${queue}-wait`, 'expired', rounds], [queue, 'rejected', rounds]]); // biome-ignore format: two pairs
    if (round < 3) channel.nack(message, false, false);
    else channel.ack(message);
  }
  channel.sendToQueue(`${queue}-wait`, Buffer.from('y'), { expiration: '10' });
  const got = await next(channel, queue);
  assert.equal(got.properties.expiration, undefined);
  assert.equal(got.properties.headers?.['x-death']?.[0]?.['original-expiration'], '10');
  for (const name of [queue, `${queue}-wait`]) await channel.deleteQueue(name);
});

test('limits: the oldest are dropped or dead-lettered, or publishes are refused one by one', async (t) => {
  const { channel } = await opened(t);
  const dropping = await own(channel, { 'x-max-length': 2 });
  const dead = await own(channel);
  const dying = await own(channel, { 'x-max-length': 1, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead });
  const bytes = await own(channel, { 'x-max-length-bytes': 1000, 'x-overflow': 'drop-head' });
  for (const queue of [dropping, dying]) for (const text of ['1', '2', '3']) channel.sendToQueue(queue, Buffer.from(text));
  for (const fill of ['a', 'b', 'c']) channel.sendToQueue(bytes, Buffer.alloc(400, fill));
  await channel.waitForConfirms();
  assert.deepEqual(await drained(channel, dropping), ['2', '3']);
  assert.deepEqual(await drained(channel, dying), ['3']);
  const first = await next(channel, dead);
  assert.deepEqual([body(first), first.properties.headers?.['x-death']?.[0]?.reason], ['1', 'maxlen']);
  assert.deepEqual(
    (await drained(channel, bytes)).map((text) => text[0]),
    ['b', 'c'],
  );
  const refusing = await own(channel, { 'x-max-length': 2, 'x-overflow': 'reject-publish' });
  const answers = await Promise.all(
    ['1', '2', '3', '4'].map(
      (text) =>
        new Promise((resolve) =>
          channel.sendToQueue(refusing, Buffer.from(text), {}, (error) => resolve(error === null ? text : 'refused')),
        ),
    ),
  );
  // RabbitMQ counts with a delay when publishes come at once: at least the bound is reached and something is refused.
  assert.ok(answers.includes('refused') || REFERENCE !== undefined, String(answers));
  if (REFERENCE === undefined) assert.deepEqual(answers, ['1', '2', 'refused', 'refused']);
});

test('priorities: higher first, and first come first served among equals', async (t) => {
  const { channel } = await opened(t);
  const queue = await own(channel, { 'x-max-priority': 5 });
  for (const [text, priority] of [['a', 1], ['b', 5], ['c', 1], ['d', 9], ['e', undefined]] as const) // biome-ignore format: pairs
    channel.sendToQueue(queue, Buffer.from(text), priority === undefined ? {} : { priority });
  await channel.waitForConfirms();
  assert.deepEqual(await drained(channel, queue), ['b', 'd', 'a', 'c', 'e']);
});

test('queues go by themselves: unused, with their last consumer, with their connection', async (t) => {
  const { url, channel } = await opened(t);
  const brief = await connected(t, url);
  const other = await brief.createChannel();
  const gone = async (queue: string): Promise<boolean> => {
    const probe = await (await connected(t, url)).createChannel();
    probe.on('error', () => undefined);
    return probe.checkQueue(queue).then(
      () => false,
      () => true,
    );
  };
  const expiring = unique('expiring');
  await channel.assertQueue(expiring, { expires: 50 });
  await until(() => gone(expiring));
  const automatic = unique('automatic');
  await channel.assertQueue(automatic, { autoDelete: true });
  const { consumerTag } = await channel.consume(automatic, () => undefined);
  assert.equal(await gone(automatic), false);
  await channel.cancel(consumerTag);
  await until(() => gone(automatic));
  const exclusive = await own(other);
  await brief.close();
  await until(() => gone(exclusive));
});

test('a consumer hears that its queue was deleted', async (t) => {
  const { channel } = await opened(t);
  const queue = unique('cancelled');
  await channel.assertQueue(queue);
  const told = new Promise<ConsumeMessage | null>((resolve) => void channel.consume(queue, resolve));
  await channel.checkQueue(queue);
  await channel.deleteQueue(queue);
  assert.equal(await told, null);
});

test('one active consumer, and the next takes over; priorities of consumers; an exclusive one', async (t) => {
  const { channel } = await opened(t);
  const single = await own(channel, { 'x-single-active-consumer': true });
  const got: string[] = [];
  const { consumerTag } = await channel.consume(single, (m) => m && got.push(`first ${m.content}`), { noAck: true });
  await channel.consume(single, (m) => m && got.push(`second ${m.content}`), { noAck: true });
  channel.sendToQueue(single, Buffer.from('1'));
  await until(() => got.length === 1);
  await channel.cancel(consumerTag);
  channel.sendToQueue(single, Buffer.from('2'));
  await until(() => got.length === 2);
  assert.deepEqual(got, ['first 1', 'second 2']);
  const ranked = await own(channel);
  const by: string[] = [];
  await channel.consume(ranked, (m) => m && by.push('low'), { noAck: true, priority: 1 });
  await channel.consume(ranked, (m) => m && by.push('high'), { noAck: true, priority: 5 });
  for (let i = 0; i < 4; i++) channel.sendToQueue(ranked, Buffer.from('x'));
  await until(() => by.length === 4);
  assert.deepEqual(by, ['high', 'high', 'high', 'high']);
});

test('a transaction is seen as a whole or not at all, settlements included', async (t) => {
  const { url } = await opened(t);
  const { raw, channel } = await transactional(t, url);
  const queue = await own(channel);
  await raw('select');
  channel.sendToQueue(queue, Buffer.from('dropped'));
  await raw('rollback');
  channel.sendToQueue(queue, Buffer.from('kept'));
  assert.equal((await channel.checkQueue(queue)).messageCount, 0);
  await raw('commit');
  assert.equal((await channel.checkQueue(queue)).messageCount, 1);
  const got = (await channel.get(queue)) as Message;
  channel.ack(got);
  await raw('rollback');
  channel.ack(got);
  await raw('commit');
  assert.equal((await channel.checkQueue(queue)).messageCount, 0);
});

/** amqplib has no face for transactions: its channel's own way of asking is used. */
async function transactional(
  t: Parameters<typeof subject>[0],
  url: string,
): Promise<{ raw: (what: 'select' | 'commit' | 'rollback') => Promise<unknown>; channel: Channel }> {
  const channel = await (await connected(t, url)).createChannel();
  const ids = { select: 10, commit: 20, rollback: 30 } as const;
  const idOf = (method: number): number => (90 << 16) | method;
  const ask = channel as unknown as { rpc(method: number, fields: object, expect: number): Promise<unknown> };
  return { channel, raw: (what) => ask.rpc(idOf(ids[what]), {}, idOf(ids[what] + 1)) };
}

test('direct replies come back to the channel that asked', async (t) => {
  const { url, channel: server } = await opened(t);
  const client = await (await connected(t, url)).createChannel();
  const service = await own(server);
  await server.consume(
    service,
    (message) => {
      if (message === null) return;
      assert.match(message.properties.replyTo, /^amq\.rabbitmq\.reply-to\./);
      server.sendToQueue(message.properties.replyTo, Buffer.from(`re: ${message.content}`), {
        correlationId: message.properties.correlationId,
      });
    },
    { noAck: true },
  );
  const answer = new Promise<Message | null>((resolve) => void client.consume('amq.rabbitmq.reply-to', resolve, { noAck: true }));
  client.sendToQueue(service, Buffer.from('question'), { replyTo: 'amq.rabbitmq.reply-to', correlationId: '7' });
  const got = await answer;
  assert.deepEqual([body(got), got?.properties.correlationId], ['re: question', '7']);
});

test('CC and BCC: further routing keys, each queue once, blind ones not shown', async (t) => {
  const { channel } = await opened(t);
  const exchange = unique('cc');
  await channel.assertExchange(exchange, 'direct');
  const [a, b, c] = [await own(channel), await own(channel), await own(channel)];
  await channel.bindQueue(a, exchange, 'a');
  await channel.bindQueue(a, exchange, 'b');
  await channel.bindQueue(b, exchange, 'b');
  await channel.bindQueue(c, exchange, 'c');
  channel.publish(exchange, 'a', Buffer.from('x'), { CC: ['b'], BCC: ['c'], headers: { kept: 'yes' } });
  await channel.waitForConfirms();
  for (const queue of [a, b, c]) {
    const got = await next(channel, queue);
    assert.deepEqual([body(got), got.fields.routingKey, got.properties.headers], ['x', 'a', { kept: 'yes', CC: ['b'] }]);
    assert.equal(await channel.get(queue), false, 'once');
  }
  await channel.deleteExchange(exchange);
});

test('what an exchange does not route goes to its alternate', async (t) => {
  const { channel } = await opened(t);
  const exchange = unique('main');
  await channel.assertExchange(`${exchange}-rest`, 'fanout');
  await channel.assertExchange(exchange, 'direct', { alternateExchange: `${exchange}-rest` });
  const rest = await own(channel);
  await channel.bindQueue(rest, `${exchange}-rest`, '');
  channel.publish(exchange, 'unknown', Buffer.from('x'));
  await channel.waitForConfirms();
  assert.deepEqual(await drained(channel, rest), ['x']);
  for (const name of [exchange, `${exchange}-rest`]) await channel.deleteExchange(name);
});

test('a consistent-hash exchange keeps a key with one queue and uses them all', async (t) => {
  const { channel } = await opened(t);
  const exchange = unique('hash');
  await channel.assertExchange(exchange, 'x-consistent-hash');
  const queues = [await own(channel), await own(channel)];
  for (const queue of queues) await channel.bindQueue(queue, exchange, '10');
  for (let i = 0; i < 200; i++) channel.publish(exchange, `key-${i % 50}`, Buffer.from(`key-${i % 50}`));
  await channel.waitForConfirms();
  const [a = [], b = []] = [await drained(channel, queues[0] ?? ''), await drained(channel, queues[1] ?? '')];
  assert.equal(a.length + b.length, 200);
  assert.ok(a.length > 0 && b.length > 0);
  assert.ok(!a.some((key) => b.includes(key)));
  await channel.deleteExchange(exchange);
});

test('a limit for all consumers of a channel together', async (t) => {
  const { channel } = await opened(t);
  const [a, b] = [await own(channel), await own(channel)];
  for (const queue of [a, b]) for (let i = 0; i < 5; i++) channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  await channel.prefetch(3, true);
  const got: ConsumeMessage[] = [];
  for (const queue of [a, b]) await channel.consume(queue, (message) => message && got.push(message));
  await until(() => got.length === 3);
  for (let i = 0; i < 3; i++) await channel.checkQueue(a);
  assert.equal(got.length, 3);
  for (let done = 0; done < 10; done++) {
    await until(() => got.length > done);
    const message = got[done];
    if (message) channel.ack(message);
  }
  assert.equal(got.length, 10);
});

test('recover gives back all that is held, and recovered messages say so', async (t) => {
  const { channel } = await opened(t);
  const queue = await own(channel);
  channel.sendToQueue(queue, Buffer.from('x'));
  await channel.waitForConfirms();
  const got: ConsumeMessage[] = [];
  await channel.consume(queue, (message) => message && got.push(message));
  await until(() => got.length === 1);
  await channel.recover();
  await until(() => got.length === 2);
  assert.equal(got[1]?.fields.redelivered, true);
});

test('streams are read from any offset, by many, and keep what was read', async (t) => {
  const { channel } = await opened(t);
  const stream = unique('stream');
  await channel.assertQueue(stream, { arguments: { 'x-queue-type': 'stream' } });
  for (let i = 0; i < 10; i++) channel.sendToQueue(stream, Buffer.from(String(i)));
  await channel.waitForConfirms();
  await channel.prefetch(3);
  const read = async (from: unknown, count: number): Promise<[string, unknown][]> => {
    const got: [string, unknown][] = [];
    const { consumerTag } = await channel.consume(
      stream,
      (message) => {
        if (message === null) return;
        got.push([message.content.toString(), message.properties.headers?.['x-stream-offset']]);
        channel.ack(message);
      },
      { arguments: { 'x-stream-offset': from } },
    );
    await until(() => got.length >= count);
    await channel.cancel(consumerTag);
    return got;
  };
  assert.deepEqual(
    (await read('first', 10)).map(([text]) => text),
    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  );
  assert.deepEqual((await read(7, 3)).slice(0, 3), [['7', 7], ['8', 8], ['9', 9]]); // biome-ignore format: pairs
  await channel.deleteQueue(stream);
});

test('a message with x-delay waits in an exchange that delays', { skip: REFERENCE === undefined ? false : 'a plugin there' }, async (t) => {
  const { channel } = await opened(t);
  const exchange = unique('delayed');
  await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } });
  const queue = await own(channel);
  await channel.bindQueue(queue, exchange, 'k');
  await channel.bindQueue(queue, 'amq.direct', 'k');
  const since = performance.now();
  channel.publish(exchange, 'k', Buffer.from('late'), { headers: { 'x-delay': 60 } });
  channel.publish('amq.direct', 'k', Buffer.from('at once'), { headers: { 'x-delay': 60_000 } });
  channel.publish(exchange, 'k', Buffer.from('soon'));
  await channel.waitForConfirms();
  assert.deepEqual([body(await next(channel, queue)), body(await next(channel, queue))].sort(), ['at once', 'soon']);
  assert.equal(body(await next(channel, queue)), 'late');
  assert.ok(performance.now() - since >= 60);
  await channel.deleteExchange(exchange);
});
