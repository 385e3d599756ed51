import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import type { Columns } from '../../../src/model/engine.ts';
import { type HeaderValue, MAIN_LINE, type Message } from '../../../src/model/message.ts';
import { RecordWriter, readMessage } from '../../../src/model/record.ts';
import { type Ask, type Opened, opened } from './opened.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const plain = (message: Message): Message => ({ ...message, timestampMs: 0 });
const EVENTS = 'application/cloudevents-batch+json';
const MESSAGE = 'application/vnd.signalbox.message+json';

interface Crossing extends Opened {
  /** What a request to send becomes. */
  sent(how: Ask, query?: string): Promise<Message>;
  /** What a message is said as: in the JSON form, and as a CloudEvent. */
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, looked into by assertions
  said(message: Partial<Message>): Promise<{ json: any; event: any }>;
}

async function crossing(t: TestContext): Promise<Crossing> {
  const door = await opened(t);
  await door.ask('PUT', '/v1/queues/q');
  const { broker } = door;
  const taken = async (): Promise<Message> => {
    const deliveries = await broker.receive({ queue: 'q', settle: 'on-delivery' });
    assert.ok(deliveries);
    return readMessage(deliveries.bytes, deliveries.at[0] ?? 0);
  };
  const put = async (message: Partial<Message>): Promise<void> => {
    const writer = new RecordWriter();
    writer.write({ exchange: '', address: 'q', timestampMs: 5, headers: new Map(), body: new Uint8Array(0), ...message });
    const columns: Columns = {};
    await broker.publish({ exchange: '', address: 'q', records: writer.take(), columns });
  };
  return {
    ...door,
    sent: async (how, query = '') => {
      const told = await door.ask('POST', `/v1/queues/q/messages${query}`, how);
      assert.equal(told.status, 200, told.text);
      return taken();
    },
    said: async (message) => {
      await put(message);
      const { messages } = (await door.ask('POST', '/v1/queues/q/receive?settle=on-delivery')).json;
      await put(message);
      const events = (await door.ask('POST', '/v1/queues/q/receive?settle=on-delivery', { headers: { accept: EVENTS } })).json;
      return { json: messages[0], event: events[0] };
    },
  };
}

/** How one property is said. */
interface Row {
  readonly neutral: Message[keyof Message];
  /** In the JSON form. */
  readonly member: readonly [string, unknown];
  /** As a parameter, which is a header `Signalbox-…` as well. */
  readonly param?: readonly [string, string];
  /** As a header of the request that is not ours. */
  readonly header?: readonly [string, string];
  /** As an attribute of a CloudEvent. */
  readonly attribute?: readonly [string, unknown];
}

const PROPERTIES: Readonly<Record<Exclude<keyof Message, 'exchange' | 'address' | 'timestampMs' | 'headers' | 'body'>, Row>> = {
  key: { neutral: bytes('k ä'), member: ['key', 'k ä'], param: ['key', 'k ä'], attribute: ['partitionkey', 'k ä'] },
  id: { neutral: 'i-1', member: ['id', 'i-1'], param: ['id', 'i-1'], attribute: ['id', 'i-1'] },
  source: { neutral: '/shop', member: ['source', '/shop'], param: ['source', '/shop'], attribute: ['source', '/shop'] },
  type: { neutral: 'order', member: ['type', 'order'], param: ['type', 'order'], attribute: ['type', 'order'] },
  subject: { neutral: 'o/7', member: ['subject', 'o/7'], param: ['subject', 'o/7'], attribute: ['subject', 'o/7'] },
  contentType: {
    neutral: 'text/csv',
    member: ['contentType', 'text/csv'],
    header: ['content-type', 'text/csv'],
    attribute: ['datacontenttype', 'text/csv'],
  },
  contentEncoding: { neutral: 'gzip', member: ['contentEncoding', 'gzip'], header: ['content-encoding', 'gzip'] },
  correlationId: { neutral: 'c-1', member: ['correlationId', 'c-1'], param: ['correlation-id', 'c-1'] },
  replyTo: { neutral: 'answers', member: ['replyTo', 'answers'], param: ['reply-to', 'answers'] },
  priority: { neutral: 7, member: ['priority', 7], param: ['priority', '7'] },
  ttlMs: { neutral: 60_000, member: ['ttl', 60_000], param: ['ttl', '1m'] },
};

