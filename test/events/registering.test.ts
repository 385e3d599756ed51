/** Registering callbacks: when they run, whether the event is still to come, there, under way, over or long gone; and disposing of them. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Refused } from '../../src/model/refusal.ts';
import { counters, handler, open, turn, until } from './kit.ts';

/** Notes names in order. */
function notes(): { seen: string[]; note: (name: string) => () => void } {
  const seen: string[] = [];
  return { seen, note: (name) => () => void seen.push(name) };
}

describe('a callback for an id', () => {
  test('makes no event; it runs when the event comes, with what that carries', async (t) => {
    const queue = open(t);
    const seen: unknown[] = [];
    const { answer } = queue.once({ id: 7 }, ({ id, type, data }) => void seen.push(id, type, data));
    assert.equal(answer, 'waiting');
    assert.equal(queue.size, 0);
    assert.equal(await queue.tryProcess(), undefined);
    assert.equal(queue.add({ id: 7, type: 'real', data: 'payload' }), 'accepted');
    assert.equal((await queue.tryProcess())?.ran, 1);
    assert.deepEqual(seen, [7, 'real', 'payload']);
  });

  test('runs once if made with once, for every event of the id if made with on', async (t) => {
    const queue = open(t);
    const { seen, note } = notes();
    queue.once({ id: 1 }, note('once'));
    queue.on({ id: 1 }, note('on'));
    queue.on({ id: 2 }, note('other'));
    for (let round = 0; round < 3; round++) {
      queue.add({ id: 1, type: 't' });
      await queue.tryProcess();
    }
    assert.deepEqual(seen, ['once', 'on', 'on', 'on']);
  });

  test('registered while its event is processed runs on the same pass, after the earlier ones', async (t) => {
    const queue = open(t);
    const { seen, note } = notes();
    queue.once({ id: 1 }, () => {
      seen.push('a');
      assert.equal(queue.once({ id: 1 }, note('late')).answer, 'pending');
      queue.on({ id: 1 }, note('late standing'));
      queue.on({ type: 't' }, note('late of type'));
      queue.on('all', note('late of all'));
    });
    queue.once({ id: 1 }, note('b'));
    queue.add({ id: 1, type: 't' });
    assert.equal((await queue.tryProcess())?.ran, 6);
    assert.deepEqual(seen, ['a', 'b', 'late', 'late standing', 'late of type', 'late of all']);
  });

  test('registered by the last callback of all runs on the same pass too, however often that goes on', async (t) => {
    const queue = open(t);
    let left = 100;
    const again = (): void => {
      if (left-- > 0) queue.once({ id: 1 }, again);
    };
    queue.once({ id: 1 }, again);
    queue.add({ id: 1, type: 't' });
    assert.equal((await queue.tryProcess())?.ran, 101);
  });

  test('registered after its event was processed runs at once with the event that is retained', async (t) => {
    const queue = open(t);
    const seen: unknown[] = [];
    queue.add({ id: 1, type: 't', data: { deep: ['data'] } });
    await queue.tryProcess();
    assert.equal(queue.once({ id: 1 }, ({ type, data }) => void seen.push(type, data)).answer, 'late');
    assert.deepEqual(seen, ['t', { deep: ['data'] }]);
    queue.on({ id: 1 }, ({ type }) => void seen.push(`standing ${type}`));
    assert.deepEqual(seen.slice(2), ['standing t']);
    await queue.drain();
    assert.equal(queue.metrics().processed, 1, 'it is one event, however often it goes on');
    assert.equal(queue.size, 0);
  });

  test('past the retention is answered expired and does not run', async (t) => {
    const queue = open(t, { retain: { count: 2, expired: 100 } });
    const { seen, note } = notes();
    for (let id = 1; id <= 4; id++) queue.add({ id, type: 't' });
    await queue.processBatch(4);
    assert.deepEqual(
      [1, 2, 3, 4].map((id) => queue.once({ id }, note(`${id}`)).answer),
      ['expired', 'expired', 'late', 'late'],
    );
    assert.deepEqual(seen, ['3', '4']);
  });

  test('… by age as well as by count', async (t) => {
    for (const [ms, answer] of [
      [10, 'expired'],
      [600_000, 'late'],
    ] as const) {
      const queue = open(t, { retain: { count: 2, ms } });
      const { seen, note } = notes();
      queue.add({ id: 1, type: 't' });
      await queue.tryProcess();
      await turn(20);
      assert.equal(queue.once({ id: 1 }, note('old')).answer, answer);
      assert.equal(seen.length, answer === 'late' ? 1 : 0);
    }
  });

  test('… and once even that is forgotten, it waits for the next event of the id', async (t) => {
    const queue = open(t, { retain: { count: 1, expired: 2 } });
    for (let id = 1; id <= 10; id++) queue.add({ id, type: 't' });
    await queue.processBatch(10);
    const { seen, note } = notes();
    assert.equal(queue.once({ id: 1 }, note('one')).answer, 'waiting');
    queue.add({ id: 1, type: 't' });
    await queue.tryProcess();
    assert.deepEqual(seen, ['one']);
  });

  test('for a finished id that is added again belongs to the new event', async (t) => {
    const queue = open(t);
    const seen: unknown[] = [];
    queue.add({ id: 1, type: 't', data: 'first' });
    await queue.tryProcess();
    queue.add({ id: 1, type: 't', data: 'second' });
    assert.equal(queue.once({ id: 1 }, ({ data }) => void seen.push(data)).answer, 'pending');
    await queue.tryProcess();
    assert.deepEqual(seen, ['second']);
  });
});

