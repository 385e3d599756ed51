import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Broker } from '../../src/broker/broker.ts';
import { HandClock } from '../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import type { Fetch, ProducerClaim, Publish } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { isMark, readMark } from '../../src/model/mark.ts';
import { readMessage } from '../../src/model/record.ts';
import { batch, type Opened, opened } from './opened.ts';

const decoder = new TextDecoder();

/** A producer with a name, and how far it has counted in each partition. */
class Teller {
  readonly broker: Broker;
  claim: ProducerClaim;
  #next: number[] = [];

  constructor(broker: Broker, claim: ProducerClaim) {
    this.broker = broker;
    this.claim = claim;
  }

  static async of(broker: Broker, name: string, openMs?: number): Promise<Teller> {
    const given = await broker.producer(name, openMs === undefined ? {} : { openMs });
    return new Teller(broker, { name, ...given });
  }

  /** The same producer, met by another life of the broker. */
  with(broker: Broker): Teller {
    const other = new Teller(broker, this.claim);
    other.#next = this.#next;
    return other;
  }

  tell(partition: number, ...bodies: string[]): Promise<number> {
    const sequence = this.#next[partition] ?? 0;
    this.#next[partition] = sequence + bodies.length;
    return this.again(partition, sequence, bodies);
  }

  async again(partition: number, sequence: number, bodies: readonly string[], rest: Partial<Publish> = {}): Promise<number> {
    const { name, id, epoch } = this.claim;
    const { offsets } = await this.broker.publish({
      ...batch('t', ...bodies),
      toTopic: true,
      columns: { partition: new Int32Array(bodies.length).fill(partition) },
      producer: { id, epoch, sequence, line: `t/${partition}` },
      within: { name, includes: true },
      ...rest,
    });
    return offsets?.[0] ?? -1;
  }

  async end(outcome: 'commit' | 'abort', bump = false): Promise<void> {
    const given = await this.broker.end({ producer: this.claim, outcome, bump });
    if (given.epoch !== this.claim.epoch) this.#next = [];
    this.claim = { ...this.claim, ...given };
  }
}

/** Bodies by offset; marks as what they say. */
async function seen(broker: Broker, partition = 0, rest: Partial<Fetch> = {}): Promise<string[]> {
  const out: string[] = [];
  for (let next = 0; ; ) {
    const { records, offsets, next: after } = await broker.fetch({ topic: 't', partition, offset: offset(next), ...rest });
    for (let i = 0; i < records.count; i++) {
      const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
      const says = isMark(records.bytes, at)
        ? readMark(records.bytes, at).committed
          ? 'committed'
          : 'aborted'
        : decoder.decode(readMessage(records.bytes, at).body);
      out.push(`${offsets[i]} ${says}`);
    }
    if (after === next) return out;
    next = after;
  }
}

function all(broker: Broker, partition = 0): Promise<string[]> {
  return seen(broker, partition, { uncommitted: 'open' });
}

async function ends(broker: Broker): Promise<(readonly [number, number])[]> {
  const topic = await broker.describe('topic', 't', { brief: true });
  return topic?.kind === 'topic' ? topic.partitions.map(({ end, stable }) => [end, stable] as const) : [];
}

async function withTopic(t: TestContext, options: Parameters<typeof opened>[1] = {}): Promise<Opened> {
  const open = await opened(t, options);
  await open.broker.declare({ kind: 'topic', name: 't', partitions: 2 });
  return open;
}

const plain = (partition: number, ...bodies: string[]): Publish => ({
  ...batch('t', ...bodies),
  columns: { partition: new Int32Array(bodies.length).fill(partition) },
});

test('records of a transaction have their offsets at once, and are read by others once it is committed', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  await broker.publish(plain(0, 'before'));
  assert.equal(await me.tell(0, 'a', 'b'), 1);
  await broker.publish(plain(0, 'beside'));
  assert.equal(await me.tell(0, 'c'), 4);
  assert.equal(await me.tell(1, 'd'), 0);
  assert.deepEqual(await ends(broker), [
    [5, 1],
    [1, 0],
  ]);
  assert.deepEqual(await seen(broker), ['0 before']);
  assert.deepEqual(await all(broker), ['0 before', '1 a', '2 b', '3 beside', '4 c']);
  await me.end('commit');
  assert.deepEqual(await ends(broker), [
    [6, 6],
    [2, 2],
  ]);
  assert.deepEqual(await seen(broker), ['0 before', '1 a', '2 b', '3 beside', '4 c']);
  assert.deepEqual(await seen(broker, 1), ['0 d']);
  assert.deepEqual(await all(broker, 1), ['0 d', '1 committed']);
});

