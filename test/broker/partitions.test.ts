import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { offset } from '../../src/model/lines.ts';
import { batch, bodiesIn, bodiesOf, opened } from './opened.ts';

test('a record that comes at any moment of the opening of its log is in it', async (t) => {
  const { broker } = await opened(t);
  for (let ticks = 0; ticks < 60; ticks++) {
    const topic = `t${ticks}`;
    await broker.declare({ kind: 'topic', name: topic });
    const opening = broker.fetch({ topic, partition: 0, offset: offset(0) });
    for (let tick = 0; tick < ticks; tick++) await undefined;
    await broker.publish(batch(topic, 'a'));
    await opening;
    const { records } = await broker.fetch({ topic, partition: 0, offset: offset(0) });
    assert.deepEqual(bodiesIn(records), ['a'], `after ${ticks} ticks`);
  }
});

test('a publisher who has its bytes back may write them again, also where they were a Buffer', async (t) => {
  const first = await opened(t);
  await first.broker.declare({ kind: 'topic', name: 't' });
  await first.broker.publish(batch('t', 'before'));
  // Nothing of the partition is open yet after this: what comes waits for its log.
  const { broker } = await first.reopen();
  const publish = { ...batch('t', 'kept'), retain: true };
  const { bytes } = publish.records;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  await broker.publish({ ...publish, records: { ...publish.records, bytes: buffer } });
  buffer.fill(0);
  const { records } = await broker.fetch({ topic: 't', partition: 0, offset: offset(0) });
  assert.deepEqual(bodiesIn(records), ['before', 'kept']);
  const [retained] = await broker.retained('t');
  assert.deepEqual(retained && bodiesOf({ bytes: retained.record, at: Uint32Array.of(0), count: 1 }), ['kept']);
});

test('what is trimmed while its log is being opened is gone, and the log opens all the same', async (t) => {
  const disk = new MemoryDisk();
  const list = disk.list.bind(disk);
  let go = (): void => undefined;
  const shut = new Promise<void>((resolve) => {
    go = resolve;
  });
  disk.list = async (directory) => {
    if (directory.includes('topics/')) await shut;
    return list(directory);
  };
  const { broker } = await opened(t, { disk });
  await broker.declare({ kind: 'topic', name: 't' });
  await broker.publish(batch('t', 'a', 'b', 'c'));
  await broker.trim('t', 0, offset(2));
  go();
  const { records, start } = await broker.fetch({ topic: 't', partition: 0, offset: offset(2) });
  assert.deepEqual([bodiesIn(records), start], [['c'], 2]);
});
