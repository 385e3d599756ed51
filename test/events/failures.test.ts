/** Callbacks that fail, in every way there is: the others run, the event ends with a result that says so, and whoever listens hears of it. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CallbackError, type Failure, type FailureReport, type Result } from '../../src/events/events.ts';
import { counters, handler, open, turn, until } from './kit.ts';

function asError(failure: Failure | undefined): Error & { code?: string } {
  assert.ok(failure?.cause instanceof Error);
  return failure.cause;
}

describe('a callback that fails', () => {
  const ways: Record<string, [() => void | Promise<void>, unknown]> = {
    'throws an error': [
      () => {
        throw new RangeError('too far');
      },
      new RangeError('too far'),
    ],
    'throws a number': [
      () => {
        throw 42;
      },
      42,
    ],
    'throws nothing': [
      () => {
        throw undefined;
      },
      undefined,
    ],
    'throws null': [
      () => {
        throw null;
      },
      null,
    ],
    'throws an object': [
      () => {
        throw { deep: ['x'] };
      },
      { deep: ['x'] },
    ],
    rejects: [() => Promise.reject(new TypeError('later')), new TypeError('later')],
    'rejects after a while': [
      async () => {
        await turn(1);
        throw 'text';
      },
      'text',
    ],
  };
  for (const [name, [callback, cause]] of Object.entries(ways)) {
    test(`${name}: the others run`, async (t) => {
      const heard: FailureReport[] = [];
      const queue = open(t, { onError: (failure) => heard.push(failure) });
      let ran = 0;
      queue.on('all', () => void ran++);
      queue.once({ id: 1 }, callback);
      queue.once({ id: 1 }, () => void ran++);
      queue.add({ id: 1, type: 't', data: 'd' });
      const result = (await queue.tryProcess()) as Result;
      assert.equal(ran, 2);
      assert.equal(result.ran, 3);
      assert.equal(result.failed.length, 1);
      const [failed] = result.failed;
      assert.equal(failed?.attempt, 1);
      assert.equal(failed?.final, true);
      if (cause instanceof Error) {
        assert.ok(failed?.cause instanceof Error);
        assert.equal(failed.cause.name, cause.name);
        assert.equal(failed.cause.message, cause.message);
      } else assert.deepEqual(failed?.cause, cause);
      assert.equal(heard.length, 1);
      assert.deepEqual(heard[0]?.event, { id: 1, type: 't' });
      assert.equal(queue.metrics().callbacksFailed, 1);
      assert.equal(queue.metrics().processed, 1);
    });
  }

  test('is tried again as often as it may be, and reported each time', async (t) => {
    const heard: [number, boolean][] = [];
    const queue = open(t, { onError: ({ attempt, final }) => heard.push([attempt, final]) });
    let tries = 0;
    queue.once(
      { id: 1 },
      (_event, { attempt }) => {
        assert.equal(attempt, ++tries);
        if (attempt < 3) throw new Error('not yet');
      },
      { attempts: 5, backoffMs: 1 },
    );
    queue.add({ id: 1, type: 't' });
    const result = (await queue.tryProcess()) as Result;
    assert.equal(tries, 3);
    assert.equal(result.ran, 1);
    assert.deepEqual(heard, [
      [1, false],
      [2, false],
    ]);
    assert.deepEqual(
      result.failed.map(({ final }) => final),
      [false, false],
    );
    assert.equal(queue.metrics().callbacksFailed, 0);
  });

  test('for the last time is given up', async (t) => {
    const queue = open(t);
    let tries = 0;
    queue.once(
      { id: 1 },
      async () => {
        tries++;
        throw new Error('never');
      },
      { attempts: 3 },
    );
    queue.add({ id: 1, type: 't' });
    const result = (await queue.tryProcess()) as Result;
    assert.equal(tries, 3);
    assert.deepEqual(
      result.failed.map(({ attempt, final }) => [attempt, final]),
      [
        [1, false],
        [2, false],
        [3, true],
      ],
    );
  });

  test('by taking too long is told so by its signal, and the event goes on without it', async (t) => {
    const queue = open(t);
    let told: unknown;
    let after = false;
    queue.once(
      { id: 1 },
      (_event, { signal }) =>
        new Promise<void>(() => {
          signal?.addEventListener('abort', () => {
            told = signal.reason;
          });
        }),
      { timeoutMs: 5 },
    );
    queue.once({ id: 1 }, () => {
      after = true;
    });
    queue.add({ id: 1, type: 't' });
    const result = (await queue.tryProcess()) as Result;
    assert.equal(after, true);
    assert.ok(told instanceof CallbackError);
    assert.equal(told.code, 'timeout');
    assert.equal(asError(result.failed[0]).code, 'timeout');
  });

  test('so often that its failures do not fit is still counted', async (t) => {
    const queue = open(t);
    for (let one = 0; one < 100; one++)
      queue.once({ id: 1 }, () => {
        throw new Error(`${one} ${'x'.repeat(500)}`);
      });
    queue.add({ id: 1, type: 't' });
    const result = (await queue.tryProcess()) as Result;
    assert.equal(result.ran, 100);
    assert.equal(result.failed.length, 32);
    assert.match(asError(result.failed.at(-1)).message, /^99 /);
    assert.equal(queue.metrics().callbacksFailed, 100);
  });
});

test('an onError that throws itself stops nothing', async (t) => {
  const later: (() => void)[] = [];
  t.mock.method(globalThis, 'queueMicrotask', (callback: () => void) => later.push(callback));
  const queue = open(t, {
    onError: () => {
      throw new Error('of the listener');
    },
  });
  let ran = 0;
  queue.once({ id: 1 }, () => {
    throw 1;
  });
  queue.once({ id: 1 }, () => void ran++);
  queue.add({ id: 1, type: 't' });
  assert.equal((await queue.tryProcess())?.ran, 2);
  assert.equal(ran, 1);
  assert.equal(later.length, 1);
  assert.throws(() => later[0]?.(), /of the listener/);
});

describe('in a pool', () => {
  test('failures on workers are heard of where it was started, and stand in the result', async (t) => {
    const heard: FailureReport[] = [];
    const queue = open(t, { onError: (failure) => heard.push(failure) });
    await queue.start({ workers: 1 });
    queue.add(
      { id: 1, type: 't' },
      { callbacks: [handler('throwText'), handler('reject'), handler('thirdTime', { attempts: 3 }), handler('count')] },
    );
    const result = (await queue.settled(1)) as Result;
    assert.equal(result.ran, 4);
    assert.deepEqual(
      result.failed.map(({ callback, attempt }) => [callback.split('#')[1], attempt]),
      [
        ['throwText', 1],
        ['reject', 1],
        ['thirdTime', 1],
        ['thirdTime', 2],
      ],
    );
    assert.equal(result.failed[0]?.cause, 'a text');
    assert.equal(asError(result.failed[1]).name, 'RangeError');
    assert.equal(counters[0], 2);
    await until(() => heard.length === 4);
  });

  test('a handler that cannot be loaded fails, by its name', async (t) => {
    const queue = open(t);
    await queue.start({ workers: 1 });
    queue.add({ id: 1, type: 't' }, { callbacks: [handler('notThere'), { module: 'file:///nowhere.js', name: 'x' }, handler('count')] });
    const result = (await queue.settled(1)) as Result;
    assert.equal(result.ran, 3);
    assert.deepEqual(
      result.failed.map(({ cause }) => (cause as CallbackError).code),
      ['load', 'load'],
    );
    assert.equal(counters[0], 1);
  });
});