test('what was aborted is passed over, and told to those who read it all', async (t) => {
  const { broker } = await withTopic(t);
  const [me, you] = [await Teller.of(broker, 'me'), await Teller.of(broker, 'you')];
  await me.tell(0, 'a');
  await you.tell(0, 'b');
  await me.tell(0, 'c');
  await broker.publish(plain(0, 'plain'));
  await me.end('abort');
  assert.deepEqual(await seen(broker), [], 'the other one is open still');
  await you.end('commit');
  await you.tell(0, 'd');
  await you.end('abort');
  assert.deepEqual(await seen(broker), ['1 b', '3 plain']);
  assert.deepEqual(await seen(broker, 0, { sizeBytesMax: 1 }), ['1 b', '3 plain']);
  assert.deepEqual(await all(broker), ['0 a', '1 b', '2 c', '3 plain', '4 aborted', '5 committed', '6 d', '7 aborted']);
  const told = async (from: number, sizeBytesMax = 1_000_000) => {
    const fetched = await broker.fetch({ topic: 't', partition: 0, offset: offset(from), sizeBytesMax, uncommitted: 'aborted' });
    return (fetched.aborted ?? []).map(({ producer, first }) => [producer, first]);
  };
  assert.deepEqual(await told(0), [
    [me.claim.id, 0],
    [you.claim.id, 6],
  ]);
  assert.deepEqual([await told(0, 1), await told(5), await told(4)], [[[me.claim.id, 0]], [[you.claim.id, 6]], await told(0)]);
});

test('a reader of what is committed waits for the end, one of everything for the record', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  const wait = (rest: Partial<Fetch> = {}) =>
    broker.fetch({ topic: 't', partition: 0, offset: offset(0), waitMs: 1000, ...rest }).then(({ offsets }) => [...offsets]);
  const settled: string[] = [];
  const committed = wait().then((offsets) => {
    settled.push('committed');
    return offsets;
  });
  const open = wait({ uncommitted: 'open' }).then((offsets) => {
    settled.push('open');
    return offsets;
  });
  await me.tell(0, 'a');
  assert.deepEqual(await open, [0]);
  await me.tell(0, 'b');
  await me.end('commit');
  assert.deepEqual(await committed, [0, 1]);
  assert.deepEqual(settled, ['open', 'committed']);
});

test('a wait does not end with what nobody is to see', async (t) => {
  const { broker, advance } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  const waiting = broker.fetch({ topic: 't', partition: 0, offset: offset(0), waitMs: 1000 });
  await me.tell(0, 'a');
  await me.end('abort');
  await broker.publish(plain(0, 'b'));
  assert.deepEqual([...(await waiting).offsets], [2]);
  const inVain = broker.fetch({ topic: 't', partition: 0, offset: offset(3), waitMs: 1000 });
  await me.tell(0, 'c');
  await me.end('abort');
  await advance(1000);
  const { records, next } = await inVain;
  assert.deepEqual([records.count, next], [0, 5]);
});

test('cursors move with the commit, and not with an abort', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  const cursors = async () => {
    const group = await broker.describe('group', 'g');
    return group?.kind === 'group' ? group.cursors.map(({ partition, offset: at, note }) => `${partition} ${at} ${note ?? ''}`) : [];
  };
  const move = (at: number, partition = 0) => [{ topic: 't', partition, offset: offset(at), note: 'n' }];
  await assert.rejects(broker.include({ producer: me.claim, move: { group: 'g', moves: move(1) } }), { code: 'stale' });
  await broker.include({ producer: me.claim, groups: ['g'] });
  await broker.include({ producer: me.claim, move: { group: 'g', moves: move(1) } });
  assert.deepEqual(await cursors(), []);
  await me.end('abort');
  assert.deepEqual(await cursors(), []);
  await broker.include({ producer: me.claim, move: { group: 'g', moves: [...move(2), ...move(5, 1)], includes: true } });
  await broker.include({ producer: me.claim, move: { group: 'g', moves: move(3) } });
  await me.end('commit');
  assert.deepEqual((await cursors()).sort(), ['0 3 n', '1 5 n']);
  await assert.rejects(broker.include({ producer: me.claim, partitions: [{ topic: 't', partition: 2 }] }), { code: 'unknown' });
});

