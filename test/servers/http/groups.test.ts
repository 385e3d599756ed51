import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Opened, opened, until } from './opened.ts';
import { type Event, type Streamed, streamed } from './streamed.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };

async function filled(door: Opened, partitions: number, count: number): Promise<void> {
  await door.ask('PUT', '/v1/topics/t', { json: { partitions } });
  for (let partition = 0; partition < partitions; partition++) {
    const body = Array.from({ length: count }, (_, i) => `${10 * partition + i}\n`).join('');
    await door.ask('POST', `/v1/topics/t/records?partition=${partition}`, { body, headers: NDJSON });
  }
}

/** The member's name, and the rest of what came with it. */
async function memberOf(stream: Streamed): Promise<string> {
  const [first] = await stream.take(1);
  assert.equal(first?.event, 'member');
  return first?.data.member;
}

const bodies = (events: readonly Event[]): unknown[] => events.filter((event) => event.event === undefined).map((event) => event.data.body);
const cursors = async (door: Opened) => (await door.ask('GET', '/v1/groups/g')).json.state.cursors;
const move = (door: Opened, member: string, json: object, group = 'g') =>
  door.ask('POST', `/v1/groups/${group}/members/${member}/move`, { json });

test('a stream is a member of a group: it goes on where the group stands, and moves it by its name', async (t) => {
  const door = await opened(t);
  await filled(door, 1, 5);
  const stream = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest');
  const member = await memberOf(stream);
  const [assigned, ...records] = await stream.take(6);
  assert.deepEqual([assigned?.event, assigned?.data], ['assigned', { partitions: [{ partition: 0, offset: 0 }] }]);
  assert.deepEqual(bodies(records), [0, 1, 2, 3, 4]);
  assert.deepEqual((await door.ask('GET', '/v1/groups/g')).json.state.members, 1);
  assert.equal((await move(door, member, { cursors: [{ topic: 't', partition: 0, offset: 3 }] })).status, 204);
  assert.deepEqual(
    (await cursors(door)).map((cursor: { offset: number }) => cursor.offset),
    [3],
  );
  stream.hangUp();
  await until(async () => (await door.ask('GET', '/v1/groups/g')).json.state.members === 0);
  assert.equal((await move(door, member, { cursors: [] })).status, 404, 'its name went with it');
  const next = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest', { 'last-event-id': '0:1' });
  await memberOf(next);
  assert.deepEqual(bodies(await next.take(3)), [3, 4], 'what was not moved past comes again, and Last-Event-ID means nothing here');
});

test('no more is sent than there is credit for, until the cursor moves', async (t) => {
  const door = await opened(t);
  await filled(door, 1, 5);
  const stream = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest&credit=2');
  const member = await memberOf(stream);
  assert.deepEqual(bodies(await stream.take(3)), [0, 1]);
  const ahead = await move(door, member, { cursors: [{ topic: 't', partition: 0, offset: 3 }] });
  assert.deepEqual([ahead.status, ahead.json.code], [416, 'out-of-range'], 'it was not sent yet');
  await door.ask('GET', '/livez');
  assert.deepEqual(stream.events, []);
  await move(door, member, { cursors: [{ topic: 't', partition: 0, offset: 1 }] });
  assert.deepEqual(bodies(await stream.take(1)), [2]);
});

test('partitions are shared; a hand-over waits for the move, and what has gone is stale', async (t) => {
  const door = await opened(t);
  await filled(door, 2, 2);
  const one = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest');
  const first = await memberOf(one);
  await until(() => bodies(one.events).length === 4);
  const other = streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest');
  await until(() => one.events.some((event) => event.event === 'revoked'));
  const gone = one.events.find((event) => event.event === 'revoked')?.data.partitions[0];
  const cursor = { topic: 't', partition: gone, offset: 2 };
  assert.equal((await move(door, first, { cursors: [cursor] })).status, 204);
  const two = await other;
  const second = await memberOf(two);
  await until(() => two.events.some((event) => event.event === 'assigned'));
  assert.deepEqual(two.events.find((event) => event.event === 'assigned')?.data.partitions, [{ partition: gone, offset: 2 }]);
  const late = await move(door, first, { cursors: [cursor] });
  assert.deepEqual([late.status, late.json.code], [409, 'stale']);
  assert.equal((await move(door, second, { cursors: [cursor] })).status, 204);
  assert.equal((await move(door, second, { cursors: [cursor] }, 'another')).status, 404, 'not of that group');
  assert.equal((await move(door, second, { cursors: [{ ...cursor, topic: 'u' }] })).status, 409, 'not that topic');
});

test('what a member cannot ask for is an answer, not a stream', async (t) => {
  const door = await opened(t);
  await filled(door, 1, 1);
  const refused = async (query: string, status: number): Promise<void> => {
    assert.equal((await door.ask('GET', `/v1/topics/${query}`)).status, status, query);
  };
  await refused('none/stream?group=g', 404);
  await refused('t/stream?group=g&partition=0', 400);
  await refused('t/stream?group=g&from=0:1', 400);
  await refused('t/stream?group=g&credit=0', 400);
  assert.equal((await door.ask('HEAD', '/v1/topics/t/stream?group=g')).status, 405);
  assert.deepEqual(
    (await door.ask('GET', '/v1/groups')).json.items.filter((group: { state: { members: number } }) => group.state.members > 0),
    [],
  );
});

test('a member whose topic is removed has nothing, until there is one again', async (t) => {
  const door = await opened(t);
  await filled(door, 1, 1);
  const stream = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest');
  await until(() => bodies(stream.events).length === 1);
  stream.events.length = 0;
  assert.equal((await door.ask('DELETE', '/v1/topics/t')).status, 204);
  const [revoked] = await stream.take(1);
  assert.deepEqual([revoked?.event, revoked?.data], ['revoked', { partitions: [0] }]);
  await filled(door, 1, 2);
  const [assigned, ...records] = await stream.take(3);
  assert.deepEqual([assigned?.event, assigned?.data, bodies(records)], ['assigned', { partitions: [{ partition: 0, offset: 0 }] }, [0, 1]]);
});

test('members belong to their user', async (t) => {
  const door = await opened(t);
  await filled(door, 1, 1);
  const token = async (name: string) =>
    (await door.ask('PUT', `/v1/users/${name}`, { json: { read: ['*'], configure: ['*'], admin: true, token: true }, headers: by })).json
      .token;
  let by: Record<string, string> = {};
  by = { authorization: `Bearer ${await token('ada')}` };
  const bob = { authorization: `Bearer ${await token('bob')}` };
  const stream = await streamed(t, door, '/v1/topics/t/stream?group=g&from=earliest', by);
  const member = await memberOf(stream);
  await stream.take(2);
  const path = `/v1/groups/g/members/${member}/move`;
  const json = { cursors: [{ topic: 't', partition: 0, offset: 1 }] };
  assert.equal((await door.ask('POST', path, { json, headers: bob })).status, 404);
  assert.equal((await door.ask('POST', path, { json, headers: by })).status, 204);
});
