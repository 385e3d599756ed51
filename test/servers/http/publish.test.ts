import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { readMessage } from '../../../src/model/record.ts';
import { type Opened, opened, until } from './opened.ts';

const NDJSON = { 'content-type': 'application/x-ndjson' };
const HEADLESS = 'application/x-www-form-urlencoded';

async function received(door: Opened, queue: string, max = 100) {
  return (await door.ask('POST', `/v1/queues/${queue}/receive?max=${max}`)).json.messages;
}

test('raw bytes go in and come out, with their content type and properties', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q', { json: { priorityMax: 9 } });
  const sent = await door.ask(
    'POST',
    '/v1/queues/q/messages?priority=7&id=i&type=t&source=s&subject=su&correlation-id=c&reply-to=r&ttl=1h&key=k%C3%A4&header=Trace:a:b',
    { body: Uint8Array.of(0, 255), headers: { 'content-type': 'application/x-thing', 'signalbox-header-x': 'y', traceparent: '00-1' } },
  );
  assert.deepEqual([sent.status, sent.json], [200, { count: 1, routed: 1 }]);
  const [message] = await received(door, 'q');
  assert.equal(typeof message.receipt, 'string');
  assert.equal(typeof message.timestamp, 'number');
  delete message.receipt;
  delete message.timestamp;
  assert.deepEqual(message, {
    attempts: 1,
    address: 'q',
    exchange: '',
    key: 'kä',
    id: 'i',
    type: 't',
    source: 's',
    subject: 'su',
    contentType: 'application/x-thing',
    correlationId: 'c',
    replyTo: 'r',
    priority: 7,
    ttl: 3_600_000,
    headers: { traceparent: '00-1', x: 'y', Trace: 'a:b' },
    base64: 'AP8=',
  });
});

test('properties may come as headers, and the query wins', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 3 } });
  const headers = { 'signalbox-partition': '2', 'signalbox-key': 'from header' };
  assert.equal((await door.ask('POST', '/v1/topics/t/records', { body: 'a', headers })).json.partition, 2);
  assert.equal((await door.ask('POST', '/v1/topics/t/records?partition=1', { body: 'a', headers })).json.partition, 1);
});

test('what curl says of any body is taken for saying nothing', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages', { body: '{"a":1}', headers: { 'content-type': HEADLESS } });
  const [message] = await received(door, 'q');
  assert.equal(message.contentType, undefined);
  assert.deepEqual(message.body, { a: 1 });
});

test('one key, one partition: the one a Kafka client would choose', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t', { json: { partitions: 7 } });
  const partition = async (key: string): Promise<number> =>
    (await door.ask('POST', `/v1/topics/t/records?key=${key}`, { body: 'x' })).json.partition;
  // murmur2 of "21" is 0xc90c9a6a (Kafka's own test vector: -973932308 as a signed number).
  assert.equal(await partition('21'), (-973_932_308 & 0x7fff_ffff) % 7);
  assert.equal(await partition('21'), (-973_932_308 & 0x7fff_ffff) % 7);
});

test('a single message of a topic is answered with its place, many with ranges', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  assert.deepEqual((await door.ask('POST', '/v1/topics/t/records', { json: 1 })).json, { count: 1, routed: 1, partition: 0, offset: 0 });
  assert.deepEqual((await door.ask('POST', '/v1/publish/t', { body: '1\n2\n\n3', headers: NDJSON })).json, {
    count: 3,
    routed: 1,
    offsets: [{ partition: 0, first: 1, last: 3 }],
  });
  const { records, next, end } = (await door.ask('GET', '/v1/topics/t/records?offset=1&max=2')).json;
  assert.deepEqual([records.map((r: { body: unknown }) => r.body), next, end], [[1, 2], 3, 4]);
});

test('an address with nobody there is fine, unless it is mandatory', async (t) => {
  const door = await opened(t);
  assert.deepEqual((await door.ask('POST', '/v1/publish/nobody', { body: 'x' })).json, { count: 1, routed: 0 });
  const refused = await door.ask('POST', '/v1/publish/nobody?mandatory', { body: 'x' });
  assert.deepEqual([refused.status, refused.json.code, refused.headers.get('content-type')], [404, 'unrouted', 'application/problem+json']);
});

test('a topic or queue that is not there is unknown', async (t) => {
  const door = await opened(t);
  for (const path of ['/v1/topics/no/records', '/v1/queues/no/messages']) {
    const refused = await door.ask('POST', path, { body: 'x' });
    assert.deepEqual([refused.status, refused.json.code], [404, 'unknown'], path);
  }
});

