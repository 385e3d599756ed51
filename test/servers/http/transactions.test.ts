import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Opened, opened, until } from './opened.ts';
import { streamed } from './streamed.ts';

const transact = (door: Opened, ...operations: object[]) => door.ask('POST', '/v1/transactions', { json: { operations } });
const bodies = (messages: readonly { body?: unknown; text?: string }[]): unknown[] => messages.map(({ body, text }) => body ?? text);

async function receipts(door: Opened, queue: string, max = 10): Promise<string[]> {
  const { messages } = (await door.ask('POST', `/v1/queues/${queue}/receive?max=${max}`)).json;
  return messages.map((message: { receipt: string }) => message.receipt);
}

test('publishes, settlements and cursors are done together, each with its answer', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  for (const queue of ['in', 'out']) await door.ask('PUT', `/v1/queues/${queue}`);
  for (const text of ['a', 'b', 'c']) await door.ask('POST', '/v1/queues/in/messages', { body: text });
  const [a, b, c] = await receipts(door, 'in');
  const told = await transact(
    door,
    { op: 'publish', address: 't', messages: [{ body: { n: 1.0 }, key: 'k' }, { text: 'x' }] },
    { op: 'publish', exchange: '', address: 'out', message: { text: 'done', headers: { from: 'in' } } },
    { op: 'ack', queue: 'in', receipts: [a, b] },
    { op: 'requeue', queue: 'in', receipts: [c], delay: '1h' },
    { op: 'move', group: 'g', cursors: [{ topic: 't', partition: 0, offset: 1 }] },
    { op: 'publish', address: 'nobody', messages: [] },
  );
  assert.deepEqual(told.json, {
    results: [
      { count: 2, routed: 1, offsets: [{ partition: 0, first: 0, last: 1 }] },
      { count: 1, routed: 1 },
      { settled: 2 },
      { settled: 1 },
      { moved: 1 },
      { count: 0, routed: 0 },
    ],
  });
  assert.equal(told.status, 200);
  const { records } = (await door.ask('GET', '/v1/topics/t/records')).json;
  assert.deepEqual(bodies(records), [{ n: 1 }, 'x']);
  const [out] = (await door.ask('POST', '/v1/queues/out/receive')).json.messages;
  assert.deepEqual([out.text, out.headers], ['done', { from: 'in' }]);
  const { ready, delayed, inFlight, totals } = (await door.ask('GET', '/v1/queues/in')).json.state;
  assert.deepEqual([ready, delayed, inFlight, totals.acked], [0, 1, 0, 2]);
  assert.equal((await door.ask('GET', '/v1/groups/g')).json.state.cursors[0].offset, 1);
});

test('what one operation is refused for, none is done for', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/in');
  await door.ask('PUT', '/v1/queues/out', { json: { countMax: 1 } });
  await door.ask('PUT', '/v1/topics/t', { json: { schema: { jsonSchema: { type: 'object' } } } });
  for (const text of ['a', 'b']) await door.ask('POST', '/v1/queues/in/messages', { body: text });
  const [a = '', b = ''] = await receipts(door, 'in');
  await door.ask('POST', '/v1/queues/in/ack', { json: { receipts: [b] } });
  const out = { op: 'publish', exchange: '', address: 'out', message: { text: 'x' } };
  const wrong: [object, number, string, RegExp][] = [
    [{ op: 'ack', queue: 'in', receipts: [a, b] }, 409, 'stale', /no longer held/],
    [{ op: 'ack', queue: 'none', receipts: [a] }, 404, 'unknown', /none/],
    [{ op: 'publish', exchange: '', address: 'nowhere', message: {} }, 404, 'unknown', /nowhere/],
    [{ op: 'publish', address: 'nowhere', message: {}, mandatory: true }, 404, 'unrouted', /nowhere/],
    [{ op: 'publish', address: 't', message: { body: [] } }, 422, 'schema', /./],
    [out, 429, 'full', /out/],
    [{ op: 'move', group: 'g', cursors: [{ topic: 'none', partition: 0, offset: 0 }] }, 404, 'unknown', /none/],
    [{ op: 'move', group: 'g', member: 'm', cursors: [] }, 404, 'unknown', /no member/],
  ];
  for (const [operation, status, code, words] of wrong) {
    const told = await transact(door, { op: 'ack', queue: 'in', receipts: [a] }, out, operation);
    assert.deepEqual([told.status, told.json.code], [status, code], JSON.stringify(operation));
    assert.match(told.json.detail, words);
    const { inFlight } = (await door.ask('GET', '/v1/queues/in')).json.state;
    const { ready } = (await door.ask('GET', '/v1/queues/out')).json.state;
    assert.deepEqual([inFlight, ready], [1, 0], JSON.stringify(operation));
  }
});

