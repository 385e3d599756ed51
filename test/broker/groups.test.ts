import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Broker } from '../../src/broker/broker.ts';
import type { CursorMove, Membership, TopicPartition } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { batch, idle, opened } from './opened.ts';

/** A member that says what it is told, and finishes with partitions when told to. */
class Told {
  readonly owned = new Map<string, number>();
  readonly log: string[] = [];
  membership: Membership | undefined;
  #finish: (() => void)[] = [];
  #slow: boolean;

  constructor(slow = false) {
    this.#slow = slow;
  }

  async join(broker: Broker, topics: readonly string[], from: 'earliest' | 'latest' = 'earliest', group = 'g'): Promise<this> {
    this.membership = await broker.join(
      { group, topics, from },
      { assigned: (moves) => this.#assigned(moves), revoked: (partitions) => this.#revoked(partitions) },
    );
    return this;
  }

  finish(): void {
    for (const resolve of this.#finish.splice(0)) resolve();
  }

  get keys(): string[] {
    return [...this.owned.keys()].sort();
  }

  #assigned(moves: readonly CursorMove[]): void {
    for (const { topic, partition, offset: at } of moves) this.owned.set(`${topic}/${partition}`, at);
    this.log.push(`+${moves.map((move) => move.partition).join()}`);
  }

  async #revoked(partitions: readonly TopicPartition[]): Promise<void> {
    this.log.push(`-${partitions.map((one) => one.partition).join()}`);
    if (this.#slow) await new Promise<void>((resolve) => this.#finish.push(resolve));
    for (const { topic, partition } of partitions) this.owned.delete(`${topic}/${partition}`);
  }
}

function refuses(code: string) {
  return (error: unknown) => error instanceof Refused && error.code === code;
}

function move(partition: number, at: number, topic = 't'): CursorMove[] {
  return [{ topic, partition, offset: offset(at) }];
}

test('partitions are shared evenly, and what can stay where it is stays', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 7 });
  const members: Told[] = [];
  for (let count = 1; count <= 4; count++) {
    members.push(await new Told().join(broker, ['t']));
    await idle(broker);
    const sizes = members.map((member) => member.owned.size).toSorted();
    assert.ok((sizes.at(-1) ?? 0) - (sizes[0] ?? 0) <= 1, `${sizes}`);
    assert.equal(new Set(members.flatMap((member) => member.keys)).size, 7);
  }
  const before = members.map((member) => member.keys);
  await members[3]?.membership?.leave();
  await idle(broker);
  for (const [i, member] of members.slice(0, 3).entries())
    for (const key of before[i] ?? []) assert.ok(member.owned.has(key), 'who stays keeps what it has');
  assert.equal(new Set(members.slice(0, 3).flatMap((member) => member.keys)).size, 7);
});

test('a partition has no two owners: the next one gets it when the former has finished', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 2 });
  await broker.publish(batch('t', 'a', 'b', 'c'));
  const first = await new Told(true).join(broker, ['t']);
  const second = await new Told().join(broker, ['t']);
  await idle(broker);
  assert.deepEqual([first.owned.size, second.owned.size], [2, 0]);
  const [leaving] = first.log.filter((line) => line.startsWith('-')).map((line) => Number(line.slice(1)));
  await first.membership?.move(move(leaving ?? -1, leaving === 0 ? 3 : 0));
  first.finish();
  await idle(broker);
  assert.deepEqual([first.owned.size, second.owned.size], [1, 1]);
  assert.equal(second.owned.get(`t/${leaving}`), leaving === 0 ? 3 : 0, 'it begins where the former ended');
  await assert.rejects(first.membership?.move(move(leaving ?? -1, 0)) ?? Promise.resolve(), refuses('stale'));
});

