import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { MessageOptions } from '../../src/api/api.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { type HeaderValue, LANGUAGES, MAIN_LINE, type Message } from '../../src/model/message.ts';
import { type Language, RecordWriter } from '../../src/model/record.ts';
import { open } from '../../src/signalbox.ts';
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

const tongue: Language = {
  number: 77,
  read: (head, body) => ({
    exchange: '',
    address: new TextDecoder().decode(head),
    timestampMs: 1,
    key: head.slice(),
    correlationId: '0',
    contentType: 'text/plain',
    headers: new Map(),
    body: body.slice(),
  }),
};

test('what came in by a door is read in its language, wherever it is looked at', async () => {
  await using box = await createTestBroker({ languages: [tongue] });
  const queue = await box.declareQueue<'q'>('q');
  const topic = await box.declareTopic<'t'>('t');
  const publish = async (exchange: string, address: string, retain = false): Promise<void> => {
    const writer = new RecordWriter();
    writer.writeRaw(77, bytes(address), bytes('gugus'));
    await box.engine.publish({ exchange, address, records: writer.take(), retain });
  };
  for (let n = 0; n < 5; n++) await publish('', 'q');
  await publish(MAIN_LINE, 't', true);
  const seen: unknown[] = [];
  for (const { message } of await queue.peek()) seen.push(message.value);
  seen.push((await queue.receive({ atMostOnce: true }))[0]?.value);
  for await (const message of queue.consume()) {
    seen.push(message.value);
    await message.ack();
    break;
  }
  for await (const message of queue.consume({ atMostOnce: true })) {
    seen.push(message.value);
    break;
  }
  for await (const batch of queue.batches()) {
    seen.push(batch.value(0));
    await batch.ack();
    break;
  }
  const subscription = await topic.subscribe({ from: 'earliest' });
  seen.push((await subscription.next())?.value);
  await subscription.stop();
  const handled = Promise.withResolvers<unknown>();
  await using _ = await topic.subscribe((event) => handled.resolve(event.value), { from: 'earliest' });
  seen.push(await handled.promise, ...(await box.retained('t')).values());
  assert.deepEqual(seen, new Array(12).fill('gugus'));
});

test('requests and answers of another language', async () => {
  await using box = await createTestBroker({ languages: [tongue] });
  const say = async (exchange: string, address: string, text: string): Promise<void> => {
    const writer = new RecordWriter();
    writer.writeRaw(77, bytes(address), bytes(text));
    await box.engine.publish({ exchange, address, records: writer.take() });
  };
  const asked = Promise.withResolvers<unknown>();
  const responder = await box.respond('ask', (value) => asked.resolve(value));
  await say(MAIN_LINE, 'ask', 'please');
  assert.equal(await asked.promise, 'please');
  await responder.stop();
  const listener = await box.listen('other', ({ message }) => say('', message.replyTo ?? '', 'gladly'));
  assert.equal(await box.request('other', 'hello'), 'gladly');
  await listener.stop();
});

test('what doors left in a directory is read without being asked for', async () => {
  const host = { ...nodeHost({ logger: silentLogger }), disk: new MemoryDisk() };
  await using box = await open('/data', { host });
  await box.declareQueue('q');
  const writer = new RecordWriter();
  // As AMQP's door has it: the time, no exchange, the routing key, no properties.
  writer.writeRaw(LANGUAGES.amqp, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x71, 0, 0), bytes('hi'));
  await box.engine.publish({ exchange: '', address: 'q', records: writer.take() });
  const [message] = await box.queue('q').receive();
  assert.deepEqual([message?.message.address, message?.message.body], ['q', bytes('hi')]);
});

test('docs/crossing.md says of the API what is tested here', () => {
  const page = readFileSync(new URL('../../docs/crossing.md', import.meta.url), 'utf8');
  for (const [name, [option]] of Object.entries(PROPERTIES)) {
    const cell = new RegExp(`^\\| \`${name}\` (?:\\|[^|]*){3}\\|([^|]*)`, 'm').exec(page)?.[1] ?? '';
    if (option === undefined) assert.match(cell, /out only/, name);
    else assert.ok(cell.includes(`\`${Object.keys(option)[0]}\``), `${name}: ${cell}`);
  }
});