test('only partitions that belong to it take its records, unless they say so themselves', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  const strict = { within: { name: 'me' } };
  await assert.rejects(me.again(0, 0, ['a'], strict), { code: 'stale' });
  await broker.include({ producer: me.claim, partitions: [{ topic: 't', partition: 0 }] });
  assert.equal(await me.again(0, 0, ['a'], strict), 0);
  await assert.rejects(me.again(1, 0, ['a'], strict), { code: 'stale' });
  await me.end('commit');
  await assert.rejects(me.again(0, 1, ['late'], strict), { code: 'stale' });
  assert.equal(await me.again(0, 0, ['a'], strict), 0, 'a repeat is answered as the first time');
  for (const rest of [{ columns: {} }, { toTopic: false }, { columns: { partition: Int32Array.of(-1) } }])
    await assert.rejects(me.again(0, 1, ['a'], rest), { code: 'invalid' });
  await assert.rejects(me.again(0, 1, ['a'], { within: { name: 'you' } }), { code: 'unknown' });
  await assert.rejects(broker.transact([{ kind: 'publish', ...plain(0, 'x'), within: { name: 'me' } }]), { code: 'invalid' });
});

test('a topic that others see into takes no records that may be aborted', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  await broker.declare({ kind: 'queue', name: 'q' });
  const binding = { exchange: 'amq.topic', to: { kind: 'queue' as const, name: 'q' }, pattern: 't' };
  await broker.bind(binding);
  await assert.rejects(me.again(0, 0, ['a']), { code: 'unsupported' });
  await broker.unbind(binding);
  assert.equal(await me.tell(0, 'a'), 0);
  await broker.alter({ kind: 'topic', name: 't', partitions: 2, compact: true });
  await assert.rejects(me.again(0, 1, ['a']), { code: 'unsupported' });
  await me.end('commit');
  assert.deepEqual(await seen(broker), ['0 a']);
});

test('who takes the name over aborts what is open, and fences the former', async (t) => {
  const { broker } = await withTopic(t);
  const former = await Teller.of(broker, 'me');
  await former.tell(0, 'lost');
  const me = await Teller.of(broker, 'me');
  assert.deepEqual([me.claim.id, me.claim.epoch], [former.claim.id, 1]);
  assert.deepEqual(await all(broker), ['0 lost', '1 aborted']);
  for (const late of [
    () => former.again(0, 1, ['late']),
    () => former.end('commit'),
    () => former.end('abort'),
    () => broker.include({ producer: former.claim, groups: ['g'] }),
    () => broker.producer('me', { former: former.claim }),
  ])
    await assert.rejects(late, { code: 'fenced' });
  await me.tell(0, 'kept');
  await me.end('commit');
  assert.deepEqual(await seen(broker), ['2 kept']);
  assert.equal((await broker.producer('me', { former: me.claim })).epoch, 2);
});

test('an end that is asked for again is answered the same; another is refused', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  await assert.rejects(me.end('commit'), { code: 'stale' });
  await me.tell(0, 'a');
  await me.end('commit');
  const { offset: at } = { offset: (await ends(broker))[0]?.[0] };
  await broker.end({ producer: me.claim, outcome: 'commit', operations: [{ kind: 'publish', ...plain(0, 'not twice') }] });
  assert.equal((await ends(broker))[0]?.[0], at);
  await assert.rejects(me.end('abort'), { code: 'stale' });
  await me.tell(0, 'b');
  const before = me.claim;
  await me.end('commit', true);
  assert.equal(me.claim.epoch, 1);
  assert.deepEqual(await broker.end({ producer: before, outcome: 'commit', bump: true }), { id: before.id, epoch: 1 });
  await assert.rejects(broker.end({ producer: before, outcome: 'abort', bump: true }), { code: 'fenced' });
  assert.equal(await me.tell(0, 'c'), 4, 'it counts anew');
  await me.end('abort', true);
  await me.end('abort', true);
  assert.equal(me.claim.epoch, 3);
});

