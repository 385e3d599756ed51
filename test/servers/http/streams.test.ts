import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { opened, turn, until } from './opened.ts';
import { type Event, streamed } from './streamed.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };
const bodies = (events: readonly Event[]): unknown[] => events.map((event) => event.data.body);

test('a subscription gets what is published to its addresses from then on, and leaves nothing behind', async (t) => {
  const door = await opened(t);
  await door.ask('POST', '/v1/publish/orders.before', { json: 0 });
  const stream = await streamed(t, door, '/v1/subscribe/orders.%23');
  assert.equal(stream.reply.headers.get('content-type'), 'text/event-stream');
  await door.ask('POST', '/v1/publish/orders.created', { json: 1 });
  await door.ask('POST', '/v1/publish/other', { json: 2 });
  await door.ask('POST', '/v1/publish/orders.paid?key=k', { body: '3\n4\n', headers: NDJSON });
  const events = await stream.take(3);
  assert.deepEqual(bodies(events), [1, 3, 4]);
  assert.deepEqual([events[0]?.data.address, events[1]?.data.key], ['orders.created', 'k']);
  assert.equal((await door.ask('GET', '/v1/queues?prefix=sub.')).json.items.length, 1);
  stream.hangUp();
  await until(async () => (await door.ask('GET', '/v1/queues')).json.items.length === 0);
});

test('filter, retained values, CloudEvents, and plain lines', async (t) => {
  const door = await opened(t);
  await door.ask('POST', '/v1/publish/lamp.1?retain', { json: { n: 0 } });
  const stream = await streamed(t, door, `/v1/subscribe/lamp.*?retained&filter=${encodeURIComponent('body.n > `1`')}`);
  for (const n of [1, 2, 3]) await door.ask('POST', '/v1/publish/lamp.2', { json: { n } });
  const [kept, ...live] = await stream.take(3);
  assert.deepEqual([kept?.data.retained, kept?.data.body, bodies(live)], [true, { n: 0 }, [{ n: 2 }, { n: 3 }]]);

  const cloud = await streamed(t, door, '/v1/subscribe/lamp.*?form=cloudevent');
  await door.ask('POST', '/v1/publish/lamp.3?type=lit', { json: { n: 9 } });
  const [event] = await cloud.take(1);
  assert.deepEqual([event?.data.specversion, event?.data.type, event?.data.data], ['1.0', 'lit', { n: 9 }]);

  const gone = new AbortController();
  t.after(() => gone.abort());
  const lines = await fetch(`${door.base}/v1/subscribe/lamp.*`, { headers: { accept: 'application/x-ndjson' }, signal: gone.signal });
  const reader = lines.body?.getReader();
  await door.ask('POST', '/v1/publish/lamp.4', { json: { n: 10 } });
  const part = await reader?.read();
  assert.deepEqual(JSON.parse(new TextDecoder().decode(part?.value)).body, { n: 10 });
});

test('what cannot be subscribed is refused before the stream begins', async (t) => {
  const door = await opened(t);
  const refused = async (path: string, status: number, code: string): Promise<void> => {
    const told = await door.ask('GET', path);
    assert.deepEqual([told.status, told.json?.code], [status, code], path);
  };
  await refused('/v1/subscribe/a?filter=((', 400, 'invalid');
  await refused('/v1/subscribe/a?exchange=none', 404, 'unknown');
  await refused('/v1/topics/none/stream', 404, 'unknown');
  await door.ask('PUT', '/v1/topics/t');
  await refused('/v1/topics/t/stream?partition=4', 404, 'unknown');
  await refused('/v1/topics/t/stream?from=tomorrow', 400, 'invalid');
  await refused('/v1/topics/t/stream?from=0:1,7:1', 404, 'unknown');
  await refused('/v1/topics/t/stream?last-event-id=0:1', 416, 'out-of-range');
  assert.equal((await door.ask('GET', '/v1/queues')).json.items.length, 0, 'nothing is left of them');
});

