import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Broker, openBroker } from '../../../src/broker/broker.ts';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { offset } from '../../../src/model/lines.ts';
import { type Speaker, Transactions } from '../../../src/servers/kafka/transactions/transactions.ts';
import { ERROR, KAFKA } from '../../../src/wire/kafka/kafka.ts';
import { idle } from '../../broker/opened.ts';
import { batchOf } from '../../wire/kafka/batches.ts';

interface Ends {
  after(fn: () => Promise<void>): void;
}

/** Two topics: the records of `a` may wait in the log, those of `b` may not, for they go to a queue as well. */
class Trial {
  readonly engine: Broker;
  readonly clock: HandClock;
  readonly transactions: Transactions;

  constructor(engine: Broker, clock: HandClock, limits: { bytes: number; allBytes: number }) {
    this.engine = engine;
    this.clock = clock;
    const machine = { clock, random: new SimRandom(1), logger: silentLogger };
    this.transactions = new Transactions(machine, {
      transactionMs: 10_000,
      transactionBytesMax: limits.bytes,
      transactionsBytesMax: limits.allBytes,
    });
  }

  static async open(t: Ends, limits = { bytes: 10_000, allBytes: 20_000 }): Promise<Trial> {
    const clock = new HandClock();
    const engine = await openBroker(
      { clock, disk: new MemoryDisk(), random: new SimRandom(1), logger: silentLogger },
      { directory: '/t', durability: 'memory', languages: [KAFKA] },
    );
    t.after(() => engine.close());
    for (const name of ['a', 'b']) await engine.declare({ kind: 'topic', name, partitions: 2 });
    await engine.declare({ kind: 'queue', name: 'q' });
    await engine.bind({ exchange: 'amq.topic', to: { kind: 'queue', name: 'q' }, pattern: 'b' });
    return new Trial(engine, clock, limits);
  }

  async begin(name = 'x', before: Partial<Speaker> = {}, timeoutMs = 1000): Promise<Speaker> {
    const given = await this.transactions.begin(
      this.engine,
      {},
      { transactionalId: name, producerId: -1, producerEpoch: -1, ...before },
      timeoutMs,
    );
    assert.ok(typeof given === 'object', `refused with ${JSON.stringify(given)}`);
    return { transactionalId: name, producerId: given.id, producerEpoch: given.epoch };
  }

  /** The offset, or the error code as text. */
  async produce(
    by: Speaker,
    topic: string,
    sequence: number,
    values: readonly string[],
    partition = 0,
    includes = false,
  ): Promise<unknown> {
    const produced = await this.transactions.produce(this.engine, {}, {
      by,
      topic,
      partition,
      batch: batchOf(values.map((value) => ({ value }))),
      count: values.length,
      sequence,
      latestMs: 1,
      isAlone: false,
      transient: false,
      includes,
    }); // biome-ignore format: as it is
    return typeof produced === 'number' ? `error ${produced}` : produced.offset;
  }

  add(by: Speaker, ...places: string[]): Promise<number> {
    const partitions = places.map((place) => ({ topic: place.slice(0, 1), partition: Number(place.slice(2)) }));
    return this.transactions.include(this.engine, by, { partitions });
  }

  async end(by: Speaker, outcome: 'commit' | 'abort', bump = false): Promise<unknown> {
    const ended = await this.transactions.end(this.engine, {}, by, outcome, bump);
    return typeof ended === 'number' ? `error ${ended}` : ended.epoch;
  }

  /** Where each partition of a topic ends, and its readers. */
  async ends(topic: string): Promise<number[]> {
    const found = await this.engine.describe('topic', topic, { brief: true });
    return found?.kind === 'topic' ? found.partitions.flatMap(({ end, stable }) => [end, stable]) : [];
  }

  async waiting(): Promise<number> {
    const queue = await this.engine.describe('queue', 'q');
    return queue?.kind === 'queue' ? queue.ready : -1;
  }
}

const error = (code: number) => `error ${code}`;

