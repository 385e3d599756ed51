/** Adding events: what is answered, what becomes of an id that is there already, how many there may be, and in which order they come. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refused } from '../../src/model/refusal.ts';
import { counters, handler, open, turn } from './kit.ts';

async function drainByHand(queue: ReturnType<typeof open>): Promise<unknown[]> {
  const ids: unknown[] = [];
  for (let next = await queue.tryProcess(); next !== undefined; next = await queue.tryProcess()) ids.push(next.event.id);
  return ids;
}

describe('an id', () => {
  test('is a whole number or a text, however long, and the two are different', async (t) => {
    const queue = open(t);
    const ids = [0, -1, 2 ** 31, -(2 ** 40), Number.MAX_SAFE_INTEGER, '0', '', 'ä', 'x'.repeat(64), 'x'.repeat(65), 'ö'.repeat(500)];
    for (const id of ids) assert.equal(queue.add({ id, type: 't' }), 'accepted');
    for (const id of ids) assert.equal(queue.add({ id, type: 't' }), 'duplicate');
    assert.deepEqual(await drainByHand(queue), ids);
  });

  test('that is none is refused by name', (t) => {
    const queue = open(t);
    for (const id of [1.5, Number.NaN, 2 ** 60, undefined, null, {}, true, 'x'.repeat(3000)])
      assert.throws(() => queue.add({ id: id as number, type: 't' }), Refused, String(id));
    assert.equal(queue.size, 0);
  });

  test('that is pending is a duplicate; once it is done it may be added again, as often as one likes', async (t) => {
    const queue = open(t, { retain: { count: 2, expired: 2 } });
    const seen: unknown[] = [];
    queue.on('all', ({ data }) => {
      seen.push(data);
    });
    for (let round = 0; round < 50; round++) {
      assert.equal(queue.add({ id: 'again', type: 't', data: round }), 'accepted');
      assert.equal(queue.add({ id: 'again', type: 't', data: 'lost' }), 'duplicate');
      await queue.tryProcess();
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 50 }, (_, round) => round),
    );
    assert.equal(queue.metrics().added, 50);
  });

  test('that is being processed is a duplicate too', async (t) => {
    const queue = open(t);
    const answers: string[] = [];
    queue.on('all', ({ id }) => {
      answers.push(queue.add({ id, type: 't' }));
    });
    queue.add({ id: 1, type: 't' });
    await queue.tryProcess();
    assert.deepEqual(answers, ['duplicate']);
    assert.equal(queue.size, 0);
  });
});

describe('an id that is pending', () => {
  test('takes the place of the one before with duplicates: "replace", with its callbacks', async (t) => {
    const queue = open(t, { duplicates: 'replace' });
    const seen: unknown[] = [];
    queue.add({ id: 1, type: 'old', data: 'x'.repeat(500) });
    queue.once({ id: 1 }, ({ type, data }) => {
      seen.push(type, data);
    });
    queue.add({ id: 2, type: 'other' });
    assert.equal(queue.add({ id: 1, type: 'new', data: 'y' }), 'accepted');
    assert.equal(queue.size, 2);
    assert.deepEqual(await drainByHand(queue), [1, 2]);
    assert.deepEqual(seen, ['new', 'y']);
    assert.equal(queue.metrics().processed, 2);
  });

  test('… and behind one that is being processed it comes anew', async (t) => {
    const queue = open(t, { duplicates: 'replace' });
    const seen: unknown[] = [];
    queue.on('all', ({ data }) => {
      if (seen.push(data) === 1) assert.equal(queue.add({ id: 1, type: 't', data: 'second' }), 'accepted');
    });
    queue.add({ id: 1, type: 't', data: 'first' });
    assert.deepEqual(await drainByHand(queue), [1, 1]);
    assert.deepEqual(seen, ['first', 'second']);
  });

  test('is processed as often as it was added with duplicates: "queue"', async (t) => {
    const queue = open(t, { duplicates: 'queue' });
    const seen: unknown[] = [];
    queue.on('all', ({ data }) => {
      seen.push(data);
    });
    for (let data = 0; data < 5; data++) assert.equal(queue.add({ id: 1, type: 't', data }), 'accepted');
    await drainByHand(queue);
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  });

  test('is not looked at with duplicates: "unchecked", and nothing can be registered for one', async (t) => {
    const queue = open(t, { duplicates: 'unchecked' });
    assert.equal(queue.add({ id: 1, type: 't' }), 'accepted');
    assert.equal(queue.add({ id: 1, type: 't' }), 'accepted');
    assert.throws(() => queue.once({ id: 1 }, () => {}), /unchecked/);
    assert.throws(() => queue.settled(1), /unchecked/);
    assert.deepEqual(await drainByHand(queue), [1, 1]);
  });
});

describe('capacity', () => {
  test('beyond it add answers full, and nothing of the event is left', async (t) => {
    const queue = open(t, { capacity: 3 });
    for (let id = 0; id < 3; id++) assert.equal(queue.add({ id, type: 't' }), 'accepted');
    for (let round = 0; round < 10_000; round++) assert.equal(queue.add({ id: 3, type: 't', data: 'x'.repeat(2000) }), 'full');
    assert.equal(queue.size, 3);
    await queue.tryProcess();
    assert.equal(queue.add({ id: 3, type: 't' }), 'accepted');
  });

  test('addWaiting waits for room without blocking, and gives up when told to', async (t) => {
    const queue = open(t, { capacity: 1 });
    queue.add({ id: 1, type: 't' });
    const waiting = queue.addWaiting({ id: 2, type: 't' });
    const given = new AbortController();
    const aborted = queue.addWaiting({ id: 3, type: 't' }, { signal: given.signal });
    await turn(5);
    assert.equal(queue.size, 1);
    given.abort(new Error('enough'));
    await assert.rejects(aborted, /enough/);
    await queue.tryProcess();
    assert.equal(await waiting, 'accepted');
    assert.deepEqual(await drainByHand(queue), [2]);
  });

  test('a thousand that wait for room all come in, in a pool', async (t) => {
    const queue = open(t, { capacity: 4 });
    queue.on('all', handler('count'));
    await queue.start({ workers: 2 });
    const answers = await Promise.all(Array.from({ length: 1000 }, (_, id) => queue.addWaiting({ id, type: 't' })));
    assert.ok(answers.every((answer) => answer === 'accepted'));
    await queue.drain();
    assert.equal(counters[0], 1000);
    assert.equal(
      queue.metrics().threads.reduce((sum, { lateWakes }) => sum + lateWakes, 0),
      0,
    );
  });

  test('who waits for room is told when the queue is closed', async (t) => {
    const queue = open(t, { capacity: 1 });
    queue.add({ id: 1, type: 't' });
    const waiting = queue.addWaiting({ id: 2, type: 't' });
    await turn(2);
    await queue.close('abandon');
    assert.equal(await waiting, 'closed');
  });

  test('the main thread does not block for room', (t) => {
    const queue = open(t);
    assert.throws(() => queue.addBlocking({ id: 1, type: 't' }), /main thread must not block/);
  });
});

describe('order', () => {
  test('first in, first out', async (t) => {
    const queue = open(t);
    const ids = Array.from({ length: 5000 }, (_, index) => (index * 7919) % 5003);
    for (const id of ids) queue.add({ id, type: 't' });
    assert.deepEqual(await drainByHand(queue), ids);
  });

  test('higher priority first, first in, first out within one', async (t) => {
    const queue = open(t, { levels: 3, ageMs: 0 });
    for (const [id, priority] of [
      [1, 0],
      [2, 2],
      [3, 1],
      [4, 2],
      [5, 0],
      [6, 1],
    ])
      queue.add({ id: id as number, type: 't' }, { priority: priority as number });
    assert.deepEqual(await drainByHand(queue), [2, 4, 3, 6, 1, 5]);
  });

  test('one that has waited long enough is not passed by those of a higher priority', async (t) => {
    const queue = open(t, { levels: 2, ageMs: 100 });
    queue.add({ id: 'old', type: 't' }, { priority: 0 });
    queue.add({ id: 'high', type: 't' }, { priority: 1 });
    assert.deepEqual((await queue.tryProcess())?.event.id, 'high');
    await turn(230);
    for (let id = 0; id < 5; id++) queue.add({ id, type: 't' }, { priority: 1 });
    assert.deepEqual((await queue.tryProcess())?.event.id, 'old');
  });

  test('a priority that the queue does not have is refused', (t) => {
    const queue = open(t, { levels: 2 });
    for (const priority of [-1, 2, 0.5]) assert.throws(() => queue.add({ id: 1, type: 't' }, { priority }), /Priority/);
  });
});

describe('batches', () => {
  test('events are handed over together when there are as many as said', async (t) => {
    const queue = open(t, { batch: { size: 4, lingerMs: 60_000 } });
    for (let id = 0; id < 3; id++) queue.add({ id, type: 't' });
    assert.equal(await queue.tryProcess(), undefined);
    assert.equal(queue.size, 3);
    queue.add({ id: 3, type: 't' });
    assert.deepEqual(await drainByHand(queue), [0, 1, 2, 3]);
  });

  test('… or when the first has lingered', async (t) => {
    const queue = open(t, { batch: { size: 64, lingerMs: 5 } });
    queue.add({ id: 1, type: 't' });
    assert.equal(await queue.tryProcess(), undefined);
    assert.equal((await queue.processNext())?.event.id, 1);
  });

  test('… or by flush, drain and close: none is left behind', async (t) => {
    const queue = open(t, { batch: { size: 64, lingerMs: 60_000 } });
    const seen: unknown[] = [];
    queue.on('all', ({ id }) => {
      seen.push(id);
    });
    queue.add({ id: 1, type: 't' });
    queue.flush();
    assert.deepEqual(await drainByHand(queue), [1]);
    queue.add({ id: 2, type: 't' });
    assert.deepEqual(await queue.close(), { processed: 1, abandoned: 0, left: 0 });
    assert.deepEqual(seen, [1, 2]);
  });

  test('addMany answers for each', async (t) => {
    const queue = open(t, { capacity: 3 });
    const events = [1, 2, 1, 3, 4].map((id) => ({ id, type: 't' }));
    assert.deepEqual(queue.addMany(events), ['accepted', 'accepted', 'duplicate', 'accepted', 'full']);
    assert.deepEqual(await drainByHand(queue), [1, 2, 3]);
  });

  test('addMany that fails in the middle leaves what it had added', async (t) => {
    const queue = open(t);
    assert.throws(
      () =>
        queue.addMany([
          { id: 1, type: 't' },
          { id: 0.5, type: 't' },
        ]),
      Refused,
    );
    assert.deepEqual(await drainByHand(queue), [1]);
  });
});

test('callbacks that come with an event are its own, in order, and after those that waited for its id', async (t) => {
  const queue = open(t);
  const seen: string[] = [];
  queue.once({ id: 1 }, () => {
    seen.push('waited');
  });
  const note = (name: string) => () => {
    seen.push(name);
  };
  assert.equal(queue.add({ id: 1, type: 't' }, { callbacks: [note('a'), note('b')] }), 'accepted');
  assert.equal(queue.add({ id: 1, type: 't' }, { callbacks: [note('refused')] }), 'duplicate');
  queue.add({ id: 2, type: 't' }, { callbacks: [note('c')] });
  await drainByHand(queue);
  assert.deepEqual(seen, ['waited', 'a', 'b', 'c']);
});

test('callbacks that come with many events run for each of them, and a changed list is another list', async (t) => {
  const queue = open(t);
  const seen: unknown[] = [];
  queue.addMany(
    [1, 2, 3].map((id) => ({ id, type: 't' })),
    { callbacks: [({ id }) => void seen.push(id), handler('count')] },
  );
  await drainByHand(queue);
  assert.deepEqual(seen, [1, 2, 3]);
  assert.equal(counters[0], 3);
  const callbacks = [handler('count')];
  queue.add({ id: 4, type: 't' }, { callbacks });
  callbacks[0] = handler('throwText');
  queue.add({ id: 5, type: 't' }, { callbacks });
  assert.deepEqual((await queue.tryProcess())?.failed, []);
  assert.equal((await queue.tryProcess())?.failed.length, 1);
});

test('after close every add is answered closed', async (t) => {
  const queue = open(t);
  await queue.close();
  assert.equal(queue.add({ id: 1, type: 't' }), 'closed');
  assert.deepEqual(queue.addMany([{ id: 1, type: 't' }]), ['closed']);
  assert.equal(await queue.addWaiting({ id: 1, type: 't' }), 'closed');
});
