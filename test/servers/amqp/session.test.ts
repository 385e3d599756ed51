/** Sessions without sockets: bytes in, bytes out, and what they hold of the machine. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME } from '../../../src/wire/amqp/amqp.ts';
import { frame, header, method } from '../../doors/amqp/raw.ts';
import { talking } from './talk.ts';

const publish = (routingKey: string): Buffer =>
  method(1, 'basic.publish', { ticket: 0, exchange: '', routingKey, mandatory: false, immediate: false });

test('on a channel that was closed nothing counts, not even a method that is none', async (t) => {
  const talk = await talking(t);
  talk.say(method(1, 'basic.ack', { deliveryTag: 9, multiple: false }), frame(FRAME.method, 1, Buffer.of(0, 20)), publish('q'));
  await talk.hears('channel.close');
  talk.say(method(1, 'channel.close-ok', {}), method(1, 'channel.open', { reserved1: '' }));
  await talk.hears('channel.open-ok');
});

test('what one read brings is one batch, confirmed with one frame', async (t) => {
  const talk = await talking(t);
  await talk.broker.declare({ kind: 'queue', name: 'q' });
  talk.say(method(1, 'confirm.select', { nowait: true }));
  talk.say(...Array.from({ length: 100 }, () => Buffer.concat([publish('q'), header(1, 2), frame(FRAME.body, 1, Buffer.from('hi'))])));
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 100, multiple: true });
  assert.equal(talk.publishes, 1);
});

test('a message refused in the middle of a batch is the only one not stored', async (t) => {
  const talk = await talking(t);
  await talk.broker.declare({ kind: 'queue', name: 'q', messageBytesMax: 150 });
  talk.say(method(1, 'confirm.select', { nowait: true }));
  const sized = (size: number): Buffer => Buffer.concat([publish('q'), header(1, size), frame(FRAME.body, 1, Buffer.alloc(size, 'x'))]);
  await talk.broker.declare({ kind: 'queue', name: 'full', countMax: 3, overflow: 'refuse' });
  const full = (): Buffer => Buffer.concat([publish('full'), header(1, 1), frame(FRAME.body, 1, Buffer.from('x'))]);
  talk.say(sized(5), full(), full(), full(), full(), full(), sized(5));
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 4, multiple: true });
  assert.deepEqual(await talk.hears('basic.nack'), { deliveryTag: 5, multiple: false, requeue: false });
  assert.deepEqual(await talk.hears('basic.nack'), { deliveryTag: 6, multiple: false, requeue: false });
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 7, multiple: false });
});

const publishTo = (exchange: string, routingKey: string, body: string, mandatory = false): Buffer =>
  Buffer.concat([
    method(1, 'basic.publish', { ticket: 0, exchange, routingKey, mandatory, immediate: false }),
    header(1, body.length),
    frame(FRAME.body, 1, Buffer.from(body)),
  ]);

test('messages of many routing keys that lead to one queue are one batch, and each keeps its own', async (t) => {
  const talk = await talking(t);
  await talk.broker.declare({ kind: 'queue', name: 'q' });
  await talk.broker.declare({ kind: 'exchange', name: 'x', type: 'topic' });
  await talk.broker.bind({ exchange: 'x', to: { kind: 'queue', name: 'q' }, pattern: 'k.*' });
  talk.say(method(1, 'confirm.select', { nowait: true }));
  const keys = Array.from({ length: 50 }, (_, i) => `k.${i % 7}`);
  const sent = keys.map((key, i) => publishTo('x', key, `${key} ${i}`));
  // The last one is cut in its body: what has begun goes with the next read, by what is bound then.
  const whole = Buffer.concat([...sent, publishTo('x', 'k.cut', 'cut in two')]);
  talk.say(whole.subarray(0, whole.length - 5));
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 50, multiple: true });
  assert.equal(talk.publishes, 1);
  await talk.broker.declare({ kind: 'queue', name: 'later' });
  await talk.broker.bind({ exchange: 'x', to: { kind: 'queue', name: 'later' }, pattern: 'k.cut' });
  talk.say(whole.subarray(whole.length - 5), publishTo('x', 'k.0', 'after it'));
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 52, multiple: true });
  assert.equal(await talk.ready('later'), 1);
  for (const [i, key] of [...keys, 'k.cut', 'k.0'].entries()) {
    talk.say(method(1, 'basic.get', { ticket: 0, queue: 'q', noAck: true }));
    assert.equal((await talk.hears('basic.get-ok'))?.routingKey, key, `message ${i}`);
  }
});

test('what one read brings for many places is one step, and each message has its own answer', async (t) => {
  const talk = await talking(t);
  await talk.broker.declare({ kind: 'exchange', name: 'x', type: 'topic' });
  for (const name of ['a', 'b']) await talk.broker.declare({ kind: 'queue', name });
  await talk.broker.declare({ kind: 'queue', name: 'full', countMax: 2, overflow: 'refuse' });
  for (const name of ['a', 'b', 'full']) await talk.broker.bind({ exchange: 'x', to: { kind: 'queue', name }, pattern: `${name}.#` });
  talk.say(method(1, 'confirm.select', { nowait: true }));
  talk.say(
    publishTo('x', 'a.1', '1'),
    publishTo('x', 'b.1', '2'),
    publishTo('x', 'nobody', '3', true),
    publishTo('x', 'a.2', '4'),
    publishTo('x', 'full.1', '5'),
    publishTo('x', 'full.2', '6'),
    publishTo('x', 'full.3', '7'),
    publishTo('', 'a', '8'),
    publishTo('x', 'b.2', '9'),
  );
  assert.equal((await talk.hears('basic.return'))?.routingKey, 'nobody');
  await talk.until(() => talk.count('basic.ack') >= 2 && talk.count('basic.nack') === 1);
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 6, multiple: true });
  assert.deepEqual(await talk.hears('basic.nack'), { deliveryTag: 7, multiple: false, requeue: false });
  assert.deepEqual(await talk.hears('basic.ack'), { deliveryTag: 9, multiple: true });
  assert.deepEqual([await talk.ready('a'), await talk.ready('b'), await talk.ready('full')], [3, 2, 2]);
  for (const key of ['a.1', 'a.2', 'a']) {
    talk.say(method(1, 'basic.get', { ticket: 0, queue: 'a', noAck: true }));
    assert.equal((await talk.hears('basic.get-ok'))?.routingKey, key);
  }
});

test('a client that does not read is sent no more, and everything once it reads', async (t) => {
  const talk = await talking(t);
  await talk.broker.declare({ kind: 'queue', name: 'q' });
  const body = Buffer.alloc(1000, 'x');
  for (let k = 0; k < 20; k++)
    talk.say(...Array.from({ length: 500 }, () => Buffer.concat([publish('q'), header(1, 1000), frame(FRAME.body, 1, body)])));
  await talk.until(async () => (await talk.ready('q')) === 10_000);
  talk.wire.full = true;
  const consume = { ticket: 0, queue: 'q', consumerTag: 't', noLocal: false, noAck: true, exclusive: false, nowait: false };
  talk.say(method(1, 'basic.consume', { ...consume, arguments: new Map() }));
  await talk.hears('basic.consume-ok');
  for (let i = 0; i < 50; i++) await talk.turn();
  const ahead = talk.count('basic.deliver');
  assert.ok(ahead <= 4096, `${ahead} of 10,000 were made for a client that does not read`);
  assert.ok(talk.wire.held, 'and it is not read either');
  talk.room();
  await talk.until(() => talk.count('basic.deliver') === 10_000);
});

test('what a channel held goes back when the connection goes, in order, and says that it was delivered', async (t) => {
  const talk = await talking(t);
  await talk.broker.declare({ kind: 'queue', name: 'q' });
  talk.say(...['a', 'b', 'c'].map((text) => Buffer.concat([publish('q'), header(1, 1), frame(FRAME.body, 1, Buffer.from(text))])));
  await talk.until(async () => (await talk.ready('q')) === 3);
  talk.say(
    method(1, 'basic.get', { ticket: 0, queue: 'q', noAck: false }),
    method(1, 'basic.get', { ticket: 0, queue: 'q', noAck: false }),
  );
  await talk.hears('basic.get-ok');
  await talk.hears('basic.get-ok');
  await talk.session.closed();
  const again = await talking(t, talk);
  again.say(method(1, 'basic.get', { ticket: 0, queue: 'q', noAck: true }));
  const got = await again.hears('basic.get-ok');
  assert.deepEqual([got?.redelivered, got?.messageCount], [true, 2]);
});

test('a publisher held back longer than a moment is told, and told when it is over', async (t) => {
  const talk = await talking(t, undefined, { blockedMs: 10 });
  const relief = talk.press();
  talk.say(frame(FRAME.heartbeat, 0, new Uint8Array(0)));
  const blocked = await talk.hears('connection.blocked');
  assert.match(blocked?.reason ?? '', /disk/);
  assert.ok(talk.wire.held);
  relief();
  await talk.hears('connection.unblocked');
  assert.ok(!talk.wire.held);
});

test('a client that publishes is told when the disk is nearly full, and not read until it is not', async (t) => {
  const talk = await talking(t, undefined, { alarmMs: 5 });
  await talk.broker.declare({ kind: 'queue', name: 'q' });
  talk.say(publish('q'), header(1, 0));
  await talk.until(async () => (await talk.ready('q')) === 1);
  const room = talk.fill();
  assert.equal((await talk.hears('connection.blocked'))?.reason, 'low on disk');
  assert.ok(talk.wire.held);
  room();
  await talk.hears('connection.unblocked');
  assert.ok(!talk.wire.held);
  const reader = await talking(t, talk, { alarmMs: 5 });
  const again = reader.fill();
  const late = reader.press();
  reader.say(frame(FRAME.heartbeat, 0, new Uint8Array(0)));
  await reader.until(() => reader.wire.held);
  late();
  await reader.until(() => !reader.wire.held); // slow for a moment is one thing; full is no matter to who does not publish
  assert.equal(reader.count('connection.blocked'), 0);
  again();
});

test('a get and a consumer on one channel do not mix their messages', async (t) => {
  const talk = await talking(t);
  for (const name of ['gets', 'feeds']) await talk.broker.declare({ kind: 'queue', name });
  const sent = (queue: string, text: string): Buffer =>
    Buffer.concat([publish(queue), header(1, text.length), frame(FRAME.body, 1, Buffer.from(text))]);
  talk.say(...Array.from({ length: 20 }, () => [sent('gets', 'got'), sent('feeds', 'delivered')]).flat());
  await talk.until(async () => (await talk.ready('feeds')) === 20);
  const consume = { ticket: 0, queue: 'feeds', consumerTag: 't', noLocal: false, noAck: true, exclusive: false, nowait: false };
  const get = method(1, 'basic.get', { ticket: 0, queue: 'gets', noAck: true });
  talk.say(get, method(1, 'basic.consume', { ...consume, arguments: new Map() }), ...Array.from({ length: 19 }, () => get));
  await talk.until(() => talk.count('basic.get-ok') === 20 && talk.count('basic.deliver') === 20);
  assert.deepEqual(talk.bodies, { 'basic.get-ok': Array(20).fill('got'), 'basic.deliver': Array(20).fill('delivered') });
});
