import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { LogFields } from '../../src/host/logger.ts';
import { nodeClock } from '../../src/host/node-clock.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import type { Refused } from '../../src/model/refusal.ts';
import { Attempts } from '../../src/servers/attempts.ts';
import { checkExposure, createTcpServer, isLoopback, Outlet, SOCKET_LIMITS, Sockets } from '../../src/servers/connection.ts';

test('loopback is told from everything that only looks like it', () => {
  for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '::1', '[::1]', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(host), host);
  for (const host of [
    '',
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '::2',
    '1270.0.0.1',
  ]) {
    assert.ok(!isLoopback(host), host);
  }
});

test('a door opens to the network only when it asks who comes', () => {
  checkExposure('127.0.0.1', false, 'http');
  checkExposure('0.0.0.0', true, 'http');
  assert.throws(
    () => checkExposure('0.0.0.0', false, 'http'),
    (error: Refused) => error.code === 'forbidden' && error.message.includes('http'),
  );
});

test('an outlet is full while much waits and the drain is still to come, and calls once', () => {
  const to = Object.assign(new EventEmitter(), { writableLength: 0, writableNeedDrain: false, destroyed: false });
  const outlet = new Outlet(to, 100);
  assert.ok(!outlet.full);
  to.writableLength = 100;
  assert.ok(!outlet.full, 'without a drain to come nobody would wake us');
  to.writableNeedDrain = true;
  assert.ok(outlet.full);
  let calls = 0;
  outlet.whenRoom(() => {
    calls += 1;
  });
  to.emit('drain');
  to.emit('close');
  to.emit('drain');
  assert.equal(calls, 1);
  outlet.whenRoom(() => {
    calls += 1;
  });
  to.emit('close');
  assert.equal(calls, 2, 'the end of the connection wakes too');
  to.destroyed = true;
  assert.ok(!outlet.full);
});

test('failed attempts are counted by address, forgotten with time, and bounded', () => {
  let nowMs = 0;
  const clock = { ...nodeClock(), monotonicMs: () => nowMs };
  const attempts = new Attempts(clock, 2, 1000);
  attempts.failed('a');
  assert.equal(attempts.waitMs('a'), 0);
  nowMs = 400;
  attempts.failed('a');
  assert.equal(attempts.waitMs('a'), 600);
  assert.equal(attempts.waitMs('b'), 0);
  nowMs = 1001;
  assert.equal(attempts.waitMs('a'), 0);
  attempts.failed('a');
  assert.equal(attempts.waitMs('a'), 0, 'the window begins anew');
  for (let i = 0; i < 20_000; i++) attempts.failed(`x${i}`);
  attempts.failed('x19999');
  assert.ok(attempts.waitMs('x19999') > 0);
  assert.equal(attempts.waitMs('x0'), 0);
});

test('a server for bare TCP takes bytes as they come', async (t) => {
  const server = createTcpServer();
  const sockets = new Sockets(server, { clock: nodeClock(), logger: silentLogger }, SOCKET_LIMITS, false);
  server.on('connection', (socket) => socket.on('data', (bytes) => socket.end(bytes)));
  const port = await sockets.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => sockets.close(100, () => false));
  const client = connect({ host: '127.0.0.1', port });
  client.write('echo');
  const [answer] = (await once(client, 'data')) as [Buffer];
  assert.equal(answer.toString(), 'echo');
});

test('who is turned away for want of room is told of in the log, once for a crowd', async (t) => {
  const server = createTcpServer();
  const told: (LogFields | undefined)[] = [];
  const logger = { ...silentLogger, warn: (_event: string, fields?: LogFields) => void told.push(fields) };
  const sockets = new Sockets(server, { clock: nodeClock(), logger }, { ...SOCKET_LIMITS, connectionsMax: 1 }, false);
  const port = await sockets.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => sockets.close(100, () => false));
  const first = connect({ host: '127.0.0.1', port });
  await once(first, 'connect');
  for (let i = 0; i < 3; i++) {
    const late = connect({ host: '127.0.0.1', port });
    late.on('error', () => undefined); // it may be reset
    await once(late, 'close');
  }
  assert.equal(sockets.dropped, 3);
  assert.deepEqual(
    told.map((fields) => [fields?.connectionsMax, fields?.dropped, fields?.port]),
    [[1, 1, port]],
  );
});
