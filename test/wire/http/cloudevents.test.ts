import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CloudEvent, HTTP } from 'cloudevents';
import { MAIN_LINE, type Message } from '../../../src/model/message.ts';
import { Refused } from '../../../src/model/refusal.ts';
import { decodeBatch, decodeBinary, decodeStructured, encodeStructured } from '../../../src/wire/http/cloudevents.ts';
import type { Draft, Properties } from '../../../src/wire/http/draft.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (of: Uint8Array): string => new TextDecoder().decode(of);
const NONE: Properties = { headers: new Map() };

function published(draft: Draft): Message {
  return { exchange: MAIN_LINE, address: 'orders.created', timestampMs: 1000, ...draft };
}

function binary(headers: Record<string, unknown>, body: Uint8Array): Draft {
  const entries = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)] as const);
  return decodeBinary(entries, String(headers['content-type']), body, NONE);
}

const event = new CloudEvent({
  id: 'e-1',
  source: '/shop',
  type: 'order.created',
  subject: 'ör der',
  time: '2026-11-21T12:00:00.000Z',
  dataschema: 'http://example.org/s',
  partitionkey: 'customer-7',
  count: 7,
  data: { amount: 12.5, text: 'grün' },
});

test('what the CloudEvents SDK sends in binary form, its own reader gets back from us', () => {
  const sent = HTTP.binary(event);
  const draft = binary(sent.headers, bytes(sent.body as string));
  assert.equal(draft.id, 'e-1');
  assert.equal(draft.source, '/shop');
  assert.equal(draft.type, 'order.created');
  assert.equal(text(draft.key ?? bytes('')), 'customer-7');
  assert.equal(draft.headers.get('time'), '2026-11-21T12:00:00.000Z');
  assert.equal(text(draft.body), '{"amount":12.5,"text":"grün"}');
  const back = HTTP.toEvent({
    headers: { 'content-type': 'application/cloudevents+json' },
    body: encodeStructured(published(draft), 'x'),
  }) as CloudEvent;
  assert.equal(back.id, event.id);
  assert.equal(back.subject, event.subject);
  assert.equal(back.time, event.time);
  assert.equal(back.dataschema, event.dataschema);
  assert.equal(back.partitionkey, 'customer-7');
  assert.deepEqual(back.data, event.data);
});

test('structured form, both ways', () => {
  const draft = decodeStructured(bytes(HTTP.structured(event).body as string), NONE);
  assert.equal(draft.headers.get('count'), 7);
  assert.ok(!draft.headers.has('partitionkey') && !draft.headers.has('specversion') && !draft.headers.has('datacontenttype'));
  const again = decodeStructured(bytes(encodeStructured(published(draft), 'x')), NONE);
  assert.deepEqual(again, draft);
});

test('data keeps its bytes: digits of JSON, text, and binary', () => {
  const head = '"specversion":"1.0","id":"1","source":"s","type":"t"';
  assert.equal(text(decodeStructured(bytes(`{${head},"data":12345678901234567890}`), NONE).body), '12345678901234567890');
  assert.equal(decodeStructured(bytes(`{${head},"data":"a"}`), NONE).contentType, 'application/json');
  assert.equal(text(decodeStructured(bytes(`{${head},"data":"a"}`), NONE).body), '"a"');
  assert.equal(text(decodeStructured(bytes(`{${head},"datacontenttype":"text/xml","data":"<a/>"}`), NONE).body), '<a/>');
  assert.deepEqual([...decodeStructured(bytes(`{${head},"data_base64":"AP8="}`), NONE).body], [0, 255]);
  assert.equal(decodeStructured(bytes(`{${head}}`), NONE).body.length, 0);
  const binaryBody = encodeStructured(published({ headers: new Map(), body: Uint8Array.of(0xff) }), 'x');
  assert.equal(JSON.parse(binaryBody).data_base64, '/w==');
});

test('a batch names the event that is wrong', () => {
  const good = '{"specversion":"1.0","id":"1","source":"s","type":"t","data":1}';
  assert.deepEqual(
    decodeBatch(bytes(`[${good}, ${good}]`), NONE).map((d) => text(d.body)),
    ['1', '1'],
  );
  assert.deepEqual(decodeBatch(bytes('[]'), NONE), []);
  assert.throws(() => decodeBatch(bytes(`[${good},{"id":"2"}]`), NONE), /CloudEvent 1 of this batch/);
  assert.throws(() => decodeBatch(bytes(good), NONE), /not a JSON array/);
});

test('what is not a CloudEvent is refused', () => {
  const refused = (json: string, words: RegExp) =>
    assert.throws(
      () => decodeStructured(bytes(json), NONE),
      (e: Refused) => e instanceof Refused && e.code === 'invalid' && words.test(e.message),
      json,
    );
  refused('{"specversion":"0.3","id":"1","source":"s","type":"t"}', /specversion/);
  refused('{"specversion":"1.0","source":"s","type":"t"}', /"id"/);
  refused('{"specversion":"1.0","id":"","source":"s","type":"t"}', /"id"/);
  refused('{"specversion":"1.0","id":1,"source":"s","type":"t"}', /"id"/);
  refused('{"specversion":"1.0","id":"1","source":"s","type":"t","Foo":"x"}', /Foo/);
  refused('{"specversion":"1.0","id":"1","source":"s","type":"t","foo":{}}', /foo/);
  refused('{"specversion":"1.0","id":"1","source":"s","type":"t","time":"soon"}', /time/);
  refused('{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":""}', /both/);
  refused('[]', /object/);
  assert.throws(() => binary({ 'ce-specversion': '1.0', 'ce-id': '%ff', 'ce-source': 's', 'ce-type': 't' }, bytes('')), /percent/);
});

test('header values are percent-decoded, and unquoted where an older sender quoted them', () => {
  const draft = binary(
    { 'ce-specversion': '1.0', 'ce-id': '"a\\"b"', 'ce-source': 'Euro%20%E2%82%AC', 'ce-type': 't', other: 'x' },
    bytes(''),
  );
  assert.equal(draft.id, 'a"b');
  assert.equal(draft.source, 'Euro €');
  assert.equal(draft.headers.size, 0);
});

test('a message that never was a CloudEvent leaves as a valid one', () => {
  const kafkaLike: Message = {
    exchange: MAIN_LINE,
    address: 'orders created',
    timestampMs: 1000,
    headers: new Map<string, string | number>([['x-trace', 'no CloudEvents name'], ['level', 2 ** 40]]), // biome-ignore format: two pairs
    body: bytes('{"a":1}'),
  };
  const back = HTTP.toEvent({
    headers: { 'content-type': 'application/cloudevents+json' },
    body: encodeStructured(kafkaLike, '0:17'),
  }) as CloudEvent;
  assert.ok(back.validate());
  assert.equal(back.id, '0:17');
  assert.equal(back.type, 'orders created');
  assert.equal(back.level, String(2 ** 40));
  assert.deepEqual(back.data, { a: 1 });
});