test('exactly once from a topic to a queue: the cursor of a member moves with what it published', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  await door.ask('PUT', '/v1/queues/out');
  for (const text of ['a', 'b']) await door.ask('POST', '/v1/topics/t/records', { body: text });
  const stream = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest&credit=1');
  const [name] = await stream.take(1);
  const [, record] = await stream.take(2);
  assert.equal(record?.data.text, 'a');
  const step = (offset: number) => [
    { op: 'publish', exchange: '', address: 'out', message: { text: `from ${offset}` } },
    { op: 'move', group: 'g', member: name?.data.member, cursors: [{ topic: 't', partition: 0, offset }] },
  ];
  assert.equal((await transact(door, ...step(2))).status, 416, 'that record was not sent yet');
  assert.equal((await transact(door, ...step(1))).status, 200);
  assert.equal((await stream.take(1))[0]?.data.text, 'b', 'the move made room for the next');
  const byHand = await transact(door, { op: 'move', group: 'g', cursors: [{ topic: 't', partition: 0, offset: 0 }] });
  assert.deepEqual([byHand.status, byHand.json.code], [409, 'exclusive'], 'by hand only without members');
  stream.hangUp();
  await until(async () => (await door.ask('GET', '/v1/groups/g')).json.state.members === 0);
  assert.equal((await transact(door, ...step(2))).status, 404, 'the member has gone');
  const { messages } = (await door.ask('POST', '/v1/queues/out/receive?max=10')).json;
  assert.deepEqual(bodies(messages), ['from 1']);
});

test('what is not a transaction is refused by name, and an empty one is one', async (t) => {
  const door = await opened(t);
  const refused = async (json: unknown, words: RegExp): Promise<void> => {
    const told = await door.ask('POST', '/v1/transactions', { json });
    assert.deepEqual([told.status, told.json.code], [400, 'invalid'], JSON.stringify(json));
    assert.match(told.json.detail, words);
  };
  await refused([], /not a JSON object/);
  await refused({}, /no list of "operations"/);
  await refused({ operations: [], more: 1 }, /"more"/);
  await refused({ operations: [5] }, /Operation 0 is not a JSON object/);
  await refused({ operations: [{}] }, /Operation 0 has no "op"/);
  await refused({ operations: [{ op: 'steal' }] }, /"op" of operation 0/);
  await refused({ operations: [{ op: 'publish', address: 'a' }] }, /either "message" or "messages"/);
  await refused({ operations: [{ op: 'publish', address: 'a', message: { body: 1, text: 'x' } }] }, /message of operation 0/);
  await refused({ operations: [{ op: 'publish', address: 'a', messages: [{}, { priority: 256 }] }] }, /Message 1 of operation 0/i);
  await refused({ operations: [{ op: 'publish', address: 'a', message: {}, transient: true }] }, /"transient"/);
  await refused({ operations: [{ op: 'ack', queue: 'q', receipts: ['?'] }] }, /not a receipt/);
  await refused({ operations: [{ op: 'move', group: 'g' }] }, /Operation 0 has no list of "cursors"/);
  await refused({ operations: [{ op: 'move', group: 'g', cursors: [{ topic: 't' }] }] }, /"partition" of cursor 0 of operation 0/);
  await refused({ operations: Array.from({ length: 1001 }, () => ({ op: 'ack', queue: 'q', receipts: [] })) }, /at most 1000/);
  assert.deepEqual((await transact(door)).json, { results: [] });
});
