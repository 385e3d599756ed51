/** Topics that stamp what comes with the time it is taken: `message.timestamp.type=LogAppendTime`. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Collector, client, producerOf } from './kafkajs.ts';
import { opened } from './opened.ts';

const YEAR_2001_MS = 1_000_000_000_000;

test('kafkajs: the time a message was taken is told to who sends it and to who reads it, also of what is compressed or taken apart', async (t) => {
  const door = await opened(t);
  const kafka = client(door);
  const admin = kafka.admin();
  await admin.connect();
  door.after(() => admin.disconnect());
  const setting = { name: 'message.timestamp.type', value: 'LogAppendTime' };
  const compact = { name: 'cleanup.policy', value: 'compact' };
  await admin.createTopics({
    topics: [{ topic: 'stamped', configEntries: [setting] }, { topic: 'apart', configEntries: [setting, compact] }, { topic: 'plain' }],
  });
  const producer = await producerOf(door, kafka, { idempotent: true });
  const beganMs = Math.floor(door.engine.nowMs());
  const message = { key: 'k', value: 'v', timestamp: String(YEAR_2001_MS) };
  const told: number[] = [];
  for (const [topic, compression] of [
    ['stamped', 0],
    ['stamped', 1],
    ['apart', 0],
    ['plain', 0],
  ] as const) {
    const [{ logAppendTime } = { logAppendTime: undefined }] = await producer.send({ topic, compression, messages: [message, message] });
    told.push(Number(logAppendTime));
  }
  assert.deepEqual(
    told.map((timeMs) => timeMs >= beganMs),
    [true, true, true, false],
  );
  assert.equal(told[3], -1);
  const collector = await Collector.run(door, kafka, ['stamped', 'apart', 'plain']);
  await collector.until(8);
  for (const { topic, timestamp } of collector.taken) {
    if (topic === 'plain') assert.equal(Number(timestamp), YEAR_2001_MS);
    else assert.ok(told.slice(0, 3).includes(Number(timestamp)), `${topic}: ${timestamp}`);
  }
  const [{ offset } = { offset: '' }] = await admin.fetchTopicOffsetsByTimestamp('stamped', told[1] ?? 0);
  assert.ok(offset === '0' || offset === '2', 'found by the time it was taken');
  assert.equal((await admin.fetchTopicOffsetsByTimestamp('stamped', YEAR_2001_MS))[0]?.offset, '0');
});
