import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HeaderValue, Message } from '../../src/model/message.ts';
import { checkRecord, neutralHead, RecordWriter, readMessage, sizeOf } from '../../src/model/record.ts';
import { Refused } from '../../src/model/refusal.ts';

/** What UTF-8 can hold, marks at its beginning included. */
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\ufeffmarked', '\u0000', 'é\u{1f4ee}'));
const some = text.filter((t) => t !== '');
const bytes = fc.uint8Array({ maxLength: 300 });

const scalar: fc.Arbitrary<HeaderValue> = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0)),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.boolean(),
  fc.constant(null),
  bytes,
);
const value: fc.Arbitrary<HeaderValue> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(scalar, { maxLength: 3 }),
  fc.array(fc.tuple(text, scalar), { maxLength: 3 }).map((pairs) => new Map(pairs)),
);

const message: fc.Arbitrary<Message> = fc
  .record(
    {
      exchange: text,
      address: text,
      timestampMs: fc.double({ noNaN: true }),
      headers: fc.array(fc.tuple(fc.oneof(text, fc.constant('__proto__')), value), { maxLength: 4 }).map((pairs) => new Map(pairs)),
      body: bytes,
      key: bytes,
      id: some,
      source: some,
      type: some,
      subject: some,
      contentType: some,
      contentEncoding: some,
      correlationId: some,
      replyTo: some,
      priority: fc.integer({ min: 0, max: 255 }),
      ttlMs: fc.double({ noNaN: true, min: 0 }),
    },
    { requiredKeys: ['exchange', 'address', 'timestampMs', 'headers', 'body'] },
  )
  .map((made) => ({ ...made }));

test('messages come back as they were written, one behind the other', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), (messages) => {
      const writer = new RecordWriter(16);
      for (const one of messages) writer.write(one);
      const { bytes: all, ends, count } = writer.take();
      assert.equal(count, messages.length);
      let at = 0;
      for (const [i, one] of messages.entries()) {
        assert.equal(checkRecord(all, at, ends[count - 1] ?? 0), (ends[i] ?? 0) - at);
        assert.deepEqual(readMessage(all, at), one);
        at = ends[i] ?? 0;
      }
    }),
    { numRuns: 300 },
  );
});

test('a head made once serves every message that shares it', () => {
  fc.assert(
    fc.property(message, bytes, (one, body) => {
      const writer = new RecordWriter();
      writer.writeRaw(0, neutralHead(one), body);
      assert.deepEqual(readMessage(writer.take().bytes, 0), { ...one, body });
    }),
  );
});

test('what is read points into nothing, also where the bytes are a Buffer', () => {
  const writer = new RecordWriter();
  const one = { exchange: '', address: 'q', timestampMs: 0, headers: new Map(), key: Buffer.from('key'), body: Buffer.from('body') };
  writer.write(one);
  const { bytes: all, ends } = writer.take();
  const given = Buffer.from(all.buffer, 0, ends[0]);
  const read = readMessage(given, 0);
  given.fill(0);
  assert.equal(new TextDecoder().decode(read.body), 'body');
  assert.equal(new TextDecoder().decode(read.key), 'key');
});

test('what was taken is not written again before it is given back', () => {
  const writer = new RecordWriter();
  const written = (body: string) => {
    writer.write({ exchange: '', address: 'q', timestampMs: 0, headers: new Map(), body: new TextEncoder().encode(body) });
    return writer.take();
  };
  const first = written('first');
  const second = written('second');
  assert.equal(Buffer.from(readMessage(first.bytes, 0).body).toString(), 'first');
  writer.reuse(first);
  // The spare is taken up by the next `take`, and written from then on.
  written('third');
  const fourth = written('fourth');
  assert.equal(fourth.bytes, first.bytes);
  assert.equal(Buffer.from(readMessage(second.bytes, 0).body).toString(), 'second');
});

test('bytes that are no record are refused as invalid, whatever they are', () => {
  const isRefused = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      assert.ok(error instanceof Refused && (error.code === 'invalid' || error.code === 'unsupported'), String(error));
    }
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (junk) => isRefused(() => readMessage(junk, 0))),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(message, fc.nat(), fc.integer({ min: 0, max: 255 }), (one, place, with_) => {
      const writer = new RecordWriter();
      writer.write(one);
      const { bytes: all, ends } = writer.take();
      const whole = all.slice(0, ends[0]);
      whole[place % whole.length] = with_;
      isRefused(() => readMessage(whole, 0));
      assert.ok(sizeOf(whole, 0) >= 0);
    }),
    { numRuns: 2000 },
  );
});
