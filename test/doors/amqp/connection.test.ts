/** How connections begin, what ends them, and what a broken frame does: to its own connection only. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'amqplib';
import { FRAME, NO_PROPERTIES } from '../../../src/wire/amqp/amqp.ts';
import { frame, GREETING, header, method, RawClient } from './raw.ts';
import { connected, REFERENCE, subject, unique, until } from './subject.ts';

const publish = (channel: number, routingKey: string): Buffer =>
  method(channel, 'basic.publish', { ticket: 0, exchange: '', routingKey, mandatory: false, immediate: false });

test('a client that speaks something else is told what is spoken here', async (t) => {
  const { port } = await subject(t);
  for (const said of ['GET / HTTP/1.1\r\n\r\n', 'AMQP\x00\x01\x00\x00', 'AMQP\x03\x01\x00\x00']) {
    const client = new RawClient(t, port);
    client.send(Buffer.from(said, 'latin1'));
    await client.closed;
    assert.deepEqual(client.greeted, GREETING);
  }
});

test('the opening: capabilities, what is agreed on, and an unknown virtual host', async (t) => {
  const { port } = await subject(t);
  const client = new RawClient(t, port);
  client.send(GREETING);
  const start = await client.hears('connection.start');
  const capabilities = start?.serverProperties.get('capabilities') as ReadonlyMap<string, boolean>;
  for (const name of ['publisher_confirms', 'exchange_exchange_bindings', 'basic.nack', 'consumer_cancel_notify', 'connection.blocked', 'consumer_priorities', 'authentication_failure_close', 'per_consumer_qos', 'direct_reply_to']) // biome-ignore format: one list
    assert.equal(capabilities.get(name), true, name);
  assert.match(Buffer.from(start?.mechanisms ?? []).toString(), /PLAIN/);
  const second = new RawClient(t, port);
  await second.login();
  assert.deepEqual(await second.hears('connection.tune'), { channelMax: 2047, frameMax: 131_072, heartbeat: 60 });
  const third = new RawClient(t, port);
  await third.open({}, 'no-such-host');
  assert.match(await third.farewell(), /^530 NOT_ALLOWED - vhost no-such-host not found$/);
});

test('a wrong password is refused with 403, or without a word to a client that would not understand', async (t) => {
  const { port } = await subject(t);
  const client = new RawClient(t, port);
  await client.login('\0guest\0wrong');
  assert.equal(
    await client.farewell(),
    '403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
  );
  const old = new RawClient(t, port);
  await old.login('\0guest\0wrong', []);
  assert.equal(await old.farewell(), 'reset');
});

const FAULTS: readonly (readonly [name: string, said: readonly Buffer[], answer: RegExp, reference?: RegExp])[] = [
  ['a frame that does not end', [Buffer.concat([frame(FRAME.heartbeat, 0, new Uint8Array(0)).subarray(0, 7), Buffer.of(0)])], /^501 FRAME_ERROR/],
  ['a frame too large', [frame(FRAME.body, 1, new Uint8Array(200_000))], /^501 FRAME_ERROR/],
  ['an unknown frame type', [frame(77, 1, new Uint8Array(0))], /^501 FRAME_ERROR/],
  ['a header where a method belongs', [header(1, 0)], /^505 UNEXPECTED_FRAME/],
  ['a body where a method belongs', [frame(FRAME.body, 1, Buffer.from('x'))], /^505 UNEXPECTED_FRAME/],
  ['a method where a header belongs', [publish(1, 'q'), publish(1, 'q')], /^505 UNEXPECTED_FRAME/],
  ['a body where a header belongs', [publish(1, 'q'), frame(FRAME.body, 1, Buffer.from('x'))], /^505 UNEXPECTED_FRAME/],
  ['arguments that break off', [frame(FRAME.method, 1, Buffer.from([0, 50, 0, 10, 0, 0, 9, 65]))], /^501 FRAME_ERROR/],
  ['an unknown method', [frame(FRAME.method, 1, Buffer.from([0, 50, 0, 99]))], /^503 COMMAND_INVALID/, /^reset$/],
  ['a broken table', [frame(FRAME.method, 1, Buffer.from([0, 50, 0, 10, 0, 0, 1, 65, 0, 0, 0, 0, 4, 1, 97, 63, 0]))], /^502 SYNTAX_ERROR/, /^reset$/],
  ['a second channel.open', [method(1, 'channel.open', { reserved1: '' })], /^504 CHANNEL_ERROR - second 'channel.open' seen$/],
  ['a method on a channel that is not open', [method(9, 'basic.recover', { requeue: true })], /^504 CHANNEL_ERROR/],
  ['a channel method on channel 0', [method(0, 'basic.recover', { requeue: true })], /^50[34] /],
  ['immediate', [method(1, 'basic.publish', { ticket: 0, exchange: '', routingKey: 'q', mandatory: false, immediate: true }), header(1, 0)], /^540 NOT_IMPLEMENTED - immediate=true$/],
  ['flow inactive', [method(1, 'channel.flow', { active: false })], /^540 NOT_IMPLEMENTED - active=false$/],
  ['a prefetch in bytes', [method(1, 'basic.qos', { prefetchSize: 5, prefetchCount: 0, global: false })], /^540 NOT_IMPLEMENTED - prefetch_size!=0 \(5\)$/],
  ['recover without requeue', [method(1, 'basic.recover', { requeue: false })], /^540 NOT_IMPLEMENTED - requeue=false$/],
  ['a channel above the agreed number', [method(3000, 'channel.open', { reserved1: '' })], /^530 NOT_ALLOWED/, /^$/],
  ['a body longer than announced', [publish(1, 'q'), header(1, 1), frame(FRAME.body, 1, Buffer.from('xyz'))], /^501 FRAME_ERROR/, /^$/],
]; // biome-ignore format: one line each

test('what is no AMQP ends its own connection with the right code, and touches no other', async (t) => {
  const { url, port } = await subject(t);
  const bystander = await (await connected(t, url)).createConfirmChannel();
  for (const [name, said, answer, reference] of FAULTS) {
    const expected = REFERENCE === undefined ? answer : (reference ?? answer);
    if (expected.source === '^$') continue; // the reference says nothing for seconds
    await t.test(name, async (inner) => {
      const client = new RawClient(inner, port);
      await client.open();
      await client.openChannel();
      client.send(...said);
      assert.match(await client.farewell(), expected);
    });
  }
  await bystander.assertQueue('', { exclusive: true });
});

test('frames cut at every byte are the same frames', async (t) => {
  const { url, port } = await subject(t);
  const queue = unique('cut');
  const owner = await (await connected(t, url)).createChannel();
  await owner.assertQueue(queue);
  const client = new RawClient(t, port);
  client.socket.setNoDelay(true);
  await client.open({ frameMax: 4096 });
  await client.openChannel();
  const said = Buffer.concat([
    method(1, 'confirm.select', { nowait: false }),
    publish(1, queue),
    header(1, 5, NO_PROPERTIES),
    frame(FRAME.body, 1, Buffer.from('he')),
    frame(FRAME.body, 1, Buffer.from('llo')),
  ]);
  for (const byte of said) {
    client.socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.deepEqual(await client.hears('basic.ack'), { deliveryTag: 1, multiple: false });
  const got = await owner.get(queue, { noAck: true });
  assert.equal(got === false ? undefined : got.content.toString(), 'hello');
  await owner.deleteQueue(queue);
});

test('signs of life go both ways, and a silent client is let go', async (t) => {
  const { port } = await subject(t);
  const client = new RawClient(t, port);
  await client.open({ heartbeat: 1 });
  await client.hears('connection.open-ok');
  const since = performance.now();
  await client.closed;
  assert.ok(performance.now() - since > 1000);
  assert.ok(client.heartbeats >= 1);
});

test('a publish whose body never comes costs nobody else anything, and is nothing when the channel goes', async (t) => {
  const { url, port } = await subject(t);
  const queue = unique('endless');
  const owner = await (await connected(t, url)).createConfirmChannel();
  await owner.assertQueue(queue);
  const client = new RawClient(t, port);
  await client.open();
  await client.openChannel();
  client.send(publish(1, queue), header(1, 1_000_000), frame(FRAME.body, 1, Buffer.alloc(1000)));
  owner.sendToQueue(queue, Buffer.from('whole'));
  await owner.waitForConfirms();
  client.socket.destroy();
  await until(async () => (await owner.checkQueue(queue)).messageCount === 1);
  await owner.deleteQueue(queue);
});

test('a message larger than is taken closes the channel before its body comes', { skip: REFERENCE !== undefined }, async (t) => {
  const { port } = await subject(t, { limits: { messageBytesMax: 1000 } });
  const client = new RawClient(t, port);
  await client.open();
  await client.openChannel();
  client.send(publish(1, 'q'), header(1, 5_000_000_000));
  const close = await client.hears('channel.close');
  assert.equal(close?.replyText, 'PRECONDITION_FAILED - message size 5000000000 is larger than configured max size 1000');
});

test('messages that are not whole are bounded together', { skip: REFERENCE !== undefined }, async (t) => {
  const { port } = await subject(t, { limits: { unfinishedBytesMax: 10_000 } });
  const client = new RawClient(t, port);
  await client.open();
  for (let id = 1; id <= 20; id++) {
    client.send(
      method(id, 'channel.open', { reserved1: '' }),
      publish(id, 'q'),
      header(id, 5000),
      frame(FRAME.body, id, Buffer.alloc(1000)),
    );
  }
  assert.match(await client.farewell(), /^506 RESOURCE_ERROR/);
});

test('a stranger may not send large frames', { skip: REFERENCE !== undefined }, async (t) => {
  const { port } = await subject(t);
  const client = new RawClient(t, port);
  client.send(GREETING, frame(FRAME.method, 0, new Uint8Array(70_000)));
  assert.match(await client.farewell(), /^501 FRAME_ERROR/);
});

test('a client that says nothing is let go', { skip: REFERENCE !== undefined }, async (t) => {
  const { port } = await subject(t, { limits: { handshakeMs: 30 } });
  const client = new RawClient(t, port);
  await client.closed;
});

test('where users are configured, they log in with their password, and guest does not', { skip: REFERENCE !== undefined }, async (t) => {
  const { broker, port } = await subject(t);
  const { passwordVerifier } = await import('../../../src/broker/broker.ts');
  const password = await passwordVerifier('secret', Buffer.from('salt'));
  await broker?.declare({ kind: 'user', name: 'ann', configure: ['a*'], write: ['a*'], read: ['a*'], secrets: { password } });
  await assert.rejects(connect(`amqp://guest:guest@127.0.0.1:${port}`), /403|ACCESS/);
  await assert.rejects(connect(`amqp://ann:wrong@127.0.0.1:${port}`), /403|ACCESS/);
  const channel = await (await connected(t, `amqp://ann:secret@127.0.0.1:${port}`)).createChannel();
  await channel.assertQueue('a1');
  const heard = new Promise<Error>((resolve) => channel.on('error', resolve));
  await assert.rejects(channel.assertQueue('b1'));
  assert.match((await heard).message, /ACCESS_REFUSED - access to queue 'b1' in vhost '\/' refused for user 'ann'/);
});

test('a door that closes says so', { skip: REFERENCE !== undefined }, async (t) => {
  const { port, close } = await subject(t);
  const client = new RawClient(t, port);
  await client.open();
  await client.hears('connection.open-ok');
  const closing = close?.();
  assert.match(await client.farewell(), /^320 CONNECTION_FORCED/);
  client.send(method(0, 'connection.close-ok', {}));
  await closing;
});
