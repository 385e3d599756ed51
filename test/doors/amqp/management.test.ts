/** RabbitMQ's management interface as tooling uses it, unchanged between ours and a real one: paths, fields, answers, errors. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { connect } from 'amqplib';
import { connected, REFERENCE, type Subject, subject, unique } from './subject.ts';

interface Told {
  readonly status: number;
  readonly location: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked into by assertions
  readonly json: any;
}

type Ask = (method: string, path: string, body?: unknown, user?: string) => Promise<Told>;

function asking({ api }: Subject): Ask {
  return async (method, path, body, user = 'guest:guest') => {
    const reply = await fetch(`${api}/api${path}`, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from(user).toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await reply.text();
    const isJson = reply.headers.get('content-type') === 'application/json' && text !== '';
    return { status: reply.status, location: reply.headers.get('location'), json: isJson ? JSON.parse(text) : text };
  };
}

async function managed(t: TestContext): Promise<Subject & { readonly ask: Ask; readonly vhost: string }> {
  const at = await subject(t, { managed: true });
  const ask = asking(at);
  const vhost = unique('v');
  assert.equal((await ask('PUT', `/vhosts/${vhost}`)).status, 201);
  t.after(async () => void (await ask('DELETE', `/vhosts/${vhost}`).catch(() => undefined)));
  return { ...at, ask, vhost };
}

/** The real one tells of what it has gathered, and gathers every few seconds. */
async function gathered(what: () => Promise<boolean>): Promise<void> {
  const since = performance.now();
  while (!(await what())) {
    if (performance.now() - since > 30_000) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The fields of `row` that `like` names. */
function some(row: Readonly<Record<string, unknown>>, like: object): object {
  return Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]));
}

test('who comes without a name, or with a wrong password, is told so', async (t) => {
  const { api } = await subject(t, { managed: true });
  const nobody = await fetch(`${api}/api/overview`);
  assert.deepEqual([nobody.status, await nobody.text()], [401, '']);
  assert.equal(nobody.headers.get('www-authenticate'), 'Basic realm="RabbitMQ Management"');
  const wrong = await asking({ api } as Subject)('GET', '/overview', undefined, 'guest:wrong');
  assert.deepEqual([wrong.status, wrong.json], [401, { error: 'not_authorized', reason: 'Login failed' }]);
});

