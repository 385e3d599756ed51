import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opened, until } from './opened.ts';
import { raw } from './raw.ts';

const HOST = 'Host: localhost\r\n';
const code = (text: string): string | undefined => /"code":"([^"]+)"/.exec(text)?.[1];

test('a body larger than the limit is refused on its announced length, before it is read, and the answer arrives', async (t) => {
  const door = await opened(t, { limits: { bodyBytesMax: 1000 } });
  const told = await door.ask('POST', '/v1/publish/a', { body: 'x'.repeat(1001) });
  assert.deepEqual([told.status, told.json.code], [413, 'too-large']);
  const large = await door.ask('POST', '/v1/publish/a', { body: 'x'.repeat(900_000) });
  assert.equal(large.status, 413);
  assert.equal((await door.ask('POST', '/v1/publish/a', { body: 'x'.repeat(1000) })).status, 200);
});

test('nothing is set aside on the word of a length', async (t) => {
  const door = await opened(t, { limits: { bodyBytesMax: 2 ** 40, bodiesBytesMax: 2 ** 40 } });
  const before = process.memoryUsage().arrayBuffers;
  const slow = raw(t, door.server.port, `POST /v1/publish/a HTTP/1.1\r\n${HOST}Content-Length: ${2 ** 39}\r\n\r\nx`);
  await until(async () => /http_body_bytes 1\b/.test((await door.ask('GET', '/metrics')).text));
  assert.ok(process.memoryUsage().arrayBuffers - before < 50_000_000);
  slow.socket.destroy();
  await until(async () => /http_body_bytes 0\b/.test((await door.ask('GET', '/metrics')).text));
});

test('a chunked body is counted as it comes', async (t) => {
  const door = await opened(t, { limits: { bodyBytesMax: 1000, lingerMs: 20 } });
  const wire = raw(t, door.server.port, `POST /v1/publish/a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`);
  const chunk = `190\r\n${'x'.repeat(400)}\r\n`;
  wire.write(chunk + chunk);
  wire.write(chunk);
  assert.equal(code(await wire.seen(/"code"/)), 'too-large');
  await wire.end();
});

test('all bodies together are bounded', async (t) => {
  const door = await opened(t, { limits: { bodiesBytesMax: 1000 } });
  const held = raw(t, door.server.port, `POST /v1/publish/a HTTP/1.1\r\n${HOST}Content-Length: 900\r\n\r\n${'x'.repeat(800)}`);
  await until(async () => /http_body_bytes 800/.test((await door.ask('GET', '/metrics')).text));
  const told = await door.ask('POST', '/v1/publish/a', { body: 'x'.repeat(300) });
  assert.deepEqual([told.status, told.json.code, told.headers.get('retry-after')], [503, 'overloaded', '1']);
  held.write('x'.repeat(100));
  await held.seen(/200 OK/);
  assert.equal((await door.ask('POST', '/v1/publish/a', { body: 'x'.repeat(300) })).status, 200);
});

test('a body that trickles is ended; one that flows slowly enough is not', async (t) => {
  const door = await opened(t, { limits: { bodyBytesMin: 100, bodyCheckMs: 60, lingerMs: 20 } });
  const head = `POST /v1/publish/a HTTP/1.1\r\n${HOST}Content-Length: 5000\r\n\r\n`;
  const slow = raw(t, door.server.port, `${head}x`);
  const steady = raw(t, door.server.port, head);
  const timer = setInterval(() => steady.write('x'.repeat(250)), 10);
  t.after(() => clearInterval(timer));
  assert.equal(code(await slow.seen(/"code"/)), 'body-too-slow');
  assert.match(await slow.end(), /^HTTP\/1.1 408/);
  assert.match(await steady.seen(/HTTP/), /200 OK/);
});

test('headers that trickle are ended, and so is a connection that says nothing', async (t) => {
  const door = await opened(t, { limits: { headerMs: 100 } });
  const slow = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}X: `);
  const silent = raw(t, door.server.port);
  const timer = setInterval(() => slow.write('x'), 20);
  t.after(() => clearInterval(timer));
  assert.match(await slow.end(), /^HTTP\/1.1 408 .*"code":"request-timeout"/s);
  assert.match(await silent.end(), /408|^$/);
});

test('a connection that rests between requests is closed after a while', async (t) => {
  const door = await opened(t, { limits: { idleMs: 50 } });
  const wire = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}\r\n`);
  assert.match(await wire.end(), /200 OK.*ok/s);
});

test('waiting for an answer is not resting', async (t) => {
  const door = await opened(t, { limits: { stallMs: 50, idleMs: 50 } });
  await door.ask('PUT', '/v1/queues/q');
  assert.equal((await door.ask('POST', '/v1/queues/q/receive?wait=300ms')).status, 200);
});