test('other operations go with the commit; when one is refused nothing is done, and it is open still', async (t) => {
  const { broker } = await withTopic(t);
  await broker.declare({ kind: 'queue', name: 'q' });
  const me = await Teller.of(broker, 'me');
  await me.tell(0, 'a');
  const step = (address: string) => ({ kind: 'publish' as const, ...batch(address, 'x'), exchange: '' });
  const producer = me.claim;
  await assert.rejects(broker.end({ producer, outcome: 'commit', operations: [step('q'), step('nowhere')] }), { code: 'unknown' });
  await assert.rejects(broker.end({ producer, outcome: 'abort', operations: [step('q')] }), { code: 'invalid' });
  assert.deepEqual(await seen(broker), []);
  await broker.end({ producer, outcome: 'commit', operations: [step('q')] });
  assert.deepEqual(await seen(broker), ['0 a']);
  const queue = await broker.describe('queue', 'q');
  assert.equal(queue?.kind === 'queue' && queue.ready, 1);
});

test('one that is open too long is aborted, and its producer has to begin anew', async (t) => {
  const { broker, advance } = await withTopic(t);
  const [me, you] = [await Teller.of(broker, 'me', 1000), await Teller.of(broker, 'you', 500)];
  await me.tell(0, 'a');
  await advance(600);
  await you.tell(1, 'b');
  await advance(399);
  assert.equal((await broker.producers({ open: true })).length, 2);
  await advance(1);
  assert.deepEqual(
    (await broker.producers({ open: true })).map(({ name }) => name),
    ['you'],
  );
  await assert.rejects(me.end('commit'), { code: 'fenced' });
  await advance(100);
  assert.deepEqual(await broker.producers({ open: true }), []);
  assert.deepEqual([await seen(broker), await all(broker)], [[], ['0 a', '1 aborted']]);
  const again = await Teller.of(broker, 'me');
  await again.tell(0, 'c');
  await again.end('commit');
  await advance(5000);
  assert.deepEqual(await seen(broker), ['2 c']);
});

for (const how of ['killed', 'after a checkpoint', 'closed'] as const) {
  test(`opened again (${how}) it knows what is open, and ends it`, async (t) => {
    const options = { disk: new MemoryDisk(), clock: new HandClock(), durability: 'fsync' as const };
    const open = await withTopic(t, options);
    const { broker } = open;
    const tellers = [
      await Teller.of(broker, 'a'),
      await Teller.of(broker, 'b'),
      await Teller.of(broker, 'c', 5000),
      await Teller.of(broker, 'd'),
    ];
    const [a, b, , d] = tellers as [Teller, Teller, Teller, Teller];
    for (const one of tellers) await one.tell(0, one.claim.name);
    await d.end('abort');
    await broker.include({
      producer: a.claim,
      move: { group: 'g', moves: [{ topic: 't', partition: 1, offset: offset(7) }], includes: true },
    });
    if (how === 'after a checkpoint') await broker.checkpoint();
    await a.tell(1, 'a too');
    const digest = broker.digest();
    if (how === 'closed') await broker.close();
    else await open.kill();
    const again = await opened(t, options);
    assert.equal(again.broker.digest(), digest);
    assert.deepEqual([await seen(again.broker), await ends(again.broker)], [[], [[5, 0], [1, 0]]]); // biome-ignore format: a table
    await a.with(again.broker).end('commit');
    await again.advance(5001);
    assert.deepEqual(
      (await again.broker.producers({ open: true })).map(({ name }) => name),
      ['b'],
    );
    await b.with(again.broker).tell(0, 'b too');
    await b.with(again.broker).end('commit');
    assert.deepEqual(await seen(again.broker), ['0 a', '1 b', '7 b too']);
    assert.deepEqual(await seen(again.broker, 1), ['0 a too']);
    assert.deepEqual(await d.with(again.broker).again(0, 0, ['d']), 3, 'a repeat of what was aborted');
    const group = await again.broker.describe('group', 'g');
    assert.deepEqual(group?.kind === 'group' && group.cursors.map(({ offset: at }) => at), [7]);
    const last = await again.reopen();
    assert.deepEqual(await seen(last.broker), ['0 a', '1 b', '7 b too']);
  });
}

