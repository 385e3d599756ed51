import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../src/model/engine.ts';
import { offset } from '../../src/model/lines.ts';
import { Refused } from '../../src/model/refusal.ts';
import { batch, bodiesOf, idle, opened, sending } from './opened.ts';

const ack = (queue: string, number: number, lease: number): Operation => ({
  kind: 'settle',
  queue,
  lease,
  runs: Float64Array.of(number, 1),
  outcome: 'ack',
});

function refuses(code: string) {
  return (error: unknown) => error instanceof Refused && error.code === code;
}

test('a transaction that no segment can hold is refused, and gives nobody room', async (t) => {
  const { broker } = await opened(t, { segmentBytes: 1 << 20, messageBytesMax: 400_000 });
  await broker.declare({ kind: 'queue', name: 'q' });
  await broker.declare({ kind: 'queue', name: 'big' });
  await broker.publish(sending('q', 'a', 'b', 'c'));
  const got: string[] = [];
  let lease = 0;
  await broker.consume(
    { queue: 'q', prefetch: 1 },
    {
      deliver: (deliveries) => {
        lease = deliveries.lease;
        got.push(...bodiesOf(deliveries));
      },
      cancelled: () => undefined,
    },
  );
  await idle(broker);
  const large: Operation[] = Array.from({ length: 4 }, () => ({ kind: 'publish', ...sending('big', 'x'.repeat(350_000)) }));
  await assert.rejects(broker.transact([ack('q', 0, lease), ...large]), refuses('too-large'));
  await idle(broker);
  assert.deepEqual(got, ['a'], 'a prefetch of 1 is still used up');
  const big = await broker.describe('queue', 'big');
  assert.equal(big?.kind === 'queue' && big.ready, 0);
  await broker.transact([ack('q', 0, lease)]);
  await idle(broker);
  assert.deepEqual(got, ['a', 'b']);
});

test('in a transaction a user may do what the user may do by itself, and refusals are rejections', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 'mine' });
  await broker.declare({ kind: 'topic', name: 'yours' });
  await broker.declare({ kind: 'queue', name: 'yours' });
  await broker.declare({ kind: 'user', name: 'u', write: ['mine'], read: ['mine'] });
  const user = broker.as({ user: 'u' });
  await user.transact([{ kind: 'publish', ...batch('mine', 'a') }]);
  await user.transact([{ kind: 'publish', exchange: 'amq.topic', ...batch('mine', 'b') }]);
  const moves = (topic: string) => [{ topic, partition: 0, offset: offset(1) }];
  await user.transact([{ kind: 'move', group: 'g', moves: moves('mine') }]);
  const forbidden: Operation[] = [
    { kind: 'publish', ...batch('yours', 'a') },
    { kind: 'publish', ...sending('yours', 'a') },
    ack('yours', 0, 1),
    { kind: 'move', group: 'g', moves: moves('yours') },
  ];
  for (const operation of forbidden) await assert.rejects(user.transact([operation]), refuses('forbidden'));
});

test('a transaction moves cursors of a group without members, or of the member it names', async (t) => {
  const { broker } = await opened(t);
  await broker.declare({ kind: 'topic', name: 't' });
  await broker.publish(batch('t', 'a', 'b', 'c'));
  const move = (at: number) => [{ topic: 't', partition: 0, offset: offset(at) }];
  await broker.transact([{ kind: 'move', group: 'g', moves: move(1) }]);
  const membership = await broker.join({ group: 'g', topics: ['t'] }, { assigned: () => undefined, revoked: async () => undefined });
  await assert.rejects(broker.transact([{ kind: 'move', group: 'g', moves: move(2) }]), refuses('exclusive'));
  await assert.rejects(broker.transact([{ kind: 'move', group: 'other', membership, moves: move(2) }]), refuses('stale'));
  const stranger = { ...membership };
  await assert.rejects(broker.transact([{ kind: 'move', group: 'g', membership: stranger, moves: move(2) }]), refuses('stale'));
  await broker.transact([{ kind: 'move', group: 'g', membership, moves: move(2) }]);
  const group = await broker.describe('group', 'g');
  assert.equal(group?.kind === 'group' && group.cursors[0]?.offset, 2);
  await membership.leave();
  await assert.rejects(broker.transact([{ kind: 'move', group: 'g', membership, moves: move(3) }]), refuses('stale'));
});

test("names of producers are each tenant's own", async (t) => {
  const { broker } = await opened(t);
  const mine = await broker.producer('p');
  const theirs = await broker.as({ tenant: 'other' }).producer('p');
  assert.notEqual(theirs.id, mine.id);
  assert.deepEqual(await broker.producer('p'), { id: mine.id, epoch: 1 });
  assert.deepEqual(await broker.as({ tenant: 'other' }).producer('p'), { id: theirs.id, epoch: 1 });
});