test('queues, exchanges and bindings are declared, described and removed', async (t) => {
  const { ask, vhost } = await managed(t);
  const queue = { durable: true, auto_delete: false, arguments: { 'x-max-length': 2, 'x-dead-letter-exchange': 'x' } };
  assert.equal((await ask('PUT', `/queues/${vhost}/a%2Fb`, queue)).status, 201);
  assert.equal((await ask('PUT', `/queues/${vhost}/a%2Fb`, queue)).status, 204);
  assert.deepEqual((await ask('PUT', `/queues/${vhost}/a%2Fb`, { ...queue, durable: 'false' })).json, {
    error: 'bad_request',
    reason: `inequivalent arg 'durable' for queue 'a/b' in vhost '${vhost}': received 'false' but current is 'true'`,
  });
  const described = (await ask('GET', `/queues/${vhost}/a%2Fb`)).json;
  const expected = { name: 'a/b', vhost, ...queue, exclusive: false, type: 'classic' };
  assert.deepEqual(some(described, expected), expected);
  const exchange = { type: 'topic', durable: true, auto_delete: false, internal: false, arguments: { 'alternate-exchange': 'alt' } };
  assert.equal((await ask('PUT', `/exchanges/${vhost}/x`, exchange)).status, 201);
  assert.equal((await ask('PUT', `/exchanges/${vhost}/x`, exchange)).status, 204);
  const inDetail = { name: 'x', vhost, ...exchange };
  assert.deepEqual(some((await ask('GET', `/exchanges/${vhost}/x`)).json, inDetail), inDetail);
  const names = ((await ask('GET', `/exchanges/${vhost}?columns=name`)).json as { name: string }[]).map(({ name }) => name);
  for (const name of ['', 'amq.direct', 'amq.fanout', 'amq.headers', 'amq.match', 'amq.topic', 'x']) assert.ok(names.includes(name), name);

  assert.equal((await ask('POST', `/bindings/${vhost}/e/x/q/a%2Fb`, { routing_key: 'k.*', arguments: {} })).location, 'a%2Fb/k.%252A');
  const hashed = (await ask('POST', `/bindings/${vhost}/e/x/q/a%2Fb`, { routing_key: 'k.*', arguments: { z: 1 } })).location ?? '';
  assert.match(hashed, /^a%2Fb\/k\.%252A~[\w-]+$/);
  assert.equal((await ask('POST', `/bindings/${vhost}/e/x/q/a%2Fb`, {})).location, 'a%2Fb/~');
  const plain = {
    source: 'x',
    vhost,
    destination: 'a/b',
    destination_type: 'queue',
    routing_key: 'k.*',
    arguments: {},
    properties_key: 'k.%2A',
  };
  const own = { ...plain, source: '', routing_key: 'a/b', properties_key: 'a%2Fb' };
  assert.deepEqual((await ask('GET', `/bindings/${vhost}/e/x/q/a%2Fb/k.%252A`)).json, plain);
  assert.deepEqual((await ask('GET', `/bindings/${vhost}/e/x/q/a%2Fb/k.*`)).json, plain);
  const all = (await ask('GET', `/bindings/${vhost}`)).json as (typeof plain)[];
  const byKey = (rows: (typeof plain)[]) => rows.toSorted((a, b) => (a.source + a.properties_key < b.source + b.properties_key ? -1 : 1));
  const withArguments = { ...plain, arguments: { z: 1 }, properties_key: decodeURIComponent(hashed.slice('a%2Fb/'.length)) };
  const bare = { ...plain, routing_key: '', properties_key: '~' };
  assert.deepEqual(byKey(all), byKey([own, plain, withArguments, bare]));
  assert.equal((await ask('GET', `/queues/${vhost}/a%2Fb/bindings`)).json.length, 4);
  assert.equal((await ask('GET', `/exchanges/${vhost}/x/bindings/source`)).json.length, 3);
  assert.deepEqual((await ask('GET', `/exchanges/${vhost}/x/bindings/destination`)).json, []);
  for (const key of ['k.%252A', '~', encodeURIComponent(withArguments.properties_key)])
    assert.equal((await ask('DELETE', `/bindings/${vhost}/e/x/q/a%2Fb/${key}`)).status, 204, key);
  assert.deepEqual((await ask('GET', `/bindings/${vhost}/e/x/q/a%2Fb`)).json, []);
  for (const path of [`/queues/${vhost}/a%2Fb`, `/exchanges/${vhost}/x`]) {
    assert.equal((await ask('DELETE', path)).status, 204);
    for (const method of ['GET', 'DELETE'])
      assert.deepEqual((await ask(method, path)).json, { error: 'Object Not Found', reason: 'Not Found' }, path);
  }
});

