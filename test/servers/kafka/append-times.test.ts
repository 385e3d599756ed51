import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBroker } from '../../../src/broker/broker.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { nodeHost } from '../../../src/host/node-host.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { AppendTimes } from '../../../src/servers/kafka/append-times.ts';

test('a topic’s setting is looked for once, nobody overtakes those who waited for it, and a change is seen', async (t) => {
  const host = { ...nodeHost(), disk: new MemoryDisk(), logger: silentLogger };
  const engine = await openBroker(host, { directory: '/a' });
  t.after(() => engine.close());
  const labels = { 'kafka.message.timestamp.type': 'LogAppendTime' };
  await engine.declare({ kind: 'topic', name: 'stamped', labels });
  await engine.declare({ kind: 'topic', name: 'plain' });
  const soon: (() => void)[] = [];
  const times = new AppendTimes({ ...host.clock, soon: (fn: () => void) => void soon.push(fn) } as typeof host.clock);
  const order: number[] = [];
  const waits = [0, 1, 2].map(async (i) => {
    assert.equal(await times.has(engine, 'stamped'), true);
    order.push(i);
  });
  await waits[0];
  assert.equal(typeof times.has(engine, 'stamped'), 'object', 'who comes now queues behind those who waited');
  await Promise.all(waits);
  assert.deepEqual(order, [0, 1, 2]);
  for (const fn of soon) fn();
  assert.equal(times.has(engine, 'stamped'), true);
  assert.equal(await times.has(engine, 'plain'), false);
  assert.equal(await times.has(engine, 'not there'), false);
  await engine.alter({ kind: 'topic', name: 'plain', labels });
  times.forget();
  assert.equal(await times.has(engine, 'plain'), true);
});

test('what may not be seen is not known either, and asked for anew', async (t) => {
  const host = { ...nodeHost(), disk: new MemoryDisk(), logger: silentLogger };
  const engine = await openBroker(host, { directory: '/a' });
  t.after(() => engine.close());
  await engine.declare({ kind: 'user', name: 'u' });
  const user = engine.as({ user: 'u' });
  const times = new AppendTimes(host.clock);
  await assert.rejects(Promise.resolve(times.has(user, 'a')), { code: 'forbidden' });
  await engine.declare({ kind: 'user', name: 'u', write: ['a'] });
  assert.equal(await times.has(user, 'a'), false);
});
