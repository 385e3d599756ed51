/** The simulated clock: order, cancelling, running, and letting promises settle between callbacks. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../../../src/host/simulated/sim-clock.ts';
import { SimRandom } from '../../../src/host/simulated/sim-random.ts';

test('fires in order of time, then of asking, and stands at the time of each', async () => {
  const clock = new SimClock({ wallMs: 1_000_000 });
  const fired: string[] = [];
  const note = (name: string) => () => void fired.push(`${name}@${clock.monotonicMs()}`);
  clock.after(20, note('c'));
  clock.after(10, note('a'));
  clock.after(10, note('b'));
  clock.after(-5, note('now'));
  clock.soon(note('soon'));
  assert.equal(clock.nextMs, 0);
  await clock.run();
  assert.deepEqual(fired, ['now@0', 'soon@0', 'a@10', 'b@10', 'c@20']);
  assert.equal(clock.wallMs(), 1_000_020);
});

test('run stops at the time asked for, and what is due then has fired', async () => {
  const clock = new SimClock();
  const fired: number[] = [];
  const again = () => {
    fired.push(clock.monotonicMs());
    clock.after(10, again);
  };
  clock.after(10, again);
  await clock.run(30);
  assert.deepEqual(fired, [10, 20, 30]);
  await clock.advance(5);
  assert.equal(clock.monotonicMs(), 35);
  assert.equal(fired.length, 3);
  assert.equal(await clock.step(), true);
  assert.equal(clock.monotonicMs(), 40);
  assert.equal(await clock.runUntil(() => false, 65), false);
  assert.deepEqual(fired.slice(3), [40, 50, 60]);
});

test('the heap keeps its order among many, and what is cancelled never fires', async () => {
  const clock = new SimClock();
  const random = new SimRandom(1);
  const expected: [number, number][] = [];
  const fired: [number, number][] = [];
  for (let i = 0; i < 20_000; i++) {
    const at = random.int(1000);
    const cancel = clock.after(at, () => void fired.push([at, i]));
    if (random.chance(0.7)) {
      cancel();
      cancel();
    } else expected.push([at, i]);
  }
  await clock.run();
  expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  assert.deepEqual(fired, expected);
  assert.equal(clock.nextMs, undefined);
});

test('promises settle, however long their chain, before the next callback', async () => {
  const clock = new SimClock();
  const seen: string[] = [];
  clock.after(1, () => {
    void (async () => {
      for (let i = 0; i < 1000; i++) await Promise.resolve();
      seen.push('chain');
    })();
  });
  clock.after(1, () => void seen.push('next'));
  await clock.run();
  assert.deepEqual(seen, ['chain', 'next']);
});

test('settle runs as far as needed, passes errors on, and says when nothing can settle it', async () => {
  const clock = new SimClock();
  clock.after(1000, () => assert.fail('not needed'));
  const value = new Promise<number>((done) => clock.after(5, () => done(7)));
  assert.equal(await clock.settle(value), 7);
  assert.equal(clock.monotonicMs(), 5);
  await assert.rejects(clock.settle(Promise.reject(new Error('mine'))), /mine/);
  await assert.rejects(new SimClock().settle(new Promise(() => {})), /nothing waits any more/);
});

test('the wall clock jumps alone', () => {
  const clock = new SimClock({ wallMs: 5_000_000 });
  clock.jumpWall(-3_600_000);
  assert.equal(clock.wallMs(), 1_400_000);
  assert.equal(clock.monotonicMs(), 0);
});

test('a killed process never hears from its clock again, others do', async () => {
  const clock = new SimClock();
  const seen: string[] = [];
  const one = clock.process();
  const two = clock.process();
  for (const [name, life] of [
    ['one', one],
    ['two', two],
  ] as const) {
    life.clock.after(5, () => void seen.push(name));
    life.clock.soon(() => void seen.push(`${name} soon`));
  }
  await clock.step();
  one.kill();
  one.clock.after(1, () => void seen.push('from the grave'));
  await clock.run();
  assert.deepEqual(seen, ['one soon', 'two soon', 'two']);
});

test('a callback that throws ends the run with its error, and the clock goes on', async () => {
  const clock = new SimClock();
  clock.after(1, () => {
    throw new Error('broken');
  });
  let fired = false;
  clock.after(2, () => {
    fired = true;
  });
  await assert.rejects(clock.run(), /broken/);
  await clock.run();
  assert.equal(fired, true);
});

test('an endless delay never fires', async () => {
  const clock = new SimClock();
  const cancel = clock.after(Number.POSITIVE_INFINITY, () => assert.fail('fired'));
  await clock.run();
  cancel();
  assert.equal(clock.monotonicMs(), 0);
});
