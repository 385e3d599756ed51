/** Records that stand for several messages: what is refused, what stays as it is, and what becomes of the rest. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessagesEntry } from '../../src/core/entry.ts';
import { nothingPlanned } from '../../src/core/plan.ts';
import { decidePublish, type PublishDecision } from '../../src/core/publish.ts';
import { digest, restate } from '../../src/core/restate.ts';
import { placed } from '../../src/core/sequence.ts';
import type { Publish } from '../../src/model/engine.ts';
import { MAIN_LINE } from '../../src/model/message.ts';
import { type Language, RecordWriter, readMessage } from '../../src/model/record.ts';
import type { Refusal } from '../../src/model/refusal.ts';
import { BUNDLES, type Bundled, bundle } from '../../src/testing/conformance/bundles.ts';
import { RULES, refusedAs, taken, World } from './states.ts';

const RULES_WITH = { ...RULES, languages: new Map([[BUNDLES.number, BUNDLES]]) };

function decide(world: World, publish: Publish, plan = nothingPlanned()): PublishDecision | Refusal {
  return decidePublish(world.state, world.tenant, publish, 1000, RULES_WITH, plan);
}

/** Texts: a list is a pack, a text alone a single message; all to `partition`. */
function packsOf(address: string, given: readonly (string | readonly string[])[], rest: Partial<Publish> = {}, partition = 0): Publish {
  const writer = new RecordWriter();
  const of = (value: string): Bundled => ({ value, key: value[0] ?? '', timeMs: value.length });
  const packs = Uint32Array.from(given, (one) => bundle(writer, typeof one === 'string' ? of(one) : one.map(of)));
  const columns = { partition: new Int32Array(given.length).fill(partition), ...rest.columns };
  return { address, records: writer.take(), toTopic: true, packs, ...rest, columns };
}

function textsIn({ records }: MessagesEntry): string[] {
  const { bytes, start, ends, count } = records;
  return Array.from({ length: count }, (_, i) => {
    const message = readMessage(bytes, i === 0 ? start : (ends[i - 1] ?? 0), RULES_WITH.languages);
    return new TextDecoder().decode(message.body);
  });
}

const GIVEN = [['a', 'bb', 'ccc'], 'd', ['e']];

test('what only the named topic takes stays as it is: one record each, as many offsets as messages', () => {
  const world = new World().declare({ kind: 'topic', name: 't', partitions: 2 });
  for (const base of [0, 5]) {
    const publish = packsOf('t', GIVEN, {}, 1);
    const { main, firsts, routed } = taken(decide(world, publish));
    assert.ok(main !== undefined && firsts === undefined && routed === 1);
    assert.equal(main.records, publish.records);
    world.apply(main);
    assert.deepEqual([...(placed(main)?.offsets ?? [])], [base, base + 3, base + 4]);
    assert.deepEqual([...(placed(main)?.partitions ?? [])], [1, 1, 1]);
    assert.equal(world.topic('t').partitions[1]?.end, base + 5);
  }
});

test('to several partitions: each gets the messages of its packs', () => {
  const world = new World().declare({ kind: 'topic', name: 't', partitions: 3 });
  const { main } = taken(
    decide(world, packsOf('t', [['a', 'b'], ['c'], ['d', 'e', 'f']], { columns: { partition: Int32Array.of(2, 0, 2) } })),
  );
  assert.ok(main !== undefined);
  world.apply(main);
  assert.deepEqual(
    world.topic('t').partitions.map(({ end }) => end),
    [1, 0, 5],
  );
  assert.deepEqual([...(placed(main)?.offsets ?? [])], [0, 0, 2]);
});

