import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExchangeSpec, QueueSpec, TopicSpec, UserSpec } from '../../../src/model/declaration.ts';
import { EXCHANGE_SPEC, QUEUE_SPEC, TOPIC_SPEC, USER_SPEC } from '../../../src/servers/http/specs.ts';
import { opened } from './opened.ts';

test('declared, described, listed, removed: topics, queues, exchanges', async (t) => {
  const door = await opened(t);
  const specs = {
    topics: { partitions: 2, retentionMs: 1000 },
    queues: { priorityMax: 3, retry: { attempts: 5, jitter: 0.5 } },
    exchanges: { type: 'fanout' },
  };
  for (const [plural, spec] of Object.entries(specs)) {
    const kind = plural.slice(0, -1);
    const declared = await door.ask('PUT', `/v1/${plural}/a%2Fb%20c`, { json: spec });
    assert.equal(declared.status, 200);
    const { state, ...rest } = declared.json;
    assert.deepEqual(rest, { kind, name: 'a/b c', ...spec });
    assert.equal(typeof state, 'object');
    assert.deepEqual((await door.ask('GET', `/v1/${plural}/a%2Fb%20c`)).json, declared.json);
    assert.equal((await door.ask('PUT', `/v1/${plural}/a%2Fb%20c`, { json: spec })).status, 200, 'again the same');
    const listed = (await door.ask('GET', `/v1/${plural}?prefix=a/`)).json.items;
    assert.deepEqual(listed, [declared.json]);
    assert.deepEqual([(await door.ask('DELETE', `/v1/${plural}/a%2Fb%20c`)).status], [204]);
    for (const method of ['GET', 'DELETE']) {
      const gone = await door.ask(method, `/v1/${plural}/a%2Fb%20c`);
      assert.deepEqual([gone.status, gone.json.code], [404, 'unknown']);
    }
  }
});

test('with other properties it is a conflict; with wrong ones invalid, with the place', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q', { json: { leaseMs: 5 } });
  const other = await door.ask('PUT', '/v1/queues/q', { json: { leaseMs: 6 } });
  assert.deepEqual([other.status, other.json.code], [409, 'conflict']);
  const invalid = async (path: string, json: unknown, pointer: string): Promise<void> => {
    const told = await door.ask('PUT', path, { json });
    assert.deepEqual([told.status, told.json.code, told.json.path], [400, 'invalid', pointer], JSON.stringify(json));
  };
  await invalid('/v1/queues/x', { leaseMs: '5' }, '/leaseMs');
  await invalid('/v1/queues/x', { retry: { attempts: 0 } }, '/retry/attempts');
  await invalid('/v1/queues/x', { nope: 1 }, '');
  await invalid('/v1/queues/x', { kind: 'topic' }, '');
  await invalid('/v1/queues/x', { overflow: 'burn' }, '/overflow');
  await invalid('/v1/topics/x', { partitions: 1.5 }, '/partitions');
  await invalid('/v1/exchanges/x', { type: 'odd' }, '/type');
  await invalid('/v1/exchanges/x', [], '');
  const own = await door.ask('PUT', '/v1/queues/x', { body: '{"__proto__":{"a":1}}' });
  assert.equal(own.status, 400);
});

test('lists come in pages', async (t) => {
  const door = await opened(t);
  for (const name of ['a', 'b', 'c']) await door.ask('PUT', `/v1/queues/${name}`);
  const first = (await door.ask('GET', '/v1/queues?max=2')).json;
  assert.deepEqual([first.items.map((i: { name: string }) => i.name), first.next], [['a', 'b'], 'b']);
  const second = (await door.ask('GET', `/v1/queues?max=2&after=${first.next}`)).json;
  assert.deepEqual([second.items.map((i: { name: string }) => i.name), second.next], [['c'], undefined]);
});