/** Every CloudEvent has these. */
const EVENT = { specversion: '1.0', id: '1', source: '/', type: 't' };

for (const [name, row] of Object.entries(PROPERTIES)) {
  test(`${name} crosses, in and out`, async (t) => {
    const door = await crossing(t);
    const { neutral, member, param, header, attribute } = row;
    const field = name as keyof typeof PROPERTIES;
    const isThere = async (message: Promise<Message>): Promise<void> => assert.deepEqual((await message)[field], neutral);
    await isThere(door.sent({ body: JSON.stringify({ [member[0]]: member[1] }), headers: { 'content-type': MESSAGE } }));
    if (param !== undefined) {
      await isThere(door.sent({ body: 'x' }, `?${param[0]}=${encodeURIComponent(param[1])}`));
      const latin = Buffer.from(param[1], 'utf8').toString('latin1');
      if (latin === param[1]) await isThere(door.sent({ body: 'x', headers: { [`signalbox-${param[0]}`]: param[1] } }));
    }
    if (header !== undefined) await isThere(door.sent({ body: bytes('x'), headers: { [header[0]]: header[1] } }));
    if (attribute !== undefined) {
      const event = { ...EVENT, data: 'x', [attribute[0]]: attribute[1] };
      await isThere(door.sent({ body: JSON.stringify(event), headers: { 'content-type': 'application/cloudevents+json' } }));
      const binary = Object.entries({ ...EVENT, [attribute[0]]: attribute[1] })
        .filter(([one]) => one !== 'datacontenttype')
        .map(([one, value]) => [`ce-${one}`, encodeURIComponent(String(value))]);
      const type = name === 'contentType' ? { 'content-type': String(neutral) } : {};
      await isThere(door.sent({ body: bytes('x'), headers: { ...Object.fromEntries(binary), ...type } }));
    }

    const { json, event } = await door.said({ [name]: neutral, body: bytes('a,b') });
    assert.deepEqual(json[member[0]], member[1]);
    if (attribute !== undefined) assert.deepEqual(event[attribute[0]], attribute[1]);
    else assert.deepEqual(Object.values(event).includes(neutral), false, 'a CloudEvent has no place for it');
    const without = await door.said({ body: bytes('a,b') });
    assert.deepEqual(without.json[member[0]], undefined);
  });
}

test('exchange, address and time: told, and not to be said', async (t) => {
  const door = await crossing(t);
  const { json, event } = await door.said({ exchange: 'own', address: 'a.b', timestampMs: 1_795_262_400_000 });
  assert.deepEqual([json.exchange, json.address, json.timestamp], ['own', 'a.b', 1_795_262_400_000]);
  assert.deepEqual([event.source, event.type, event.time], ['signalbox:own/a.b', 'a.b', '2026-11-21T12:00:00.000Z']);
  assert.equal((await door.said({ exchange: MAIN_LINE })).json.exchange, undefined, 'the main line goes without saying');
  const said = { exchange: 'other', address: 'other', timestamp: 1 };
  const message = await door.sent({ body: JSON.stringify(said), headers: { 'content-type': MESSAGE } });
  assert.deepEqual([message.exchange, message.address], ['', 'q']);
  assert.ok(message.timestampMs > 1_700_000_000_000);
  const later = await door.said({ headers: new Map([['time', '2020-01-01T00:00:00Z']]) });
  assert.equal(later.event.time, '2020-01-01T00:00:00Z', 'what the sender said of the time of the event');
});

