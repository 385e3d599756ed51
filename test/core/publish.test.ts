import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessagesEntry } from '../../src/core/entry.ts';
import { nothingPlanned } from '../../src/core/plan.ts';
import { decidePublish, type PublishDecision } from '../../src/core/publish.ts';
import type { Publish } from '../../src/model/engine.ts';
import { MAIN_LINE } from '../../src/model/message.ts';
import { isRefusal, type Refusal } from '../../src/model/refusal.ts';
import { publishOf, RULES, refusedAs, sendOf, taken, valuesOf, World } from './states.ts';

function decide(world: World, publish: Publish, plan = nothingPlanned()): PublishDecision | Refusal {
  return decidePublish(world.state, world.tenant, publish, 1000, RULES, plan);
}

function messages(decided: PublishDecision): readonly MessagesEntry[] {
  return decided.entries as readonly MessagesEntry[];
}

/** Queue or topic name → indices taken; `all` when the whole batch is. */
function targets(world: World, entry: MessagesEntry | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const { queue, picks } of entry?.queues ?? [])
    out[world.state.queues.get(queue)?.spec.name ?? '?'] = picks === undefined ? 'all' : [...picks];
  for (const { topic, partition, picks } of entry?.partitions ?? [])
    out[`${world.state.topics.get(topic)?.spec.name}/${partition}`] = picks === undefined ? 'all' : [...picks];
  return out;
}

test('a fan-out is one entry, and a batch of none is no entry', () => {
  const world = new World().declare({ kind: 'queue', name: 'a' }, { kind: 'queue', name: 'b' }, { kind: 'topic', name: 'x' });
  for (const name of ['a', 'b']) world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name }, pattern: 'x' });
  const decided = taken(decide(world, publishOf('x', [1, 2])));
  assert.equal(decided.entries.length, 1);
  assert.equal(decided.routed, 3);
  assert.deepEqual(targets(world, decided.main), { a: 'all', b: 'all', 'x/0': 'all' });
  assert.equal(decided.main?.named, world.topic('x').id);
  assert.deepEqual(taken(decide(world, publishOf('x', []))).entries, []);
  assert.deepEqual(taken(decide(world, publishOf('nobody', [1]))).entries, []);
});

test('what is not there is refused as unknown, or as unrouted where that was asked', () => {
  const world = new World().declare(
    { kind: 'exchange', name: 'x', type: 'direct' },
    { kind: 'exchange', name: 'in', type: 'fanout', internal: true },
  );
  assert.equal(refusedAs(decide(world, sendOf('q', [1]))), 'unknown');
  assert.equal(refusedAs(decide(world, publishOf('a', [1], { exchange: 'y' }))), 'unknown');
  assert.equal(refusedAs(decide(world, publishOf('a', [1], { exchange: 'in' }))), 'forbidden');
  assert.equal(refusedAs(decide(world, publishOf('a', [1], { exchange: 'x', mandatory: true }))), 'unrouted');
  assert.equal(refusedAs(decide(world, publishOf('a', [1], { toTopic: true }))), 'unknown');
  assert.equal(taken(decide(world, publishOf('a', [1], { exchange: 'x' }))).routed, 0);
});

test('records go to the partition asked for, by their key, or together in turn', () => {
  const world = new World().declare({ kind: 'topic', name: 't', partitions: 3 });
  const partition = Int32Array.of(2, 0, -1, -1);
  const keyHash = Int32Array.of(5, 5, 5, -1);
  const decided = taken(decide(world, publishOf('t', [1, 2, 3, 4], { columns: { partition, keyHash } })));
  assert.deepEqual(targets(world, decided.main), { 't/2': [0, 2], 't/0': [1, 3] });
  const turns = [1, 2, 3].map((n) => Object.keys(targets(world, taken(decide(world, publishOf('t', [n]))).main))[0]);
  assert.deepEqual(turns.toSorted(), ['t/0', 't/1', 't/2']);
  assert.equal(refusedAs(decide(world, publishOf('t', [1, 2], { columns: { partition: Int32Array.of(0, 3) } }))), 'unknown');
});

test('another topic that is bound has the partitions it has', () => {
  const world = new World().declare({ kind: 'topic', name: 't', partitions: 4 }, { kind: 'topic', name: 'all', partitions: 2 });
  world.bind({ exchange: MAIN_LINE, to: { kind: 'topic', name: 'all' }, pattern: '#' });
  const decided = taken(decide(world, publishOf('t', [1], { columns: { partition: Int32Array.of(3) } })));
  assert.deepEqual(targets(world, decided.main), { 't/3': 'all', 'all/1': 'all' });
});

