import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkPool, FRAME, FrameReader, Output, WireFault } from '../../../src/wire/amqp/amqp.ts';

const GREETING = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

interface Seen {
  readonly type: number;
  readonly channel: number;
  readonly payload: string;
}

function reading(frameMax = 4096): { reader: FrameReader; seen: Seen[]; greetings: string[]; sink: { deaf: boolean } } {
  const seen: Seen[] = [];
  const greetings: string[] = [];
  const sink = {
    deaf: false,
    greeting: (bytes: Uint8Array) => void greetings.push(Buffer.from(bytes).toString('latin1')),
    frame: (type: number, channel: number, bytes: Buffer, view: DataView, start: number, end: number) => {
      assert.equal(view.getUint8(start - 7), type);
      seen.push({ type, channel, payload: bytes.toString('latin1', start, end) });
    },
  };
  return { reader: new FrameReader(sink, frameMax), seen, greetings, sink };
}

/** Frames as `Output` writes them. */
function frames(): Buffer {
  const output = new Output(new ChunkPool());
  output.frameMax = 4096;
  output.greeting(GREETING);
  output.method(3, Buffer.from('first'));
  output.heartbeat();
  output.method(65_535, Buffer.alloc(4088, 'm'));
  output.method(0, Buffer.alloc(0));
  const body = Buffer.alloc(10_000, 'b');
  output.content(7, {
    properties: Buffer.from([0x80, 0, 1, 65]),
    propertiesFrom: 0,
    propertiesTo: 4,
    body,
    bodyFrom: 0,
    bodyTo: body.length,
  });
  return Buffer.concat(output.take().map(({ chunk, length }) => chunk.subarray(0, length)));
}

const EXPECTED = [
  [FRAME.method, 3, 5],
  [FRAME.heartbeat, 0, 0],
  [FRAME.method, 65_535, 4088],
  [FRAME.method, 0, 0],
  [FRAME.header, 7, 16],
  [FRAME.body, 7, 4088],
  [FRAME.body, 7, 4088],
  [FRAME.body, 7, 1824],
];

test('frames are found wherever what came was cut', () => {
  const bytes = frames();
  for (const sizes of [[bytes.length], [1], [2, 3], [7, 1], [4095], [4097], [8, 100, 1]]) {
    const { reader, seen, greetings } = reading();
    for (let at = 0, k = 0; at < bytes.length; k++) {
      const size = sizes[k % sizes.length] ?? 1;
      // What was pushed may be written again at once: nothing may point into it.
      const piece = Buffer.from(bytes.subarray(at, at + size));
      reader.push(piece);
      piece.fill(0);
      at += size;
    }
    assert.deepEqual(greetings, [GREETING.toString('latin1')]);
    assert.deepEqual(
      seen.map(({ type, channel, payload }) => [type, channel, payload.length]),
      EXPECTED,
      String(sizes),
    );
  }
  for (let cut = 1; cut < 60; cut++) {
    const { reader, seen } = reading();
    reader.push(Buffer.from(bytes.subarray(0, cut)));
    reader.push(Buffer.from(bytes.subarray(cut)));
    assert.equal(seen.length, EXPECTED.length);
  }
});

test('what is announced is not believed: a frame above the limit is refused from its head alone', () => {
  const { reader } = reading();
  reader.push(GREETING);
  assert.throws(
    () => reader.push(Buffer.from([1, 0, 0, 0xff, 0xff, 0xff, 0xff])),
    (error: WireFault) => error instanceof WireFault && error.code === 501,
  );
});

test('a wrong end and an unknown type are refused', () => {
  for (const bytes of [
    [1, 0, 0, 0, 0, 0, 0, 0xcd],
    [4, 0, 0, 0, 0, 0, 0, 0xce],
  ]) {
    const { reader } = reading();
    reader.push(GREETING);
    assert.throws(
      () => reader.push(Buffer.from(bytes)),
      (error: WireFault) => error.code === 501,
    );
  }
});

test('nothing more is read once the sink is deaf', () => {
  const { reader, seen, sink } = reading();
  reader.push(GREETING);
  sink.deaf = true;
  reader.push(frames().subarray(8));
  assert.equal(seen.length, 0);
});