test('a message in JSON form carries its own properties; lines of them many', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const one = '{"key":"k","headers":{"n":{"bigint":"12345678901234567890"}},"body":{"n":12345678901234567890}}';
  await door.ask('POST', '/v1/queues/q/messages', { body: one, headers: { 'content-type': 'application/vnd.signalbox.message+json' } });
  const many = '{"text":"a","priority":1}\n{"base64":"AP8=","id":"2"}\n';
  const type = { 'content-type': 'application/vnd.signalbox.messages+ndjson' };
  assert.equal((await door.ask('POST', '/v1/queues/q/messages?id=default', { body: many, headers: type })).json.count, 2);
  const told = await door.ask('POST', '/v1/queues/q/receive?max=9');
  assert.ok(told.text.includes('"body":{"n":12345678901234567890}'), 'digits are kept');
  const [first, second, third] = told.json.messages;
  assert.deepEqual(first.headers, { n: { bigint: '12345678901234567890' } });
  assert.deepEqual([second.text, second.id, second.contentType], ['a', 'default', 'text/plain; charset=utf-8']);
  assert.deepEqual([third.base64, third.id], ['AP8=', '2']);
  const refused = await door.ask('POST', '/v1/queues/q/messages', { body: '{}\n{"prio":1}\n', headers: type });
  assert.deepEqual([refused.status, refused.json.code], [400, 'invalid']);
  assert.match(refused.json.detail, /Line 2.*"prio"/);
  assert.equal((await received(door, 'q')).length, 0, 'nothing of a batch that is wrong was published');
});

test('a body of lines is one batch, all or nothing, whatever line is wrong', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const refused = await door.ask('POST', '/v1/topics/t/records', { body: '1\n2\n{', headers: NDJSON });
  assert.deepEqual([refused.status, refused.json.code, refused.json.published], [400, 'invalid', undefined]);
  assert.match(refused.json.detail, /Line 3/);
  assert.equal((await door.ask('GET', '/v1/topics/t/records')).json.end, 0);
});

/** A chunked request whose pieces are sent when the test says so. */
function streamed(door: Opened, path: string) {
  const sent = request(`${door.base}${path}`, { method: 'POST', headers: NDJSON });
  const answer = new Promise<{ status: number; json: Record<string, unknown> }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', async (reply) => {
      let text = '';
      for await (const chunk of reply) text += chunk;
      resolve({ status: reply.statusCode ?? 0, json: JSON.parse(text) });
    });
  });
  return { write: (text: string) => sent.write(text), end: () => sent.end(), answer };
}

test('a stream of lines is published as it comes, in order', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const end = async (): Promise<number> => (await door.ask('GET', '/v1/topics/t/records')).json.end;
  const stream = streamed(door, '/v1/topics/t/records');
  stream.write('{"n":0}\n{"n":');
  await until(async () => (await end()) === 1);
  stream.write('1}\n{"n":2}');
  await until(async () => (await end()) === 2);
  stream.end();
  assert.deepEqual(await stream.answer, { status: 200, json: { count: 3, routed: 1, offsets: [{ partition: 0, first: 0, last: 2 }] } });
  const { records } = (await door.ask('GET', '/v1/topics/t/records')).json;
  assert.deepEqual(
    records.map((r: { body: { n: number } }) => r.body.n),
    [0, 1, 2],
  );
});

test('a stream that goes wrong says how much of it was published: the lines before the fault', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/topics/t');
  const stream = streamed(door, '/v1/topics/t/records');
  stream.write('1\n2\n');
  await until(async () => (await door.ask('GET', '/v1/topics/t/records')).json.end === 2);
  stream.write('3\nnot json\n5\n');
  const { status, json } = await stream.answer;
  assert.deepEqual([status, json.code, (json.published as { count: number }).count], [400, 'invalid', 3]);
  assert.match(String(json.detail), /Line 4/);
  assert.equal((await door.ask('GET', '/v1/topics/t/records')).json.end, 3);
});

test('a stream stops at the first batch that is refused, so what was published is its first lines', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q', { json: { countMax: 3 } });
  await door.broker.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'a' });
  const stream = streamed(door, '/v1/publish/a');
  stream.write('1\n2\n');
  await until(async () => (await door.ask('GET', '/v1/queues/q')).json.state.ready === 2);
  stream.write('3\n4\n5\n');
  stream.write('6\n');
  stream.end();
  const { status, json } = await stream.answer;
  assert.deepEqual([status, json.code, (json.published as { count: number }).count], [429, 'full', 2]);
});