test('what cannot be is refused as there', async (t) => {
  const { ask, vhost } = await managed(t);
  await ask('PUT', `/exchanges/${vhost}/x`, { type: 'direct' });
  await ask('PUT', `/queues/${vhost}/q`, {});
  await ask('POST', `/bindings/${vhost}/e/x/q/q`, { routing_key: 'k' });
  const message = { properties: {}, routing_key: 'k', payload: 'x', payload_encoding: 'string' };
  const got = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' };
  const nothing = { error: 'Object Not Found', reason: 'Not Found' };
  const bad = (reason: unknown) => ({ error: 'bad_request', reason });
  const denied = { error: 'not_authorised', reason: 'Access refused.' };
  const missing = (reason: string) => ({ error: 'not_found', reason });
  for (const [method, path, body, status, told] of [
    ['GET', '/nothing', undefined, 404, nothing],
    ['GET', '/queues/nowhere', undefined, 404, nothing],
    ['PATCH', '/overview', undefined, 405, ''],
    ['PUT', '/queues/nowhere/q', {}, 404, missing('vhost_not_found')],
    ['PUT', `/queues/${vhost}/amq.q`, {}, 401, denied],
    ['PUT', `/queues/${vhost}/bad`, '{', 400, bad('not_json')],
    ['PUT', `/queues/${vhost}/bad`, { durable: 'maybe' }, 400, bad(['not_boolean', 'maybe'])],
    [
      'PUT',
      `/queues/${vhost}/bad`,
      { arguments: { 'x-max-length': 'x' } },
      400,
      bad(`invalid arg 'x-max-length' for queue 'bad' in vhost '${vhost}': "expected integer, got longstr"`),
    ],
    ['PUT', `/exchanges/${vhost}/y`, { type: 'nonsense' }, 400, undefined],
    ['PUT', `/exchanges/${vhost}/amq.y`, { type: 'topic' }, 401, denied],
    ['DELETE', `/exchanges/${vhost}/amq.direct`, undefined, 401, denied],
    ['DELETE', `/exchanges/${vhost}/x?if-unused=true`, undefined, 400, bad(`exchange 'x' in vhost '${vhost}' in use`)],
    ['POST', `/bindings/${vhost}/e/x/q/none`, { routing_key: 'k' }, 404, missing(`no queue 'none' in vhost '${vhost}'`)],
    ['POST', `/bindings/${vhost}/e/none/q/q`, { routing_key: 'k' }, 404, missing(`no exchange 'none' in vhost '${vhost}'`)],
    ['DELETE', `/bindings/${vhost}/e/x/q/q/none`, undefined, 404, nothing],
    ['POST', `/exchanges/${vhost}/none/publish`, message, 400, bad(`404 NOT_FOUND - no exchange 'none' in vhost '${vhost}'`)],
    ['POST', `/exchanges/${vhost}/x/publish`, { ...message, properties: undefined }, 400, bad('[{key_missing,properties}]')],
    ['POST', `/exchanges/${vhost}/x/publish`, { ...message, payload_encoding: 'other' }, 400, bad(['unsupported_encoding', 'other'])],
    [
      'POST',
      `/exchanges/${vhost}/x/publish`,
      { ...message, properties: { user_id: 'other' } },
      400,
      bad("406 PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'"),
    ],
    ['POST', `/queues/${vhost}/none/get`, got, 404, missing(`NOT_FOUND - no queue 'none' in vhost '${vhost}'`)],
    ['POST', `/queues/${vhost}/q/get`, { ...got, ackmode: undefined }, 400, bad('[{key_missing,ackmode}]')],
    ['POST', `/queues/${vhost}/q/get`, { ...got, count: 'x' }, 400, bad(['not_integer', 'x'])],
    ['DELETE', `/queues/${vhost}/none/contents`, undefined, 404, nothing],
    ['POST', '/definitions', '{', 400, bad('failed_to_parse_json')],
    ['POST', '/definitions', { queues: [{ name: 'q', vhost: 'nowhere' }] }, 400, bad(['no_such_vhost', 'nowhere'])],
    ['GET', '/queues?page=9', undefined, 400, undefined],
    ['DELETE', '/vhosts/nowhere', undefined, 404, nothing],
    ['GET', '/users/nobody', undefined, 404, nothing],
    ['GET', '/connections/nobody', undefined, 404, nothing],
    ['GET', '/aliveness-test/nowhere', undefined, 404, nothing],
  ] as const) {
    const { json, status: answered } = await ask(method, path, body);
    assert.equal(answered, status, `${method} ${path}: ${JSON.stringify(json)}`);
    if (told !== undefined) assert.deepEqual(json, told, `${method} ${path}`);
  }
});

