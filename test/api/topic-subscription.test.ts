import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TopicHandle } from '../../src/api/topic-handle.ts';
import type { CursorMove, Engine, Fetch, Join, MemberEvents } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { createTestBroker, type TestBroker } from '../../src/testing/testing.ts';
import { turns, watched } from './watched.ts';

function refuses(code: string) {
  return (error: unknown) => error instanceof Refused && error.code === code;
}

async function cursor(box: TestBroker, group = 'g'): Promise<number | undefined> {
  const described = await box.describe('group', group);
  return described?.kind === 'group' ? described.cursors[0]?.offset : undefined;
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

test('at most once: the first batch, too, is behind the cursor before it is handed out', async () => {
  await using box = await createTestBroker();
  await (await box.declareTopic('t')).publishMany(numbers(5));
  // An engine far away: its partitions are assigned, and read, long before it has answered the join.
  const slow: Engine = watched(box.engine, {
    join: async (join: Join, events: MemberEvents) => {
      const membership = await box.engine.join(join, events);
      await turns(20);
      return membership;
    },
  });
  const subscription = await new TopicHandle(slow, 't').subscribe({ group: 'g', from: 'earliest', atMostOnce: true });
  assert.equal((await subscription.next())?.value, 0);
  assert.equal(await cursor(box), 5);
  await subscription.stop();
});

test('cursors move as events are dealt with, one move at a time', async () => {
  await using box = await createTestBroker();
  await (await box.declareTopic('t')).publishMany(numbers(100));
  const moves: number[] = [];
  let underWay = 0;
  const counting = watched(box.engine, {
    join: async (join: Join, events: MemberEvents) => {
      const membership = await box.engine.join(join, events);
      return {
        ...membership,
        move: async (asked: readonly CursorMove[]) => {
          assert.equal(++underWay, 1);
          moves.push(asked[0]?.offset ?? -1);
          await turns(3);
          await membership.move(asked);
          underWay--;
        },
      };
    },
  });
  const subscription = await new TopicHandle(counting, 't').subscribe({ group: 'g', from: 'earliest' });
  for (let n = 0; n < 100; n++) {
    await subscription.next();
    if (n % 10 === 0) await turns(1);
  }
  await turns(20);
  assert.equal(moves.at(-1), 99, 'all but the last, which is still being dealt with');
  assert.ok(moves.length < 60, `${moves.length} moves for 100 events`);
  assert.deepEqual(
    moves,
    moves.toSorted((a, b) => a - b),
  );
  await subscription.stop();
});

test('a paused partition stays paused when it is sought', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic('t');
  await topic.publishMany(numbers(10));
  const seen: unknown[] = [];
  const { subscription, stop } = await topic.subscribe(({ value }) => seen.push(value), { from: 'latest' });
  subscription.pause(0);
  subscription.seek(0, 4);
  await box.idle();
  await turns(20);
  assert.deepEqual(seen, []);
  subscription.resume(0);
  await turns(20);
  assert.deepEqual(seen, [4, 5, 6, 7, 8, 9]);
  await stop();
});

test('a stopped handler moves the cursor behind what it was working on', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic('t');
  await topic.publishMany(numbers(5));
  const finish = Promise.withResolvers<void>();
  const member = await topic.subscribe(() => finish.promise, { group: 'g', from: 'earliest', concurrency: 3, ordered: 'none' });
  await turns(20);
  const stopped = member.stop();
  await turns(20);
  assert.equal(await cursor(box), 0);
  finish.resolve();
  await stopped;
  assert.equal(await cursor(box), 3, 'three were begun');
});

test('a handler that fails ends its subscription at once, though nothing more comes', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic('t');
  await topic.publish(1);
  const member = await topic.subscribe(
    async () => {
      await turns(3);
      throw new Error('the handler');
    },
    { group: 'g', from: 'earliest' },
  );
  await assert.rejects(member.done, /the handler/);
  assert.equal(await cursor(box), 0);
  const described = await box.describe('group', 'g');
  assert.equal(described?.kind === 'group' && described.members, 0);
  const watching = await topic.subscribe(
    () => {
      throw new Error('the handler');
    },
    {
      from: 'earliest',
      onError: () => {
        throw new Error('its watcher');
      },
    },
  );
  await assert.rejects(watching.done, /its watcher/);
});

test('while handlers finish, nothing more is read', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic('t');
  for (let n = 0; n < 50; n++) await topic.publish(new Uint8Array(50_000).fill(n));
  let fetches = 0;
  const counting = watched(box.engine, {
    fetch: (fetch: Fetch) => {
      fetches++;
      return box.engine.fetch({ ...fetch, sizeBytesMax: 60_000 });
    },
  });
  const finish = Promise.withResolvers<void>();
  const member = await new TopicHandle(counting, 't').subscribe(() => finish.promise, { from: 'earliest', ahead: 2 });
  await turns(20);
  const before = fetches;
  const stopped = member.stop();
  await turns(50);
  assert.ok(fetches <= before + 1, `${fetches - before} more fetches after stop`);
  finish.resolve();
  await stopped;
});

