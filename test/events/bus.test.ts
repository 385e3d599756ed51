/** The event bus: types and patterns, order, once, isolation of what throws, sync and async dispatch, memory that does not grow. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EventBus } from '../../src/events/bus.ts';
import type { BusFailure } from '../../src/events/bus-handlers.ts';

interface Shop {
  'order.created': { id: number };
  'order.paid': { id: number; cents: number };
  'shop.closed': undefined;
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

function heapUsed(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function bus(): { bus: EventBus<Shop>; failures: BusFailure[] } {
  const failures: BusFailure[] = [];
  return { bus: new EventBus<Shop>({ onError: (failure) => failures.push(failure) }), failures };
}

describe('subscribing and publishing', () => {
  test('a handler gets what is published to its type, and nothing else', () => {
    const { bus: shop } = bus();
    const seen: unknown[] = [];
    shop.subscribe('order.created', (order, type) => seen.push([type, order.id]));
    assert.equal(shop.publish('order.created', { id: 1 }), 1);
    assert.equal(shop.publish('order.paid', { id: 1, cents: 5 }), 0);
    assert.deepEqual(seen, [['order.created', 1]]);
  });

  test('data may be left out where there is none', () => {
    const { bus: shop } = bus();
    const seen: unknown[] = [];
    shop.subscribe('shop.closed', (data) => seen.push(data));
    shop.publish('shop.closed');
    assert.deepEqual(seen, [undefined]);
  });

  test('the compiler knows the types', () => {
    const { bus: shop } = bus();
    // @ts-expect-error: no such type
    shop.publish('order.lost', { id: 1 });
    // @ts-expect-error: cents are missing
    shop.publish('order.paid', { id: 1 });
    // @ts-expect-error: data must be given
    shop.publish('order.created');
    // @ts-expect-error: no such property
    shop.subscribe('order.created', (order) => order.cents);
    // A name may be anything where no types are declared.
    const free = new EventBus();
    free.subscribe('whatever', (data: unknown) => data);
    assert.equal(free.publish('whatever', 1), 1);
  });

  test('what is no function is refused', () => {
    assert.throws(() => new EventBus().subscribe('a', undefined as never), { code: 'invalid' });
  });

  test('one disposed of is not called, also by a publish under way', () => {
    const { bus: shop } = bus();
    const seen: string[] = [];
    const first = shop.subscribe('order.created', () => {
      seen.push('first');
      assert.equal(second.dispose(), true);
    });
    const second = shop.subscribe('order.created', () => seen.push('second'));
    assert.equal(shop.publish('order.created', { id: 1 }), 1);
    assert.equal(second.dispose(), false);
    {
      using _ = first;
    }
    assert.equal(shop.publish('order.created', { id: 2 }), 0);
    assert.deepEqual(seen, ['first']);
  });

  test('one that subscribes while its event is published is for the next', () => {
    const { bus: shop } = bus();
    let late = 0;
    shop.subscribe('order.created', () => void shop.subscribe('order.created', () => late++), { once: true });
    shop.publish('order.created', { id: 1 });
    assert.equal(late, 0);
    shop.publish('order.created', { id: 2 });
    assert.equal(late, 1);
  });

  test('a signal ends a subscription, and is not held when that is over already', () => {
    const { bus: shop } = bus();
    const ending = new AbortController();
    let count = 0;
    shop.subscribe('order.created', () => count++, { signal: ending.signal });
    shop.subscribe('order.created', () => count++, { signal: AbortSignal.abort() });
    const removed: string[] = [];
    const { removeEventListener } = ending.signal;
    ending.signal.removeEventListener = (type: string, ...rest: never[]) => {
      removed.push(type);
      removeEventListener.call(ending.signal, type, ...(rest as unknown as [never]));
    };
    shop.subscribe('order.created', () => count++, { signal: ending.signal, once: true });
    shop.publish('order.created', { id: 1 });
    assert.equal(count, 2);
    assert.deepEqual(removed, ['abort']);
    ending.abort();
    shop.publish('order.created', { id: 2 });
    assert.equal(count, 2);
  });
});

describe('order', () => {
  test('as subscribed, higher priority first, patterns among them', () => {
    const { bus: shop } = bus();
    const seen: string[] = [];
    shop.subscribe('order.created', () => seen.push('a'));
    shop.subscribe('order.*', () => seen.push('b'));
    shop.subscribe('order.created', () => seen.push('c'), { priority: 5 });
    shop.subscribe('#', () => seen.push('d'), { priority: -1 });
    shop.subscribe('order.created', () => seen.push('e'), { priority: 5 });
    shop.subscribe('order.created', () => seen.push('f'));
    shop.publish('order.created', { id: 1 });
    assert.equal(seen.join(''), 'ceabfd');
  });

  test('what a handler publishes is dealt with before the next handler', () => {
    const { bus: shop } = bus();
    const seen: string[] = [];
    shop.subscribe('order.created', ({ id }) => {
      seen.push('created 1');
      shop.publish('order.paid', { id, cents: 1 });
    });
    shop.subscribe('order.created', () => seen.push('created 2'));
    shop.subscribe('order.paid', () => seen.push('paid'));
    shop.publish('order.created', { id: 1 });
    assert.deepEqual(seen, ['created 1', 'paid', 'created 2']);
  });
});

describe('once', () => {
  test('runs for one event, also when it publishes that type itself', () => {
    const { bus: shop } = bus();
    let count = 0;
    shop.subscribe(
      'order.created',
      () => {
        count++;
        shop.publish('order.created', { id: 2 });
      },
      { once: true },
    );
    shop.publish('order.created', { id: 1 });
    shop.publish('order.created', { id: 3 });
    assert.equal(count, 1);
    assert.equal(shop.count('order.created'), 0);
  });

  test('holds for patterns', () => {
    const { bus: shop } = bus();
    const seen: string[] = [];
    shop.subscribe('order.#', (_, type) => seen.push(type), { once: true });
    shop.publish('order.paid', { id: 1, cents: 1 });
    shop.publish('order.created', { id: 1 });
    assert.deepEqual(seen, ['order.paid']);
  });
});

describe('patterns', () => {
  const cases: readonly [string, readonly string[], readonly string[]][] = [
    ['#', ['a', 'a.b', ''], []],
    ['*', ['a', ''], ['a.b']],
    ['a.*', ['a.b', 'a.'], ['a', 'a.b.c', 'b.a']],
    ['a.#', ['a', 'a.b', 'a.b.c'], ['ab', 'b', 'ab.c']],
    ['#.c', ['c', 'a.c', 'a.b.c'], ['a.b', 'a.bc']],
    ['*.b.*', ['a.b.c'], ['b', 'a.b', 'a.c.b']],
    ['a.#.z', ['a.z', 'a.b.z', 'a.b.c.z', 'a.z.z'], ['a', 'z', 'a.z.b']],
    ['#.b.#', ['b', 'a.b', 'b.c', 'a.b.c'], ['a', 'a.bb']],
    ['a.#.c.*.#', ['a.c.d', 'a.b.c.d', 'a.c.c.d.e', 'a.b.c.c'], ['a.c', 'a.b.c', 'c.d']],
    ['#.*', ['a', 'a.b'], []],
  ];
  for (const [pattern, fitting, others] of cases) {
    test(pattern, () => {
      const any = new EventBus();
      const seen: string[] = [];
      any.subscribe(pattern, (_, type) => seen.push(type));
      for (const type of [...fitting, ...others]) any.publish(type, 0);
      assert.deepEqual(seen, fitting);
    });
  }

  test('a star inside a word is a letter like any other', () => {
    const any = new EventBus();
    let count = 0;
    any.subscribe('a*', () => count++);
    any.publish('ab', 0);
    any.publish('a*', 0);
    assert.equal(count, 1);
  });

  test('many marks are compared in reasonable time', () => {
    const any = new EventBus();
    let count = 0;
    any.subscribe(`${'#.a.'.repeat(20)}b`, () => count++);
    any.publish('a.'.repeat(2000), 0);
    assert.equal(count, 0);
  });

  test('types that come by without end are not all remembered', () => {
    const any = new EventBus();
    let count = 0;
    any.subscribe('job.*', () => count++);
    const before = heapUsed();
    for (let job = 0; job < 100_000; job++) any.publish(`job.${job}`, 0);
    assert.equal(count, 100_000);
    // All of them would be some 30 MB.
    const more = heapUsed() - before;
    assert.ok(more < 12e6, `${more} bytes more`);
  });
});

describe('isolation', () => {
  test('one that throws stops no other, whatever it throws', () => {
    const { bus: shop, failures } = bus();
    const seen: string[] = [];
    shop.subscribe('order.created', function rejects() {
      throw new Error('no');
    });
    shop.subscribe('order.created', () => seen.push('between'));
    shop.subscribe('order.created', () => {
      throw 42;
    });
    shop.subscribe('order.created', () => seen.push('last'));
    assert.equal(shop.publish('order.created', { id: 1 }), 4);
    assert.deepEqual(seen, ['between', 'last']);
    assert.deepEqual(
      failures.map(({ handler, type, cause }) => [handler, type, cause instanceof Error ? cause.message : cause]),
      [
        ['rejects', 'order.created', 'no'],
        ['a handler', 'order.created', 42],
      ],
    );
  });

  test('a promise that rejects is heard of, too', async () => {
    const { bus: shop, failures } = bus();
    shop.subscribe('order.created', async function later() {
      throw new Error('later');
    });
    assert.equal(shop.publish('order.created', { id: 1 }), 1);
    await turn();
    assert.deepEqual(
      failures.map(({ handler, cause }) => [handler, (cause as Error).message]),
      [['later', 'later']],
    );
  });

  test('by default it is a warning of the process', async (t) => {
    const warned = t.mock.method(process, 'emitWarning', () => {});
    const any = new EventBus();
    any.subscribe('a', function broken() {
      throw new Error('oh');
    });
    any.publish('a', 0);
    assert.deepEqual(warned.mock.calls[0]?.arguments, ['broken failed on an event of type "a": Error: oh', 'EventBusWarning']);
  });

  test('a listener for failures that throws stops nothing, and is heard of by the process', async (t) => {
    let seen = 0;
    const thrown = t.mock.method(globalThis, 'queueMicrotask', (run: () => void) => assert.throws(run, /worse/));
    const any = new EventBus({
      onError: () => {
        throw new Error('worse');
      },
    });
    any.subscribe('a', () => {
      throw new Error('bad');
    });
    any.subscribe('a', () => seen++);
    assert.equal(any.publish('a', 0), 2);
    assert.equal(seen, 1);
    assert.equal(thrown.mock.callCount(), 1);
  });
});

describe('publishAsync', () => {
  test('waits for each before the next begins', async () => {
    const { bus: shop } = bus();
    const seen: string[] = [];
    for (const name of ['a', 'b'])
      shop.subscribe('order.created', async () => {
        seen.push(`${name} begins`);
        await turn();
        seen.push(`${name} ends`);
      });
    const publishing = shop.publishAsync('order.created', { id: 1 });
    assert.deepEqual(seen, ['a begins']);
    assert.deepEqual(await publishing, { ran: 2, failed: [] });
    assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends']);
  });

  test('or starts them all', async () => {
    const { bus: shop } = bus();
    const seen: string[] = [];
    for (const name of ['a', 'b'])
      shop.subscribe('order.created', async () => {
        seen.push(`${name} begins`);
        await turn();
        seen.push(`${name} ends`);
      });
    assert.equal((await shop.publishAsync('order.created', { id: 1 }, { parallel: true })).ran, 2);
    assert.deepEqual(seen, ['a begins', 'b begins', 'a ends', 'b ends']);
  });

  test('answers what failed, thrown and rejected, and the rest has run', async () => {
    const { bus: shop, failures } = bus();
    let ran = 0;
    shop.subscribe('order.created', () => {
      throw new Error('thrown');
    });
    shop.subscribe('order.created', async () => {
      throw new Error('rejected');
    });
    shop.subscribe('order.created', () => ran++);
    for (const parallel of [false, true]) {
      const published = await shop.publishAsync('order.created', { id: 1 }, { parallel });
      assert.equal(published.ran, 3);
      assert.deepEqual(
        published.failed.map(({ cause }) => (cause as Error).message),
        ['thrown', 'rejected'],
      );
    }
    assert.equal(ran, 2);
    assert.equal(failures.length, 4);
  });

  test('one disposed of while an earlier one is waited for does not run', async () => {
    const { bus: shop } = bus();
    let ran = 0;
    shop.subscribe('order.created', () => turn());
    const second = shop.subscribe('order.created', () => ran++);
    const publishing = shop.publishAsync('order.created', { id: 1 });
    second.dispose();
    assert.equal((await publishing).ran, 1);
    assert.equal(ran, 0);
  });
});
