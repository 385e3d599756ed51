import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeEntry, encodeEntry, sizeMax } from '../../src/core/entry-codec.ts';
import { decidePublish } from '../../src/core/publish.ts';
import { digest, restate } from '../../src/core/restate.ts';
import { decideSettle } from '../../src/core/settle.ts';
import type { Binding, Declaration } from '../../src/model/declaration.ts';
import type { Position } from '../../src/model/lines.ts';
import { isRefusal } from '../../src/model/refusal.ts';
import { publishOf, RULES, sendOf, taken, World } from './states.ts';

const DECLARATIONS: readonly Declaration[] = [
  { kind: 'queue', name: 'plain' },
  { kind: 'queue', name: 'ranked', priorityMax: 9 },
  { kind: 'queue', name: 'grouped', grouped: true },
  { kind: 'queue', name: 'once', dedupWindowMs: 10_000 },
  { kind: 'queue', name: 'passing', durable: false },
  { kind: 'queue', name: 'retried', retry: { attempts: 3, backoffMs: 10 }, ttlMs: 1e6 },
  { kind: 'topic', name: 't', partitions: 3 },
  { kind: 'exchange', name: 'x', type: 'fanout', alternate: 'y' },
  { kind: 'exchange', name: 'h', type: 'headers' },
  { kind: 'user', name: 'u', write: ['*'], secrets: { token: 'v' }, tenants: { lab: { read: ['*'] } } },
  { kind: 'tenant', name: 'lab', labels: { about: 'tries' } },
];

const BINDINGS: readonly Binding[] = [
  { exchange: 'x', to: { kind: 'queue', name: 'plain' } },
  { exchange: 'x', to: { kind: 'queue', name: 'plain' }, labels: { arguments: '{}' } },
  { exchange: 'amq.topic', to: { kind: 'topic', name: 't' }, pattern: 't', labels: { arguments: '{}' } },
  { exchange: 'x', to: { kind: 'topic', name: 't' } },
  { exchange: 'amq.topic', to: { kind: 'queue', name: 'ranked' }, pattern: 't' },
  { exchange: 'amq.topic', to: { kind: 'queue', name: 'grouped' }, pattern: '#', filter: 'body', transform: 'body' },
  { exchange: 'h', to: { kind: 'exchange', name: 'x' }, headers: { match: 'all', values: new Map([['a', undefined]]) } },
];

const QUEUES = ['plain', 'ranked', 'grouped', 'once', 'passing', 'retried'];

type Step = (world: World, nowMs: number) => void;

const queueName = fc.constantFrom(...QUEUES);

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.tuple(queueName, fc.nat({ max: 5 }), fc.nat({ max: 255 })).map(([name, count, draw]) => sends(name, count, draw)),
  },
  { weight: 2, arbitrary: fc.tuple(fc.nat({ max: 4 }), fc.boolean()).map(([count, retain]) => publishes(count, retain)) },
  { weight: 3, arbitrary: fc.tuple(queueName, fc.nat({ max: 4 })).map(([name, count]) => leases(name, count)) },
  {
    weight: 3,
    arbitrary: fc.tuple(queueName, fc.constantFrom('ack', 'nack', 'requeue', 'reject')).map(([name, outcome]) => settles(name, outcome)),
  },
  { weight: 1, arbitrary: fc.nat({ max: 2 }).map((partition) => moves(partition)) },
  { weight: 1, arbitrary: fc.nat({ max: 3 }).map((epoch) => produces(epoch)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...BINDINGS).map(
      (binding): Step =>
        (world) =>
          void world.apply({ kind: 'unbound', tenant: '/', binding }),
    ),
  },
  { weight: 1, arbitrary: fc.constant((world: World, nowMs: number) => void world.apply({ kind: 'opened', nowMs, identity: 'i' })) },
  {
    weight: 1,
    arbitrary: queueName.map(
      (name): Step =>
        (world) =>
          void world.apply({ kind: 'removed', tenant: '/', what: 'queue', name }),
    ),
  },
);

function sends(name: string, count: number, draw: number): Step {
  return (world, nowMs) => {
    const values = Array.from({ length: count }, (_, i) => i);
    const columns = {
      priority: Uint8Array.from(values, (i) => (draw + i) % 256),
      dueMs: Float64Array.from(values, (i) => ((draw + i) % 3 === 0 ? nowMs + 50 : 0)),
      ttlMs: Float64Array.from(values, (i) => ((draw + i) % 5 === 0 ? 100 : Number.POSITIVE_INFINITY)),
      group: values.map((i) => ((draw + i) % 4 === 0 ? undefined : `g${(draw + i) % 3}`)),
      dedupId: values.map((i) => ((draw + i) % 4 === 1 ? `d${(draw + i) % 7}` : undefined)),
    };
    const decided = decidePublish(world.state, world.tenant, sendOf(name, values, draw % 2 === 0 ? columns : undefined), nowMs, RULES);
    if (!isRefusal(decided)) world.apply(...decided.entries);
  };
}

function publishes(count: number, retain: boolean): Step {
  return (world, nowMs) => {
    const values = Array.from({ length: count }, (_, i) => (retain && i % 2 === 1 ? new Uint8Array(0) : { i }));
    const producer = [...world.state.producers.values()][0];
    const stamp = producer && { producer: { id: producer.id, epoch: producer.epoch, sequence: producer.lines.get('t')?.next ?? 0 } };
    // Where a record without a key goes is nobody's promise, and not restated.
    const columns = { partition: Int32Array.from(values, (_, i) => i % 3) };
    const decided = decidePublish(world.state, world.tenant, publishOf('t', values, { retain, columns, ...stamp }), nowMs, RULES);
    if (!isRefusal(decided)) world.apply(...decided.entries);
  };
}