test('a large stream goes in bounded batches, whole and in order', async (t) => {
  const door = await opened(t, { limits: { batchBytesMax: 16 * 1024 } });
  await door.ask('PUT', '/v1/topics/t');
  const stream = streamed(door, '/v1/topics/t/records');
  const count = 20_000;
  for (let n = 0; n < count; n += 100) {
    stream.write(Array.from({ length: 100 }, (_, i) => `{"n":${n + i},"pad":"${'x'.repeat(50)}"}\n`).join(''));
  }
  stream.end();
  assert.equal((await stream.answer).json.count, count);
  let seen = 0;
  for (let offset = 0; offset < count; ) {
    const fetched = await door.broker.fetch({ topic: 't', partition: 0, offset: offset as never, sizeBytesMax: 1 << 20 });
    for (let i = 0; i < fetched.records.count; i++) {
      const at = i === 0 ? fetched.records.start : (fetched.records.ends[i - 1] ?? 0);
      assert.equal(JSON.parse(new TextDecoder().decode(readMessage(fetched.records.bytes, at).body)).n, seen++);
    }
    offset = fetched.next;
  }
  assert.equal(seen, count);
});

test('atomic lines are one batch even when they come in pieces', async (t) => {
  const door = await opened(t, { limits: { bodyBytesMax: 1000 } });
  await door.ask('PUT', '/v1/topics/t');
  const stream = streamed(door, '/v1/topics/t/records?atomic');
  stream.write('1\n');
  stream.write('oops\n');
  stream.end();
  const { status, json } = await stream.answer;
  assert.deepEqual([status, json.published], [400, undefined]);
  assert.equal((await door.ask('GET', '/v1/topics/t/records')).json.end, 0);
  const large = await door.ask('POST', '/v1/topics/t/records?atomic', { body: `"${'x'.repeat(2000)}"\n`, headers: NDJSON });
  assert.deepEqual([large.status, large.json.code], [413, 'too-large']);
});

test('delays, dedup ids and retained values do what they say', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q', { json: { dedupWindowMs: 60_000 } });
  await door.ask('POST', '/v1/queues/q/messages?delay=1h', { body: 'later' });
  assert.equal((await door.ask('GET', '/v1/queues/q')).json.state.delayed, 1);
  await door.ask('POST', '/v1/queues/q/messages?dedup-id=x', { body: 'a' });
  assert.equal((await door.ask('POST', '/v1/queues/q/messages?dedup-id=x', { body: 'a' })).json.duplicates, 1);
  await door.ask('POST', '/v1/publish/lamp.1?retain', { json: { on: true } });
  const kept = (await door.ask('GET', '/v1/retained/lamp.%23')).json.messages;
  assert.deepEqual([kept.length, kept[0].address, kept[0].body, kept[0].retained], [1, 'lamp.1', { on: true }, true]);
  await door.ask('POST', '/v1/publish/lamp.1?retain', { body: '' });
  assert.deepEqual((await door.ask('GET', '/v1/retained/lamp.%23')).json.messages, []);
});

test('a schema’s refusal says where in the message the fault is', async (t) => {
  const door = await opened(t);
  const schema = { jsonSchema: { type: 'object', properties: { n: { type: 'number' } } } };
  await door.ask('PUT', '/v1/topics/t', { json: { schema } });
  const refused = await door.ask('POST', '/v1/topics/t/records', { json: { n: 'one' } });
  assert.deepEqual([refused.status, refused.json.code, refused.json.path], [422, 'schema', '/n']);
});

test('parameters that mean nothing are refused by name', async (t) => {
  const door = await opened(t);
  const refused = async (query: string, words: RegExp): Promise<void> => {
    const { status, json } = await door.ask('POST', `/v1/publish/a?${query}`, { body: 'x' });
    assert.deepEqual([status, json.code], [400, 'invalid'], query);
    assert.match(json.detail, words);
  };
  await refused('prio=1', /"prio".*key, partition/);
  await refused('priority=256', /priority/);
  await refused('ttl=soon', /ttl/);
  await refused('key=a&key=b', /key is given more than once/);
  await refused('header=x', /name:value/);
  await refused('retain=perhaps', /retain/);
});

test('an encoded body is kept as it is; one that must be read is refused', async (t) => {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  await door.ask('POST', '/v1/queues/q/messages', {
    body: Uint8Array.of(31, 139),
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  });
  const [message] = await received(door, 'q');
  assert.deepEqual([message.contentEncoding, message.base64], ['gzip', 'H4s=']);
  const refused = await door.ask('POST', '/v1/queues/q/messages', {
    body: Uint8Array.of(31, 139),
    headers: { ...NDJSON, 'content-encoding': 'gzip' },
  });
  assert.deepEqual([refused.status, refused.json.code], [415, 'unsupported-media-type']);
});
