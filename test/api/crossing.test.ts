import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MessageOptions } from '../../src/api/api.ts';
import { type HeaderValue, MAIN_LINE, type Message } from '../../src/model/message.ts';
import { RecordWriter } from '../../src/model/record.ts';
import { createTestBroker, type TestBroker } from '../../src/testing/testing.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** How each property is said; undefined: it is only told. */
const PROPERTIES: Readonly<
  Record<Exclude<keyof Message, 'exchange' | 'address' | 'timestampMs' | 'body'>, readonly [MessageOptions | undefined, unknown]>
> = {
  key: [{ key: 'ä' }, bytes('ä')],
  id: [{ id: 'i' }, 'i'],
  source: [{ source: '/s' }, '/s'],
  type: [{ type: 't' }, 't'],
  subject: [{ subject: 's' }, 's'],
  contentType: [{ contentType: 'text/csv' }, 'text/csv'],
  contentEncoding: [undefined, 'gzip'],
  correlationId: [{ correlationId: 'c' }, 'c'],
  replyTo: [{ replyTo: 'r' }, 'r'],
  priority: [{ priority: 7 }, 7],
  ttlMs: [{ ttl: '1m' }, 60_000],
  headers: [
    { headers: { a: 1, b: [null, 5n] } },
    new Map<string, HeaderValue>([
      ['a', 1],
      ['b', [null, 5n]],
    ]),
  ],
};

async function received(box: TestBroker): Promise<Message> {
  const [message] = await box.queue('q').receive({ atMostOnce: true });
  assert.ok(message);
  return message.message;
}

test('each property crosses, in and out', async () => {
  await using box = await createTestBroker();
  const queue = await box.declareQueue('q');
  for (const [name, [option, neutral]] of Object.entries(PROPERTIES)) {
    if (option !== undefined) {
      await queue.send('x', option);
      assert.deepEqual((await received(box))[name as keyof Message], neutral, name);
    }
    const writer = new RecordWriter();
    const none: Message = { exchange: '', address: 'q', timestampMs: 1, headers: new Map(), body: bytes('x') };
    writer.write({ ...none, [name]: neutral });
    await box.engine.publish({ exchange: '', address: 'q', records: writer.take() });
    assert.deepEqual((await received(box))[name as keyof Message], neutral, name);
  }
});

test('exchange, address, time and body', async () => {
  await using box = await createTestBroker();
  await box.declareQueue('q');
  await box.declareExchange('own', { type: 'fanout' });
  for (const exchange of ['own', MAIN_LINE]) await box.bind({ exchange, to: { kind: 'queue', name: 'q' }, pattern: '#' });
  const places: [() => Promise<unknown>, string, string][] = [
    [() => box.publish('a.b', 1), MAIN_LINE, 'a.b'],
    [() => box.publishTo('own', 'c', 1), 'own', 'c'],
    [() => box.queue('q').send(1), '', 'q'],
  ];
  for (const [send, exchange, address] of places) {
    await send();
    const message = await received(box);
    assert.deepEqual([message.exchange, message.address, message.timestampMs], [exchange, address, box.nowMs()]);
  }
  const bodies: [unknown, string | undefined, Uint8Array][] = [
    [Uint8Array.of(0, 255), undefined, Uint8Array.of(0, 255)],
    ['\ufeffä', 'text/plain', bytes('\ufeffä')],
    [{ n: [1.5, null] }, 'application/json', bytes('{"n":[1.5,null]}')],
  ];
  for (const [value, contentType, body] of bodies) {
    await box.queue('q').send(value);
    const [message] = await box.queue('q').receive({ atMostOnce: true });
    assert.deepEqual([message?.message.contentType, message?.message.body, message?.value], [contentType, body, value]);
  }
});

test('docs/crossing.md says of the API what is tested here', () => {
  const page = readFileSync(new URL('../../docs/crossing.md', import.meta.url), 'utf8');
  for (const [name, [option]] of Object.entries(PROPERTIES)) {
    const cell = new RegExp(`^\\| \`${name}\` (?:\\|[^|]*){3}\\|([^|]*)`, 'm').exec(page)?.[1] ?? '';
    if (option === undefined) assert.match(cell, /out only/, name);
    else assert.ok(cell.includes(`\`${Object.keys(option)[0]}\``), `${name}: ${cell}`);
  }
});