test('URLs, header bytes and header counts are bounded', async (t) => {
  const door = await opened(t, { limits: { urlBytesMax: 500, headersMax: 20 } });
  assert.equal((await door.ask('GET', `/v1/queues?prefix=${'x'.repeat(600)}`)).json.code, 'url-too-long');
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`x-${i}`, '1']));
  assert.equal((await door.ask('GET', '/livez', { headers: many })).json.code, 'headers-too-large');
  const wire = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`);
  assert.match(await wire.end(), /^HTTP\/1.1 431 .*headers-too-large/s);
});

test('connections are counted', async (t) => {
  const door = await opened(t, { limits: { connectionsMax: 2 } });
  const first = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}\r\n`);
  const second = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}\r\n`);
  await Promise.all([first.seen(/ok/), second.seen(/ok/)]);
  const third = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}\r\n`);
  assert.equal(await third.end(), '');
  first.socket.destroy();
  await first.end();
  await until(async () => {
    const again = raw(t, door.server.port, `GET /livez HTTP/1.1\r\n${HOST}\r\n`);
    await until(() => again.closed() || /ok/.test(again.text()));
    again.socket.destroy();
    return /ok/.test(again.text());
  });
});

test('what two parsers could read differently is refused (request smuggling)', async (t) => {
  const door = await opened(t);
  const post = 'POST /v1/publish/a HTTP/1.1\r\n';
  const bad = [
    `${post}${HOST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    `${post}${HOST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    `${post}${HOST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
    `${post}${HOST}Content-Length: 5, 5\r\n\r\nabcde`,
    `${post}${HOST}Content-Length: +5\r\n\r\nabcde`,
    `${post}${HOST}Content-Length: 0x5\r\n\r\nabcde`,
    `${post}${HOST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
    `${post}${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    `${post}${HOST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`,
    `${post}${HOST}Transfer-Encoding: chunked\r\n\r\n5;a=\n\r\nabcde\r\n0\r\n\r\n`,
    `${post}${HOST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n`,
    `${post}${HOST}Transfer-Encoding: chunked\r\n\r\n-1\r\n`,
    `${post}${HOST}X: a\r\n b\r\n\r\n`,
    `${post}${HOST}X\0: a\r\n\r\n`,
    `${post}${HOST}X: a\nY: b\n\r\n`,
    `GET /livez HTTP/1.1\r\n\r\n`,
    `GET /livez HTTP/1.1\r\n${HOST}${HOST}\r\n`,
    `GET /livez HTTP/9.9\r\n${HOST}\r\n`,
    'nonsense\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  ];
  for (const request of bad) {
    const text = await raw(t, door.server.port, request).end();
    assert.match(text, /^HTTP\/1.1 400 /, JSON.stringify(request));
    assert.equal(code(text), 'bad-request', JSON.stringify(request));
    assert.equal([...text.matchAll(/HTTP\/1\.1 /g)].length, 1, 'one answer, not two');
  }
});

test('a body is only asked for when it would be read', async (t) => {
  const door = await opened(t, { limits: { bodyBytesMax: 10 } });
  const head = (length: number): string =>
    `POST /v1/publish/a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`;
  const small = raw(t, door.server.port, head(5));
  await small.seen(/100 Continue/);
  small.write('hello');
  await small.seen(/200 OK/);
  const large = raw(t, door.server.port, head(11));
  const text = await large.end();
  assert.ok(!text.includes('100 Continue') && text.startsWith('HTTP/1.1 413'));
});

test('a client that goes away in the middle of its body harms nobody', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const wire = raw(t, door.server.port, `POST /v1/topics/t/records HTTP/1.1\r\n${HOST}Content-Length: 100\r\n\r\nabc`);
  await until(async () => /http_body_bytes 3\b/.test((await door.ask('GET', '/metrics')).text));
  wire.socket.destroy();
  await until(async () => /http_body_bytes 0\b/.test((await door.ask('GET', '/metrics')).text));
  assert.equal((await door.ask('GET', '/v1/topics/t/records')).json.end, 0);
});

test('pipelined requests are answered in order', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const post = (body: string): string => `POST /v1/topics/t/records HTTP/1.1\r\n${HOST}Content-Length: ${body.length}\r\n\r\n${body}`;
  const wire = raw(t, door.server.port, post('1') + post('22') + post('333'));
  const text = await wire.seen(/"offset":2/);
  assert.deepEqual(
    [...text.matchAll(/"offset":(\d)/g)].map(([, n]) => n),
    ['0', '1', '2'],
  );
});
