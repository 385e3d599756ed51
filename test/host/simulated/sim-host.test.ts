/** A simulated machine: what dies with the process, what outlives it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simHost } from '../../../src/host/simulated/sim-host.ts';

test('crash: timers and handles of the process are dead, time and synced bytes go on', async () => {
  const before = simHost(1);
  const { host, clock } = before;
  const setUp = async () => {
    const file = await host.disk.open('a', { create: true, dsync: true });
    await host.disk.syncDirectory('.');
    await file.write(Uint8Array.of(1, 2, 3), 0);
    return file;
  };
  const file = await clock.settle(setUp());
  await clock.settle(host.disk.lock('.'));
  host.clock.after(1, () => assert.fail('the dead do not call'));
  const after = before.crash();
  file.sync().then(
    () => assert.fail('the dead do not answer'),
    () => assert.fail('the dead do not answer'),
  );
  let called = false;
  after.host.clock.after(2, () => {
    called = true;
  });
  await clock.run();
  assert.equal(called, true);
  assert.equal(after.host.clock.monotonicMs(), clock.monotonicMs());
  assert.deepEqual([...(after.disk.contents('a') ?? [])], [1, 2, 3]);
  await after.clock.settle(after.host.disk.lock('.'));
});

test('kill: the cache outlives the process', async () => {
  const before = simHost(2);
  const write = async () => {
    const file = await before.host.disk.open('a', { create: true });
    await file.write(Uint8Array.of(9), 0);
  };
  await before.clock.settle(write());
  before.host.clock.soon(() => assert.fail('the dead do not call'));
  const after = before.kill();
  await after.clock.run();
  assert.deepEqual([...(after.disk.contents('a') ?? [])], [9]);
  assert.equal(before.disk.halted, true);
});

test('one seed is one machine', () => {
  const numbers = (seed: number) => {
    const { host, random } = simHost(seed);
    return [host.random.u32(), random.u32(), host.clock.wallMs()];
  };
  assert.deepEqual(numbers(3), numbers(3));
  assert.notDeepEqual(numbers(3), numbers(4));
});
