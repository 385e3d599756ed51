import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offset } from '../../src/model/lines.ts';
import { batch, bodiesIn, opened } from './opened.ts';

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
