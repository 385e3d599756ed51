/** Conformance of packs: several messages kept as the one record they came as, and read by everybody else as what they are. */

import assert from 'node:assert/strict';
import type { Fetched, Publish } from '../../model/engine.ts';
import { offset } from '../../model/lines.ts';
import { MAIN_LINE } from '../../model/message.ts';
import { type Records, RecordWriter, readMessage } from '../../model/record.ts';
import { BUNDLES, type Bundled, bundle } from './bundles.ts';
import { type Check, numbers, refused, type Trial } from './trial.ts';

const needs = ['topics', 'packs'] as const;
const LANGUAGES = new Map([[BUNDLES.number, BUNDLES]]);

/** A pack each, or single messages; all to one partition. */
function packsOf(topic: string, given: readonly (Bundled | readonly Bundled[])[], rest: Partial<Publish> = {}): Publish {
  const writer = new RecordWriter();
  const packs = Uint32Array.from(given, (one) => bundle(writer, one));
  return { address: topic, records: writer.take(), toTopic: true, packs, columns: { partition: new Int32Array(given.length) }, ...rest };
}

function bundled(values: readonly (number | string)[]): Bundled[] {
  return values.map((value) => ({ value: String(value) }));
}

function startOf(records: Records, i: number): number {
  return i === 0 ? records.start : (records.ends[i - 1] ?? 0);
}

function textAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(readMessage(bytes, at, LANGUAGES).body);
}

function messagesIn({ records, offsets }: Fetched): [number, string][] {
  return numbers(records.count).map((i) => [offsets[i] ?? -1, textAt(records.bytes, startOf(records, i))]);
}

/** Every message of partition 0 from an offset on, read in steps. */
async function readMessages(trial: Trial, topic: string, from = 0, sizeBytesMax = 1000): Promise<[number, string][]> {
  const all: [number, string][] = [];
  for (let next = offset(from); ; ) {
    const fetched = await trial.engine.fetch({ topic, partition: 0, offset: next, sizeBytesMax });
    assert.equal(fetched.packs, undefined, 'who did not ask for packs gets none');
    if (fetched.records.count === 0) return all;
    assert.ok(fetched.next > next, 'reading goes on');
    all.push(...messagesIn(fetched));
    next = fetched.next;
  }
}

function packed(trial: Trial, topic: string, from = 0): Promise<Fetched> {
  return trial.engine.fetch({ topic, partition: 0, offset: offset(from), packed: true });
}

/** 3 messages, one for itself, 4 messages. */
const GIVEN = [bundled(['a', 'b', 'c']), { value: 'd' }, bundled(['e', 'f', 'g', 'h'])];
const EXPECTED: [number, string][] = Array.from('abcdefgh', (value, i) => [i, value]);

