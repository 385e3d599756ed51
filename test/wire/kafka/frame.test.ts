import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MessageReader } from '../../../src/wire/kafka/codec.ts';
import {
  encodeRequest,
  encodeResponse,
  FrameCutter,
  readClientId,
  readRequest,
  readRequestHead,
  readResponse,
} from '../../../src/wire/kafka/frame.ts';
import { API_VERSIONS, METADATA } from '../../../src/wire/kafka/tables/cluster.ts';
import { HEARTBEAT } from '../../../src/wire/kafka/tables/groups.ts';

test('a request has its head, the older or the one with tagged fields', () => {
  for (const version of [3, 4]) {
    const frame = encodeRequest(HEARTBEAT, version, 77, 'me', { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: null });
    const from = new MessageReader(frame.subarray(4));
    assert.equal(new DataView(frame.buffer, frame.byteOffset).getUint32(0), frame.length - 4);
    assert.deepEqual(readRequestHead(from), { key: 12, version, correlation: 77 });
    assert.equal(readClientId(from, HEARTBEAT, version), 'me');
    assert.deepEqual(readRequest(from, HEARTBEAT, version), { groupId: 'g', generationId: 3, memberId: 'm', groupInstanceId: null });
    assert.equal(from.remaining, 0);
  }
  const nameless = encodeRequest(METADATA, 9, 1, null, {
    topics: null,
    allowAutoTopicCreation: true,
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  });
  const from = new MessageReader(nameless.subarray(4));
  readRequestHead(from);
  assert.equal(readClientId(from, METADATA, 9), null);
});

test('a response of a flexible version has tagged fields in its head, that of ApiVersions never', () => {
  const heart = encodeResponse(HEARTBEAT, 4, 5, { errorCode: 27 });
  assert.equal(Buffer.from(heart).toString('hex'), '0000000c 00000005 00 00000000 001b 00'.replaceAll(' ', ''));
  const versions = encodeResponse(API_VERSIONS, 3, 5, { apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] });
  assert.equal(Buffer.from(versions).toString('hex'), '00000013 00000005 0000 02 0012 0000 0004 00 00000000 00'.replaceAll(' ', ''));
  assert.deepEqual(readResponse(heart.subarray(4), HEARTBEAT, 4), { correlation: 5, body: { throttleTimeMs: 0, errorCode: 27 } });
});

test('frames are cut out of chunks however these were split', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 8, maxLength: 60 }), { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (frames, cuts) => {
        const stream = Buffer.concat(
          frames.flatMap((frame) => {
            const size = Buffer.alloc(4);
            size.writeUInt32BE(frame.length);
            return [size, frame];
          }),
        );
        const taken: Buffer[] = [];
        const cutter = new FrameCutter(100, (frame) => taken.push(Buffer.from(frame)));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const step = cuts[i % cuts.length] ?? 1;
          cutter.push(Uint8Array.from(stream.subarray(at, at + step)));
          at += step;
        }
        assert.deepEqual(
          taken,
          frames.map((frame) => Buffer.from(frame)),
        );
        assert.equal(cutter.heldBytes, 0);
      },
    ),
  );
});

test('a large frame that comes slowly takes no more room than has come', () => {
  const taken: number[] = [];
  const cutter = new FrameCutter(100_000_000, (frame) => taken.push(frame.length));
  cutter.push(Uint8Array.of(5, 0, 0, 0)); // 83 MB
  cutter.push(new Uint8Array(10));
  assert.equal(cutter.heldBytes, 10);
  const before = process.memoryUsage().arrayBuffers;
  assert.ok(before < 80_000_000, `${before} bytes`);
  const third = new FrameCutter(1_000_000, (frame) => taken.push(frame.length));
  third.push(Uint8Array.of(0, 4, 0, 0));
  for (let i = 0; i < 64; i++) third.push(new Uint8Array(4096).fill(i));
  assert.deepEqual(taken, [262_144]);
});

test('a size that cannot be is refused at once', () => {
  const cutter = new FrameCutter(1000, () => assert.fail());
  for (const size of [
    [0xff, 0xff, 0xff, 0xff],
    [0, 0, 4, 0],
    [0, 0, 0, 3],
    [0, 0, 0, 0],
  ])
    assert.throws(() => cutter.push(Uint8Array.from(size)), /A frame of \d+ bytes is not taken/);
});
