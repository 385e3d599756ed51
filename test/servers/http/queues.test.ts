import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { opened, turn, until } from './opened.ts';

const state = async (door: Awaited<ReturnType<typeof opened>>) => (await door.ask('GET', '/v1/queues/q')).json.state;

test('receive, ack: the message is done', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages', { body: '1\n2\n3\n', headers: { 'content-type': 'application/x-ndjson' } });
  const { messages } = (await door.ask('POST', '/v1/queues/q/receive?max=2')).json;
  assert.deepEqual(
    messages.map((m: { body: unknown }) => m.body),
    [1, 2],
  );
  assert.equal((await state(door)).inFlight, 2);
  const receipts = messages.map((m: { receipt: string }) => m.receipt);
  assert.deepEqual((await door.ask('POST', '/v1/queues/q/ack', { json: { receipts } })).json, { settled: 2 });
  const { ready, inFlight, totals } = await state(door);
  assert.deepEqual([ready, inFlight, totals.acked], [1, 0, 2]);
  const again = await door.ask('POST', '/v1/queues/q/ack', { json: { receipts } });
  assert.deepEqual([again.status, again.json.code], [409, 'stale']);
});

test('nack, requeue and reject do what they say', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/dead');
  await door.ask('PUT', '/v1/queues/q', { json: { retry: { attempts: 2 }, deadLetter: { exchange: '', address: 'dead' } } });
  const take = async () => (await door.ask('POST', '/v1/queues/q/receive')).json.messages[0];
  await door.ask('POST', '/v1/queues/q/messages', { body: 'a' });
  await door.ask('POST', '/v1/queues/q/requeue', { json: { receipts: [(await take()).receipt] } });
  const second = await take();
  await door.ask('POST', '/v1/queues/q/nack?delay=0', { json: { receipts: [second.receipt] } });
  const third = await take();
  assert.ok(third.attempts > second.attempts);
  await door.ask('POST', '/v1/queues/q/reject', { json: { receipts: [third.receipt] } });
  const [dead] = (await door.ask('POST', '/v1/queues/dead/receive?wait=5s')).json.messages;
  assert.equal(dead.text, 'a');
  assert.deepEqual([dead.deaths[0].reason, dead.deaths[0].queue], ['rejected', 'q']);
});

test('a receive waits for the first message, and no longer than asked', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const waiting = door.ask('POST', '/v1/queues/q/receive?wait=30s&max=10');
  await until(async () => (await state(door)).consumers === 1);
  await door.ask('POST', '/v1/queues/q/messages', { body: 'now' });
  assert.equal((await waiting).json.messages[0].text, 'now');
  assert.deepEqual((await door.ask('POST', '/v1/queues/q/receive?wait=20ms')).json, { messages: [] });
});

test('who hangs up while waiting takes nothing with it', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const gone = new AbortController();
  const waiting = door.ask('POST', '/v1/queues/q/receive?wait=30s', { signal: gone.signal });
  await until(async () => (await state(door)).consumers === 1);
  gone.abort();
  await assert.rejects(waiting);
  await until(async () => (await state(door)).consumers === 0);
  await door.ask('POST', '/v1/queues/q/messages', { body: 'still here' });
  assert.equal((await door.ask('POST', '/v1/queues/q/receive')).json.messages[0].text, 'still here');
});

test('a lease ends, and can be extended before', async (t) => {
  const clock = new HandClock();
  const door = await opened(t, {}, clock);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages', { body: 'a' });
  const [first] = (await door.ask('POST', '/v1/queues/q/receive?lease=50ms')).json.messages;
  assert.deepEqual((await door.ask('POST', '/v1/queues/q/receive')).json, { messages: [] }, 'it is held');
  const waiting = door.ask('POST', '/v1/queues/q/receive?wait=5s&lease=50ms');
  await until(async () => (await state(door)).consumers === 1);
  await turn(clock, door, 50);
  const [second] = (await waiting).json.messages;
  assert.equal(second.attempts, 2);
  assert.equal(
    (await door.ask('POST', '/v1/queues/q/ack', { json: { receipts: [first.receipt] } })).status,
    409,
    'the first lease is over',
  );
  assert.deepEqual((await door.ask('POST', '/v1/queues/q/extend?lease=1h', { json: { receipts: [second.receipt] } })).json, { settled: 1 });
  await turn(clock, door, 59 * 60_000);
  assert.deepEqual((await door.ask('POST', '/v1/queues/q/receive')).json, { messages: [] });
  assert.equal((await door.ask('POST', '/v1/queues/q/ack', { json: { receipts: [second.receipt] } })).status, 200);
});

test('at most once, on request; as CloudEvents too', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages?type=order&id=1', { json: { a: 1 } });
  await door.ask('POST', '/v1/queues/q/messages', { json: { a: 2 } });
  const accept = { accept: 'application/cloudevents-batch+json' };
  assert.equal((await door.ask('POST', '/v1/queues/q/receive', { headers: accept })).status, 400, 'CloudEvents carry no receipts');
  const told = await door.ask('POST', '/v1/queues/q/receive?settle=on-delivery', { headers: accept });
  assert.deepEqual([told.json[0].id, told.json[0].type, told.json[0].specversion, told.json[0].data], ['1', 'order', '1.0', { a: 1 }]);
  const [message] = (await door.ask('POST', '/v1/queues/q/receive?settle=on-delivery')).json.messages;
  assert.deepEqual([message.receipt, message.body], [undefined, { a: 2 }]);
  const { inFlight, ready } = await state(door);
  assert.deepEqual([inFlight, ready], [0, 0]);
});

test('peek looks at what is ready, delayed and in flight; purge throws away', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages', { body: '1\n2\n', headers: { 'content-type': 'application/x-ndjson' } });
  await door.ask('POST', '/v1/queues/q/messages?delay=1h', { body: '3' });
  await door.ask('POST', '/v1/queues/q/receive');
  const { messages } = (await door.ask('GET', '/v1/queues/q/messages')).json;
  assert.deepEqual(
    messages.map((m: { state: string }) => m.state),
    ['in-flight', 'ready', 'delayed'],
  );
  const [only] = (await door.ask('GET', `/v1/queues/q/messages?from=${messages[1].number}&max=1`)).json.messages;
  assert.deepEqual([only.body, only.number], [2, messages[1].number]);
  assert.deepEqual((await door.ask('DELETE', '/v1/queues/q/messages')).json, { purged: 2 });
  assert.equal((await state(door)).inFlight, 1);
});

test('wrong receipts and bodies are refused', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const refused = async (json: unknown, words: RegExp): Promise<void> => {
    const told = await door.ask('POST', '/v1/queues/q/ack', { json });
    assert.deepEqual([told.status, told.json.code], [400, 'invalid']);
    assert.match(told.json.detail, words);
  };
  await refused({ receipts: ['nonsense!'] }, /not a receipt/);
  await refused({ receipts: 'a' }, /\/receipts/);
  await refused({ receipts: [1] }, /\/receipts\/0/);
  await refused({}, /no "receipts"/);
  await refused({ receipts: [], more: 1 }, /"more"/);
  assert.equal((await door.ask('POST', '/v1/queues/q/ack', { body: '{' })).status, 400);
  assert.equal((await door.ask('POST', '/v1/queues/none/receive')).status, 404);
});
