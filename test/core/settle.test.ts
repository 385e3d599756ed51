import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingPlanned } from '../../src/core/plan.ts';
import { decidePublish } from '../../src/core/publish.ts';
import { backoff, countOf, decideReturn, decideSettle, held, numbersOf, over, runsOf } from '../../src/core/settle.ts';
import type { QueueSpec, RetryPolicy } from '../../src/model/declaration.ts';
import type { Settle } from '../../src/model/engine.ts';
import { RULES, refusedAs, sendOf, taken, World } from './states.ts';

const never = () => 0;

/** A queue with so many messages, the first `leased` of them in flight under lease 7. */
function worldOf(spec: Partial<QueueSpec>, count: number, leased: number): World {
  const world = new World().declare({ kind: 'queue', name: 'q', ...spec });
  const values = Array.from({ length: count }, (_, i) => i);
  world.apply(...taken(decidePublish(world.state, world.tenant, sendOf('q', values), 0, RULES)).entries);
  return world.apply({ kind: 'leased', queue: world.queue('q').id, lease: 7, untilMs: 1000, runs: Float64Array.of(0, leased) });
}

function settle(world: World, rest: Partial<Settle> & Pick<Settle, 'outcome'>) {
  return decideSettle(world.tenant, { queue: 'q', runs: Float64Array.of(0, 100), ...rest }, 500, never);
}

test('an ack settles what is held, of it what the lease holds, and of nothing nothing', () => {
  const world = worldOf({}, 10, 4);
  const decided = taken(settle(world, { outcome: 'ack' }));
  assert.equal(decided.count, 4);
  assert.deepEqual(decided.entries, [{ kind: 'settled', queue: 1, as: 'acked', runs: Float64Array.of(0, 4) }]);
  assert.equal(taken(settle(world, { outcome: 'ack', lease: 8 })).count, 0);
  assert.equal(taken(settle(world, { outcome: 'ack', lease: 7, runs: Float64Array.of(1, 1, 3, 9) })).count, 2);
  assert.deepEqual(taken(settle(world, { outcome: 'ack', runs: Float64Array.of(2 ** 50, 5) })).entries, []);
  assert.equal(refusedAs(settle(world, { outcome: 'ack', queue: 'none' })), 'unknown');
});

test('however many numbers are asked for, no more are looked at than the queue holds', () => {
  const world = worldOf({}, 3, 2);
  const decided = taken(settle(world, { outcome: 'requeue', runs: Float64Array.of(0, 2 ** 52) }));
  assert.deepEqual(decided.runs, Float64Array.of(0, 2));
});

test('a requeue is not counted and may wait; a nack without a policy is counted and may wait', () => {
  const world = worldOf({}, 2, 2);
  const returned = (outcome: 'nack' | 'requeue', delayMs?: number) => {
    const [entry] = taken(settle(world, { outcome, ...(delayMs !== undefined && { delayMs }) })).entries;
    assert.ok(entry?.kind === 'returned');
    return [entry.as, entry.dueMs];
  };
  assert.deepEqual(returned('requeue'), ['requeued', 0]);
  assert.deepEqual(returned('requeue', 30), ['requeued', 530]);
  assert.deepEqual(returned('nack'), ['failed', 0]);
  assert.deepEqual(returned('nack', 30), ['failed', 530]);
});

test('a nack follows the policy: each waits by its own attempts, and is over after the last', () => {
  const world = worldOf({ retry: { attempts: 2, backoffMs: 100 } }, 3, 3);
  const { id } = world.queue('q');
  world.apply({ kind: 'returned', queue: id, dueMs: 0, as: 'failed', runs: Float64Array.of(1, 1) });
  world.apply({ kind: 'leased', queue: id, lease: 9, untilMs: 1000, runs: Float64Array.of(1, 1) });
  const decided = taken(settle(world, { outcome: 'nack' }));
  assert.deepEqual(decided.entries, [
    { kind: 'returned', queue: id, dueMs: 600, as: 'failed', runs: Float64Array.of(0, 1, 2, 1) },
    { kind: 'settled', queue: id, as: 'dropped', runs: Float64Array.of(1, 1) },
  ]);
  const atOnce = decideReturn(world.queue('q'), Float64Array.of(0, 1), 500, never, 0);
  assert.deepEqual(atOnce.entries, [{ kind: 'returned', queue: id, dueMs: 0, as: 'failed', runs: Float64Array.of(0, 1) }]);
});

test('what is over is buried where dead letters go, else gone by its name', () => {
  const { tenant } = worldOf({}, 1, 1);
  const queue = tenant.queues.get('q');
  assert.ok(queue);
  assert.deepEqual(over(queue, [0], 'expired').entries, [{ kind: 'settled', queue: 1, as: 'expired', runs: Float64Array.of(0, 1) }]);
  assert.deepEqual(over(queue, [0], 'rejected').entries, [{ kind: 'settled', queue: 1, as: 'dropped', runs: Float64Array.of(0, 1) }]);
  assert.deepEqual(over(queue, [], 'rejected'), { entries: [], burials: [] });
  const mourned = worldOf({ deadLetter: { exchange: '', address: 'dead' } }, 2, 2);
  const decided = taken(settle(mourned, { outcome: 'reject' }));
  assert.deepEqual(decided.entries, []);
  assert.deepEqual(
    decided.burials.map(({ numbers, reason }) => [numbers, reason]),
    [[[0, 1], 'rejected']],
  );
});

test('waits grow by their factor to their limit, and jitter shortens them', () => {
  const policy: RetryPolicy = { attempts: 9, backoffMs: 100, factor: 3, backoffMaxMs: 2000 };
  assert.deepEqual(
    [1, 2, 3, 4, 50].map((attempt) => backoff(policy, attempt, never)),
    [100, 300, 900, 2000, 2000],
  );
  assert.deepEqual(
    [1, 2, 3].map((attempt) => backoff({ attempts: 9, backoffMs: 50 }, attempt, never)),
    [50, 100, 200],
  );
  assert.equal(backoff({ attempts: 9 }, 3, never), 0);
  assert.equal(
    backoff({ ...policy, jitter: 0.5 }, 1, () => 0),
    100,
  );
  assert.equal(
    backoff({ ...policy, jitter: 0.5 }, 1, () => 0.999999),
    50,
  );
  assert.equal(backoff({ attempts: 9, backoffMs: 1 }, 5000, never), Number.POSITIVE_INFINITY);
});

test('a plan settles each message once', () => {
  const world = worldOf({}, 4, 4);
  const queue = world.queue('q');
  const plan = nothingPlanned();
  assert.deepEqual(held(queue, Float64Array.of(0, 2), undefined, plan), Float64Array.of(0, 2));
  assert.deepEqual(held(queue, Float64Array.of(1, 3), undefined, plan), Float64Array.of(2, 2));
  assert.equal(countOf(held(queue, Float64Array.of(0, 4), undefined, plan)), 0);
});

test('numbers become runs and runs become numbers', () => {
  assert.deepEqual(runsOf([1, 2, 3, 7, 9, 10]), Float64Array.of(1, 3, 7, 1, 9, 2));
  assert.deepEqual(runsOf([3, 2, 1]), Float64Array.of(3, 1, 2, 1, 1, 1));
  assert.deepEqual([...numbersOf(Float64Array.of(1, 3, 7, 1))], [1, 2, 3, 7]);
  assert.equal(countOf(Float64Array.of(1, 3, 7, 1)), 4);
  assert.deepEqual(runsOf([]), new Float64Array(0));
});