test('a topic is followed from where one says, and on', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  await door.ask('POST', '/v1/topics/t/records', { body: '0\n1\n2', headers: NDJSON });
  const afterMs = door.broker.nowMs() + 1;
  await until(() => door.broker.nowMs() > afterMs);
  const from = async (query: string) => streamed(t, door, `/v1/topics/t/stream${query}`);
  const earliest = await from('?from=earliest');
  const latest = await from('');
  const byTime = await from(`?from=${Math.ceil(afterMs)}`);
  const positioned = await from('?from=0:1');
  await door.ask('POST', '/v1/topics/t/records', { json: 3 });
  assert.deepEqual(bodies(await earliest.take(4)), [0, 1, 2, 3]);
  assert.deepEqual(bodies(await latest.take(1)), [3]);
  assert.deepEqual(bodies(await byTime.take(1)), [3]);
  const [first, ...rest] = await positioned.take(3);
  assert.deepEqual([first?.id, first?.data.offset, first?.data.body, bodies(rest)], ['0:2', 1, 1, [2, 3]]);
});

test('Last-Event-ID goes on exactly where it was, in every partition', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 3 } });
  const publish = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++) await door.ask('POST', `/v1/topics/t/records?partition=${n % 3}`, { json: n });
  };
  await publish(0, 30);
  const seen = new Set<number>();
  let lastId = '0:0,1:0,2:0';
  for (const count of [7, 1, 13, 9]) {
    const stream = await streamed(t, door, '/v1/topics/t/stream', { 'last-event-id': lastId });
    for (const { id, data } of await stream.take(count)) {
      assert.ok(!seen.has(data.body), `${data.body} came twice`);
      seen.add(data.body);
      lastId = id ?? '';
    }
    stream.hangUp();
  }
  assert.equal(seen.size, 30);
  const next = await streamed(t, door, `/v1/topics/t/stream?last-event-id=${lastId}`);
  await publish(30, 31);
  assert.deepEqual(bodies(await next.take(1)), [30]);
});

test('a removed topic or queue ends the stream with the reason', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const stream = await streamed(t, door, '/v1/topics/t/stream');
  await door.ask('DELETE', '/v1/topics/t');
  const [error, end] = await stream.take(2);
  assert.deepEqual([error?.event, error?.data.code, end?.event], ['error', 'unknown', 'end']);
  await until(stream.hasEnded);
});

test('silence is filled with comments', async (t) => {
  const door = await opened(t, { limits: { heartbeatMs: 20 } });
  const gone = new AbortController();
  t.after(() => gone.abort());
  const reply = await fetch(`${door.base}/v1/subscribe/a`, { signal: gone.signal });
  const reader = reply.body?.getReader();
  let text = '';
  await until(async () => {
    text += new TextDecoder().decode((await reader?.read())?.value);
    return text.split(':\n\n').length > 3;
  });
});

