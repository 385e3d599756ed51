import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refused } from '../../../src/model/refusal.ts';
import { ask, opened, until } from './opened.ts';
import { raw } from './raw.ts';

async function withUser(t: Parameters<typeof opened>[0], options: Parameters<typeof opened>[1] = {}) {
  const door = await opened(t, options);
  const set = await door.ask('PUT', '/v1/users/root', { json: { admin: true, configure: ['*'], write: ['*'], read: ['*'], token: true } });
  assert.equal(set.status, 200);
  const as = (token: string) => ({ authorization: `Bearer ${token}` });
  return { ...door, root: as(set.json.token as string), as, token: set.json.token as string };
}

test('with the first user every request needs a token, also on loopback; /livez does not', async (t) => {
  const door = await withUser(t);
  assert.equal((await door.ask('GET', '/livez')).status, 200);
  for (const path of ['/readyz', '/metrics', '/v1/queues', '/openapi.json', '/v1/subscribe/a', '/v1/ws']) {
    const told = await door.ask('GET', path);
    assert.deepEqual([told.status, told.json.code], [401, 'unauthorized'], path);
    assert.match(told.headers.get('www-authenticate') ?? '', /^Bearer/);
  }
  assert.equal((await door.ask('GET', '/v1/queues', { headers: door.root })).status, 200);
  for (const wrong of ['Bearer nope', 'Bearer ', 'Basic cm9vdDp4', door.root.authorization.slice(0, -1), `Bearer ${'x'.repeat(5000)}`]) {
    assert.equal((await door.ask('GET', '/v1/queues', { headers: { authorization: wrong } })).status, 401, wrong.slice(0, 20));
  }
});

test('the secret is told once, and its verifier never', async (t) => {
  const door = await withUser(t);
  const listed = await door.ask('GET', '/v1/users', { headers: door.root });
  const described = await door.ask('GET', '/v1/users/root', { headers: door.root });
  for (const { text } of [listed, described]) assert.ok(!/sha256|secret|token/.test(text), text);
  const again = await door.ask('PUT', '/v1/users/root', { json: { admin: true, token: true }, headers: door.root });
  assert.notEqual(again.json.token, door.token);
  assert.equal((await door.ask('GET', '/v1/users', { headers: door.root })).status, 401, 'the token before is void');
});

test('permissions are the engine’s, whatever the way', async (t) => {
  const door = await withUser(t);
  const json = { write: ['orders'], read: ['mine'], token: true };
  const user = door.as((await door.ask('PUT', '/v1/users/u', { json, headers: door.root })).json.token);
  await door.ask('PUT', '/v1/topics/orders', { headers: door.root });
  await door.ask('PUT', '/v1/topics/other', { headers: door.root });
  const told = async (method: string, path: string): Promise<[number, string | undefined]> => {
    const { status, json: said } = await door.ask(method, path, { headers: user, ...(method === 'GET' ? {} : { body: '{}' }) });
    return [status, said?.code];
  };
  assert.deepEqual(await told('POST', '/v1/publish/orders'), [200, undefined]);
  assert.deepEqual(await told('POST', '/v1/topics/orders/records'), [200, undefined], 'may write without reading');
  const refused: [string, string][] = [
    ['POST', '/v1/publish/other'],
    ['POST', '/v1/topics/other/records'],
    ['GET', '/v1/topics/orders/records'],
    ['GET', '/v1/topics/orders/stream'],
    ['GET', '/v1/subscribe/orders'],
    ['PUT', '/v1/queues/mine'],
    ['GET', '/v1/users'],
    ['PUT', '/v1/users/u'],
    ['DELETE', '/v1/users/root'],
  ];
  for (const [method, path] of refused) assert.deepEqual(await told(method, path), [403, 'forbidden'], path);
});

