import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openBroker } from '../../../src/broker/broker.ts';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { MemoryDisk } from '../../../src/host/memory-disk.ts';
import { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import type { Engine } from '../../../src/model/engine.ts';
import { offset } from '../../../src/model/lines.ts';
import { type Speaker, Transactions } from '../../../src/servers/kafka/transactions/transactions.ts';
import { ERROR, KAFKA } from '../../../src/wire/kafka/kafka.ts';
import { batchOf } from '../../wire/kafka/batches.ts';

interface Ends {
  after(fn: () => Promise<void>): void;
}

class Trial {
  readonly engine: Engine;
  readonly clock: HandClock;
  readonly transactions: Transactions;

  constructor(engine: Engine, clock: HandClock, limits: { bytes: number; allBytes: number }) {
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
    await engine.declare({ kind: 'topic', name: 'a', partitions: 2 });
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

  produce(by: Speaker, sequence: number, values: readonly string[], partition = 0): number {
    const batch = batchOf(values.map((value) => ({ value })));
    const producer = { id: by.producerId, epoch: by.producerEpoch, sequence };
    return this.transactions.produce({}, by.transactionalId, { topic: 'a', partition, batch, count: values.length, latestMs: 1, producer });
  }

  add(by: Speaker, ...partitions: string[]): number {
    return this.transactions.addPartitions({}, by, partitions);
  }

  end(by: Speaker, committed: boolean): Promise<number> {
    return this.transactions.end(this.engine, {}, by, committed);
  }

  async ends(): Promise<number[]> {
    const topic = await this.engine.describe('topic', 'a');
    return topic?.kind === 'topic' ? topic.partitions.map(({ end }) => end) : [];
  }
}

describe('a transaction', () => {
  test('is seen whole once it is committed, with its offsets, and not before', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    assert.equal(trial.add(me, 'a/0', 'a/1'), ERROR.none);
    assert.deepEqual([trial.produce(me, 0, ['1', '2']), trial.produce(me, 0, ['3'], 1), trial.produce(me, 2, ['4'])], [0, 0, 0]);
    assert.equal(trial.transactions.addGroup({}, me, 'g'), ERROR.none);
    const move = { topic: 'a', partition: 0, offset: offset(7) };
    assert.equal(trial.transactions.keepOffsets({}, me, 'g', [{ ...move, offset: offset(5) }, move]), ERROR.none);
    assert.deepEqual([await trial.ends(), await trial.engine.describe('group', 'g')], [[0, 0], undefined]);
    const unstable = (partition: number) => trial.transactions.isUnstable({}, 'g', 'a', partition);
    assert.deepEqual([unstable(0), unstable(1), trial.transactions.isUnstable({ tenant: 'other' }, 'g', 'a', 0)], [true, false, false]);
    assert.equal(await trial.end(me, true), ERROR.none);
    const group = await trial.engine.describe('group', 'g');
    assert.deepEqual(
      [await trial.ends(), group?.kind === 'group' && group.cursors.map(({ offset: at }) => at), unstable(0)],
      [[3, 1], [7], false],
    );
  });

  test('leaves no trace when it is aborted; the next one goes on counting', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    trial.add(me, 'a/0');
    trial.produce(me, 0, ['1', '2']);
    assert.equal(await trial.end(me, false), ERROR.none);
    assert.deepEqual(await trial.ends(), [0, 0]);
    assert.equal(trial.produce(me, 2, ['3']), ERROR.invalidTxnState, 'none is under way');
    trial.add(me, 'a/0');
    assert.equal(trial.produce(me, 0, ['1', '2']), ERROR.duplicateSequenceNumber);
    assert.equal(trial.produce(me, 2, ['3']), ERROR.none);
    assert.equal(await trial.end(me, true), ERROR.none);
    assert.deepEqual(await trial.ends(), [1, 0]);
  });

  test('how it ended is told again to who asks again, and nobody else is told otherwise', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    assert.equal(await trial.end(me, true), ERROR.invalidTxnState, 'nothing was begun');
    trial.add(me, 'a/0');
    trial.produce(me, 0, ['1']);
    assert.deepEqual(
      [await trial.end(me, true), await trial.end(me, true), await trial.end(me, false)],
      [ERROR.none, ERROR.none, ERROR.invalidTxnState],
    );
    assert.deepEqual(await trial.ends(), [1, 0]);
  });

  test('while its end is on its way nothing else is done', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    trial.add(me, 'a/0');
    trial.produce(me, 0, ['1']);
    const ending = trial.end(me, true);
    assert.equal(trial.add(me, 'a/1'), ERROR.concurrentTransactions);
    assert.equal(await trial.end(me, false), ERROR.concurrentTransactions);
    const takeOver = await trial.transactions.begin(trial.engine, {}, { ...me, producerId: -1, producerEpoch: -1 }, 1000);
    assert.equal(takeOver, ERROR.concurrentTransactions);
    assert.equal(await ending, ERROR.none);
  });

  test('who comes by the same name ends what was under way, and fences who was there', async (t) => {
    const trial = await Trial.open(t);
    const former = await trial.begin();
    trial.add(former, 'a/0');
    trial.produce(former, 0, ['lost']);
    const me = await trial.begin();
    assert.deepEqual([me.producerId, me.producerEpoch], [former.producerId, former.producerEpoch + 1]);
    assert.equal(trial.add(former, 'a/0'), ERROR.producerFenced);
    assert.equal(trial.produce(former, 1, ['lost']), ERROR.invalidProducerEpoch);
    assert.equal(await trial.end(former, true), ERROR.producerFenced);
    assert.deepEqual(await trial.ends(), [0, 0]);
    const next = await trial.begin('x', me);
    assert.equal(next.producerEpoch, me.producerEpoch + 1);
    assert.equal(
      await trial.transactions.begin(trial.engine, {}, me, 1000),
      ERROR.producerFenced,
      'what it was given before is no longer so',
    );
    assert.equal(trial.add({ ...next, producerId: 999 }, 'a/0'), ERROR.invalidProducerIdMapping);
    assert.equal(trial.transactions.addPartitions({ tenant: 'other' }, next, ['a/0']), ERROR.invalidProducerIdMapping);
  });

  test('one that takes too long is aborted, and its producer must begin anew', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    trial.add(me, 'a/0');
    trial.produce(me, 0, ['1']);
    await trial.clock.advance(1001, async () => undefined);
    assert.equal(await trial.end(me, true), ERROR.producerFenced);
    assert.deepEqual(await trial.ends(), [0, 0]);
    const again = await trial.begin('x', me);
    trial.add(again, 'a/0');
    trial.produce(again, 0, ['1']);
    assert.equal(await trial.end(again, true), ERROR.none);
    await trial.clock.advance(5000, async () => undefined);
    assert.equal(trial.add(again, 'a/0'), ERROR.none, 'the time of one that has ended is not up');
  });

  test('takes only partitions and groups it was told of, in the order they are counted', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    trial.add(me, 'a/0');
    assert.equal(trial.produce(me, 0, ['1'], 1), ERROR.invalidTxnState);
    assert.equal(trial.transactions.keepOffsets({}, me, 'g', []), ERROR.invalidTxnState);
    assert.equal(trial.produce(me, 5, ['1']), ERROR.none, 'it may begin anywhere');
    assert.equal(trial.produce(me, 7, ['1']), ERROR.outOfOrderSequenceNumber);
    for (let sequence = 6; sequence < 10; sequence++) assert.equal(trial.produce(me, sequence, ['1']), ERROR.none);
    assert.equal(trial.produce(me, 5, ['1']), ERROR.duplicateSequenceNumber, 'of the last five');
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
    for (const me of [one, two]) trial.add(me, 'a/0');
    assert.equal(trial.produce(one, 0, ['x'.repeat(800)]), ERROR.none);
    assert.equal(trial.produce(one, 1, ['x'.repeat(800)]), ERROR.messageTooLarge);
    assert.equal(trial.produce(two, 0, ['x'.repeat(800)]), ERROR.storageError);
    await trial.end(one, false);
    assert.equal(trial.produce(two, 0, ['x'.repeat(800)]), ERROR.none, 'there is room again');
  });

  test('what the engine refuses aborts it', async (t) => {
    const trial = await Trial.open(t);
    const me = await trial.begin();
    trial.add(me, 'a/0');
    trial.produce(me, 0, ['1']);
    await trial.engine.remove('topic', 'a');
    await assert.rejects(trial.end(me, true), { code: 'unknown' });
    assert.equal(await trial.end(me, false), ERROR.none);
  });
});