test('a key that is not UTF-8 has a form of its own', async (t) => {
  const door = await crossing(t);
  const key = Uint8Array.of(0xff, 0);
  const message = await door.sent({ body: '{"keyBase64":"/wA="}', headers: { 'content-type': MESSAGE } });
  assert.deepEqual(message.key, key);
  const { json, event } = await door.said({ key });
  assert.deepEqual([json.keyBase64, json.key, event.partitionkey], ['/wA=', undefined, undefined]);
});

test('headers, of every kind', async (t) => {
  const door = await crossing(t);
  const byRequest = await door.sent(
    { body: 'x', headers: { 'signalbox-header-Shop': 'b', traceparent: '00-1', tracestate: 's=1', cookie: 'no' } },
    '?header=a:1:2&header=ü:x',
  );
  assert.deepEqual(
    byRequest.headers,
    new Map([
      ['traceparent', '00-1'],
      ['tracestate', 's=1'],
      ['shop', 'b'],
      ['a', '1:2'],
      ['ü', 'x'],
    ]),
  );
  const headers = new Map<string, HeaderValue>([
    ['text', 'ä'],
    ['flag', true],
    ['none', null],
    ['whole', 7],
    ['half', 0.5],
    ['large', 2n ** 63n],
    ['bytes', Uint8Array.of(0, 255)],
    ['list', [1, ['x']]],
    ['map', new Map<string, HeaderValue>([['a', new Map([['b', null]])]])],
    ['X-Upper', 'u'],
    ['__proto__', 'p'],
  ]);
  const { json, event } = await door.said({ headers });
  const said =
    '{"text":"ä","flag":true,"none":null,"whole":7,"half":0.5,"large":{"bigint":"9223372036854775808"},"bytes":{"base64":"AP8="},' +
    '"list":[1,["x"]],"map":{"a":{"b":null}},"X-Upper":"u","__proto__":"p"}';
  assert.equal(JSON.stringify(json.headers), said);
  const again = await door.sent({ body: `{"headers":${said}}`, headers: { 'content-type': MESSAGE } });
  assert.deepEqual(again.headers, headers);
  const { specversion: _, id, source, type, time, ...extensions } = event;
  assert.deepEqual(extensions, { text: 'ä', flag: true, whole: 7, half: '0.5' }, 'names and values that CloudEvents allows');
  assert.deepEqual([id.startsWith('q:'), source, type, time], [true, 'signalbox:/q', 'q', '1970-01-01T00:00:00.005Z']);
  const odd = await door.said({ headers: new Map([['inf', Number.POSITIVE_INFINITY]]) });
  assert.deepEqual(odd.json.headers, { inf: 'Infinity' });
});

test('bodies: JSON by the byte, text, and anything', async (t) => {
  const door = await crossing(t);
  const ways: [string, Partial<Message>, object, object][] = [
    ['{"body":{"n":1.0}}', { contentType: 'application/json', body: bytes('{"n":1.0}') }, { body: { n: 1 } }, { data: { n: 1 } }],
    ['{"text":"ä"}', { contentType: 'text/plain; charset=utf-8', body: bytes('ä') }, { text: 'ä' }, { data: 'ä' }],
    ['{"base64":"/w=="}', { contentType: undefined, body: Uint8Array.of(255) }, { base64: '/w==' }, { data_base64: '/w==' }],
    ['{}', { contentType: undefined, body: new Uint8Array(0) }, { text: '' }, {}],
  ];
  for (const [form, neutral, member, data] of ways) {
    const message = await door.sent({ body: form, headers: { 'content-type': MESSAGE } });
    assert.deepEqual([message.contentType, message.body], [neutral.contentType, neutral.body], form);
    const { json, event } = await door.said(neutral);
    for (const one of ['body', 'text', 'base64']) assert.deepEqual(json[one], (member as Record<string, unknown>)[one], form);
    for (const one of ['data', 'data_base64']) assert.deepEqual(event[one], (data as Record<string, unknown>)[one], form);
  }
  const raw = Uint8Array.of(0, 1, 255);
  assert.deepEqual((await door.sent({ body: raw })).body, raw);
  const lines = await door.said({ contentType: 'application/json', body: bytes('{\n "a": 1}') });
  assert.deepEqual(lines.json.body, { a: 1 });
});