test('a full queue refuses the whole batch, to all targets, and counts what is planned', () => {
  const world = new World().declare({ kind: 'queue', name: 'q', countMax: 2 }, { kind: 'queue', name: 'free' });
  for (const name of ['q', 'free']) world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name }, pattern: 'x' });
  assert.equal(refusedAs(decide(world, publishOf('x', [1, 2, 3]))), 'full');
  const plan = nothingPlanned();
  taken(decide(world, sendOf('q', [1]), plan));
  assert.equal(refusedAs(decide(world, sendOf('q', [1, 2]), plan)), 'full');
  world.apply(...taken(decide(world, sendOf('q', [1, 2]))).entries);
  assert.equal(refusedAs(decide(world, sendOf('q', [3]))), 'full');
});

test('what a full queue turns away goes to its dead letters where it says so', () => {
  const world = new World().declare(
    { kind: 'queue', name: 'dead' },
    { kind: 'queue', name: 'q', countMax: 0, overflow: 'refuse-dead-letter', deadLetter: { exchange: '', address: 'dead' } },
  );
  const decided = taken(decide(world, sendOf('q', [1, 2])));
  assert.equal(decided.routed, 1);
  const [entry] = messages(decided);
  assert.deepEqual(targets(world, entry), { dead: 'all' });
  assert.deepEqual(entry?.deaths?.[1], [
    { reason: 'overflow', queue: 'q', exchange: '', address: 'q', to: { exchange: '', address: 'dead' }, atMs: 1000, count: 1 },
  ]);
});

test('a message too large for the broker, a queue or a topic is refused, if that target takes it', () => {
  const world = new World().declare(
    { kind: 'queue', name: 'small', messageBytesMax: 300 },
    { kind: 'queue', name: 'filtered', messageBytesMax: 300 },
    { kind: 'topic', name: 't', messageBytesMax: 300 },
  );
  const big = { text: 'x'.repeat(400) };
  assert.equal(refusedAs(decide(world, sendOf('small', [1, big]))), 'too-large');
  assert.equal(refusedAs(decide(world, publishOf('t', [big]))), 'too-large');
  assert.equal(refusedAs(decide(world, publishOf('nobody', ['x'.repeat(200_000)]))), 'too-large');
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'filtered' }, pattern: 'a', filter: 'body.ok' });
  const decided = taken(decide(world, publishOf('a', [big, { ok: 1 }])));
  assert.deepEqual(targets(world, decided.main), { filtered: [1] });
  assert.equal(refusedAs(decide(world, publishOf('a', [{ ...big, ok: 1 }]))), 'too-large');
});

test('a dedup id is taken once: of the window, of the batch, of the plan', () => {
  const world = new World().declare({ kind: 'queue', name: 'q', dedupWindowMs: 60_000 });
  const plan = nothingPlanned();
  const decided = taken(decide(world, sendOf('q', [1, 2, 3, 4], { dedupId: ['a', 'a', undefined, 'b'] }), plan));
  assert.deepEqual(targets(world, decided.main), { q: [0, 2, 3] });
  assert.deepEqual(decided.duplicates, Uint8Array.of(0b0010));
  assert.deepEqual(taken(decide(world, sendOf('q', [5], { dedupId: ['b'] }), plan)).entries, []);
  world.apply(...decided.entries);
  const again = taken(decide(world, sendOf('q', [6, 7], { dedupId: ['b', 'c'] })));
  assert.deepEqual(targets(world, again.main), { q: [1] });
  assert.equal(again.routed, 2, 'what is known already was taken by somebody');
});

test('a repeat of an idempotent producer is answered as the first time, a gap is refused, an epoch below is fenced', () => {
  const world = new World().declare({ kind: 'topic', name: 't', partitions: 2 });
  world.apply({ kind: 'producer', id: 7, epoch: 1, name: undefined });
  const send = (sequence: number, values: unknown[], epoch = 1) =>
    decide(
      world,
      publishOf('t', values, { producer: { id: 7, epoch, sequence }, columns: { partition: Int32Array.from(values, () => 1) } }),
    );
  world.apply(...taken(send(0, [1, 2])).entries);
  world.apply(...taken(send(2, [3])).entries);
  const repeated = taken(send(0, [1, 2]));
  assert.deepEqual(repeated.entries, []);
  assert.deepEqual(repeated.repeated, { sequence: 0, count: 2, partitions: [1, 1], offsets: [0, 1] });
  assert.equal(refusedAs(send(9, [1])), 'out-of-order');
  assert.equal(refusedAs(send(1, [1])), 'out-of-order');
  assert.equal(refusedAs(send(3, [1], 0)), 'fenced');
  assert.equal(refusedAs(decide(world, publishOf('t', [1], { producer: { id: 8, epoch: 0, sequence: 0 } }))), 'unknown');
  for (let sequence = 3; sequence < 8; sequence++) world.apply(...taken(send(sequence, [sequence])).entries);
  assert.equal(refusedAs(send(0, [1, 2])), 'out-of-order', 'only the last five batches are remembered');
  assert.equal(world.topic('t').partitions[1]?.end, 8);
});

