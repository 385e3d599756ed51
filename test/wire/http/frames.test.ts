import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeFrame } from '../../../src/wire/http/frame-reader.ts';
import { encodeFrame, encodeMessagesFrame, FrameFault } from '../../../src/wire/http/frames.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (frame: unknown) => decodeFrame(bytes(typeof frame === 'string' ? frame : JSON.stringify(frame)));

test('every op is read into its shape', () => {
  assert.deepEqual(decode({ op: 'ack', sub: 'a', receipts: ['1-1'] }), {
    op: 'ack',
    ref: undefined,
    sub: 'a',
    receipts: ['1-1'],
    delayMs: undefined,
  });
  assert.deepEqual(decode({ op: 'nack', ref: 1, sub: 'a', receipts: [], delay: '2s' }), {
    op: 'nack',
    ref: 1,
    sub: 'a',
    receipts: [],
    delayMs: 2000,
  });
  assert.deepEqual(decode({ op: 'move', ref: 'r', sub: 'a', partition: 0, offset: 5 }), {
    op: 'move',
    ref: 'r',
    sub: 'a',
    partition: 0,
    offset: 5,
  });
  assert.deepEqual(decode({ op: 'extend', sub: 'a', receipts: ['x'], lease: 500 }), {
    op: 'extend',
    ref: undefined,
    sub: 'a',
    receipts: ['x'],
    leaseMs: 500,
  });
  assert.deepEqual(decode({ op: 'credit', sub: 'a', credit: 0 }), { op: 'credit', ref: undefined, sub: 'a', credit: 0 });
  assert.deepEqual(decode({ op: 'unsubscribe', sub: 'a' }), { op: 'unsubscribe', ref: undefined, sub: 'a' });
  assert.deepEqual(decode({ op: 'ping', ref: 3 }), { op: 'ping', ref: 3 });
});

test('publish keeps the bytes of its bodies', () => {
  const one = decode('{"op":"publish","ref":1,"address":"a","message":{"key":"k","body":{ "n":12345678901234567890 }},"retain":true}');
  assert.ok(one.op === 'publish');
  assert.equal(new TextDecoder().decode(one.drafts[0]?.body), '{ "n":12345678901234567890 }');
  assert.deepEqual([one.retain, one.mandatory, one.transient, one.exchange], [true, false, false, undefined]);
  const many = decode('{"op":"publish","address":"a","messages":[{"body":1.0},{"text":"x"},{"base64":"AP8="}]}');
  assert.ok(many.op === 'publish');
  assert.deepEqual(
    many.drafts.map((d) => Buffer.from(d.body).toString('latin1')),
    ['1.0', 'x', '\x00\xff'],
  );
});

test('subscribe has one target', () => {
  assert.deepEqual(decode({ op: 'subscribe', sub: 's', pattern: 'a.#', filter: 'body.a', credit: 5 }), {
    op: 'subscribe',
    ref: undefined,
    sub: 's',
    credit: 5,
    kind: 'pattern',
    pattern: 'a.#',
    filter: 'body.a',
    exchange: undefined,
    retained: false,
  });
  assert.equal((decode({ op: 'subscribe', sub: 's', queue: 'q' }) as { settle: string }).settle, 'by-consumer');
  assert.equal((decode({ op: 'subscribe', sub: 's', topic: 't', partitions: [0, 2] }) as { kind: string }).kind, 'topic');
  assert.equal((decode({ op: 'subscribe', sub: 's', topic: 't', group: 'g', from: 'earliest' }) as { kind: string }).kind, 'group');
});

test('what is wrong is said, with the ref where it could be read', () => {
  const fault = (frame: unknown, words: RegExp, ref?: unknown) =>
    assert.throws(
      () => decode(frame),
      (e: FrameFault) => e instanceof FrameFault && words.test(e.message) && e.ref === ref,
      JSON.stringify(frame),
    );
  fault('{', /breaks off/);
  fault('[]', /object/);
  fault({ ref: 1 }, /"op"/, 1);
  fault({ op: '__proto__', ref: 1 }, /__proto__/, 1);
  fault({ op: 'ping', ref: {} }, /"ref"/);
  fault({ op: 'ping', ref: 1, extra: 1 }, /"extra"/, 1);
  fault({ op: 'ack', ref: 1, sub: 'a', receipts: [1] }, /"receipts"/, 1);
  fault({ op: 'ack', sub: 'x'.repeat(101), receipts: [] }, /"sub"/);
  fault({ op: 'subscribe', sub: 's' }, /exactly one/);
  fault({ op: 'subscribe', sub: 's', topic: 't', queue: 'q' }, /exactly one/);
  fault({ op: 'subscribe', sub: 's', topic: 't', pattern: 'x', filter: 'y' }, /exactly one/);
  fault({ op: 'subscribe', sub: 's', topic: 't', filter: 'y' }, /"filter"/);
  fault({ op: 'subscribe', sub: 's', queue: 'q', settle: 'never' }, /"settle"/);
  fault({ op: 'subscribe', sub: 's', queue: 'q', credit: 70_000 }, /"credit"/);
  fault({ op: 'publish', address: 'a' }, /either/);
  fault({ op: 'publish', address: 'a', message: {}, messages: [] }, /either/);
  fault({ op: 'publish', address: 'a', messages: [{}, { nope: 1 }] }, /Message 1.*"nope"/);
  fault({ op: 'publish', message: {} }, /"address"/);
  fault({ op: 'extend', sub: 'a', receipts: [] }, /"lease"/);
});

test('what is sent is one line of JSON', () => {
  assert.deepEqual(JSON.parse(encodeMessagesFrame('a"b', ['{"x":1}', '{"x":2}'])), {
    op: 'messages',
    sub: 'a"b',
    messages: [{ x: 1 }, { x: 2 }],
  });
  assert.equal(encodeFrame('done', { ref: 1, count: undefined }), '{"op":"done","ref":1}');
});