describe('a transaction', () => {
  test('is in the log at once, where it may wait there; the rest follows with the end', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    assert.equal(await trial.add(me, 'a/0', 'a/1', 'b/0'), ERROR.none);
    assert.deepEqual(
      [await trial.produce(me, 'a', 0, ['1', '2']), await trial.produce(me, 'a', 0, ['3'], 1), await trial.produce(me, 'a', 2, ['4'])],
      [0, 0, 2],
    );
    assert.deepEqual([await trial.produce(me, 'b', 0, ['5', '6']), await trial.produce(me, 'b', 2, ['7'])], [-1, -1]);
    assert.deepEqual([await trial.ends('a'), await trial.ends('b'), await trial.waiting()], [[3, 0, 1, 0], [0, 0, 0, 0], 0]);
    assert.equal(await trial.end(me, 'commit'), 0);
    // Of `b` as well there is a mark: it belonged to the transaction.
    assert.deepEqual([await trial.ends('a'), await trial.ends('b'), await trial.waiting()], [[4, 4, 2, 2], [4, 4, 0, 0], 3]);
  });

  test('moves offsets with its end', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    const { engine, transactions } = trial;
    const moves = [{ topic: 'a', partition: 0, offset: offset(7) }];
    assert.equal(await transactions.include(engine, me, { move: { group: 'g', moves } }), ERROR.invalidTxnState);
    assert.equal(await transactions.include(engine, me, { groups: ['g'] }), ERROR.none);
    assert.equal(await transactions.include(engine, me, { move: { group: 'g', moves } }), ERROR.none);
    assert.deepEqual([...(await transactions.unstable(engine, 'g'))], ['a/0']);
    assert.deepEqual([...(await transactions.unstable(engine.as({ tenant: 'other' }), 'g'))], []);
    assert.equal(await engine.describe('group', 'g'), undefined);
    await trial.end(me, 'commit');
    const group = await engine.describe('group', 'g');
    assert.deepEqual(group?.kind === 'group' && group.cursors.map(({ offset: at }) => at), [7]);
    assert.deepEqual([...(await transactions.unstable(engine, 'g'))], []);
  });

  test('what was held leaves no trace when it is aborted; the next one goes on counting', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    await trial.add(me, 'b/0');
    await trial.produce(me, 'b', 0, ['1', '2']);
    assert.equal(await trial.end(me, 'abort'), 0);
    assert.deepEqual([await trial.ends('b'), await trial.waiting()], [[1, 1, 0, 0], 0]);
    assert.equal(await trial.produce(me, 'b', 2, ['3']), error(ERROR.invalidTxnState), 'none is under way');
    await trial.add(me, 'b/0');
    assert.equal(await trial.produce(me, 'b', 0, ['1', '2']), -1, 'known');
    assert.equal(await trial.produce(me, 'b', 5, ['3']), error(ERROR.outOfOrderSequenceNumber));
    assert.equal(await trial.produce(me, 'b', 2, ['3']), -1);
    assert.equal(await trial.end(me, 'commit'), 0);
    assert.deepEqual([await trial.ends('b'), await trial.waiting()], [[3, 3, 0, 0], 1]);
  });

  test('how it ended is told again to who asks again, and nobody else is told otherwise', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    assert.equal(await trial.end(me, 'commit'), error(ERROR.invalidTxnState), 'nothing was begun');
    await trial.add(me, 'a/0', 'b/0');
    await trial.produce(me, 'a', 0, ['1']);
    await trial.produce(me, 'b', 0, ['1']);
    const ends = await Promise.all([trial.end(me, 'commit'), trial.end(me, 'commit')]);
    assert.deepEqual([...ends, await trial.end(me, 'abort')], [0, 0, error(ERROR.invalidTxnState)]);
    assert.deepEqual([await trial.ends('a'), await trial.ends('b')], [[2, 2, 0, 0], [2, 2, 0, 0]]); // biome-ignore format: a table
  });

  test('of the newer kind ends with its epoch: nothing late can meet the next', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    assert.equal(await trial.produce(me, 'a', 0, ['1'], 0, true), 0, 'a partition belongs to it by being produced to');
    assert.equal(await trial.end(me, 'commit', true), 1);
    assert.equal(await trial.end(me, 'commit', true), 1, 'asked again');
    assert.equal(await trial.end(me, 'abort', true), error(ERROR.producerFenced));
    assert.equal(await trial.produce(me, 'a', 1, ['late'], 0, true), error(ERROR.producerFenced));
    const next = { ...me, producerEpoch: 1 };
    assert.equal(await trial.produce(next, 'a', 0, ['2'], 0, true), 2, 'it counts anew');
    assert.equal(await trial.produce(next, 'b', 0, ['2'], 0, true), -1);
    assert.equal(await trial.end(next, 'abort', true), 2);
    assert.deepEqual([await trial.ends('a'), await trial.waiting()], [[4, 4, 0, 0], 0]);
  });

  test('who comes by the same name ends what was under way, and fences who was there', async (t) => {
    const trial = await Trial.open(t);
    const former = await trial.begin();
    await trial.add(former, 'a/0', 'b/0');
    await trial.produce(former, 'a', 0, ['lost']);
    await trial.produce(former, 'b', 0, ['lost']);
    const me = await trial.begin();
    assert.deepEqual([me.producerId, me.producerEpoch], [former.producerId, former.producerEpoch + 1]);
    assert.equal(await trial.add(former, 'a/0'), ERROR.producerFenced);
    for (const topic of ['a', 'b']) assert.equal(await trial.produce(former, topic, 1, ['late']), error(ERROR.producerFenced));
    assert.equal(await trial.end(former, 'commit'), error(ERROR.producerFenced));
    assert.deepEqual([await trial.ends('a'), await trial.waiting()], [[2, 2, 0, 0], 0]);
    const next = await trial.begin('x', me);
    assert.equal(next.producerEpoch, me.producerEpoch + 1);
    assert.equal(
      await trial.transactions.begin(trial.engine, {}, me, 1000),
      ERROR.producerFenced,
      'what it was given before is no longer so',
    );
    assert.equal(await trial.add({ ...next, producerId: 999 }, 'a/0'), ERROR.invalidProducerIdMapping);
    const other = trial.engine.as({ tenant: 'other' });
    assert.equal(await trial.transactions.include(other, next, { groups: ['g'] }), ERROR.invalidProducerIdMapping);
  });

  test('one that takes too long is aborted, and its producer must begin anew', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    await trial.add(me, 'a/0', 'b/0');
    await trial.produce(me, 'a', 0, ['1']);
    await trial.produce(me, 'b', 0, ['1']);
    await trial.clock.advance(1001, () => idle(trial.engine));
    assert.deepEqual(await trial.ends('a'), [2, 2, 0, 0]);
    assert.equal(await trial.end(me, 'commit'), error(ERROR.producerFenced));
    assert.equal(await trial.waiting(), 0);
    const again = await trial.begin();
    await trial.add(again, 'b/0');
    assert.equal(await trial.produce(again, 'b', 0, ['1']), -1);
    assert.equal(await trial.end(again, 'commit'), again.producerEpoch);
    assert.equal(await trial.waiting(), 1);
  });

  test('what is held is let go of when nobody comes for it', async (t) => {
    const trial = await Trial.open(t, { bytes: 1000, allBytes: 1000 });
    const [one, two] = [await trial.begin('one'), await trial.begin('two', {}, 10_000)];
    await trial.add(one, 'b/0');
    assert.equal(await trial.produce(one, 'b', 0, ['x'.repeat(800)]), -1);
    await trial.clock.advance(10_001, () => idle(trial.engine));
    await trial.add(two, 'b/0');
    assert.equal(await trial.produce(two, 'b', 0, ['x'.repeat(800)]), -1, 'there is room again');
    assert.equal(await trial.end(one, 'commit'), error(ERROR.producerFenced));
  });

  test('limits: times, bytes of one and of all', async (t) => {
    const trial = await Trial.open(t, { bytes: 1000, allBytes: 1500 });
    for (const timeoutMs of [0, -1, 10_001]) {
      assert.equal(
        await trial.transactions.begin(trial.engine, {}, { transactionalId: 'x', producerId: -1, producerEpoch: -1 }, timeoutMs),
        ERROR.invalidTransactionTimeout,
      );
    }
    const [one, two] = [await trial.begin('one'), await trial.begin('two')];
    for (const me of [one, two]) await trial.add(me, 'b/0');
    assert.equal(await trial.produce(one, 'b', 0, ['x'.repeat(800)]), -1);
    assert.equal(await trial.produce(one, 'b', 1, ['x'.repeat(800)]), error(ERROR.messageTooLarge));
    assert.equal(await trial.produce(two, 'b', 0, ['x'.repeat(800)]), error(ERROR.storageError));
    await trial.end(one, 'abort');
    assert.equal(await trial.produce(two, 'b', 0, ['x'.repeat(800)]), -1, 'there is room again');
  });

  test('what the engine refuses aborts it, also what is in the log', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    await trial.add(me, 'a/0', 'b/0');
    await trial.produce(me, 'a', 0, ['1']);
    await trial.produce(me, 'b', 0, ['1']);
    await trial.engine.remove('topic', 'b');
    assert.equal(await trial.end(me, 'commit'), error(ERROR.unknownTopicOrPartition));
    assert.deepEqual(await trial.ends('a'), [2, 2, 0, 0]);
    assert.equal((await trial.engine.producers({ open: true })).length, 0);
  });

  test('when the door closes, what it held is aborted; what is in the log goes on', async (t) => {
    const trial = await Trial.open(t);
    const [one, two] = [await trial.begin('one'), await trial.begin('two')];
    for (const me of [one, two]) {
      await trial.add(me, 'a/0', 'b/0');
      await trial.produce(me, 'a', 0, [me.transactionalId]);
    }
    await trial.produce(one, 'b', 0, ['1']);
    await trial.transactions.close();
    assert.deepEqual((await trial.engine.producers({ open: true })).map(({ name }) => name), ['kafka/two']); // biome-ignore format: one line
    assert.equal(await trial.end(two, 'commit'), 0);
  });
});
