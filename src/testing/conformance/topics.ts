/** long because each promise of topics is a check of its own: conformance of topics: where records are put, how they are read, and how long they are kept. */

import assert from 'node:assert/strict';
import type { Publish } from '../../model/engine.ts';
import { offset } from '../../model/lines.ts';
import { MAIN_LINE, NO_HEADERS } from '../../model/message.ts';
import { RecordWriter } from '../../model/record.ts';
import { type Check, numbers, readAll, refused, type Trial } from './trial.ts';

const needs = ['topics'] as const;

/** Keys and what Kafka's own clients make of them: murmur2 with its sign bit cleared [Kafka's UtilsTest]. */
const KAFKA_HASHES: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

async function startOf(trial: Trial, topic: string, partition = 0): Promise<number> {
  const described = await trial.box.topic(topic).describe();
  return described.partitions[partition]?.start ?? 0;
}

export const topics: readonly Check[] = [
  {
    says: 'answers where each record was put: offsets from 0 without gaps',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      assert.deepEqual(await topic.publish('a'), { partition: 0, offset: 0 });
      assert.deepEqual(await topic.publishMany(['b', 'c']), [
        { partition: 0, offset: 1 },
        { partition: 0, offset: 2 },
      ]);
      const many = await Promise.all(numbers(20).map((n) => topic.publish(n)));
      assert.deepEqual(
        many.map((place) => place.offset),
        numbers(20, 3),
      );
      assert.deepEqual(
        (await readAll(trial, 't')).map(({ offset: at, value }) => [at, value]),
        ['a', 'b', 'c', ...numbers(20)].map((value, i) => [i, value]),
      );
    },
  },
  {
    says: "puts a key where Kafka's clients put it",
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 7 });
      for (const [key, hash] of KAFKA_HASHES) {
        assert.equal((await topic.publish(1, { key })).partition, (hash & 0x7fffffff) % 7, key);
      }
      const places = await topic.publishMany(
        KAFKA_HASHES.map(() => 1),
        (i) => ({ key: new TextEncoder().encode(KAFKA_HASHES[i]?.[0]) }),
      );
      assert.deepEqual(
        places.map((place) => place.partition),
        KAFKA_HASHES.map(([, hash]) => (hash & 0x7fffffff) % 7),
      );
    },
  },
  {
    says: 'puts a record into the partition that was asked for, and refuses one that is not there',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 3 });
      assert.deepEqual(await topic.publish(1, { partition: 2 }), { partition: 2, offset: 0 });
      assert.deepEqual(await topic.publish(1, { partition: 0, key: 'a key that says nothing now' }), { partition: 0, offset: 0 });
      await refused('unknown', '"t"', () => topic.publish(1, { partition: 3 }));
      await refused('unknown', '"t"', () => topic.publishMany([1, 2], (i) => ({ partition: i * 9 })));
      const { partitions } = await topic.describe();
      assert.deepEqual(
        partitions.map(({ end }) => end),
        [1, 0, 1],
      );
    },
  },
  {
    says: 'spreads what has no key over all partitions',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 4 });
      for (const n of numbers(40)) await topic.publish(n);
      const { partitions } = await topic.describe();
      for (const { end } of partitions) assert.ok(end > 0, 'no partition stays empty');
    },
  },
  {
    says: 'can be given more partitions, and no fewer',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { partitions: 2 });
      await topic.publish(1, { partition: 1 });
      await trial.box.declareTopic('t', { partitions: 4 });
      assert.equal((await topic.describe()).partitions.length, 4);
      assert.deepEqual(await topic.publish(2, { partition: 3 }), { partition: 3, offset: 0 });
      assert.deepEqual((await readAll(trial, 't', 1)).length, 1);
      await refused('conflict', '"t"', () => trial.box.declareTopic('t', { partitions: 3 }));
      await refused('conflict', 'retentionMs', () => trial.box.declareTopic('t', { partitions: 4, retentionMs: 5 }));
    },
  },
  {
    says: 'is read from any offset, about as much as asked for, and at least one record',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(20).map((n) => new Uint8Array(1000).fill(n)));
      const some = await topic.fetch(0, 5, { sizeBytesMax: 3000 });
      assert.equal(some.offsets[0], 5);
      assert.ok(some.records.count >= 1 && some.records.count <= 4, `${some.records.count} records of 1000 bytes`);
      assert.equal(some.next, 5 + some.records.count);
      assert.deepEqual([some.start, some.end], [0, 20]);
      assert.equal((await topic.fetch(0, 7, { sizeBytesMax: 1 })).records.count, 1);
      const end = await topic.fetch(0, 20);
      assert.deepEqual([end.records.count, end.next], [0, 20]);
    },
  },
  {
    says: 'refuses offsets that are not there',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publish(1);
      await refused('out-of-range', '"t"', () => topic.fetch(0, 2));
      await refused('unknown', '"t"', () => topic.fetch(1, 0));
      await refused('unknown', '"u"', () => trial.box.topic('u').fetch(0, 0));
    },
  },
  {
    says: 'lets a fetch at the end wait for what comes, until its time or signal ends',
    needs,
    turns: true,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      const waiting = topic.fetch(0, 0, { waitMs: 5000 });
      await trial.advance(1000);
      await topic.publish(1);
      assert.equal((await waiting).records.count, 1);
      const vain = topic.fetch(0, 1, { waitMs: 5000 });
      await trial.advance(5000);
      assert.equal((await vain).records.count, 0);
      const stop = new AbortController();
      const ended = topic.fetch(0, 1, { waitMs: 1e9, signal: stop.signal });
      await trial.settle();
      stop.abort();
      assert.equal((await ended).records.count, 0);
    },
  },
  {
    says: 'finds offsets by time',
    needs: ['topics', 'seekByTime'],
    turns: true,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      const times: number[] = [];
      for (const n of numbers(5)) {
        times.push(trial.engine.nowMs());
        await topic.publish(n);
        await trial.advance(1000);
      }
      const at = (timeMs: number) => trial.engine.offsetAt('t', 0, timeMs);
      assert.equal(await at(0), 0);
      for (const [n, timeMs] of times.entries()) {
        assert.equal(await at(timeMs), n);
        assert.equal(await at(timeMs + 1), n + 1);
      }
      const fetched = await topic.fetch(0, 0);
      assert.deepEqual([...fetched.timestamps].slice(0, 5), times);
      await refused('unknown', '"t"', () => trial.engine.offsetAt('t', 9, 0));
    },
  },
  {
    says: 'forgets old records by age',
    needs,
    turns: true,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { retentionMs: 60_000 });
      await topic.publishMany(numbers(3));
      await trial.advance(30_000);
      assert.equal(await startOf(trial, 't'), 0);
      await trial.advance(60_000);
      // An engine tidies now and then, and a busy disk may make it miss a time: it gets another with each look.
      await trial.until('the old ones are gone', async () => {
        await trial.advance(1000);
        return (await startOf(trial, 't')) === 3;
      });
      await refused('out-of-range', '"t"', () => topic.fetch(0, 0));
      assert.deepEqual(await topic.publish('new'), { partition: 0, offset: 3 });
      assert.deepEqual(await readAll(trial, 't', 0, 3), [{ offset: 3, value: 'new' }]);
    },
  },
  {
    says: 'forgets old records by size',
    needs,
    turns: true,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { retentionBytes: 200_000 });
      for (const n of numbers(60)) await topic.publish(new Uint8Array(10_000).fill(n));
      await trial.advance(5000);
      await trial.until('some are gone', async () => {
        await trial.advance(1000);
        return (await startOf(trial, 't')) > 0;
      });
      const start = await startOf(trial, 't');
      assert.ok(start <= 42, `it keeps at least what it may keep, and begins with ${start}`);
      const [first] = await readAll(trial, 't', 0, start);
      assert.ok(first);
      assert.equal(first.offset, start);
      assert.equal((first.value as Uint8Array)[0], start);
    },
  },
  {
    says: 'keeps the last record of each key where it is compacted, and removes keys that are given an empty body',
    needs,
    turns: true,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t', { compact: true });
      const body = (n: number) => new Uint8Array(20_000).fill(n);
      for (const n of numbers(100)) await topic.publish(body(n), { key: `k${n % 4}` });
      await topic.publish(new Uint8Array(0), { key: 'k3' });
      for (const n of numbers(40)) await topic.publish(body(n), { key: 'filler' });
      // Only what is behind the records being written is compacted, and not at once.
      await trial.advance(5000);
      await trial.until('old records of the keys are gone', async () => {
        await trial.advance(1000);
        const offsets = (await readAll(trial, 't')).map((record) => record.offset);
        return offsets.filter((at) => at < 100).length <= 4;
      });
      const left = (await readAll(trial, 't')).filter((record) => record.offset < 100);
      assert.deepEqual(
        left.map((record) => record.offset),
        [96, 97, 98],
        'the last of each key stays where it was; what was removed is gone',
      );
      for (const { offset: at, value } of left) assert.equal((value as Uint8Array)[0], at);
    },
  },
  {
    says: 'still has everything when it is opened again',
    needs: ['topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      await trial.box.declareTopic('t', { partitions: 2 });
      let expected: unknown[] = [];
      for (const how of ['crashed', 'closed', 'crashed'] as const) {
        const topic = trial.box.topic('t');
        await topic.publishMany(numbers(50, expected.length), { partition: 1 });
        expected = [...expected, ...numbers(50, expected.length)];
        await trial.reopen(how);
        assert.deepEqual(
          (await readAll(trial, 't', 1)).map((record) => record.value),
          expected,
        );
        const { partitions } = await trial.box.topic('t').describe();
        assert.deepEqual(partitions, [
          { partition: 0, start: 0, end: 0, stable: 0 },
          { partition: 1, start: 0, end: offset(expected.length), stable: offset(expected.length) },
        ]);
      }
    },
  },
  {
    says: 'is gone with its records once removed, and begins anew when declared again',
    needs,
    run: async (trial) => {
      const topic = await trial.box.declareTopic('t');
      await topic.publish(1);
      await trial.box.remove('topic', 't');
      await refused('unknown', '"t"', () => topic.fetch(0, 0));
      await refused('unknown', '"t"', () => topic.publish(2));
      await refused('unknown', '"t"', () => trial.box.remove('topic', 't'));
      await trial.box.declareTopic('t');
      assert.deepEqual(await topic.publish(3), { partition: 0, offset: 0 });
      assert.deepEqual(await readAll(trial, 't'), [{ offset: 0, value: 3 }]);
    },
  },
  {
    says: 'lets a topic have other properties, and says which topic of a name it is',
    needs,
    run: async (trial) => {
      const { engine, box } = trial;
      await engine.declare({ kind: 'topic', name: 't', retentionMs: 5000, labels: { 'door.word': 'a' } });
      await engine.declare({ kind: 'topic', name: 't', retentionMs: 5000 });
      await engine.publish(batchOf('t', 'kept'));
      await refused('conflict', '"t"', () => engine.declare({ kind: 'topic', name: 't', compact: true }));
      await engine.alter({ kind: 'topic', name: 't', compact: true, partitions: 2, labels: { 'door.word': 'b' } });
      await refused('conflict', '"t"', () => engine.alter({ kind: 'topic', name: 't' }));
      await refused('unknown', '"u"', () => engine.alter({ kind: 'topic', name: 'u' }));
      await refused('invalid', 'labels', () => engine.alter({ kind: 'topic', name: 't', partitions: 2, labels: { a: 'x'.repeat(9000) } }));
      const first = await engine.describe('topic', 't');
      assert.ok(first?.kind === 'topic');
      assert.deepEqual(first.spec, { kind: 'topic', name: 't', compact: true, partitions: 2, labels: { 'door.word': 'b' } });
      assert.deepEqual(
        (await readAll(trial, 't')).map(({ value }) => value),
        ['kept'],
      );
      await box.remove('topic', 't');
      await engine.declare({ kind: 'topic', name: 't' });
      const second = await engine.describe('topic', 't');
      assert.ok(second?.kind === 'topic');
      assert.notEqual(second.id, first.id);
    },
  },
  {
    says: 'lets a partition begin later when it is asked to',
    needs,
    run: async (trial) => {
      const { engine } = trial;
      const topic = await trial.box.declareTopic('t');
      await topic.publishMany(numbers(10));
      assert.equal(await engine.trim('t', 0, offset(4)), 4);
      assert.equal(await engine.trim('t', 0, offset(2)), 4);
      await refused('out-of-range', '"t"', () => engine.trim('t', 0, offset(11)));
      await refused('out-of-range', '"t"', () => engine.fetch({ topic: 't', partition: 0, offset: offset(3) }));
      assert.equal((await readAll(trial, 't', 0, 4))[0]?.value, 4);
      assert.equal(await engine.trim('t', 0, offset(10)), 10);
      assert.equal(await startOf(trial, 't'), 10);
    },
  },
  {
    says: 'is the same engine with the same topics when it is opened again',
    needs: ['topics', 'durable'],
    reopens: true,
    run: async (trial) => {
      const { identity } = trial.engine;
      assert.match(identity, /^[0-9a-f]{32}$/);
      await trial.engine.declare({ kind: 'topic', name: 't', labels: { a: 'b' } });
      const before = await trial.engine.describe('topic', 't');
      for (const how of ['crashed', 'closed', 'crashed'] as const) {
        await trial.reopen(how);
        assert.equal(trial.engine.identity, identity);
        assert.deepEqual(await trial.engine.describe('topic', 't'), before);
      }
    },
  },
];

function batchOf(address: string, value: string): Publish {
  const writer = new RecordWriter();
  const body = new TextEncoder().encode(JSON.stringify(value));
  writer.write({ exchange: MAIN_LINE, address, timestampMs: 0, contentType: 'application/json', headers: NO_HEADERS, body });
  return { address, records: writer.take() };
}