test('a slow reader is bounded: it loses the oldest, is told how many, and slows nobody', async (t) => {
  const limits = { outgoingBytesMax: 64 * 1024, backlogMax: 10, stallMs: 60_000 };
  const door = await opened(t, { limits });
  const fast = await streamed(t, door, '/v1/subscribe/a');
  const slow = connect(door.server.port, '127.0.0.1');
  t.after(() => slow.destroy());
  slow.write('GET /v1/subscribe/a HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => door.broker.metrics().get('consumers') === 2);
  slow.pause();
  const pad = 'x'.repeat(200_000);
  const count = 150; // 30 MB: more than the kernel's buffers take
  for (let n = 0; n < count; n++) {
    await door.ask('POST', '/v1/publish/a', { json: { n, pad } });
    assert.equal((await fast.take(1))[0]?.data.body.n, n);
  }
  const { items } = (await door.ask('GET', '/v1/queues')).json;
  const behind = items.find((item: { state: { ready: number } }) => item.state.ready > 0);
  assert.equal(behind.state.ready, 10, 'the backlog is bounded');
  assert.ok(behind.state.totals.dropped > 0);
  let text = '';
  slow.setEncoding('latin1');
  slow.on('data', (chunk) => {
    text += chunk;
  });
  slow.resume();
  await until(() => text.includes(`"n":${count - 1},`));
  const seen = [...text.matchAll(/"n":(\d+),/g)].length;
  const dropped = [...text.matchAll(/event: dropped\ndata: \{"count":(\d+)\}/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  assert.equal(seen + dropped, count, 'every message came or was told as dropped');
});

test('a reader that takes nothing at all is cut off', async (t) => {
  const door = await opened(t, { limits: { stallMs: 200, outgoingBytesMax: 64 * 1024 } });
  await door.ask('PUT', '/v1/topics/t');
  const pad = 'x'.repeat(1_000_000);
  for (let n = 0; n < 20; n++) await door.ask('POST', '/v1/topics/t/records', { json: pad });
  const stuck = connect(door.server.port, '127.0.0.1');
  t.after(() => stuck.destroy());
  let closed = false;
  stuck.on('close', () => {
    closed = true;
  });
  stuck.on('error', () => undefined);
  stuck.write('GET /v1/topics/t/stream?from=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n');
  stuck.pause();
  const streams = async (): Promise<string | undefined> =>
    /signalbox_http_streams (\d+)/.exec((await door.ask('GET', '/metrics')).text)?.[1];
  await until(async () => (await streams()) === '1');
  await until(async () => (await streams()) === '0');
  stuck.resume();
  await until(() => closed);
});

test('a stream cannot stand behind another answer on one connection', async (t) => {
  const door = await opened(t);
  const socket = connect(door.server.port, '127.0.0.1');
  t.after(() => socket.destroy());
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  socket.write(get('/v1/subscribe/a') + get('/v1/subscribe/b'));
  await until(async () => (await door.ask('GET', '/v1/queues')).json.items.length === 1 && text.includes('retry:'));
});

test('an error of our own ends the stream without its inside, which the log has', async (t) => {
  const logged: unknown[] = [];
  const logger = { info: () => undefined, warn: () => undefined, error: (_: string, fields?: object) => void logged.push(fields) };
  const door = await opened(t, { machine: nodeHost({ logger }) });
  await door.ask('PUT', '/v1/topics/t');
  t.mock.method(door.broker, 'fetch', async () => {
    throw new TypeError('the inside of it');
  });
  const stream = await streamed(t, door, '/v1/topics/t/stream');
  const [error, end] = await stream.take(2);
  assert.deepEqual([error?.data.code, end?.event], ['internal', 'end']);
  assert.ok(!JSON.stringify([error, end]).includes('inside of it'));
  assert.match(JSON.stringify(logged), /the inside of it/);
});

test('a stream reads the partitions that its topic is given later, too, and its ids speak of them', async (t) => {
  const clock = new HandClock();
  const door = await opened(t, { limits: { partitionsMax: 3 } }, clock);
  await door.ask('PUT', '/v1/topics/t');
  const all = await streamed(t, door, '/v1/topics/t/stream');
  const one = await streamed(t, door, '/v1/topics/t/stream?partition=0');
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 2 } });
  await door.ask('POST', '/v1/topics/t/records?partition=1', { json: 'new' });
  await turn(clock, door, 5000);
  const [added] = await all.take(1);
  assert.deepEqual([added?.data.body, added?.data.partition, added?.id], ['new', 1, '1:1,0:0']);
  await door.ask('POST', '/v1/topics/t/records?partition=0', { json: 'old' });
  assert.deepEqual(bodies(await one.take(1)), ['old'], 'who named its partitions reads those');
  assert.equal((await all.take(1))[0]?.id, '0:1,1:1');
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 4 } });
  await turn(clock, door, 5000);
  const [error] = await all.take(1);
  assert.deepEqual([error?.event, error?.data.code], ['error', 'invalid'], 'too many for one stream');
  assert.deepEqual([one.hasEnded(), one.events], [false, []]);
});
