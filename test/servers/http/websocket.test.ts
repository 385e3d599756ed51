import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { WebSocket } from 'ws';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { type Opened, opened, turn, until } from './opened.ts';
import { raw } from './raw.ts';

// biome-ignore lint/suspicious/noExplicitAny: frames of many shapes, looked into by assertions
type Frame = any;

/** A client whose frames are taken one by one; `ask` sends with a ref and waits for the answer to it. */
async function client(t: TestContext, door: Opened, options: { headers?: Record<string, string>; protocols?: string[] } = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${door.server.port}/v1/ws`, options.protocols ?? ['signalbox.v1'], {
    headers: options.headers ?? {},
  });
  const frames: Frame[] = [];
  const closes: { code: number; reason: string }[] = [];
  let refs = 0;
  socket.on('message', (data) => frames.push(JSON.parse(String(data))));
  socket.on('close', (code, reason) => closes.push({ code, reason: String(reason) }));
  t.after(() => socket.terminate());
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  const find = async (wanted: (frame: Frame) => boolean): Promise<Frame> => {
    await until(() => frames.some(wanted));
    return frames.splice(frames.findIndex(wanted), 1)[0];
  };
  const send = (frame: object): void => socket.send(JSON.stringify(frame));
  const ask = (frame: object): Promise<Frame> => {
    const ref = ++refs;
    send({ ref, ...frame });
    return find((answer) => answer.ref === ref);
  };
  /** So many messages of a subscription, however they are packed. */
  const messages = async (sub: string, count: number): Promise<Frame[]> => {
    const mine: Frame[] = [];
    while (mine.length < count) mine.push(...(await find((frame) => frame.op === 'messages' && frame.sub === sub)).messages);
    return mine;
  };
  return { socket, frames, closes, send, ask, find, messages };
}

const bodies = (messages: readonly Frame[]): unknown[] => messages.map((message) => message.body);

test('publish: each frame its own answer, in order, with its place', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const { send, find, socket, ask } = await client(t, door);
  assert.equal(socket.protocol, 'signalbox.v1');
  for (let n = 0; n < 20; n++) send({ op: 'publish', ref: `p${n}`, address: 't', message: { body: n, key: 'k' } });
  for (let n = 0; n < 20; n++) {
    assert.deepEqual(await find((frame) => frame.ref === `p${n}`), {
      op: 'published',
      ref: `p${n}`,
      count: 1,
      routed: 1,
      partition: 0,
      offset: n,
    });
  }
  const many = await ask({ op: 'publish', address: 't', messages: [{ body: 20 }, { text: 'x' }] });
  assert.deepEqual(many.offsets, [{ partition: 0, first: 20, last: 21 }]);
  const { records } = (await door.ask('GET', '/v1/topics/t/records')).json;
  assert.deepEqual(
    records.slice(0, 21).map((r: Frame) => r.body),
    Array.from({ length: 21 }, (_, n) => n),
  );
});

test('one frame that is refused does not take its neighbours with it', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t', { json: { schema: { jsonSchema: { type: 'number' } } } });
  const { send, find } = await client(t, door);
  for (const [ref, body] of [[1, 1], [2, 'no number'], [3, 3]]) send({ op: 'publish', ref, address: 't', message: { body } }); // biome-ignore format: three pairs
  assert.equal((await find((frame) => frame.ref === 1)).op, 'published');
  assert.equal((await find((frame) => frame.ref === 2)).code, 'schema');
  assert.equal((await find((frame) => frame.ref === 3)).op, 'published');
  const { records } = (await door.ask('GET', '/v1/topics/t/records')).json;
  assert.deepEqual(bodies(records), [1, 3]);
});

test('queue: credit bounds what is out, acks let more in, unacked goes back when the client does', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages', { body: '1\n2\n3\n4\n5', headers: { 'content-type': 'application/x-ndjson' } });
  const { ask, messages, send, socket } = await client(t, door);
  assert.equal((await ask({ op: 'subscribe', sub: 's', queue: 'q', credit: 2 })).op, 'done');
  const first = await messages('s', 2);
  assert.deepEqual(bodies(first), [1, 2]);
  const state = async () => (await door.ask('GET', '/v1/queues/q')).json.state;
  assert.deepEqual([(await state()).ready, (await state()).inFlight], [3, 2]);
  send({ op: 'ack', sub: 's', receipts: [first[0].receipt] });
  const [third] = await messages('s', 1);
  assert.equal(third.body, 3);
  assert.deepEqual(await ask({ op: 'ack', sub: 's', receipts: [first[1].receipt, third.receipt] }), { op: 'done', ref: 2, settled: 2 });
  const rest = await messages('s', 2);
  assert.equal((await ask({ op: 'requeue', sub: 's', receipts: [rest[0].receipt] })).settled, 1);
  assert.deepEqual(bodies(await messages('s', 1)), [4]);
  assert.equal((await ask({ op: 'extend', sub: 's', receipts: [rest[1].receipt], lease: '1h' })).settled, 1);
  assert.equal((await ask({ op: 'ack', sub: 's', receipts: [first[0].receipt] })).settled, 0, 'settled once');
  socket.close();
  await until(async () => (await state()).ready === 2 && (await state()).consumers === 0);
});

test('several subscriptions on one connection; unsubscribe ends one', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t.1');
  await door.ask('POST', '/v1/topics/t.1/records', { json: 'old' });
  const { ask, messages, frames } = await client(t, door);
  await ask({ op: 'subscribe', sub: 'addr', pattern: 't.*' });
  await ask({ op: 'subscribe', sub: 'topic', topic: 't.1', from: 'earliest' });
  assert.equal((await ask({ op: 'subscribe', sub: 'topic', topic: 't.1' })).code, 'conflict');
  await ask({ op: 'publish', address: 't.1', message: { body: 'new' } });
  assert.deepEqual(bodies(await messages('addr', 1)), ['new']);
  const [old, fresh] = await messages('topic', 2);
  assert.deepEqual([old.body, old.offset, fresh.body, fresh.offset], ['old', 0, 'new', 1]);
  assert.equal((await ask({ op: 'unsubscribe', sub: 'addr' })).op, 'done');
  assert.deepEqual((await door.ask('GET', '/v1/queues')).json.items, []);
  await ask({ op: 'publish', address: 't.1', message: { body: 'newer' } });
  assert.deepEqual(bodies(await messages('topic', 1)), ['newer']);
  assert.ok(!frames.some((frame: Frame) => frame.sub === 'addr'));
});

test('a group shares the partitions, and its cursors move only as far as its members say', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 2 } });
  for (let n = 0; n < 6; n++) await door.ask('POST', `/v1/topics/t/records?partition=${n % 2}`, { json: n });
  const one = await client(t, door);
  const { member } = await one.ask({ op: 'subscribe', sub: 's', topic: 't', group: 'g', from: 'earliest', credit: 4 });
  const given = (await one.find((frame) => frame.op === 'assigned')).partitions;
  assert.deepEqual(given.map((p: Frame) => p.partition).sort(), [0, 1]);
  const got = await one.messages('s', 4);
  assert.equal((await one.ask({ op: 'move', sub: 's', partition: 0, offset: 2 ** 40 })).code, 'out-of-range');
  const zero = got.filter((m) => m.partition === 0).at(-1);
  assert.equal((await one.ask({ op: 'move', sub: 's', partition: 0, offset: zero.offset })).op, 'done');
  const later = await one.messages('s', 2);
  assert.equal(new Set([...got, ...later].map((m) => m.body)).size, 6);
  const cursor = async (partition: number) =>
    (await door.ask('GET', '/v1/groups/g')).json.state.cursors.find((c: Frame) => c.partition === partition)?.offset;
  assert.equal(await cursor(0), zero.offset + 1);

  const two = await client(t, door);
  await two.ask({ op: 'subscribe', sub: 's', topic: 't', group: 'g' });
  const revoked = await one.find((frame) => frame.op === 'revoked');
  assert.equal(revoked.partitions.length, 1);
  const [moved] = revoked.partitions;
  assert.ok(
    !two.frames.some((frame: Frame) => frame.op === 'assigned' && frame.partitions.length > 0),
    'not before the first member is done with it',
  );
  await one.ask({ op: 'move', sub: 's', partition: moved, offset: 2 });
  const assigned = await two.find((frame) => frame.op === 'assigned' && frame.partitions.length > 0);
  assert.deepEqual(assigned.partitions, [{ partition: moved, offset: 3 }]);
  assert.equal((await one.ask({ op: 'move', sub: 's', partition: moved, offset: 2 })).code, 'stale');
  const byName = { json: { operations: [{ op: 'move', group: 'g', member, cursors: [{ topic: 't', partition: 1 - moved, offset: 3 }] }] } };
  assert.deepEqual((await door.ask('POST', '/v1/transactions', byName)).json, { results: [{ moved: 1 }] }, 'by its name, in a transaction');
  two.socket.close();
  await one.find((frame) => frame.op === 'assigned' && frame.partitions[0]?.partition === moved);
});

test('a member moves no further than what it was sent, even when it was sent nothing', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  for (let n = 0; n < 3; n++) await door.ask('POST', '/v1/topics/t/records', { json: n });
  const { ask, find, messages } = await client(t, door);
  await ask({ op: 'subscribe', sub: 's', topic: 't', group: 'g', from: 'earliest', credit: 0 });
  await find((frame) => frame.op === 'assigned');
  assert.equal((await ask({ op: 'move', sub: 's', partition: 0, offset: 0 })).code, 'out-of-range');
  await ask({ op: 'credit', sub: 's', credit: 3 });
  await messages('s', 3);
  for (const offset of [2, 0, 2]) assert.equal((await ask({ op: 'move', sub: 's', partition: 0, offset })).op, 'done', 'also back');
  assert.equal((await ask({ op: 'move', sub: 's', partition: 0, offset: 3 })).code, 'out-of-range');
});

test('what a subscription cannot do is refused, and so is what is not there', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  await door.ask('PUT', '/v1/queues/q');
  const { ask, send, find } = await client(t, door);
  await ask({ op: 'subscribe', sub: 'topic', topic: 't' });
  await ask({ op: 'subscribe', sub: 'once', queue: 'q', settle: 'on-delivery' });
  const code = async (frame: object): Promise<string> => (await ask(frame)).code;
  assert.equal(await code({ op: 'ack', sub: 'topic', receipts: [] }), 'invalid');
  assert.equal(await code({ op: 'ack', sub: 'once', receipts: [] }), 'invalid');
  assert.equal(await code({ op: 'extend', sub: 'topic', receipts: [], lease: 1 }), 'invalid');
  assert.equal(await code({ op: 'move', sub: 'topic', partition: 0, offset: 0 }), 'invalid');
  assert.equal(await code({ op: 'ack', sub: 'none', receipts: [] }), 'unknown');
  assert.equal(await code({ op: 'subscribe', sub: 'x', queue: 'none' }), 'unknown');
  assert.equal(await code({ op: 'subscribe', sub: 'x', topic: 'none' }), 'unknown');
  assert.equal(await code({ op: 'subscribe', sub: 'x', topic: 'none', group: 'g' }), 'unknown');
  assert.equal(await code({ op: 'subscribe', sub: 'x', pattern: 'a', filter: '((' }), 'invalid');
  assert.equal(await code({ op: 'nonsense' }), 'invalid');
  send({ op: 'ack', sub: 'none', receipts: [] });
  assert.equal((await find((frame) => frame.op === 'error' && frame.ref === undefined)).code, 'unknown', 'errors come also without a ref');
  assert.deepEqual(await ask({ op: 'ping' }), { op: 'pong', ref: 13 });
});

test('a removed queue ends its subscription with a notice, and the connection lives on', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const { ask, find } = await client(t, door);
  await ask({ op: 'subscribe', sub: 's', queue: 'q' });
  await door.ask('DELETE', '/v1/queues/q');
  assert.equal((await find((frame) => frame.op === 'ended')).sub, 's');
  assert.equal((await ask({ op: 'unsubscribe', sub: 's' })).code, 'unknown');
});

test('a paused subscription is sent nothing until it has credit again', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const { ask, messages, frames } = await client(t, door);
  await ask({ op: 'subscribe', sub: 'topic', topic: 't', credit: 0 });
  await ask({ op: 'subscribe', sub: 'addr', pattern: 't', credit: 0 });
  await ask({ op: 'publish', address: 't', message: { body: 1 } });
  await ask({ op: 'ping' });
  assert.ok(!frames.some((frame: Frame) => frame.op === 'messages'));
  await ask({ op: 'credit', sub: 'topic', credit: 1 });
  await ask({ op: 'credit', sub: 'addr', credit: 1 });
  assert.deepEqual([bodies(await messages('topic', 1)), bodies(await messages('addr', 1))], [[1], [1]]);
});

test('limits: frame size, subscriptions, text only', async (t) => {
  const door = await opened(t, { limits: { frameBytesMax: 1000, subscriptionsMax: 1 } });
  await door.ask('PUT', '/v1/queues/q');
  const one = await client(t, door);
  await one.ask({ op: 'subscribe', sub: 'a', queue: 'q' });
  assert.equal((await one.ask({ op: 'subscribe', sub: 'b', queue: 'q' })).code, 'full');
  one.send({ op: 'publish', address: 'a', message: { text: 'x'.repeat(2000) } });
  await until(() => one.closes.length === 1);
  assert.equal(one.closes[0]?.code, 1009);
  const two = await client(t, door);
  two.socket.send(Buffer.from('{}'));
  await until(() => two.closes.length === 1);
  assert.equal(two.closes[0]?.code, 1003);
});

test('compression is never agreed to', async (t) => {
  const door = await opened(t);
  const socket = new WebSocket(`ws://127.0.0.1:${door.server.port}/v1/ws`, { perMessageDeflate: true });
  t.after(() => socket.terminate());
  await new Promise((resolve) => socket.once('open', resolve));
  assert.equal(socket.extensions, '');
});

