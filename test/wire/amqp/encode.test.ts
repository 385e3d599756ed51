import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Args, decodeMethod, encodeMethod, idOf, METHODS, type MethodName, nameOf, WireFault } from '../../../src/wire/amqp/amqp.ts';

const SAMPLES: Readonly<Record<string, unknown>> = {
  bit: true,
  octet: 9,
  short: 513,
  long: 70_000,
  longlong: 2 ** 40 + 1,
  shortstr: 'größe',
  longstr: Uint8Array.of(0, 1, 255),
  table: new Map<string, unknown>([['a', 1]]),
};

test('every method comes back as it went, and its id names it', () => {
  for (const name of Object.keys(METHODS) as MethodName[]) {
    const args = Object.fromEntries(Object.entries(METHODS[name].fields).map(([field, type]) => [field, SAMPLES[type]]));
    const bytes = encodeMethod(name, args as never);
    const back = decodeMethod(bytes);
    assert.equal(back.name, name);
    const plain = Object.fromEntries(
      Object.entries(back.args as object).map(([field, value]) => [field, value instanceof Map ? new Map(value) : value]),
    );
    assert.deepEqual(plain, args);
    assert.equal(nameOf(idOf(name)), name);
    for (let cut = 4; cut < bytes.length; cut++)
      assert.throws(
        () => decodeMethod(bytes.subarray(0, cut)),
        (error: WireFault) => error instanceof WireFault && (error.code === 501 || error.code === 502),
        `${name} cut at ${cut}`,
      );
  }
});

test('bits beside each other share an octet', () => {
  const args: Args<'queue.declare'> = {
    ticket: 0,
    queue: 'q',
    passive: false,
    durable: true,
    exclusive: false,
    autoDelete: true,
    nowait: false,
    arguments: new Map(),
  };
  assert.deepEqual([...encodeMethod('queue.declare', args)], [0, 50, 0, 10, 0, 0, 1, 113, 0b01010, 0, 0, 0, 0]);
});

test('a reply text too long for its field is told as far as it goes, whole characters only', () => {
  const bytes = encodeMethod('connection.close', { replyCode: 404, replyText: `${'x'.repeat(254)}ü`, classId: 0, methodId: 0 });
  const back = decodeMethod(bytes);
  assert.equal(back.name === 'connection.close' && back.args.replyText, 'x'.repeat(254));
});