test('what anybody else takes, or has to look into, is unpacked first; the answer speaks of what was given', () => {
  const others: Record<string, { readonly publish?: Partial<Publish>; readonly world: (world: World) => World }> = {
    'a queue': {
      world: (w) => w.declare({ kind: 'queue', name: 'q' }).bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: 't' }),
    },
    'another topic': {
      world: (w) => w.declare({ kind: 'topic', name: 'u' }).bind({ exchange: MAIN_LINE, to: { kind: 'topic', name: 'u' }, pattern: '#' }),
    },
    'a filter': {
      world: (w) =>
        w
          .declare({ kind: 'queue', name: 'q' })
          .bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: 't', filter: "address == 'nowhere'" }),
    },
    'a further address': {
      world: (w) => w.declare({ kind: 'queue', name: 'q' }).bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: 'x' }),
      publish: { also: ['x'] },
    },
    compaction: { world: (w) => w.declare({ kind: 'topic', name: 't', compact: true }) },
    'a schema': {
      world: (w) => w.declare({ kind: 'topic', name: 't', schema: { jsonSchema: { needs: 'x' }, onFault: { exchange: '' } } }),
    },
    'a schema of the exchange': {
      world: (w) =>
        w
          .declare({ kind: 'exchange', name: 'x', type: 'direct', schema: { jsonSchema: { needs: 'x' }, onFault: { exchange: '' } } })
          .bind({ exchange: 'x', to: { kind: 'topic', name: 't' }, pattern: 't' }),
      publish: { exchange: 'x' },
    },
    'a topic of another name': {
      world: (w) =>
        w
          .declare({ kind: 'exchange', name: 'x', type: 'direct' }, { kind: 'topic', name: 'u' })
          .bind({ exchange: 'x', to: { kind: 'topic', name: 'u' }, pattern: 't' }),
      publish: { exchange: 'x' },
    },
    'a transform': {
      world: (w) =>
        w
          .declare({ kind: 'exchange', name: 'x', type: 'direct' })
          .bind({ exchange: 'x', to: { kind: 'topic', name: 't' }, pattern: 't', transform: 'address' }),
      publish: { exchange: 'x' },
    },
    'a value to be kept': { world: (w) => w, publish: { retain: true } },
  };
  for (const [what, { publish, world: change }] of Object.entries(others)) {
    const world = change(new World().declare({ kind: 'topic', name: 't' }));
    const given = what.startsWith('a schema') ? [['{"x":1}', '{}'], '{"x":2}'] : GIVEN;
    const { main, firsts, entries } = taken(decide(world, packsOf('t', given, publish)));
    assert.ok(firsts !== undefined, what);
    if (what === 'a transform') {
      world.apply(...entries);
      assert.equal(world.topic('t').partitions[0]?.end, 5);
      continue;
    }
    assert.ok(main !== undefined, what);
    assert.equal(main.packs, undefined, what);
    world.apply(main);
    if (what.startsWith('a schema')) {
      assert.deepEqual([...firsts], [0, 2]);
      assert.equal(world.topic('t').partitions[0]?.end, 2, 'one did not fit');
      continue;
    }
    assert.deepEqual(textsIn(main), ['a', 'bb', 'ccc', 'd', 'e'], what);
    assert.deepEqual([...firsts], [0, 3, 4], what);
    const offsets = what === 'a topic of another name' ? [-1, -1, -1, -1, -1] : [0, 1, 2, 3, 4];
    assert.deepEqual([...(placed(main)?.offsets ?? [])], offsets, what);
    for (const { queue, picks } of main.queues) {
      assert.equal(picks, undefined);
      assert.equal(world.state.queues.get(queue)?.ready, 5, what);
    }
  }
});

test('what is told of a pack holds for its messages; a time each has of its own', () => {
  const world = new World().declare({ kind: 'topic', name: 't' }, { kind: 'queue', name: 'q' });
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: 't' });
  const columns = { priority: Uint8Array.of(7, 8, 9), group: ['x', undefined, 'z'], timeMs: Float64Array.of(3, 1, 1) };
  const { main } = taken(decide(world, packsOf('t', GIVEN, { columns })));
  assert.deepEqual([...(main?.columns?.priority ?? [])], [7, 7, 7, 8, 9]);
  assert.deepEqual(main?.columns?.group, ['x', 'x', 'x', undefined, 'z']);
  assert.deepEqual([...(main?.columns?.timeMs ?? [])], [1, 2, 3, 1, 1]);
  const packed = new World().declare({ kind: 'topic', name: 't' });
  assert.deepEqual([...(taken(decide(packed, packsOf('t', GIVEN, { columns }))).main?.columns?.timeMs ?? [])], [3, 1, 1]);
});