test('bindings are made, listed and undone, headers and all', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('PUT', '/v1/exchanges/h', { json: { type: 'headers' } });
  const binding = { to: { kind: 'queue', name: 'q' }, headers: { match: 'all', values: { a: 1, b: null } } };
  assert.equal((await door.ask('POST', '/v1/exchanges/h/bindings', { json: binding })).status, 204);
  const [listed] = (await door.ask('GET', '/v1/exchanges/h/bindings')).json.items;
  assert.deepEqual(listed.headers, binding.headers);
  const publish = (query: string) => door.ask('POST', `/v1/publish/x?exchange=h&${query}`, { body: 'x' });
  const type = { 'content-type': 'application/vnd.signalbox.message+json' };
  assert.equal((await publish('header=a:1')).json.routed, 0, 'the text "1" is not the number');
  const numbered = await door.ask('POST', '/v1/publish/x?exchange=h', { body: '{"headers":{"a":1,"b":"any"}}', headers: type });
  assert.equal(numbered.json.routed, 1);
  assert.equal((await door.ask('POST', '/v1/exchanges/h/unbind', { json: binding })).status, 204);
  assert.deepEqual((await door.ask('GET', '/v1/exchanges/h/bindings')).json.items, []);
  assert.equal((await door.ask('POST', '/v1/exchanges/h/bindings', { json: { to: { kind: 'cup', name: 'q' } } })).status, 400);
  assert.equal((await door.ask('GET', '/v1/exchanges/none/bindings')).status, 404);
});

test('groups: cursors moved by hand, described, removed', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  await door.ask('POST', '/v1/topics/t/records', { body: '1\n2\n3', headers: { 'content-type': 'application/x-ndjson' } });
  const cursors = [{ topic: 't', partition: 0, offset: 1 }];
  assert.equal((await door.ask('PUT', '/v1/groups/g/cursors', { json: { cursors } })).status, 204);
  assert.deepEqual((await door.ask('GET', '/v1/groups/g')).json, {
    kind: 'group',
    name: 'g',
    state: { members: 0, cursors: [{ topic: 't', partition: 0, offset: 1, lag: 2 }] },
  });
  assert.equal((await door.ask('GET', '/v1/groups')).json.items.length, 1);
  assert.equal((await door.ask('DELETE', '/v1/groups/g')).status, 204);
  assert.equal((await door.ask('GET', '/v1/groups/g')).status, 404);
});

/** Every name in `Required<T>` must be in the schema, and nothing else: a member added to the model breaks this until it is added here. */
function sameNames<T>(schema: { properties?: Readonly<Record<string, unknown>> }, names: Record<keyof Required<T>, true>): void {
  assert.deepEqual(Object.keys(schema.properties ?? {}).sort(), Object.keys(names).sort());
}

test('the schemas of declarations name exactly what the model has', () => {
  sameNames<Omit<TopicSpec, 'kind' | 'name'>>(TOPIC_SPEC, {
    labels: true,
    partitions: true,
    retentionMs: true,
    retentionBytes: true,
    compact: true,
    schema: true,
    messageBytesMax: true,
  });
  sameNames<Omit<QueueSpec, 'kind' | 'name'>>(QUEUE_SPEC, {
    labels: true,
    durable: true,
    autoDelete: true,
    expiresMs: true,
    leaseMs: true,
    ttlMs: true,
    delayMs: true,
    countMax: true,
    sizeBytesMax: true,
    overflow: true,
    deadLetter: true,
    retry: true,
    priorityMax: true,
    priorityAgeMs: true,
    singleActiveConsumer: true,
    grouped: true,
    dedupWindowMs: true,
    schema: true,
    messageBytesMax: true,
  });
  sameNames<Omit<ExchangeSpec, 'kind' | 'name'>>(EXCHANGE_SPEC, {
    labels: true,
    type: true,
    durable: true,
    autoDelete: true,
    internal: true,
    alternate: true,
    hashHeader: true,
    schema: true,
  });
  sameNames<Omit<UserSpec, 'kind' | 'name'> & { token: boolean }>(USER_SPEC, {
    tenant: true,
    tenants: true,
    configure: true,
    write: true,
    read: true,
    admin: true,
    rules: true,
    secrets: true,
    token: true,
  });
});
