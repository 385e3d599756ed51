/** The real clock keeps its promises about delays. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { nodeClock } from '../../src/host/node-clock.ts';

const clock = nodeClock();
/** Keeps the process alive while unreferenced timers are waited for. */
async function awake<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 1000);
  return promise.finally(() => clearInterval(hold));
}

test('never fires early, not even by a fraction of a millisecond', async () => {
  const one = (delayMs: number) =>
    new Promise<number>((done) => {
      const begun = clock.monotonicMs();
      clock.after(delayMs, () => done(clock.monotonicMs() - begun - delayMs));
    });
  const over = await awake(Promise.all(Array.from({ length: 60 }, (_, i) => one(i / 7))));
  assert.ok(Math.min(...over) >= 0, `${Math.min(...over)}`);
});

test('a delay beyond 2^31 ms does not fire at once, a negative one does', async () => {
  const far = [2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY].map((ms) => clock.after(ms, () => assert.fail('fired')));
  await awake(new Promise<void>((done) => clock.after(-1, done)));
  await awake(new Promise<void>((done) => clock.after(5, done)));
  for (const cancel of far) cancel();
});

test('what is cancelled does not fire, and soon comes after this turn', async () => {
  clock.after(0, () => assert.fail('cancelled'))();
  const order: string[] = [];
  const soon = new Promise<void>((done) =>
    clock.soon(() => {
      order.push('soon');
      done();
    }),
  );
  queueMicrotask(() => order.push('promise'));
  order.push('now');
  await soon;
  assert.deepEqual(order, ['now', 'promise', 'soon']);
  await awake(new Promise<void>((done) => clock.after(3, done)));
});

test('both lines of time are in milliseconds', () => {
  assert.ok(Math.abs(clock.wallMs() - Date.now()) < 1000);
  assert.ok(Math.abs(clock.monotonicMs() - performance.now()) < 1000);
});

test('a timer does not keep the process alive', async () => {
  const source = new URL('../../src/host/node-clock.ts', import.meta.url).href;
  const script = `const { nodeClock } = await import(${JSON.stringify(source)}); nodeClock().after(3_600_000, () => {});`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});
