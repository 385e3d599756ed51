/** Clients that others wrote, as their users use them, against the door. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { Agent, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { CloudEvent, emitterFor, HTTP, Mode } from 'cloudevents';
import { EventSource } from 'eventsource';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { startHttp } from '../../../src/servers/http/http.ts';
import { opened, until } from '../../servers/http/opened.ts';

function eventSource(t: TestContext, url: string): { source: EventSource; bodies: unknown[] } {
  const source = new EventSource(url);
  const bodies: unknown[] = [];
  source.addEventListener('message', (event) => bodies.push(JSON.parse(event.data).body));
  t.after(() => source.close());
  return { source, bodies };
}

test('eventsource: messages arrive, and after the door went away and came back it goes on where it was', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 2 } });
  const publish = async (from: number, to: number, base = door.base): Promise<void> => {
    for (let n = from; n < to; n++) {
      await fetch(`${base}/v1/topics/t/records?partition=${n % 2}`, {
        method: 'POST',
        body: String(n),
        headers: { 'content-type': 'application/json' },
      });
    }
  };
  const { source, bodies } = eventSource(t, `${door.base}/v1/topics/t/stream?from=earliest`);
  await publish(0, 10);
  await until(() => bodies.length === 10);
  await door.server.close();
  await until(() => source.readyState === source.CONNECTING);
  const machine = { ...nodeHost({ logger: silentLogger }) };
  const again = await startHttp(door.broker, { machine, port: door.server.port });
  t.after(() => again.close());
  await publish(10, 20);
  await until(() => bodies.length >= 20);
  assert.deepEqual(
    [...bodies].sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: 20 }, (_, n) => n),
    'none lost, none twice',
  );
});

test('eventsource: subscribes to addresses, and hears of the end', async (t) => {
  const door = await opened(t);
  const { source, bodies } = eventSource(t, `${door.base}/v1/subscribe/a.*`);
  let ended = '';
  source.addEventListener('end', (event) => {
    ended = JSON.parse(event.data).reason;
  });
  await until(() => source.readyState === source.OPEN);
  await door.ask('POST', '/v1/publish/a.b', { json: { text: 'zwei\nZeilen \u2028 und mehr' } });
  await until(() => bodies.length === 1);
  assert.deepEqual(bodies, [{ text: 'zwei\nZeilen \u2028 und mehr' }]);
  await door.server.close();
  await until(() => ended !== '');
});

test('the WebSocket of Node itself: publish, subscribe, ack', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const socket = new WebSocket(`ws://127.0.0.1:${door.server.port}/v1/ws`, 'signalbox.v1');
  t.after(() => socket.close());
  // biome-ignore lint/suspicious/noExplicitAny: frames of many shapes
  const frames: any[] = [];
  socket.addEventListener('message', (event) => frames.push(JSON.parse(String(event.data))));
  await new Promise((resolve) => socket.addEventListener('open', resolve));
  socket.send(JSON.stringify({ op: 'subscribe', ref: 1, sub: 's', queue: 'q' }));
  socket.send(JSON.stringify({ op: 'publish', ref: 2, exchange: '', address: 'q', message: { body: { a: 1 } } }));
  await until(() => frames.some((frame) => frame.op === 'messages'));
  const [message] = frames.find((frame) => frame.op === 'messages').messages;
  assert.deepEqual(message.body, { a: 1 });
  socket.send(JSON.stringify({ op: 'ack', ref: 3, sub: 's', receipts: [message.receipt] }));
  await until(() => frames.some((frame) => frame.ref === 3));
  assert.deepEqual(
    frames.find((frame) => frame.ref === 3),
    { op: 'done', ref: 3, settled: 1 },
  );
});

test('the CloudEvents SDK: sends in every mode, and reads what we send', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.broker.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'orders.#' });
  const transport = async (message: { headers: Record<string, unknown>; body: unknown }): Promise<unknown> => {
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
    const reply = await fetch(`${door.base}/v1/publish/orders.created`, { method: 'POST', headers, body: message.body as string });
    assert.equal(reply.status, 200, await reply.clone().text());
    return reply.json();
  };
  const event = (id: string, data: unknown): CloudEvent<unknown> =>
    new CloudEvent({ id, type: 'order.created', source: '/shop', subject: 's', data, trace: 'x' });
  for (const mode of [Mode.BINARY, Mode.STRUCTURED]) {
    const emit = emitterFor(transport as Parameters<typeof emitterFor>[0], { mode });
    await emit(event(mode, { n: 1 }));
  }
  const batch = [event('b1', 'text'), event('b2', [1, 2])];
  await transport({ headers: { 'content-type': 'application/cloudevents-batch+json' }, body: JSON.stringify(batch) });
  const reply = await fetch(`${door.base}/v1/queues/q/receive?max=10&settle=on-delivery`, {
    method: 'POST',
    headers: { accept: 'application/cloudevents-batch+json' },
  });
  const read = HTTP.toEvent({
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: await reply.text(),
  }) as CloudEvent<unknown>[];
  assert.deepEqual(
    read.map(({ id, type, source, subject, data, trace }) => [id, type, source, subject, data, trace]),
    [
      ['binary', 'order.created', '/shop', 's', { n: 1 }, 'x'],
      ['structured', 'order.created', '/shop', 's', { n: 1 }, 'x'],
      ['b1', 'order.created', '/shop', 's', 'text', 'x'],
      ['b2', 'order.created', '/shop', 's', [1, 2], 'x'],
    ],
  );
  assert.ok(read.every((one) => one.validate()));
});

test('node:http with one kept connection: a thousand publishes, all there, in order', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const post = (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request(`${door.base}/v1/topics/t/records`, { method: 'POST', agent }, (reply) => {
        let text = '';
        reply.on('data', (chunk) => {
          text += chunk;
        });
        reply.on('end', () => resolve(JSON.parse(text).offset));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  const offsets = await Promise.all(Array.from({ length: 1000 }, (_, n) => post(String(n))));
  assert.deepEqual(
    offsets,
    Array.from({ length: 1000 }, (_, n) => n),
  );
});

const run = promisify(execFile);

test('curl: a stream of lines from a file, and a tail of them', async (t) => {
  const hasCurl = await run('curl', ['--version']).then(() => true, () => false); // biome-ignore format: one line
  if (!hasCurl) return t.skip('curl is not installed');
  const door = await opened(t);
  await run('curl', ['-sf', '-XPUT', `${door.base}/v1/topics/t`]);
  const lines = Array.from({ length: 5000 }, (_, n) => JSON.stringify({ n, pad: 'x'.repeat(300) })).join('\n');
  const piped = execFile('curl', ['-sf', '-T-', '-XPOST', '-H', 'content-type: application/x-ndjson', `${door.base}/v1/topics/t/records`]);
  let told = '';
  piped.stdout?.on('data', (chunk) => {
    told += chunk;
  });
  const done = new Promise((resolve) => piped.on('close', resolve));
  piped.stdin?.end(lines);
  await done;
  assert.equal(JSON.parse(told).count, 5000);
  const large = execFile('curl', [
    '-sf',
    '--data-binary',
    '@-',
    '-H',
    'content-type: application/json',
    `${door.base}/v1/topics/t/records`,
  ]);
  const sent = new Promise((resolve) => large.on('close', resolve));
  large.stdin?.end(JSON.stringify('x'.repeat(2_000_000))); // more than 1 MiB: curl asks for 100 Continue first
  await sent;
  assert.equal((await door.ask('GET', '/v1/topics/t/records?from=latest')).json.end, 5001);
  const tail = execFile('curl', ['-sN', '-H', 'accept: application/x-ndjson', `${door.base}/v1/topics/t/stream?from=earliest`], {
    maxBuffer: 1 << 26,
  });
  t.after(() => tail.kill());
  let text = '';
  tail.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  await until(() => text.split('\n').length > 5001);
  const seen = text.split('\n').slice(0, 5000).map((line) => JSON.parse(line).body.n); // biome-ignore format: one line
  assert.deepEqual(
    seen,
    Array.from({ length: 5000 }, (_, n) => n),
  );
});

test('TLS: the same door, encrypted', async (t) => {
  const made = await run('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', '-', '-subj', '/CN=localhost', '-days', '2',
    '-addext', 'subjectAltName=DNS:localhost', '-out', '-',
  ]).catch(() => undefined); // biome-ignore format: a command line
  if (made === undefined) return t.skip('openssl is not installed');
  const key = /-----BEGIN PRIVATE KEY-----.*-----END PRIVATE KEY-----/s.exec(made.stdout)?.[0] ?? '';
  const cert = /-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----/s.exec(made.stdout)?.[0] ?? '';
  const door = await opened(t, { tls: { key, cert } });
  const { request: secure } = await import('node:https');
  const get = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = secure(
        {
          host: '127.0.0.1',
          servername: 'localhost',
          port: door.server.port,
          path,
          ca: cert,
          agent: false,
          headers: { host: 'localhost' },
        },
        (reply) => {
          let text = '';
          reply.on('data', (chunk) => {
            text += chunk;
            if (path.startsWith('/v1/subscribe')) resolve(text);
          });
          reply.on('end', () => resolve(text));
        },
      );
      sent.on('error', reject);
      sent.end();
    });
  assert.equal(await get('/livez'), 'ok\n');
  assert.match(await get('/v1/subscribe/a'), /^retry/);
  await door.server.close();
});