test('packs that are told of wrongly, or go nowhere in particular, are refused', () => {
  const world = new World().declare({ kind: 'topic', name: 't' });
  const right = packsOf('t', GIVEN);
  const { toTopic: _, ...anywhere } = right;
  assert.equal(refusedAs(decide(world, anywhere)), 'invalid');
  const { columns: __, ...unplaced } = right;
  assert.equal(refusedAs(decide(world, unplaced)), 'invalid');
  assert.equal(refusedAs(decide(world, packsOf('t', GIVEN, {}, -1))), 'invalid');
  assert.equal(refusedAs(decide(world, packsOf('t', GIVEN, {}, 1))), 'unknown');
  assert.equal(refusedAs(decide(world, packsOf('t', GIVEN, { columns: { dedupId: ['x', 'y', 'z'] } }))), 'invalid');
  for (const packs of [
    [2, 1, 1],
    [3, 2, 1],
    [3, 0, 1],
    [3, 1],
    [3, 1, 0xffff_ffff],
  ])
    assert.equal(refusedAs(decide(world, { ...right, packs: Uint32Array.from(packs) })), 'invalid', String(packs));
  assert.equal(refusedAs(decidePublish(world.state, world.tenant, right, 1000, RULES)), 'unsupported');
  assert.equal(refusedAs(decide(world, { ...right, columns: { ...right.columns, timeMs: Float64Array.of(1, 2, Number.NaN) } })), 'invalid');
  assert.equal(refusedAs(decide(world, { ...right, columns: { ...right.columns, timeMs: Float64Array.of(1, 2) } })), 'invalid');
  // What it says of itself is not what it holds: found when it is unpacked.
  const lying = packsOf('t', [['a', 'b']], { retain: true });
  lying.records.bytes[9] = 3;
  assert.throws(() => decide(world, { ...lying, packs: Uint32Array.of(3) }), { code: 'invalid' });
});

test('a pack is too large as it is, or when unpacked, and so is a message in it for its topic', () => {
  const long = 'x'.repeat(60_000);
  const world = new World().declare({ kind: 'topic', name: 't' }, { kind: 'topic', name: 'small', messageBytesMax: 40_000, compact: true });
  assert.equal(refusedAs(decide(world, packsOf('t', [[long, long]]))), 'too-large');
  assert.equal(taken(decide(world, packsOf('t', [[long], [long]]))).routed, 1);
  assert.equal(refusedAs(decide(world, packsOf('small', [['a', long]]))), 'too-large');
  assert.equal(taken(decide(world, packsOf('small', [['a', long.slice(30_000), long.slice(30_000)]]))).routed, 1);
  const inflating: Language = {
    ...BUNDLES,
    unpack: () => {
      const writer = new RecordWriter();
      bundle(writer, { value: long + long });
      return writer.take();
    },
  };
  const rules = { ...RULES, languages: new Map([[BUNDLES.number, inflating]]) };
  world.declare({ kind: 'topic', name: 'c', compact: true });
  assert.equal(refusedAs(decidePublish(world.state, world.tenant, packsOf('c', [['a']]), 1000, rules)), 'too-large');
});

test('sequences count messages, and a repeat is answered as the first time, kept or unpacked, before and after a restart', () => {
  for (const unpacks of [false, true]) {
    const world = new World().declare({ kind: 'topic', name: 't', compact: unpacks });
    world.apply({ kind: 'producer', id: 1, epoch: 0, name: undefined });
    const stamped = (sequence: number) => packsOf('t', GIVEN, { producer: { id: 1, epoch: 0, sequence } });
    const plan = nothingPlanned();
    const first = taken(decide(world, stamped(0), plan));
    const second = taken(decide(world, stamped(5), plan));
    assert.equal(refusedAs(decide(world, stamped(8), plan)), 'out-of-order');
    world.apply(...first.entries, ...second.entries);
    const again = new World().apply(...restate(world.state));
    assert.equal(digest(again.state), digest(world.state));
    for (const one of [world, again]) {
      assert.equal(refusedAs(decide(one, stamped(3))), 'out-of-order');
      assert.equal(taken(decide(one, stamped(10))).repeated, undefined);
      const { repeated, firsts, duplicates, entries } = taken(decide(one, stamped(5)));
      assert.deepEqual([entries.length, duplicates?.[0]], [0, 255]);
      const offsets = GIVEN.map((_, i) => repeated?.offsets[firsts?.[i] ?? i]);
      assert.deepEqual(offsets, [5, 8, 9]);
    }
  }
});