test('what retention has taken is passed over', async () => {
  await using box = await createTestBroker({ logSegmentBytes: 10_000 });
  const topic = await box.declareTopic('t', { retentionMs: 60_000 });
  await topic.publishMany(numbers(5));
  const subscription = await topic.subscribe({ from: 'earliest', ahead: 1 });
  assert.equal((await subscription.next())?.value, 0);
  subscription.pause();
  await box.advance('10m');
  await topic.publish('new');
  const late = await topic.subscribe({ from: { offset: 2 } });
  assert.equal((await late.next())?.value, 'new');
  await late.stop();
  await subscription.stop();
});

test('an error of the engine ends the iteration', async () => {
  await using box = await createTestBroker();
  await box.declareTopic('t');
  const failing = watched(box.engine, { fetch: () => Promise.reject(new Error('the wire is cut')) });
  const subscription = await new TopicHandle(failing, 't').subscribe({ from: 'earliest' });
  await assert.rejects(subscription.next(), /the wire is cut/);
  await subscription.stop();
  const topic = box.topic('t');
  const removed = await topic.subscribe();
  const told = assert.rejects(removed.next(), refuses('unknown'));
  await box.remove('topic', 't');
  await told;
});

test('a partition is asked for less when there are many, and never for too little', async () => {
  await using box = await createTestBroker();
  await box.declareTopic('t', { partitions: 100 });
  const asked = new Map<number, number>();
  const counting = watched(box.engine, {
    fetch: (fetch: Fetch) => {
      asked.set(fetch.partition, fetch.sizeBytesMax ?? 0);
      return box.engine.fetch(fetch);
    },
  });
  const subscription = await new TopicHandle(counting, 't').subscribe({ from: 'earliest' });
  await turns(10);
  const sizes = [...asked.values()];
  assert.equal(sizes.length, 100);
  assert.equal(Math.max(...sizes), 1024 * 1024);
  assert.ok(Math.min(...sizes) >= 64 * 1024 && Math.min(...sizes) < 200_000, `${Math.min(...sizes)}`);
  await subscription.stop();
});

test('cursors are placed for partitions that have none, and left where members are', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic('t', { partitions: 2 });
  await topic.publishMany(numbers(10), (i) => ({ partition: i % 2 }));
  await box.engine.moveCursors('g', [{ topic: 't', partition: 0, offset: offset(4) }]);
  const first = await topic.subscribe({ group: 'g', from: { offset: 1 } });
  const described = await box.describe('group', 'g');
  assert.deepEqual(described?.kind === 'group' && described.cursors.map(({ partition, offset: at }) => [partition, at]), [
    [0, 4],
    [1, 1],
  ]);
  const second = await topic.subscribe({ group: 'g', from: { offset: 0 } });
  await second.stop();
  await first.stop();
});

test('partitions that a topic is given later are read as well, from their beginning', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic<'t'>('t', { partitions: 1 });
  const all = await topic.subscribe({ from: 'latest' });
  const one = await topic.subscribe({ partitions: [0] });
  const still = await topic.subscribe();
  still.pause();
  await box.declareTopic('t', { partitions: 3 });
  for (const partition of [0, 1, 2]) await topic.publish(partition, { partition });
  assert.equal((await all.next())?.value, 0);
  await box.advance('5s');
  assert.deepEqual([all.partitions, one.partitions, still.partitions], [[0, 1, 2], [0], [0, 1, 2]]);
  assert.deepEqual([(await all.next())?.value, (await all.next())?.value].sort(), [1, 2]);
  assert.equal(still.lag, 1, 'what had been asked for before has come, and of the new ones nothing was read');
  still.resume();
  await box.idle();
  assert.deepEqual([(await still.next())?.value, (await still.next())?.value, (await still.next())?.value].sort(), [0, 1, 2]);
  await Promise.all([all.stop(), one.stop(), still.stop()]);
  // Who has stopped looks no more.
  await box.declareTopic('t', { partitions: 4 });
  await box.advance('10s');
  assert.deepEqual(all.partitions, [0, 1, 2]);
});

test('at most once: what came before nobody is left to the next, in both forms and when a partition goes to another', async () => {
  await using box = await createTestBroker();
  const topic = await box.declareTopic<'t'>('t', { partitions: 2 });
  for (const partition of [0, 1]) await topic.publishMany(numbers(20), { partition });
  const first = await topic.subscribe({ group: 'g', from: 'earliest', atMostOnce: true });
  const seen: string[] = [];
  const note = (event: { partition: number; value: unknown } | undefined): void => void seen.push(`${event?.partition} ${event?.value}`);
  note(await first.next());
  note(await first.next());
  await box.idle();
  await first.stop();

  const finish = Promise.withResolvers<void>();
  const running = await topic.subscribe(
    async (event) => {
      note(event);
      await finish.promise;
    },
    { group: 'g', atMostOnce: true, concurrency: 2 },
  );
  await box.idle();
  const other = await topic.subscribe({ group: 'g', atMostOnce: true });
  finish.resolve();
  await box.idle();
  await running.stop();
  for (let left = 40 - seen.length; left > 0; left--) note(await other.next());
  assert.equal(new Set(seen).size, 40, 'all of it came, and nothing twice');
  await other.stop();
});