function leases(name: string, count: number): Step {
  return (world, nowMs) => {
    const queue = world.tenant.queues.get(name);
    const numbers = new Float64Array(count);
    const found = queue?.next(nowMs, count, numbers) ?? 0;
    if (queue === undefined || found === 0) return;
    const runs = Float64Array.from(numbers.subarray(0, found), (number) => number);
    const pairs = Float64Array.from([...runs].flatMap((number) => [number, 1]));
    world.apply({ kind: 'leased', queue: queue.id, lease: world.state.nextLease, untilMs: nowMs + 30, runs: pairs });
  };
}

function settles(name: string, outcome: 'ack' | 'nack' | 'requeue' | 'reject'): Step {
  return (world, nowMs) => {
    const queue = world.tenant.queues.get(name);
    const held = queue?.held();
    if (queue === undefined || held === undefined || held.length === 0) return;
    const settle = { queue: name, runs: Float64Array.of(held[0] ?? 0, 1), outcome };
    world.apply(...taken(decideSettle(world.tenant, settle, nowMs, () => 0)).entries);
  };
}

function moves(partition: number): Step {
  return (world) => {
    const topic = world.topic('t');
    const offset = topic.partitions[partition]?.end ?? 0;
    world.apply({ kind: 'moved', tenant: '/', group: 'g', moves: [{ topic: topic.id, partition, offset }] });
    if (offset > 3) world.apply({ kind: 'trimmed', topic: topic.id, partition, start: offset - 3 });
  };
}

function produces(epoch: number): Step {
  return (world) => void world.apply({ kind: 'producer', id: 1, epoch, name: 'p' });
}

/** The world that the restated entries make, each by way of its bytes. */
function again(world: World): World {
  const copy = new World();
  for (const entry of restate(world.state)) {
    const bytes = new Uint8Array(sizeMax(entry));
    const size = encodeEntry(entry, { bytes, view: new DataView(bytes.buffer), at: 0, position: 0 as Position }, true);
    copy.apply(decodeEntry(bytes, 0, size, 0 as Position));
  }
  return copy;
}

test('a state restated is the same state, whatever made it, and goes on the same way', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 40 }), fc.array(steps, { maxLength: 10 }), (before, after) => {
      const world = new World().declare(...DECLARATIONS).bind(...BINDINGS);
      for (const [i, step] of before.entries()) step(world, 1000 + i * 20);
      const copy = again(world);
      assert.equal(digest(copy.state), digest(world.state));
      assert.equal(copy.state.nowMs, world.state.nowMs);
      assert.equal(copy.state.segmentLive.total(), world.state.segmentLive.total());
      // From here on places in the journal differ, all else must not: what is compared is what the clients can see.
      for (const [i, step] of after.entries()) {
        step(world, 3000 + i * 20);
        step(copy, 3000 + i * 20);
      }
      for (const [name, queue] of world.tenant.queues) {
        const other = copy.queue(name);
        assert.deepEqual(
          [other.ready, other.delayed, other.inFlight, other.tail, other.totals],
          [queue.ready, queue.delayed, queue.inFlight, queue.tail, queue.totals],
        );
        const [mine, theirs] = [new Float64Array(500), new Float64Array(500)];
        assert.equal(other.next(9000, 500, theirs), queue.next(9000, 500, mine));
        assert.deepEqual(theirs, mine);
      }
      assert.deepEqual(copy.topic('t').partitions, world.topic('t').partitions);
    }),
    { numRuns: 150 },
  );
});

test('what was not to last is gone when serving begins again, and what was held goes back counted', () => {
  const world = new World().declare(...DECLARATIONS, { kind: 'exchange', name: 'passing', type: 'fanout', durable: false });
  sends('plain', 3, 1)(world, 0);
  sends('passing', 3, 1)(world, 0);
  leases('plain', 2)(world, 0);
  world.apply({ kind: 'opened', nowMs: 50, identity: 'i' });
  assert.equal(world.tenant.queues.has('passing'), false);
  assert.equal(world.tenant.router.exchange('passing'), undefined);
  const plain = world.queue('plain');
  assert.deepEqual([plain.ready, plain.inFlight, plain.attempts(0), plain.attempts(2)], [3, 0, 1, 0]);
  assert.equal(world.state.nowMs, 50);
  assert.equal(world.state.segmentLive.total(), 3);
});

test('a removed topic takes its cursors and bindings with it', () => {
  const world = new World().declare(...DECLARATIONS).bind(...BINDINGS);
  publishes(4, false)(world, 0);
  moves(0)(world, 0);
  world.apply({ kind: 'removed', tenant: '/', what: 'topic', name: 't' });
  assert.equal(world.state.topics.size, 0);
  assert.equal(world.tenant.groups.get('g')?.size, 0);
  assert.deepEqual(world.tenant.router.bindingsTo('topic', 't'), []);
  world.declare({ kind: 'topic', name: 't' });
  assert.deepEqual(world.topic('t').partitions, [{ start: 0, end: 0 }]);
  assert.ok(world.topic('t').id > 7, 'an id is never used twice');
});
