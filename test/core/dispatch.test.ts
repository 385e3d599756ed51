import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideTurn, type Taker, Takers } from '../../src/core/dispatch.ts';
import { decidePublish } from '../../src/core/publish.ts';
import type { QueueSpec } from '../../src/model/declaration.ts';
import { RULES, sendOf, taken, World } from './states.ts';

interface TestTaker extends Taker {
  readonly got: number[];
}

let ids = 0;

function takerOf(world: World, rest: Partial<Taker> = {}): TestTaker {
  return { id: ids++, queue: world.queue('q'), priority: 0, exclusive: false, leaseMs: 1000, room: 1000, once: false, got: [], ...rest };
}

function worldOf(count: number, spec: Partial<QueueSpec> = {}): World {
  const world = new World().declare({ kind: 'queue', name: 'q', ...spec });
  send(world, count);
  return world;
}

function send(world: World, count: number): void {
  const values = Array.from({ length: count }, (_, i) => i);
  world.apply(...taken(decidePublish(world.state, world.tenant, sendOf('q', values), 0, RULES)).entries);
}

/** Serves until nobody can be given anything; answers how many takings that took. */
function serve(world: World, takers: Takers<TestTaker>): number {
  for (let turns = 0; ; turns++) {
    const turn = decideTurn(world.queue('q'), takers, 0, world.state.nextLease);
    if (turn === undefined) return turns;
    if (turn.entry !== undefined) world.apply(turn.entry);
    turn.taking?.taker.got.push(...turn.taking.numbers);
    for (const number of turn.spent)
      world.apply({ kind: 'settled', queue: world.queue('q').id, as: 'dropped', runs: Float64Array.of(number, 1) });
  }
}

function takersOf(...all: readonly TestTaker[]): Takers<TestTaker> {
  const takers = new Takers<TestTaker>();
  for (const taker of all) takers.add(taker, taker.queue.spec.singleActiveConsumer === true);
  return takers;
}

test('one taker alone gets all in one taking, up to its room', () => {
  const world = worldOf(100);
  const taker = takerOf(world, { room: 40 });
  assert.equal(serve(world, takersOf(taker)), 1);
  assert.equal(taker.got.length, 40);
  assert.equal(taker.room, 0);
});

test('what waits is shared evenly, each a stretch in order', () => {
  const world = worldOf(90);
  const all = [takerOf(world), takerOf(world), takerOf(world)];
  serve(world, takersOf(...all));
  for (const { got } of all) {
    assert.equal(got.length, 30);
    assert.deepEqual(
      got,
      got.toSorted((a, b) => a - b),
    );
  }
});

test('message by message they are served in turn', () => {
  const world = worldOf(0);
  const all = [takerOf(world), takerOf(world), takerOf(world), takerOf(world)];
  const takers = takersOf(...all);
  for (let n = 0; n < 40; n++) {
    send(world, 1);
    serve(world, takers);
  }
  for (const { got } of all) assert.equal(got.length, 10);
});

test('nobody loses a turn when another goes', () => {
  const world = worldOf(0);
  const [a, b, c] = [takerOf(world), takerOf(world), takerOf(world)];
  const takers = takersOf(a, b, c);
  const next = () => {
    send(world, 1);
    serve(world, takers);
  };
  next();
  next();
  assert.equal(takers.remove(a), true);
  assert.equal(takers.remove(a), false);
  next();
  next();
  assert.deepEqual([a.got.length, b.got.length, c.got.length], [1, 2, 1]);
});

test('higher priority comes first, whoever of it has room', () => {
  const world = worldOf(50);
  const [low, high, alsoHigh] = [takerOf(world), takerOf(world, { priority: 5, room: 10 }), takerOf(world, { priority: 5, room: 10 })];
  serve(world, takersOf(low, high, alsoHigh));
  assert.deepEqual([high.got.length, alsoHigh.got.length, low.got.length], [10, 10, 30]);
  assert.ok(Math.max(...high.got, ...alsoHigh.got) < Math.min(...low.got));
});

test('a single active consumer gets everything, whatever the priority of those behind it', () => {
  const world = worldOf(10, { singleActiveConsumer: true });
  const [first, second] = [takerOf(world, { room: 4 }), takerOf(world, { priority: 9 })];
  const takers = takersOf(first, second);
  serve(world, takers);
  assert.deepEqual([first.got.length, second.got.length], [4, 0]);
  takers.remove(first);
  serve(world, takers);
  assert.deepEqual(second.got, [4, 5, 6, 7, 8, 9]);
});

test('who takes once has no room afterwards, however little there was', () => {
  const world = worldOf(3);
  const once = takerOf(world, { once: true, room: 100 });
  serve(world, takersOf(once));
  assert.deepEqual(once.got, [0, 1, 2]);
  send(world, 1);
  assert.equal(decideTurn(world.queue('q'), takersOf(once), 0, 9), undefined);
});

test('what has had all its attempts and came back is over, not delivered', () => {
  const world = worldOf(2, { retry: { attempts: 1 } });
  const { id } = world.queue('q');
  world.apply({ kind: 'leased', queue: id, lease: 3, untilMs: 1, runs: Float64Array.of(0, 1) });
  world.apply({ kind: 'returned', queue: id, dueMs: 0, as: 'failed', runs: Float64Array.of(0, 1) });
  const taker = takerOf(world);
  serve(world, takersOf(taker));
  assert.deepEqual(taker.got, [1]);
  assert.equal(world.queue('q').totals.dropped, 1);
});

test('no taking is larger than a turn, so that others are not kept waiting by one', () => {
  const world = worldOf(1000);
  const taker = takerOf(world, { room: Number.POSITIVE_INFINITY });
  assert.equal(serve(world, takersOf(taker)), 4);
  assert.equal(taker.got.length, 1000);
});