test('who was let in once is not let in for ever', async (t) => {
  const door = await opened(t, { limits: { heartbeatMs: 20 } });
  const before = await fetch(`${door.base}/v1/subscribe/a`);
  const root = { admin: true, configure: ['*'], write: ['*'], read: ['*'], token: true };
  const { token } = (await door.ask('PUT', '/v1/users/root', { json: root })).json;
  assert.match(await before.text(), /event: end/, 'opened before there were users');
  const headers = { authorization: `Bearer ${token}` };
  const user = (await door.ask('PUT', '/v1/users/u', { json: root, headers })).json.token;
  const stream = await fetch(`${door.base}/v1/subscribe/a`, { headers: { authorization: `Bearer ${user}` } });
  const socket = new WebSocket(`ws://127.0.0.1:${door.server.port}/v1/ws`, [
    'signalbox.v1',
    `signalbox.token.${Buffer.from(user).toString('base64url')}`,
  ]);
  let closed = 0;
  socket.addEventListener('close', ({ code }) => {
    closed = code;
  });
  await until(() => socket.readyState === socket.OPEN);
  await door.ask('DELETE', '/v1/users/u', { headers });
  assert.match(await stream.text(), /event: end/);
  await until(() => closed === 1001);
});

test('guessing tokens is slow: an address with too many failures waits', async (t) => {
  const door = await withUser(t, { limits: { attemptsMax: 3 } });
  const wrong = { headers: { authorization: 'Bearer wrong' } };
  for (let i = 0; i < 3; i++) assert.equal((await door.ask('GET', '/v1/queues', wrong)).status, 401);
  const told = await door.ask('GET', '/v1/queues', { headers: door.root });
  assert.deepEqual([told.status, told.json.code], [429, 'too-many-attempts']);
  assert.ok(Number(told.headers.get('retry-after')) > 0);
  assert.equal((await door.ask('GET', '/livez')).status, 200);
});

test('the network is not let in while nobody is asked who they are', async (t) => {
  await assert.rejects(opened(t, { host: '0.0.0.0' }), (error: Refused) => error.code === 'forbidden' && /user add/.test(error.message));
  await assert.rejects(opened(t, { host: '::' }), (error: Refused) => error.code === 'forbidden');
  await opened(t, { host: '127.0.0.2' });
});

test('a port that is taken is refused with a sentence', async (t) => {
  const door = await opened(t);
  await assert.rejects(
    opened(t, { port: door.server.port }),
    (error: Refused) => error instanceof Refused && error.code === 'exclusive' && error.message.includes(String(door.server.port)),
  );
  await assert.rejects(opened(t, { host: 'no.such.host.invalid' }), (error: Refused) => error.code === 'forbidden');
});

test('a name that is not ours is refused on loopback (DNS rebinding)', async (t) => {
  const door = await opened(t, { names: ['Broker.Test'] });
  const status = async (host: string): Promise<string> =>
    (await raw(t, door.server.port, `GET /readyz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`).end()).slice(9, 12);
  for (const host of ['localhost', `127.0.0.1:${door.server.port}`, '[::1]:80', 'LOCALHOST:1', 'broker.test', 'broker.test:80'])
    assert.equal(await status(host), '200', host);
  for (const host of ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '128.0.0.1', 'localhost:80:80', ''])
    assert.notEqual(await status(host), '200', host);
});

test('a foreign page may not use the door; its own and configured ones may', async (t) => {
  const door = await opened(t, { origins: ['https://Console.example'] });
  const from = (origin: string, method = 'POST') =>
    door.ask(method, '/v1/publish/a', { headers: { origin }, ...(method === 'POST' ? { body: 'x' } : {}) });
  for (const origin of ['https://evil.example', 'null', 'http://localhost:1', `https://127.0.0.1:${door.server.port}`]) {
    const told = await from(origin);
    assert.deepEqual(
      [told.status, told.json.code, told.headers.get('access-control-allow-origin')],
      [403, 'forbidden-origin', null],
      origin,
    );
  }
  assert.equal((await from(door.base)).status, 200);
  const allowed = await from('https://console.example');
  assert.deepEqual([allowed.status, allowed.headers.get('access-control-allow-origin')], [200, 'https://console.example']);
  const preflight = await from('https://console.example', 'OPTIONS');
  assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-methods')], [204, 'GET, POST, PUT, DELETE']);
  assert.equal((await door.ask('OPTIONS', '/v1/publish/a')).status, 405, 'CORS is off for all others');
});