describe('a callback for a type, or for all', () => {
  test('runs for each such event, in the order in which all were registered', async (t) => {
    const queue = open(t);
    const { seen, note } = notes();
    queue.on('all', note('all'));
    queue.on({ type: 'a' }, note('a'));
    queue.on({ id: 1 }, note('1'));
    queue.once({ id: 1 }, note('once 1'));
    queue.on({ type: 'b' }, note('b'));
    queue.on('all', note('all too'));
    queue.add({ id: 1, type: 'a' });
    queue.add({ id: 2, type: 'b' });
    await queue.processBatch(2);
    assert.deepEqual(seen, ['all', 'a', '1', 'once 1', 'all too', 'all', 'b', 'all too']);
  });

  test('made with once runs for the next such event alone', async (t) => {
    const queue = open(t);
    const { seen, note } = notes();
    queue.once({ type: 'a' }, note('a'));
    queue.once('all', note('all'));
    for (const type of ['b', 'a', 'a', 'b']) {
      queue.add({ id: type, type });
      await queue.tryProcess();
    }
    assert.deepEqual(seen, ['all', 'a']);
  });

  test('made with once runs once though many threads process', async (t) => {
    const queue = open(t);
    queue.once('all', handler('count'));
    await queue.start({ workers: 2 });
    queue.addMany(Array.from({ length: 200 }, (_, id) => ({ id, type: 't' })));
    await queue.drain();
    assert.equal(counters[0], 1);
  });
});

describe('disposing', () => {
  test('of a callback keeps it from running, and says whether it was in time', async (t) => {
    const queue = open(t);
    const { seen, note } = notes();
    const standing = queue.on('all', note('standing'));
    const once = queue.once({ id: 1 }, note('once'));
    const begun = queue.once({ id: 1 }, note('begun'));
    {
      using forgotten = queue.once({ id: 1 }, note('using'));
      assert.equal(forgotten.answer, 'waiting');
    }
    assert.equal(once.dispose(), true);
    assert.equal(once.dispose(), false);
    queue.add({ id: 1, type: 't' });
    await queue.tryProcess();
    assert.equal(begun.dispose(), false);
    assert.equal(standing.dispose(), true);
    assert.equal(standing.dispose(), false);
    queue.add({ id: 2, type: 't' });
    await queue.tryProcess();
    assert.deepEqual(seen, ['standing', 'begun']);
  });

  test('of a callback by one that runs before it', async (t) => {
    const queue = open(t);
    const { seen, note } = notes();
    queue.on('all', () => {
      assert.equal(second.dispose(), true);
      assert.equal(third.dispose(), true);
    });
    const second = queue.on('all', note('second'));
    const third = queue.once({ id: 1 }, note('third'));
    queue.add({ id: 1, type: 't' });
    assert.equal((await queue.tryProcess())?.ran, 1);
    assert.deepEqual(seen, []);
  });

  test('of all that wait for an id leaves nothing of it', async (t) => {
    const queue = open(t);
    for (let round = 0; round < 20_000; round++) assert.equal(queue.once({ id: round }, () => {}).dispose(), true);
    assert.equal(queue.metrics().waitingIds, 0);
    queue.once({ id: 'kept' }, () => {});
    assert.equal(queue.metrics().waitingIds, 1);
  });
});

test('callbackCount tells how many are to run', async (t) => {
  const queue = open(t);
  assert.equal(queue.callbackCount(1), 0);
  queue.on('all', () => {});
  queue.on({ type: 'a' }, () => {});
  const one = queue.once({ id: 1 }, () => {});
  assert.equal(queue.callbackCount(1), 2, 'the type is not known yet');
  queue.add({ id: 1, type: 'a' });
  assert.equal(queue.callbackCount(1), 3);
  one.dispose();
  assert.equal(queue.callbackCount(1), 2);
});

test('what is no callback is refused, and so is one more than there is room for', (t) => {
  const queue = open(t, { standingMax: 1, registrationsMax: 0 });
  assert.throws(() => queue.on('all', 'text' as never), Refused);
  assert.throws(() => queue.on('all', { module: 1 } as never), Refused);
  queue.on('all', () => {}).dispose();
  queue.on('all', () => {});
  assert.throws(() => queue.on('all', () => {}), /standing registrations/);
  let made = 0;
  assert.throws(() => {
    for (; made < 100_000; made++) queue.once({ id: 1 }, () => {});
  }, /registrationsMax/);
  assert.ok(made > 1000);
});

test('registering from another thread while events are processed: each callback runs once', async (t) => {
  const queue = open(t);
  const worker = new Worker(new URL('./registering.worker.ts', import.meta.url), { workerData: { handle: queue.handle, events: 400 } });
  t.after(() => worker.terminate());
  // Listened for at once: it may be done before the pool is up.
  const answers = new Promise<Record<string, number>>((resolve) => worker.once('message', resolve));
  await queue.start({ workers: 1 });
  for (let id = 0; id < 400; id++) {
    queue.add({ id, type: 't' });
    if (id % 8 === 0) await turn();
  }
  const told = await answers;
  await queue.drain();
  assert.equal(told.expired, undefined);
  assert.equal((told.waiting ?? 0) + (told.pending ?? 0) + (told.late ?? 0), 1200);
  await until(() => counters[0] === 1200);
});
