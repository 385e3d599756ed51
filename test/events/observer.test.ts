/** The observer pattern: told in order, disposed of, isolated. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BusFailure } from '../../src/events/bus-handlers.ts';
import { Subject } from '../../src/events/observer.ts';

test('observers are told in the order they came, until they are disposed of', () => {
  const subject = new Subject<number>();
  const seen: string[] = [];
  const first = subject.observe((value) => seen.push(`first ${value}`));
  subject.observe((value) => seen.push(`second ${value}`));
  assert.equal(subject.notify(1), 2);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assert.equal(subject.observers, 1);
  assert.equal(subject.notify(2), 1);
  assert.deepEqual(seen, ['first 1', 'second 1', 'second 2']);
});

test('the same function that observes twice is told twice', () => {
  const subject = new Subject<string>();
  let count = 0;
  const observer = (): void => void count++;
  using _ = subject.observe(observer);
  subject.observe(observer);
  subject.notify('');
  assert.equal(count, 2);
});

test('one that throws, now or later, stops no other', async () => {
  const failures: BusFailure[] = [];
  const subject = new Subject<number>({ onError: (failure) => failures.push(failure) });
  const seen: number[] = [];
  subject.observe(() => {
    throw new Error('now');
  });
  subject.observe(async () => {
    throw new Error('later');
  });
  subject.observe((value) => seen.push(value));
  assert.equal(subject.notify(7), 3);
  await Promise.resolve();
  assert.deepEqual(seen, [7]);
  assert.deepEqual(
    failures.map(({ cause }) => (cause as Error).message),
    ['now', 'later'],
  );
});