test('a producer without a name goes on with a higher epoch from 0; one with a name has to ask for it', () => {
  const world = new World().declare({ kind: 'topic', name: 't' });
  world.apply({ kind: 'producer', id: 7, epoch: 1, name: undefined }, { kind: 'producer', id: 8, epoch: 1, name: 'named' });
  const send = (id: number, epoch: number, sequence: number) => decide(world, publishOf('t', [1], { producer: { id, epoch, sequence } }));
  world.apply(...taken(send(7, 1, 0)).entries);
  assert.equal(refusedAs(send(7, 2, 1)), 'out-of-order');
  world.apply(...taken(send(7, 2, 0)).entries);
  assert.equal(refusedAs(send(7, 1, 1)), 'fenced');
  world.apply(...taken(send(7, 2, 1)).entries);
  assert.equal(refusedAs(send(8, 2, 0)), 'invalid');
  assert.equal(world.topic('t').partitions[0]?.end, 3);
});

test('half a character is refused where it would be kept; an empty dedup id or group is none', () => {
  const world = new World().declare({ kind: 'queue', name: 'q', dedupWindowMs: 1000, grouped: true });
  const half = '\ud800x';
  const send = (extra: Parameters<typeof publishOf>[2]) => decide(world, publishOf('q', [1], { exchange: '', ...extra }));
  assert.equal(refusedAs(send({ columns: { dedupId: [half] } })), 'invalid');
  assert.equal(refusedAs(send({ columns: { group: [half] } })), 'invalid');
  assert.equal(refusedAs(decide(world, publishOf(half, [1], { retain: true }))), 'invalid');
  for (let i = 0; i < 2; i++) {
    const { entries, duplicates } = taken(send({ columns: { dedupId: [''], group: [''] } }));
    assert.equal(duplicates, undefined);
    world.apply(...entries);
  }
  const queue = world.tenant.queues.get('q');
  assert.equal(queue?.seen('', 0), undefined);
  assert.equal(queue?.next(0, 2, new Float64Array(2)), 2, 'they wait for nobody');
});

test('sequences are counted by line, and from 0 again after 2^31 - 1', () => {
  const world = new World().declare({ kind: 'topic', name: 't' });
  world.apply({ kind: 'producer', id: 7, epoch: 0, name: undefined });
  const send = (line: string, sequence: number, values: unknown[]) =>
    decide(world, publishOf('t', values, { producer: { id: 7, epoch: 0, sequence, line } }));
  const { main } = taken(send('a', 0, [0]));
  assert.ok(main?.producer);
  world.apply({ ...main, producer: { ...main.producer, sequence: 2 ** 31 - 3 } });
  world.apply(...taken(send('a', 2 ** 31 - 2, [1, 2, 3])).entries);
  assert.equal(refusedAs(send('b', 1, [1])), 'out-of-order', 'the first of a line is 0: one before it may have been refused');
  world.apply(...taken(send('b', 0, [1])).entries);
  assert.equal(refusedAs(send('a', 0, [4])), 'out-of-order');
  world.apply(...taken(send('a', 1, [4])).entries);
  assert.equal(taken(send('a', 1, [4])).repeated?.count, 1);
  assert.equal(world.topic('t').partitions[0]?.end, 6);
});

test('further addresses reach each target once, and one that is not there may be missed', () => {
  const world = new World().declare(
    { kind: 'queue', name: 'a' },
    { kind: 'queue', name: 'b' },
    { kind: 'queue', name: 'c' },
    { kind: 'topic', name: 't' },
    { kind: 'exchange', name: 'x', type: 'direct' },
  );
  for (const [name, pattern] of [
    ['a', 'one'],
    ['a', 'two'],
    ['b', 'two'],
  ] as const)
    world.bind({ exchange: 'x', to: { kind: 'queue', name }, pattern });
  world.bind({ exchange: 'x', to: { kind: 'queue', name: 'b' }, pattern: 'one', filter: 'body.also' });
  world.bind({ exchange: 'x', to: { kind: 'queue', name: 'c' }, pattern: 'two', filter: 'body.also' });
  const both = { exchange: 'x', also: ['two', 'one', 'nowhere'] };
  assert.deepEqual(targets(world, taken(decide(world, publishOf('one', [{}, { also: true }], both))).main), {
    a: 'all',
    b: 'all',
    c: [1],
  });
  assert.deepEqual(targets(world, taken(decide(world, publishOf('a', [{}], { exchange: '', also: ['b', 'gone', 'a'] }))).main), {
    a: 'all',
    b: 'all',
  });
  assert.equal(taken(decide(world, publishOf('t', [{}], { exchange: '' }))).main?.partitions.length, 1, 'a topic is reached by its name');
  assert.equal(refusedAs(decide(world, publishOf('gone', [{}], { exchange: '' }))), 'unknown');
  assert.equal(taken(decide(world, publishOf('gone', [{}], { exchange: '', mayMiss: true }))).routed, 0);
  assert.equal(refusedAs(decide(world, publishOf('gone', [{}], { exchange: '', mayMiss: true, mandatory: true }))), 'unrouted');
});