test('a client that does not read is bounded: its subscriptions pause and its frames are not taken', async (t) => {
  const door = await opened(t, { limits: { outgoingBytesMax: 64 * 1024, stallMs: 60_000 } });
  await door.ask('PUT', '/v1/queues/q');
  const slow = await client(t, door);
  await slow.ask({ op: 'subscribe', sub: 's', queue: 'q', credit: 60_000 });
  (slow.socket as unknown as { _socket: { pause(): void; resume(): void } })._socket.pause();
  const line = `{"pad":"${'x'.repeat(10_000)}"}\n`;
  const state = async () => (await door.ask('GET', '/v1/queues/q')).json.state;
  for (let i = 0; i < 20; i++)
    await door.ask('POST', '/v1/queues/q/messages', { body: line.repeat(100), headers: { 'content-type': 'application/x-ndjson' } });
  await until(async () => (await state()).ready > 500); // 20 MB were sent; most of it is still in the queue
  (slow.socket as unknown as { _socket: { pause(): void; resume(): void } })._socket.resume();
  assert.equal((await slow.messages('s', 2000)).length, 2000);
});

test('a client that publishes faster than the disk is read no faster', async (t) => {
  const door = await opened(t, { limits: { unansweredBytesMax: 50_000 } });
  await door.ask('PUT', '/v1/topics/t');
  const { send, find } = await client(t, door);
  for (let n = 0; n < 200; n++) send({ op: 'publish', ref: n, address: 't', message: { text: 'x'.repeat(20_000) } });
  for (let n = 0; n < 200; n++) assert.equal((await find((frame) => frame.ref === n)).offset, n);
});