test('messages are published and got by hand, with their properties', async (t) => {
  const { ask, vhost, url } = await managed(t);
  await ask('PUT', `/queues/${vhost}/q`, {});
  const properties = {
    delivery_mode: 2,
    headers: { h: 1, n: { a: [1, 'x', true, 1.5] } },
    content_type: 'text/plain',
    priority: 3,
    message_id: 'mid',
    timestamp: 1_700_000_000,
    correlation_id: 'cid',
    expiration: '60000',
    type: 't',
    app_id: 'app',
    reply_to: 'r',
    content_encoding: 'utf-8',
    user_id: 'guest',
  };
  const publish = async (given: object, key = 'q') =>
    (await ask('POST', `/exchanges/${vhost}/amq.default/publish`, { routing_key: key, payload_encoding: 'string', ...given })).json;
  assert.deepEqual(await publish({ properties, payload: 'hello' }), { routed: true });
  assert.deepEqual(await publish({ properties: {}, payload: Buffer.from([0xff, 1]).toString('base64'), payload_encoding: 'base64' }), {
    routed: true,
  });
  assert.deepEqual(await publish({ properties: {}, payload: 'x' }, 'nowhere'), { routed: false });
  const get = async (given: object) => (await ask('POST', `/queues/${vhost}/q/get`, { count: 5, encoding: 'auto', ...given })).json;
  const first = {
    payload_bytes: 5,
    redelivered: false,
    exchange: '',
    routing_key: 'q',
    message_count: 1,
    properties,
    payload: 'hel',
    payload_encoding: 'string',
  };
  const second = { ...first, payload_bytes: 2, message_count: 0, properties: [], payload: '/wE=', payload_encoding: 'base64' };
  assert.deepEqual(await get({ ackmode: 'ack_requeue_true', truncate: 3 }), [first, second]);
  const again = [
    { ...first, redelivered: true, payload: 'aGVsbG8=', payload_encoding: 'base64' },
    { ...second, redelivered: true },
  ];
  assert.deepEqual(await get({ ackmode: 'reject_requeue_true', encoding: 'base64' }), again);
  // What came by hand is what a client gets.
  const channel = await (await connected(t, `${url}/${vhost}`)).createChannel();
  const got = await channel.get('q', { noAck: true });
  assert.deepEqual(got && [got.content.toString(), got.properties.headers?.h, got.properties.messageId], ['hello', 1, 'mid']);
  assert.equal((await get({ ackmode: 'ack_requeue_false' })).length, 1);
  assert.deepEqual(await get({ ackmode: 'ack_requeue_false' }), []);
  await publish({ properties: {}, payload: 'x' });
  assert.equal((await ask('DELETE', `/queues/${vhost}/q/contents`)).status, 204);
  assert.deepEqual(await get({ ackmode: 'ack_requeue_false' }), []);
});

test('connections, channels and consumers are told of, and a connection is ended from here', async (t) => {
  const { ask, vhost, url } = await managed(t);
  const connection = await connect(`${url}/${vhost}`, { clientProperties: { connection_name: vhost } });
  connection.on('error', () => undefined);
  t.after(() => connection.close().catch(() => undefined));
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(7);
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.consume(queue, () => undefined, { consumerTag: 'tag', arguments: { a: 1 } });
  for (const body of ['1', '2']) channel.sendToQueue(queue, Buffer.from(body));
  await channel.waitForConfirms();
  // biome-ignore lint/suspicious/noExplicitAny: as the answers come
  let one: any;
  await gathered(async () => {
    one = ((await ask('GET', `/vhosts/${vhost}/connections`)).json as { user_provided_name?: string }[]).find(
      (row) => row.user_provided_name === vhost,
    );
    return one?.channels === 1;
  });
  const expected = {
    user: 'guest',
    vhost,
    protocol: 'AMQP 0-9-1',
    type: 'network',
    channel_max: 2047,
    frame_max: 131_072,
    auth_mechanism: 'PLAIN',
  };
  assert.deepEqual(some(one, expected), expected);
  assert.equal(one.client_properties.product, 'amqplib');
  assert.equal(one.name, `${one.peer_host}:${one.peer_port} -> ${one.host}:${one.port}`);
  assert.equal((await ask('GET', `/connections/${encodeURIComponent(one.name)}`)).json.name, one.name);
  // biome-ignore lint/suspicious/noExplicitAny: as the answers come
  let seen: any;
  await gathered(async () => {
    [seen] = (await ask('GET', `/connections/${encodeURIComponent(one.name)}/channels`)).json;
    return seen?.messages_unacknowledged === 2;
  });
  const ofChannel = {
    name: `${one.name} (1)`,
    number: 1,
    confirm: true,
    transactional: false,
    consumer_count: 1,
    prefetch_count: 7,
    user: 'guest',
    vhost,
  };
  assert.deepEqual(some(seen, ofChannel), ofChannel);
  const consumers = (await ask('GET', `/consumers/${vhost}`)).json;
  assert.deepEqual(
    consumers.map((row: Record<string, unknown>) =>
      some(row, { consumer_tag: 1, queue: 1, ack_required: 1, exclusive: 1, prefetch_count: 1, arguments: 1, active: 1 }),
    ),
    [
      {
        consumer_tag: 'tag',
        queue: { name: queue, vhost },
        ack_required: true,
        exclusive: false,
        prefetch_count: 7,
        arguments: { a: 1 },
        active: true,
      },
    ],
  );
  const told = (await ask('GET', `/queues/${vhost}/${queue}`)).json;
  assert.equal(told.exclusive, true);
  assert.equal(told.owner_pid_details.name, one.name);
  assert.match((await ask('DELETE', `/queues/${vhost}/${queue}`)).json.reason, /^cannot obtain exclusive access to locked queue/);
  const ended = new Promise<Error>((resolve) => connection.once('close', resolve));
  assert.equal((await ask('DELETE', `/connections/${encodeURIComponent(one.name)}`)).status, 204);
  assert.match((await ended).message, /320 \(CONNECTION-FORCED\) with message "CONNECTION_FORCED - Closed via management plugin"/);
});

