import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { Heartbeat } from '../../../src/servers/amqp/heartbeat.ts';

test('a client that is not read is not taken for silent; from then on its silence counts anew', async () => {
  const clock = new HandClock();
  const heartbeat = new Heartbeat(clock);
  let lost = 0;
  heartbeat.start(
    1000,
    () => undefined,
    () => lost++,
  );
  heartbeat.deaf = true;
  await clock.advance(10_000, async () => undefined);
  assert.equal(lost, 0);
  heartbeat.deaf = false;
  await clock.advance(1500, async () => undefined);
  assert.equal(lost, 0);
  await clock.advance(1000, async () => undefined);
  assert.equal(lost, 1);
});