test('a member that does not finish loses its partitions all the same, after a while', async (t) => {
  const { broker, advance } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 2 });
  const first = await new Told(true).join(broker, ['t']);
  const second = await new Told().join(broker, ['t']);
  await advance(29_000);
  assert.equal(second.owned.size, 0);
  await advance(2000);
  assert.equal(second.owned.size, 1);
  const [gone] = [...second.owned.keys()];
  await assert.rejects(first.membership?.move(move(Number(gone?.slice(2)), 0)) ?? Promise.resolve(), refuses('stale'));
});

test('a member that leaves while it is asked back gives everything at once', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 4 });
  const first = await new Told(true).join(broker, ['t']);
  const second = await new Told().join(broker, ['t']);
  await first.membership?.leave();
  await first.membership?.leave();
  await idle(broker);
  assert.equal(second.owned.size, 4);
  first.finish();
  await idle(broker);
  assert.equal(second.owned.size, 4);
});

test('members of several topics share each of them among those who want it', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 4 });
  await broker.declare({ kind: 'topic', name: 'u', partitions: 2 });
  const [both, only] = [await new Told().join(broker, ['t', 'u']), await new Told().join(broker, ['t'])];
  await idle(broker);
  const of = (member: Told, topic: string) => member.keys.filter((key) => key.startsWith(`${topic}/`)).length;
  assert.deepEqual([of(both, 't'), of(only, 't'), of(both, 'u'), of(only, 'u')], [2, 2, 2, 0]);
});

test('partitions that a topic is given later are shared out, and a removed topic is forgotten', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't', partitions: 1 });
  const members = [await new Told().join(broker, ['t'], 'latest'), await new Told().join(broker, ['t'], 'latest')];
  await broker.declare({ kind: 'topic', name: 't', partitions: 4 });
  await idle(broker);
  assert.deepEqual(
    members.map((member) => member.owned.size),
    [2, 2],
  );
  await broker.remove('topic', 't');
  await idle(broker);
  await assert.rejects(members[0]?.membership?.move(move(0, 0)) ?? Promise.resolve(), refuses('unknown'));
});

test('a group that began at the end misses nothing that comes later, whoever reads it', async (t) => {
  const { broker, reopen } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't' });
  await broker.publish(batch('t', 'before'));
  const first = await new Told().join(broker, ['t'], 'latest');
  assert.equal(first.owned.get('t/0'), 1);
  await broker.publish(batch('t', 'a', 'b'));
  await first.membership?.leave();
  const second = await new Told().join(broker, ['t'], 'latest');
  assert.equal(second.owned.get('t/0'), 1, 'where it began was decided once');
  const again = await reopen();
  const third = await new Told().join(again.broker, ['t'], 'latest');
  assert.equal(third.owned.get('t/0'), 1);
});

test('a cursor before what retention has left begins with the oldest record there is', async (t) => {
  const { broker, advance } = await opened(t, { logSegmentBytes: 10_000 });
  await broker.declare({ kind: 'topic', name: 't', retentionMs: 1000 });
  await broker.publish(batch('t', 'a', 'b', 'c'));
  await broker.moveCursors('g', move(0, 1));
  await advance(10_000);
  const member = await new Told().join(broker, ['t']);
  assert.equal(member.owned.get('t/0'), 3);
});

test("groups of tenants are each tenant's own", async (t) => {
  const { broker } = await opened(t);
  const other = broker.as({ tenant: 'other' });
  await broker.declare({ kind: 'topic', name: 't' });
  await other.declare({ kind: 'topic', name: 't' });
  const [mine, theirs] = [await new Told().join(broker, ['t']), new Told()];
  theirs.membership = await other.join(
    { group: 'g', topics: ['t'] },
    { assigned: () => theirs.owned.set('t/0', 0), revoked: async () => undefined },
  );
  await idle(broker);
  assert.deepEqual([mine.owned.size, theirs.owned.size], [1, 1]);
  await assert.rejects(
    broker.join({ group: 'g', topics: ['none'] }, { assigned: () => undefined, revoked: async () => undefined }),
    refuses('unknown'),
  );
});