test('lists come in the order, with the columns and by the page that is asked for', async (t) => {
  const { ask, vhost } = await managed(t);
  for (const name of ['b', 'a', 'c']) await ask('PUT', `/queues/${vhost}/${name}`, {});
  const names = async (query: string) => (await ask('GET', `/queues/${vhost}?${query}`)).json;
  assert.deepEqual(await names('columns=name&sort=name&sort_reverse=true'), [{ name: 'c' }, { name: 'b' }, { name: 'a' }]);
  assert.deepEqual(await names('page=2&page_size=2&columns=name&sort=name'), {
    filtered_count: 3,
    item_count: 1,
    items: [{ name: 'c' }],
    page: 2,
    page_count: 2,
    page_size: 2,
    total_count: 3,
  });
  assert.equal((await names('page=1&name=B')).filtered_count, 1);
});

test('health, overview, nodes and who asks', async (t) => {
  const { ask, vhost } = await managed(t);
  for (const path of [
    '/healthchecks/node',
    '/health/checks/alarms',
    '/health/checks/local-alarms',
    '/health/checks/virtual-hosts',
    `/aliveness-test/${vhost}`,
  ])
    assert.deepEqual((await ask('GET', path)).json, { status: 'ok' }, path);
  assert.deepEqual((await ask('GET', '/health/checks/protocol-listener/amqp')).json, { status: 'ok', protocol: 'amqp' });
  assert.equal((await ask('GET', '/health/checks/protocol-listener/mqtt')).status, 503);
  assert.equal((await ask('GET', '/health/checks/port-listener/1')).status, 503);
  assert.deepEqual((await ask('GET', '/whoami')).json, { name: 'guest', tags: ['administrator'] });
  const overview = (await ask('GET', '/overview')).json;
  for (const name of ['management_version', 'rabbitmq_version', 'cluster_name', 'node', 'erlang_version', 'product_name'])
    assert.equal(typeof overview[name], 'string', name);
  for (const name of ['channels', 'connections', 'consumers', 'exchanges', 'queues'])
    assert.equal(typeof overview.object_totals[name], 'number', name);
  const [node] = (await ask('GET', '/nodes')).json;
  assert.deepEqual([node.name, node.running, node.mem_alarm, node.disk_free_alarm], [overview.node, true, false, false]);
  assert.equal((await ask('GET', `/nodes/${node.name}`)).json.name, node.name);
});