test('a schema is checked for what each target takes as it gets it', () => {
  const needs = (name: string) => ({ schema: { jsonSchema: { needs: name } } });
  const world = new World().declare(
    { kind: 'queue', name: 'strict', ...needs('id') },
    { kind: 'queue', name: 'shaped', ...needs('made') },
    { kind: 'exchange', name: 'x', type: 'topic', ...needs('all') },
  );
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'strict' }, pattern: 'a', filter: 'body.mine' });
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'shaped' }, pattern: 'b', transform: '{ made: body.n }' });
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'shaped' }, pattern: 'c', transform: '{ other: body.n }' });
  assert.deepEqual(taken(decide(world, publishOf('a', [{ not: 'mine' }]))).entries, [], 'what its filter keeps out need not fit');
  assert.equal(refusedAs(decide(world, publishOf('a', [{ mine: true }]))), 'schema');
  assert.deepEqual(targets(world, taken(decide(world, publishOf('a', [{ mine: true, id: 1 }]))).main), { strict: [0] });
  const [made] = messages(taken(decide(world, publishOf('b', [{ n: 1 }]))));
  assert.deepEqual(made && valuesOf(made.records), [{ made: 1 }]);
  assert.equal(refusedAs(decide(world, publishOf('c', [{ n: 1 }]))), 'schema');
  assert.equal(refusedAs(decide(world, publishOf('nobody', [{}], { exchange: 'x' }))), 'schema');
});

test('what does not fit goes where the schema says, the rest to the target; a faulty value is not kept', () => {
  const schema = { jsonSchema: { needs: 'id' }, onFault: { exchange: '', address: 'dead' } };
  const world = new World().declare({ kind: 'queue', name: 'dead' }, { kind: 'topic', name: 't', schema });
  const decided = taken(decide(world, publishOf('t', [{ id: 1 }, {}], { retain: true })));
  const [main, buried] = messages(decided);
  assert.deepEqual(targets(world, main), { 't/0': [0] });
  assert.equal(main?.retain, undefined);
  assert.deepEqual(targets(world, buried), { dead: 'all' });
  assert.equal(buried?.deaths?.[0]?.[0]?.reason, 'schema');
  const none = taken(decide(world, publishOf('t', [{}])));
  assert.equal(none.main, undefined);
  assert.deepEqual(
    messages(none).map((entry) => targets(world, entry)),
    [{ dead: 'all' }],
  );
  assert.deepEqual(taken(decide(world, publishOf('t', [{}, { id: 2 }], { retain: true }))).main?.retain, { tenant: '/', address: 't' });
});

test('a transform that cannot be applied refuses the publish and says why', () => {
  const world = new World().declare({ kind: 'queue', name: 'q' });
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: 'a', transform: 'abs(body.text)' });
  const decided = decide(world, publishOf('a', [{ text: 'not a number' }]));
  assert.ok(isRefusal(decided));
  assert.match(decided.message, /\.$/);
});

test('what goes to a queue as it is and what a transform makes for it stand there in the order of the batch', () => {
  const world = new World().declare({ kind: 'queue', name: 'q' });
  world.bind({ exchange: MAIN_LINE, to: { kind: 'queue', name: 'q' }, pattern: '*', filter: 'body.n < `3`' });
  world.bind({
    exchange: MAIN_LINE,
    to: { kind: 'queue', name: 'q' },
    pattern: 'a',
    filter: 'body.n > `1`',
    transform: '{ made: body.n }',
  });
  const decided = taken(decide(world, publishOf('a', [{ n: 1 }, { n: 3 }, { n: 2 }, { n: 0 }])));
  const [entry, ...more] = messages(decided);
  assert.deepEqual(more, []);
  assert.deepEqual(entry && valuesOf(entry.records), [{ n: 1 }, { made: 3 }, { n: 2 }, { made: 2 }, { n: 0 }]);
});