test('every answer forbids sniffing, framing and storing', async (t) => {
  const door = await opened(t);
  for (const path of ['/livez', '/nowhere', '/v1/queues']) {
    const { headers } = await door.ask('GET', path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('content-security-policy'), "default-src 'none'");
    assert.equal(headers.get('cache-control'), 'no-store');
  }
});

test('routes that are not, and methods that do not work', async (t) => {
  const door = await opened(t);
  const told = async (method: string, path: string) => {
    const { status, json, headers } = await door.ask(method, path);
    return [status, json?.code, headers.get('allow')];
  };
  assert.deepEqual(await told('GET', '/v1/nothing'), [404, 'no-such-route', null]);
  assert.deepEqual(await told('GET', '/v1/queues/'), [404, 'no-such-route', null]);
  assert.deepEqual(await told('GET', '/v1/queues/%zz'), [404, 'no-such-route', null]);
  assert.deepEqual(await told('GET', '/v1/queues/a/b/c'), [404, 'no-such-route', null]);
  assert.deepEqual(await told('PATCH', '/v1/queues/a'), [405, 'method-not-allowed', 'PUT, GET, DELETE']);
  assert.deepEqual((await told('HEAD', '/livez'))[0], 200);
  assert.deepEqual((await told('HEAD', '/v1/subscribe/a'))[0], 405);
  assert.equal((await fetch(`${door.base}/__proto__`)).status, 404);
});

test('a name that would be a path or a script is only ever a name', async (t) => {
  const door = await opened(t);
  for (const name of ['../../etc/passwd', '<script>alert(1)</script>', '__proto__', 'a\\b', '%2e%2e']) {
    const path = `/v1/queues/${encodeURIComponent(name)}`;
    const { status, json } = await door.ask('PUT', path);
    if (status === 200) assert.equal(json.name, name);
    else assert.equal(json.code, 'invalid');
    const { headers } = await door.ask('GET', path);
    assert.match(headers.get('content-type') ?? '', /^application\/(problem\+)?json$/);
  }
});

test('the door closes: what is under way finishes, streams are told, nothing new is taken', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const waiting = door.ask('POST', '/v1/queues/q/receive?wait=30s');
  const stream = await fetch(`${door.base}/v1/subscribe/a`);
  await until(async () => ((await door.broker.describe('queue', 'q')) as { consumers: number }).consumers === 1);
  const half = raw(t, door.server.port, 'POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx');
  await until(async () => /http_body_bytes 1\b/.test((await door.ask('GET', '/metrics')).text));
  const closing = door.server.close();
  half.write('y');
  assert.match(await half.end(), /200 OK.*connection: close/is);
  assert.deepEqual((await waiting).json, { messages: [] });
  assert.match(await stream.text(), /event: end/);
  await closing;
  await assert.rejects(ask(`${door.base}/livez`, 'GET'));
  await door.server.close();
});

test('the door does not wait for ever: what has not finished in time is cut off', async (t) => {
  const door = await opened(t, { limits: { closeMs: 50 } });
  const stuck = raw(t, door.server.port, 'POST /v1/publish/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nx');
  await until(async () => /http_body_bytes 1\b/.test((await door.ask('GET', '/metrics')).text));
  await door.server.close();
  await stuck.end();
});

test('a first user who does not manage users is only taken when that is said', async (t) => {
  const door = await opened(t);
  const refused = await door.ask('PUT', '/v1/users/shop', { json: { write: ['orders'], token: true } });
  assert.deepEqual([refused.status, refused.json.code], [409, 'conflict']);
  assert.match(refused.json.detail, /first user.*"admin": true.*"admin": false/);
  assert.equal((await door.ask('GET', '/v1/users')).status, 200, 'and the door is as open as it was');
  const { token } = (await door.ask('PUT', '/v1/users/shop', { json: { write: ['orders'], token: true, admin: false } })).json;
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await door.ask('POST', '/v1/publish/orders', { body: 'x', headers })).status, 200);
  assert.equal((await door.ask('GET', '/v1/users', { headers })).status, 403);
});