export const packs: readonly Check[] = [
  {
    says: 'keeps a pack as it came, and gives it as that, or message by message',
    needs,
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const publish = packsOf('t', GIVEN);
      const published = await trial.engine.publish(publish);
      assert.deepEqual([...(published.offsets ?? [])], [0, 3, 4]);
      const { records, offsets, packs: kept, next, end } = await packed(trial, 't');
      assert.deepEqual([[...offsets], [...(kept ?? [])], next, end], [[0, 3, 4], [3, 1, 4], 8, 8]);
      const given = publish.records;
      assert.deepEqual(records.bytes.slice(records.start, records.ends[2]), given.bytes.slice(given.start, given.ends[2]));
      assert.deepEqual(await readMessages(trial, 't'), EXPECTED);
      const { partitions } = await trial.box.topic('t').describe();
      assert.equal(partitions[0]?.end, 8);
    },
  },
  {
    says: 'begins with the pack that an offset is inside of, or with just that message',
    needs,
    run: async (trial) => {
      await trial.box.declareTopic('t');
      await trial.engine.publish(packsOf('t', GIVEN));
      for (let from = 0; from <= 8; from++) {
        for (const sizeBytesMax of [0, 30, 1000])
          assert.deepEqual(await readMessages(trial, 't', from, sizeBytesMax), EXPECTED.slice(from));
      }
      assert.deepEqual([...(await packed(trial, 't', 2)).offsets], [0, 3, 4]);
      assert.deepEqual([...(await packed(trial, 't', 5)).offsets], [4]);
      await trial.box.topic('t').publish('single');
      const behind = await packed(trial, 't', 8);
      assert.deepEqual([[...behind.offsets], [...(behind.packs ?? [1])]], [[8], [1]]);
    },
  },
  {
    says: 'unpacks for a queue that takes them, too; each message is settled for itself',
    needs: [...needs, 'queues', 'exchanges'],
    run: async (trial) => {
      await trial.box.declareTopic('t');
      await trial.queue('q');
      await trial.box.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: 't' });
      const published = await trial.engine.publish(packsOf('t', GIVEN));
      assert.deepEqual([...(published.offsets ?? [])], [0, 3, 4]);
      const taken = await trial.engine.receive({ queue: 'q', countMax: 100 });
      assert.ok(taken !== undefined);
      const values = numbers(taken.count).map((i) => textAt(taken.bytes, taken.at[i] ?? 0));
      assert.deepEqual(values, [...'abcdefgh']);
      assert.equal(await trial.engine.settle({ queue: 'q', runs: Float64Array.of(taken.numbers[1] ?? -1, 3), outcome: 'ack' }), 3);
      assert.deepEqual(await readMessages(trial, 't'), EXPECTED);
      assert.equal((await packed(trial, 't')).records.count, 8);
    },
  },
  {
    says: 'unpacks for a compacted topic',
    needs,
    run: async (trial) => {
      await trial.box.declareTopic('t', { compact: true });
      const published = await trial.engine.publish(packsOf('t', GIVEN));
      assert.deepEqual([...(published.offsets ?? [])], [0, 3, 4]);
      assert.deepEqual(await readMessages(trial, 't'), EXPECTED);
      assert.equal((await packed(trial, 't')).records.count, 8);
    },
  },
  {
    says: 'refuses packs that go anywhere, or that are told of wrongly',
    needs,
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const { toTopic: _, ...anywhere } = packsOf('t', GIVEN);
      await refused('invalid', 'topic', () => trial.engine.publish(anywhere));
      await refused('invalid', 'artition', () => trial.engine.publish({ ...packsOf('t', GIVEN), columns: {} }));
      await refused('invalid', 'messages', () => trial.engine.publish({ ...packsOf('t', GIVEN), packs: Uint32Array.of(3, 1, 5) }));
      await refused('invalid', 'messages', () => trial.engine.publish({ ...packsOf('t', GIVEN), packs: Uint32Array.of(3, 0, 4) }));
      const unknown = packsOf('t', [bundled(['a', 'b'])]);
      unknown.records.bytes[4] = 254;
      await refused('unsupported', 'language', () => trial.engine.publish(unknown));
      assert.deepEqual(await readMessages(trial, 't'), []);
    },
  },
  {
    says: 'counts the messages of a pack as its publisher does, and tells a repeat',
    needs,
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const { id, epoch } = await trial.engine.producer();
      const send = (sequence: number) => trial.engine.publish(packsOf('t', GIVEN, { producer: { id, epoch, sequence } }));
      const first = await send(0);
      await refused('out-of-order', '8', () => send(3));
      await send(8);
      const repeat = await send(0);
      assert.deepEqual([repeat.offsets, repeat.duplicates?.[0]], [first.offsets, 255]);
      assert.equal((await readMessages(trial, 't')).length, 16);
    },
  },
  {
    says: "finds a message by its publisher's time, in a pack or out of it",
    needs: [...needs, 'seekByTime'],
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const at = (...times: number[]) => times.map((timeMs) => ({ value: String(timeMs), timeMs }));
      const send = (given: Bundled[][], timeMs: number[]) =>
        trial.engine.publish(
          packsOf('t', given, { columns: { partition: new Int32Array(given.length), timeMs: Float64Array.from(timeMs) } }),
        );
      await send([at(100, 120, 110), at(130)], [120, 130]);
      await send([at(90, 95), at(200, 220, 210, 230)], [95, 230]);
      const writer = new RecordWriter();
      for (const one of at(300, 250, 310)) bundle(writer, one);
      const columns = { partition: new Int32Array(3), timeMs: Float64Array.of(300, 250, 310) };
      await trial.engine.publish({ address: 't', records: writer.take(), columns });
      const times = [0, 100, 101, 120, 121, 130, 131, 205, 220, 221, 230, 231, 301, 311];
      const found = await Promise.all(times.map((timeMs) => trial.engine.offsetAt('t', 0, timeMs)));
      assert.deepEqual(found, [0, 0, 1, 1, 3, 3, 6, 7, 7, 9, 9, 10, 12, 13]);
      // Nobody's clock but the engine's says when it was stored.
      const { timestamps } = await packed(trial, 't');
      assert.ok(timestamps.every((timeMs) => timeMs > 1000 && timeMs <= trial.engine.nowMs()));
    },
  },
  {
    says: 'keeps packs and single messages in their order, after a restart and after a crash',
    needs,
    reopens: true,
    run: async (trial) => {
      await trial.box.declareTopic('t');
      const expected: [number, string][] = [];
      for (const how of ['crashed', 'closed', 'crashed'] as const) {
        for (let n = 0; n < 5; n++) {
          const values = numbers(1 + (n % 3), expected.length);
          await trial.engine.publish(packsOf('t', [bundled(values), { value: 'single' }]));
          for (const value of [...values, 'single']) expected.push([expected.length, String(value)]);
        }
        await trial.reopen(how);
        assert.deepEqual(await readMessages(trial, 't'), expected);
        assert.equal((await packed(trial, 't')).packs?.length, (expected.length * 10) / 14);
      }
    },
  },
  {
    says: 'takes packs in a transaction: all or none of it',
    needs: [...needs, 'transactions'],
    run: async (trial) => {
      await trial.box.declareTopic('t');
      await trial.box.declareTopic('u');
      const step = (topic: string, given: readonly (Bundled | readonly Bundled[])[]) => ({
        kind: 'publish' as const,
        ...packsOf(topic, given),
      });
      const answers = await trial.engine.transact([step('t', GIVEN), step('u', GIVEN), step('t', GIVEN)]);
      const offsets = answers.map((answer) => (typeof answer === 'number' ? [] : [...(answer.offsets ?? [])]));
      assert.deepEqual(offsets, [
        [0, 3, 4],
        [0, 3, 4],
        [8, 11, 12],
      ]);
      await refused('unknown', '"v"', () => trial.engine.transact([step('t', GIVEN), step('v', GIVEN)]));
      assert.equal((await readMessages(trial, 't')).length, 16);
      assert.deepEqual(await readMessages(trial, 'u'), EXPECTED);
    },
  },
];
