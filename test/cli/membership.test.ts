/** A member of a group and its end: whatever the broker says or does not say, it comes to one. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket as Socket, type WebSocket, WebSocketServer } from 'ws';
import { Client } from '../../src/cli/client.ts';
import { Failure } from '../../src/cli/exits.ts';
import { Printer, persist } from '../../src/cli/following.ts';
import { memberSession } from '../../src/cli/membership.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { WEBSOCKET_PROTOCOL } from '../../src/wire/http/http.ts';

interface Asked {
  readonly op: string;
  readonly ref: number;
}

/** A broker that answers what it is asked as it is told to; what it answers with undefined it does not answer. */
async function brokerThat(t: TestContext, answer: (asked: Asked, socket: WebSocket) => object | undefined): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => WEBSOCKET_PROTOCOL });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  server.on('connection', (socket) =>
    socket.on('message', (data) => {
      const said = answer(JSON.parse(String(data)) as Asked, socket);
      if (said !== undefined) socket.send(JSON.stringify(said));
    }),
  );
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function session(url: string, signal: AbortSignal, alive: () => void = () => undefined): Promise<void> {
  const terminal = new Terminal(true);
  const client = Client.find({ data: undefined, url, token: undefined });
  const printer = new Printer(terminal, 1, undefined);
  return memberSession({ client, topic: 't', group: 'g', from: undefined }, printer, terminal, alive, signal);
}

test('a time that is up before the broker was asked ends it', async (t) => {
  const url = await brokerThat(t, ({ ref }) => ({ op: 'done', ref }));
  await assert.rejects(session(url, AbortSignal.abort()), { name: 'AbortError' });
});

test('a time that is up as the connection opens ends it', async (t) => {
  const limit = new AbortController();
  const url = await brokerThat(t, ({ ref }) => ({ op: 'done', ref }));
  // It is up between the opening and whoever waits for it: those hear of the opening first.
  const { once: hear } = Socket.prototype;
  t.mock.method(Socket.prototype, 'once', function (this: WebSocket, event: string, fn: (...args: unknown[]) => void) {
    if (event !== 'open') return hear.call(this, event, fn);
    return hear.call(this, event, () => {
      fn();
      limit.abort();
    });
  });
  await session(url, limit.signal);
});

test('a time that is up while the broker takes no notice ends it', async (t) => {
  const limit = new AbortController();
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    limit.abort();
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(session(url, limit.signal), Failure);
});

test('a leave that the broker refuses is an end, too', async (t) => {
  const limit = new AbortController();
  const url = await brokerThat(t, ({ op, ref }) =>
    op === 'subscribe' ? { op: 'done', ref } : { op: 'error', ref, code: 'unknown', detail: 'There is no subscription "it".' },
  );
  await session(url, limit.signal, () => limit.abort());
});

test('patience with a broker that is away ends with the time', async () => {
  const limit = new AbortController();
  let asked = 0;
  const away = persist(
    3_600_000,
    new Terminal(true),
    async () => {
      asked += 1;
      limit.abort();
      throw new Failure('unreachable', 'Nobody is there.');
    },
    limit.signal,
  );
  await assert.rejects(away, /Nobody is there/);
  assert.equal(asked, 1);
});
