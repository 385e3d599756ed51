/** Waiting for the end: whoever has looked in a moment when all had not ended is told when it has, whichever thread that is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemory, leave, type Member, openMember } from '../../src/events/member.ts';
import { POPPING } from '../../src/events/memory.ts';
import { ROLE_TURNING } from '../../src/events/post.ts';
import { Processing } from '../../src/events/processing.ts';
import { settingsOf } from '../../src/events/settings.ts';
import { Subscribing } from '../../src/events/subscribing.ts';
import { joinThreads } from '../../src/events/thread.ts';
import { threadClock } from '../../src/host/thread-clock.ts';
import { open, turn } from './kit.ts';

/** Two that take part in a queue, both on this thread. Turns of the second come when the test says so, and each callback uses its turn up. */
function two(): { first: Member; second: Member; turns: (() => void)[] } {
  const settings = settingsOf({});
  const memory = createMemory(settings);
  const hooks = { report: () => {}, queue: () => undefined };
  const turns: (() => void)[] = [];
  let nowMs = 0;
  const slow = { ...threadClock(), monotonicMs: () => (nowMs += 10), soon: (fn: () => void) => void turns.push(fn) };
  const first = openMember(memory, settings, threadClock(), joinThreads(memory, 0, ROLE_TURNING), hooks);
  const second = openMember(memory, settings, slow, joinThreads(memory, 0, ROLE_TURNING), hooks);
  return { first, second, turns };
}

/** Waits for the end of everything as `drain` does, which is told by nothing but `idle`. */
function drained({ thread }: Member): { told: boolean; ended: Promise<void> } {
  const wait = { told: false, ended: Promise.resolve() };
  const key = thread.idle.enter();
  assert.equal(thread.isDrained(), false, 'it is not to be over before it waits');
  wait.ended = thread.idle.doze(key, []).then(() => {
    wait.told = true;
  });
  return wait;
}

async function tells(wait: { told: boolean }): Promise<void> {
  for (let turns = 0; turns < 100 && !wait.told; turns++) await turn(1);
  assert.ok(wait.told, 'nobody told who waits that all has ended');
}

/** A moment of another thread: it has taken a hint that came twice, and has not seen yet that there is nothing to do. */
function holdHint({ thread }: Member, record: number): void {
  thread.words[thread.block + POPPING] = record;
}

/** An event that has ended; its record. */
async function endOne(member: Member, id: number): Promise<number> {
  assert.equal(member.adding.add({ id, type: 't' }, 0, []), 'accepted');
  const record = (member.thread.levels[0] ?? assert.fail()).first();
  await new Processing(member, () => false).tryNext();
  return record;
}

test('a thread whose turn is used up holds no hint until the next, so its event ends for all', async () => {
  const { first, second, turns } = two();
  new Subscribing(second, true).subscribe('all', () => {}, false, {});
  assert.equal(first.adding.add({ id: 1, type: 't' }, 0, []), 'accepted');
  const result = await new Processing(first, () => false).tryNext();
  assert.equal(result?.ran, 1);
  while (turns.length === 0) await turn();
  assert.ok(first.thread.isDrained());
});

test('a turn that finds only a hint that came twice tells who has seen it taken', async () => {
  const { first, second } = two();
  const record = await endOne(first, 1);
  second.pump.start();
  await turn();
  holdHint(second, record);
  const wait = drained(first);
  second.thread.mail[second.thread.me]?.push(record);
  second.post.ring(second.thread.me);
  await tells(wait);
});

test('who processes by hand and finds only a hint that came twice tells who has seen it taken', async () => {
  const { first, second } = two();
  holdHint(second, await endOne(first, 1));
  const wait = drained(first);
  assert.equal(new Processing(second, () => false).tryNext(), undefined);
  await tells(wait);
});

test('who looks itself, takes out a hint that came twice, and sees the end tells the others', async () => {
  const { first, second } = two();
  const record = await endOne(first, 1);
  holdHint(second, record);
  const wait = drained(first);
  second.thread.resumed.push(record);
  assert.ok(second.thread.isDrained());
  await tells(wait);
});

test('a hint that another was faster with is held no longer than until the next claim', async () => {
  const { first } = two();
  for (const id of [1, 2, 3]) assert.equal(first.adding.add({ id, type: 't' }, 0, []), 'accepted');
  first.claiming.batch = 3;
  holdHint(first, first.claiming.next());
  first.claiming.next();
  assert.equal(first.thread.words[first.thread.block + POPPING], 0);
});

test('an event that is taken back, as the queue was closed meanwhile, is not waited for', async () => {
  const { first, second } = two();
  const line = first.thread.levels[0] ?? assert.fail();
  const push = line.push.bind(line);
  let wait: ReturnType<typeof drained> | undefined;
  line.push = (record) => {
    wait = drained(second);
    Atomics.store(first.thread.words, first.thread.global('closed'), 1);
    return push(record);
  };
  assert.equal(first.adding.add({ id: 1, type: 't' }, 0, []), 'closed');
  await tells(wait ?? assert.fail());
});

test('who leaves is woken no more in the place of others', async () => {
  const { first } = two();
  const { thread } = first;
  for (const park of [thread.room, thread.work]) void park.doze(park.enter(), []);
  await leave(first);
  for (const park of ['room', 'work'] as const) assert.equal(Atomics.notify(thread.words, thread.global(park)), 0, park);
});

test('serve, ended by the callback of the last event, tells who waits', async (t) => {
  const queue = open(t);
  const enough = new AbortController();
  queue.on('all', () => enough.abort());
  queue.add({ id: 1, type: 't' });
  const end = queue.drain();
  await queue.serve({ signal: enough.signal });
  await end;
});

test('a late callback for one event, a result, and a standing one for its id tell who waits when they have run', async (t) => {
  const queue = open(t);
  queue.add({ id: 1, type: 't' });
  await queue.tryProcess();
  const ends: Promise<void>[] = [];
  const wait = (): void => void ends.push(queue.drain());
  queue.once({ id: 1 }, wait);
  queue.on({ id: 1 }, wait);
  assert.equal(ends.length, 2);
  await Promise.all(ends);
});

test('who serves while the pool is stopped does not keep its thread from hearing of that', async (t) => {
  const queue = open(t);
  await queue.start({ workers: 1 });
  const enough = new AbortController();
  const serving = queue.serve({ signal: enough.signal });
  await queue.stop();
  enough.abort();
  await serving;
});

test('who waits for an event while the pool is stopped does not keep its thread from hearing of that', async (t) => {
  const queue = open(t);
  await queue.start({ workers: 1 });
  const results = [queue.processNext(), queue.processNext()];
  await queue.stop();
  queue.addMany([1, 2].map((id) => ({ id, type: 't' })));
  for (const result of results) assert.ok(await result);
});