test('any message comes back as it was by the JSON form', async (t) => {
  const door = await crossing(t);
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 });
  const header: fc.Arbitrary<HeaderValue> = fc.letrec<{ value: HeaderValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
      fc.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 5 }),
      fc.array(tie('value'), { maxLength: 3 }),
      // One member alone could be taken for bytes or a large integer.
      fc.array(fc.tuple(text, tie('value')), { minLength: 2, maxLength: 3 }).map((all) => new Map([...all, ['z', 1], ['y', 2]])),
    ),
  })).value;
  const messages: fc.Arbitrary<Partial<Message>> = fc.record(
    {
      key: fc.uint8Array({ maxLength: 8 }),
      id: text,
      source: text,
      type: text,
      subject: text,
      contentType: fc.constantFrom('application/json', 'text/plain', 'image/png'),
      contentEncoding: fc.constant('gzip'),
      correlationId: text,
      replyTo: text,
      priority: fc.nat({ max: 255 }),
      ttlMs: fc.integer({ min: 100_000, max: 1e9 }),
      headers: fc.array(fc.tuple(text, header), { maxLength: 4 }).map((all) => new Map(all)),
      body: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.json({ maxDepth: 2 }).map(bytes), text.map(bytes)),
    },
    { requiredKeys: ['contentType', 'headers', 'body'] },
  );
  await fc.assert(
    fc.asyncProperty(messages, async (message) => {
      const { json } = await door.said(message);
      const back = await door.sent({ body: JSON.stringify(json), headers: { 'content-type': MESSAGE } });
      const wanted: Message = { exchange: '', address: 'q', timestampMs: 0, headers: new Map(), body: bytes(''), ...message };
      // Parsed and written anew on the way here, so it is the value that is the same.
      if (json.body === undefined) assert.deepEqual(plain(back), wanted);
      else assert.deepEqual({ ...plain(back), body: JSON.parse(String(Buffer.from(back.body))) }, { ...wanted, body: json.body });
    }),
    { numRuns: 150 },
  );
});

test('docs/crossing.md has a row for each field, and says of HTTP what is tested here', () => {
  const page = readFileSync(new URL('../../../docs/crossing.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('## Fields'), page.indexOf('## Only said'));
  const rows = new Map([...table.matchAll(/^\| `(\w+)` \|(.*)\|$/gm)].map(([, field = '', cells = '']) => [field, cells.split('|')]));
  const fields: Readonly<Record<keyof Message, true>> = {
    exchange: true,
    address: true,
    timestampMs: true,
    headers: true,
    body: true,
    ...(Object.fromEntries(Object.keys(PROPERTIES).map((name) => [name, true])) as Record<keyof typeof PROPERTIES, true>),
  };
  assert.deepEqual([...rows.keys()].toSorted(), Object.keys(fields).toSorted());
  for (const [name, { member, param, header, attribute }] of Object.entries(PROPERTIES)) {
    const [parameter = '', form = '', event = ''] = rows.get(name) ?? [];
    assert.ok(form.includes(`\`${member[0]}\``), name);
    if (param !== undefined) assert.ok(parameter.includes(`\`${param[0]}\``), name);
    if (header !== undefined) assert.ok(parameter.toLowerCase().includes(`\`${header[0]}\``), name);
    if (attribute === undefined) assert.match(event, /^ (–|out, it is left out.*) $/, name);
    else assert.ok(event.includes(`\`${attribute[0]}\``), name);
  }
});