const DECLARED = {
  queues: [
    { name: 'q', durable: true, auto_delete: false, arguments: { 'x-message-ttl': 60_000, 'x-dead-letter-exchange': 'e' } },
    { name: 's', durable: true, auto_delete: false, arguments: { 'x-queue-type': 'stream' } },
  ],
  exchanges: [
    { name: 'e', type: 'topic', durable: true, auto_delete: false, internal: false, arguments: { 'alternate-exchange': 'amq.fanout' } },
  ],
  bindings: [
    { source: 'e', destination: 'q', destination_type: 'queue', routing_key: 'a.*', arguments: {} },
    { source: 'e', destination: 'q', destination_type: 'queue', routing_key: 'b', arguments: { x: 1 } },
    { source: 'amq.fanout', destination: 'e', destination_type: 'exchange', routing_key: '', arguments: {} },
  ],
};

test('definitions come out as they went in', async (t) => {
  const { ask, vhost } = await managed(t);
  assert.equal((await ask('POST', `/definitions/${vhost}`, DECLARED)).status, 204);
  const told = (await ask('GET', `/definitions/${vhost}`)).json;
  const sorted = (rows: object[]) =>
    rows
      .map((row) =>
        JSON.stringify(
          row,
          Object.keys({ ...row, x: 1, 'x-message-ttl': 1, 'x-dead-letter-exchange': 1, 'x-queue-type': 1, 'alternate-exchange': 1 }).sort(),
        ),
      )
      .sort();
  for (const name of ['queues', 'exchanges', 'bindings'] as const) assert.deepEqual(sorted(told[name]), sorted(DECLARED[name]), name);
  const whole = (await ask('GET', '/definitions')).json;
  assert.ok(whole.vhosts.some(({ name }: { name: string }) => name === vhost));
  const within = whole.bindings
    .filter((row: { vhost: string }) => row.vhost === vhost)
    .map(({ vhost: _, ...row }: { vhost: string }) => row);
  assert.deepEqual(sorted(within), sorted(DECLARED.bindings));
  // As one file, on top of what is there already: nothing changes.
  assert.equal((await ask('POST', '/definitions', { ...whole, users: undefined, permissions: undefined })).status, 204);
  assert.equal((await ask('GET', `/queues/${vhost}`)).json.length, 2);
});

test('users and permissions: a user gets what it was given, and who asked stays', { skip: REFERENCE !== undefined }, async (t) => {
  const { ask, vhost, url, broker } = await managed(t);
  assert.equal((await ask('PUT', '/users/app', { password: 'secret', tags: '' })).status, 201);
  assert.equal(broker?.guarded, true);
  assert.equal(
    (await ask('PUT', `/permissions/${vhost}/app`, { configure: '^app-.*', write: '.*', read: '^(app-.*|shared)$' })).status,
    201,
  );
  assert.deepEqual((await ask('GET', `/permissions/${vhost}/app`)).json, {
    user: 'app',
    vhost,
    configure: '^app-.*$',
    write: '.*',
    read: '^(app-.*|shared)$',
  });
  const odd = await ask('PUT', `/permissions/${vhost}/app`, { configure: '[a-z]+', write: '', read: '' });
  assert.match(odd.json.reason, /^"configure" of user app in vhost .* is "\[a-z\]\+", which cannot be said here/);
  const channel = await (await connected(t, `${url.replace('guest:guest', 'app:secret')}/${vhost}`)).createChannel();
  await channel.assertQueue('app-1');
  await assert.rejects(channel.assertQueue('other'), /403/);
  assert.equal((await ask('GET', '/whoami', undefined, 'app:secret')).json.tags[0], 'management');
  assert.equal((await ask('PUT', '/vhosts/more', undefined, 'app:secret')).status, 401);
  const file = (await ask('GET', '/definitions')).json;
  assert.deepEqual(
    file.users.map(({ name, tags }: { name: string; tags: string[] }) => [name, tags[0]]),
    [
      ['app', 'management'],
      ['guest', 'administrator'],
    ],
  );
  // Into an empty broker: passwords and permissions come with it.
  const other = await subject(t, { managed: true });
  assert.equal((await asking(other)('POST', '/definitions', file)).status, 204);
  const there = await (await connected(t, `${other.url.replace('guest:guest', 'app:secret')}/${vhost}`)).createChannel();
  assert.equal((await there.checkQueue('app-1')).messageCount, 0);
  assert.equal((await ask('DELETE', '/users/app')).status, 204);
});