test('one with a part that is in memory only is aborted when the broker is opened again', async (t) => {
  const options = { disk: new MemoryDisk(), clock: new HandClock(), durability: 'fsync' as const };
  const open = await withTopic(t, options);
  const me = await Teller.of(open.broker, 'me');
  await me.tell(0, 'a');
  await open.broker.include({ producer: me.claim, partitions: [{ topic: 't', partition: 1 }], passing: true });
  await open.kill();
  const again = await opened(t, options);
  await assert.rejects(me.with(again.broker).end('commit'), { code: 'fenced' });
  assert.deepEqual([await all(again.broker), await all(again.broker, 1)], [['0 a', '1 aborted'], ['0 aborted']]);
});

test('a time that is looked for is found among what may be read', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  await me.again(0, 0, ['a'], { columns: { partition: Int32Array.of(0), timeMs: Float64Array.of(10) } });
  assert.deepEqual([await broker.offsetAt('t', 0, 5), await broker.offsetAt('t', 0, 5, 'open')], [0, 0]);
  await me.again(0, 1, ['b'], { columns: { partition: Int32Array.of(0), timeMs: Float64Array.of(20) } });
  assert.deepEqual([await broker.offsetAt('t', 0, 15), await broker.offsetAt('t', 0, 15, 'open')], [0, 1]);
  await me.end('commit');
  assert.equal(await broker.offsetAt('t', 0, 15), 1);
});

test('retention lets nothing go that is open; what is trimmed away is forgotten', async (t) => {
  const { broker, advance } = await withTopic(t, { logSegmentBytes: 200, upkeep: { intervalMs: 10 } });
  await broker.alter({ kind: 'topic', name: 't', partitions: 2, retentionMs: 100 });
  const me = await Teller.of(broker, 'me', 100_000);
  await broker.publish(plain(0, 'old'));
  await me.tell(0, 'open');
  for (let i = 0; i < 20; i++) await broker.publish(plain(0, `later ${i}`));
  await advance(1000);
  const start = async () => {
    const topic = await broker.describe('topic', 't', { brief: true });
    return topic?.kind === 'topic' ? topic.partitions[0]?.start : undefined;
  };
  assert.ok(((await start()) ?? 9) <= 1);
  await me.end('abort');
  await advance(1000);
  assert.ok(((await start()) ?? 0) > 1);
  const { aborted } = await broker.fetch({ topic: 't', partition: 0, offset: offset((await start()) ?? 0), uncommitted: 'open' });
  assert.equal(aborted, undefined);
  await broker.trim('t', 0, offset(23));
  await me.tell(0, 'again');
  assert.equal(await broker.trim('t', 0, offset(24)), 24, 'by hand what is open may go');
  assert.deepEqual(await seen(broker, 0, { offset: offset(24) }), []);
  assert.deepEqual(await ends(broker), [[24, 24], [0, 0]]); // biome-ignore format: a table
});

test('a topic that is removed leaves its transactions to the others', async (t) => {
  const { broker } = await withTopic(t);
  const me = await Teller.of(broker, 'me');
  await broker.declare({ kind: 'topic', name: 'gone' });
  await me.tell(0, 'a');
  await broker.include({ producer: me.claim, partitions: [{ topic: 'gone', partition: 0 }] });
  await broker.remove('topic', 'gone');
  await me.end('commit');
  assert.deepEqual(await seen(broker), ['0 a']);
});

test('producers of one tenant are none of another', async (t) => {
  const { broker } = await withTopic(t);
  const other = broker.as({ tenant: 'other' });
  const mine = await broker.producer('me');
  const yours = await other.producer('me');
  assert.notEqual(mine.id, yours.id);
  await assert.rejects(other.end({ producer: { name: 'me', ...mine }, outcome: 'abort' }), { code: 'unknown' });
  assert.deepEqual(
    (await broker.producers()).map(({ id }) => id),
    [mine.id],
  );
  assert.deepEqual(
    (await other.producers()).map(({ name, id }) => [name, id]),
    [['me', yours.id]],
  );
});
