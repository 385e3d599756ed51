import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Language, RecordWriter } from '../../../src/model/record.ts';
import { opened } from './opened.ts';

/** A language whose head is the type and whose body is spelled backwards. */
const MIRROR: Language = {
  number: 9,
  read: (head, body) => ({
    exchange: 'amq.topic',
    address: 'a',
    timestampMs: 1,
    headers: new Map(),
    type: new TextDecoder().decode(head),
    body: body.slice().reverse(),
  }),
};

async function published(door: Awaited<ReturnType<typeof opened>>): Promise<void> {
  await door.ask('PUT', '/v1/topics/a');
  const writer = new RecordWriter();
  writer.writeRaw(9, new TextEncoder().encode('mirror'), new TextEncoder().encode('olleh'));
  await door.broker.publish({ address: 'a', records: writer.take() });
  await door.ask('POST', '/v1/publish/a', { body: 'plain' });
}

test('what came in by another door is read by that door’s language', async (t) => {
  const door = await opened(t, { languages: [MIRROR] });
  await published(door);
  const { records } = (await door.ask('GET', '/v1/topics/a/records')).json;
  assert.deepEqual(records.map((r: { text: string; type?: string }) => [r.text, r.type]), [['hello', 'mirror'], ['plain', undefined]]); // biome-ignore format: two pairs
});

test('a message in a language that no door speaks is passed on as it is, with the reason, and stops nothing', async (t) => {
  const door = await opened(t);
  await published(door);
  const { records } = (await door.ask('GET', '/v1/topics/a/records')).json;
  assert.deepEqual([records[0].offset, Buffer.from(records[0].base64, 'base64').toString()], [0, 'olleh']);
  assert.match(records[0].unreadable, /language 9/);
  assert.equal(records[1].text, 'plain');
});
