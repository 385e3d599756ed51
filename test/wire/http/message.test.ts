import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type HeaderValue, MAIN_LINE, type Message } from '../../../src/model/message.ts';
import { Refused } from '../../../src/model/refusal.ts';
import { decodeDraft } from '../../../src/wire/http/draft.ts';
import { memberBytes } from '../../../src/wire/http/json.ts';
import { encodeMessage } from '../../../src/wire/http/message.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function message(parts: Partial<Message>): Message {
  return { exchange: MAIN_LINE, address: 'a.b', timestampMs: 5, headers: new Map(), body: new Uint8Array(0), ...parts };
}

function decode(json: string) {
  return decodeDraft(JSON.parse(json), memberBytes(bytes(json), 'body'), { headers: new Map() }, 'It');
}

const headerValue: fc.Arbitrary<HeaderValue> = fc.letrec<{ value: HeaderValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
    fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 3 }),
    // A map that looks like wrapped bytes or a wrapped bigint cannot be told from one; docs/http.md says so.
    fc.array(fc.tuple(fc.constantFrom('__proto__', 'constructor', 'a', 'b'), tie('value')), { maxLength: 3 }).map((e) => new Map(e)),
  ),
})).value;

const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const anyMessage = fc.record({
  key: optional(fc.uint8Array()),
  id: optional(fc.string()),
  type: optional(fc.string({ unit: 'binary' })),
  source: optional(fc.string()),
  subject: optional(fc.string()),
  contentType: optional(fc.constantFrom('application/json', 'text/plain', 'application/x-foo', 'application/foo+json; a=b')),
  contentEncoding: optional(fc.constantFrom('gzip')),
  correlationId: optional(fc.string()),
  replyTo: optional(fc.string()),
  priority: optional(fc.integer({ min: 0, max: 255 })),
  ttlMs: optional(fc.nat()),
  headers: fc.array(fc.tuple(fc.constantFrom('__proto__', 'x', 'é'), headerValue), { maxLength: 2 }).map((e) => new Map(e)),
  body: fc.oneof(fc.uint8Array(), fc.json().map(bytes), fc.string({ unit: 'binary' }).map(bytes)),
});

test('whatever a message holds comes back from its JSON form', () => {
  fc.assert(
    fc.property(anyMessage, (parts) => {
      const sent = message(parts);
      const text = encodeMessage(sent, '"offset":7,');
      assert.ok(!/[\n\r]/.test(text), 'one line');
      const read = decode(text);
      assert.deepEqual(Buffer.from(read.body), Buffer.from(sent.body).length === 0 ? Buffer.alloc(0) : Buffer.from(unbroken(sent)));
      for (const field of [
        'id',
        'type',
        'source',
        'subject',
        'contentEncoding',
        'correlationId',
        'replyTo',
        'priority',
        'ttlMs',
      ] as const) {
        assert.deepEqual(read[field], sent[field], field);
      }
      assert.deepEqual(read.key && [...read.key], sent.key && [...sent.key]);
      assert.deepEqual(read.headers, sent.headers);
      if (sent.contentType !== undefined) assert.equal(read.contentType, sent.contentType);
    }),
    { numRuns: 500 },
  );
});

/** Line ends between the tokens of a JSON body become spaces on the way out; all else must be the same. */
function unbroken(sent: Message): Uint8Array {
  if (!encodeMessage(sent).includes('"body":')) return sent.body;
  return bytes(new TextDecoder('utf-8', { ignoreBOM: true }).decode(sent.body).replace(/[\r\n]/g, ' '));
}

test('JSON bodies go out as they are: digits kept, line ends between tokens gone', () => {
  const body = bytes('{\n  "big": 12345678901234567890,\r\n  "s": "a\\nb"\n}');
  const text = encodeMessage(message({ contentType: 'application/json', body }));
  assert.ok(text.includes('"body":{   "big": 12345678901234567890,    "s": "a\\nb" }'), text);
});

test('the body member says what the body is', () => {
  const member = (parts: Partial<Message>): string => Object.keys(JSON.parse(encodeMessage(message(parts)))).at(-1) ?? '';
  assert.equal(member({ contentType: 'application/json', body: bytes('1') }), 'body');
  assert.equal(member({ contentType: 'application/json', body: bytes('{"a"') }), 'text', 'said to be JSON, and is not');
  assert.equal(member({ contentType: 'application/json', body: Uint8Array.of(0x22, 0xff, 0x22) }), 'base64');
  assert.equal(member({ contentType: 'application/json', contentEncoding: 'gzip', body: bytes('{}') }), 'base64');
  assert.equal(member({ body: bytes('{"a":1}') }), 'body', 'no type, and it looks like JSON');
  assert.equal(member({ body: bytes('123') }), 'text', 'a number without a type stays text');
  assert.equal(member({ body: Uint8Array.of(0xff) }), 'base64');
  assert.equal(member({}), 'text');
});

test('the exchange is told when it is not the main line', () => {
  assert.ok(!encodeMessage(message({})).includes('exchange'));
  assert.equal(JSON.parse(encodeMessage(message({ exchange: '' }))).exchange, '');
});

test('defaults hold where the message says nothing', () => {
  const defaults = { headers: new Map([['x', '1']]), key: bytes('k'), priority: 3 };
  const read = decodeDraft({ priority: 5, headers: { y: 2 }, body: 1 }, undefined, defaults, 'It');
  assert.equal(read.priority, 5);
  assert.deepEqual(read.key, bytes('k'));
  assert.deepEqual(read.headers, new Map<string, HeaderValue>([['x', '1'], ['y', 2]])); // biome-ignore format: two pairs on a line
  assert.equal(read.contentType, 'application/json');
});

test('a member that means nothing, or is of the wrong kind, is refused by name', () => {
  const refused = (json: string, words: RegExp) =>
    assert.throws(
      () => decode(json),
      (e: Refused) => e instanceof Refused && e.code === 'invalid' && words.test(e.message),
    );
  refused('[]', /not a JSON object/);
  refused('{"prio":1}', /"prio"/);
  refused('{"priority":256}', /"priority".*256.*0 to 255/);
  refused('{"priority":"1"}', /"priority"/);
  refused('{"key":1}', /"key"/);
  refused('{"base64":"a b"}', /base64/);
  refused('{"body":1,"text":"a"}', /more than one/);
  refused('{"headers":[]}', /"headers"/);
  refused('{"delay":-1}', /"delay"/);
  refused('{"due":"soon"}', /"due"/);
});

test('times can be said as people say them', () => {
  const read = decode('{"ttl":"5s","delay":250,"due":"2026-11-21T12:00:00Z","base64":"_-8"}');
  assert.equal(read.ttlMs, 5000);
  assert.equal(read.delayMs, 250);
  assert.equal(read.dueMs, Date.UTC(2026, 10, 21, 12));
  assert.deepEqual([...read.body], [0xff, 0xef]);
});
