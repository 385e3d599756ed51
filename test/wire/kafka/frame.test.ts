import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MessageReader } from '../../../src/wire/kafka/codec.ts';
import {
  encodeRequest,
  encodeResponse,
  FrameCutter,
  FrameRooms,
  readClientId,
  readRequest,
  readRequestHead,
  readResponse,
} from '../../../src/wire/kafka/frame.ts';
import { API_VERSIONS, METADATA } from '../../../src/wire/kafka/tables/cluster.ts';
import { HEARTBEAT } from '../../../src/wire/kafka/tables/groups.ts';
import { FETCH } from '../../../src/wire/kafka/tables/messages.ts';

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
  const heart = Buffer.concat(encodeResponse(HEARTBEAT, 4, 5, { errorCode: 27 }));
  assert.equal(heart.toString('hex'), '0000000c 00000005 00 00000000 001b 00'.replaceAll(' ', ''));
  const versions = Buffer.concat(encodeResponse(API_VERSIONS, 3, 5, { apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }));
  assert.equal(versions.toString('hex'), '00000013 00000005 0000 02 0012 0000 0004 00 00000000 00'.replaceAll(' ', ''));
  assert.deepEqual(readResponse(heart.subarray(4), HEARTBEAT, 4), { correlation: 5, body: { throttleTimeMs: 0, errorCode: 27 } });
});

test('large bytes of a response are not copied: they leave as pieces of their own, small ones with the rest', () => {
  const large = new Uint8Array(20_000).fill(7);
  const small = new Uint8Array(100).fill(8);
  const partition = {
    partitionIndex: 0,
    errorCode: 0,
    highWatermark: 9,
    lastStableOffset: 9,
    logStartOffset: 0,
    abortedTransactions: null,
  };
  for (const version of [11, 12]) {
    const responses = [
      { topic: 't', topicId: '0'.repeat(32), partitions: [large, small, large].map((records) => ({ ...partition, records })) },
    ];
    const pieces = encodeResponse(FETCH, version, 5, { sessionId: 0, responses });
    assert.equal(pieces.filter((piece) => piece === large).length, 2);
    const frame = Buffer.concat(pieces);
    assert.equal(frame.readUInt32BE(0), frame.length - 4);
    const { body } = readResponse(frame.subarray(4), FETCH, version);
    const told = (body as { responses: { partitions: { records: Uint8Array }[] }[] }).responses[0]?.partitions;
    assert.deepEqual(
      told?.map(({ records }) => [...records]),
      [large, small, large].map((records) => [...records]),
    );
  }
});

test('a room that is given back is taken again, whole and by nobody else', () => {
  const rooms = new FrameRooms(1_000_000);
  const frames: Uint8Array[] = [];
  const cutter = new FrameCutter(10_000_000, (frame) => frames.push(frame), rooms);
  const push = (sizeBytes: number, byte: number) => {
    cutter.push(Uint8Array.of(0, sizeBytes >> 16, (sizeBytes >> 8) & 0xff, sizeBytes & 0xff));
    for (let at = 0; at < sizeBytes; at += 50_000) cutter.push(new Uint8Array(Math.min(50_000, sizeBytes - at)).fill(byte));
    return frames.pop() ?? new Uint8Array(0);
  };
  const first = push(300_000, 1);
  const second = push(300_000, 2);
  assert.notEqual(first.buffer, second.buffer, 'the first was not given back');
  rooms.give(first);
  const third = push(290_000, 3);
  assert.equal(third.buffer, first.buffer);
  assert.equal(third.length, 290_000);
  assert.ok(third.every((byte) => byte === 3) && second.every((byte) => byte === 2));
  assert.notEqual(push(290_000, 4).buffer, first.buffer, 'it is in use');
});

test('rooms hold so many bytes and no more, and take only what is a room of its own', () => {
  const rooms = new FrameRooms(500_000);
  rooms.give(new Uint8Array(1000));
  rooms.give(new Uint8Array(400_000).subarray(4));
  rooms.give(new Uint8Array(400_000).subarray(0, 1000));
  assert.equal(rooms.take(1000), undefined);
  assert.equal(rooms.take(200_000), undefined);
  rooms.give(new Uint8Array(300_000));
  rooms.give(new Uint8Array(310_000));
  assert.equal(rooms.take(200_000)?.length, 310_000, 'the older one had to go');
  assert.equal(rooms.take(200_000), undefined);
  rooms.give(new Uint8Array(450_000));
  assert.equal(rooms.take(460_000), undefined, 'too small');
  assert.equal(rooms.take(131_072)?.length, 450_000);
  for (const length of [150_000, 200_000]) rooms.give(new Uint8Array(length));
  assert.equal(rooms.largest(30_000), undefined, 'far too large');
  assert.deepEqual([rooms.largest(1_000_000)?.length, rooms.largest(40_000)?.length, rooms.largest(40_000)], [200_000, 150_000, undefined]);
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