test('a client that is gone without a word is noticed', async (t) => {
  const door = await opened(t, { limits: { heartbeatMs: 30 } });
  await door.ask('PUT', '/v1/queues/q');
  const living = await client(t, door);
  await living.ask({ op: 'subscribe', sub: 's', queue: 'q' });
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const upgrade = `GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  const mute = raw(t, door.server.port, upgrade); // answers no ping
  await mute.seen(/101 Switching/);
  await mute.end();
  assert.equal((await living.ask({ op: 'ping' })).op, 'pong', 'who answers pings stays');
});

test('who may not come in is told why before the upgrade', async (t) => {
  const door = await opened(t);
  const upgrade = (path: string, headers = ''): string =>
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n`;
  const refused = async (request: string, status: number, code: string): Promise<void> => {
    const text = await raw(t, door.server.port, request).end();
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} .*"code":"${code}"`, 's'), request);
  };
  await refused(upgrade('/v1/queues'), 404, 'no-such-route');
  await refused(upgrade('/v1/ws', 'Origin: https://evil.example\r\n'), 403, 'forbidden-origin');
  await refused(upgrade('/v1/ws').replace('localhost', 'evil.example'), 403, 'forbidden-host');
  const plain = await door.ask('GET', '/v1/ws');
  assert.deepEqual([plain.status, plain.json.code, plain.headers.get('upgrade')], [426, 'upgrade-required', 'websocket']);
  const { token } = (await door.ask('PUT', '/v1/users/u', { json: { read: ['*'], token: true, admin: true } })).json;
  await refused(upgrade('/v1/ws'), 401, 'unauthorized');
  const header = await client(t, door, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await header.ask({ op: 'publish', address: 'a', message: {} })).code, 'forbidden', 'the user’s permissions hold');
  const carried = `signalbox.token.${Buffer.from(token).toString('base64url')}`;
  const browser = await client(t, door, { protocols: ['signalbox.v1', carried] });
  assert.equal(browser.socket.protocol, 'signalbox.v1', 'the token is not said back');
});

test('another upgrade than WebSocket is answered as if it had not been asked for', async (t) => {
  const door = await opened(t);
  const wire = raw(
    t,
    door.server.port,
    'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
  );
  await wire.seen(/200 OK.*ok/s);
});

test('the door closes: clients are told, and let go', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const { ask, closes, find } = await client(t, door);
  await ask({ op: 'subscribe', sub: 's', queue: 'q' });
  await door.server.close();
  assert.equal((await find((frame) => frame.op === 'end')).reason, 'The door is closing.');
  await until(() => closes.length === 1);
  assert.equal(closes[0]?.code, 1001);
  assert.equal(((await door.broker.describe('queue', 'q')) as { consumers: number }).consumers, 0);
});

test('a topic followed alone is read in the partitions it is given later, too', async (t) => {
  const clock = new HandClock();
  const door = await opened(t, {}, clock);
  await door.ask('PUT', '/v1/topics/t');
  const { ask, messages } = await client(t, door);
  await ask({ op: 'subscribe', sub: 's', topic: 't' });
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 2 } });
  await door.ask('POST', '/v1/topics/t/records?partition=1', { json: 'new' });
  await turn(clock, door, 5000);
  assert.deepEqual(bodies(await messages('s', 1)), ['new']);
});
