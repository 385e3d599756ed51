import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import { silentLogger } from '../../../src/host/text-logger.ts';
import { Coordinator, type TenantGroups } from '../../../src/servers/kafka/groups/groups.ts';
import type { JoinAsk, Joined } from '../../../src/servers/kafka/groups/member.ts';
import { KAFKA_LIMITS } from '../../../src/servers/kafka/limits.ts';
import { ERROR } from '../../../src/wire/kafka/kafka.ts';

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

class Trial {
  readonly clock = new HandClock();
  readonly coordinator: Coordinator;
  readonly groups: TenantGroups;

  constructor(membersMax = 100, groupFormingMs = 0) {
    const machine = { clock: this.clock, random: new SimRandom(1), logger: silentLogger };
    this.coordinator = new Coordinator(machine, { ...KAFKA_LIMITS, groupMembersMax: membersMax, groupFormingMs });
    this.groups = this.coordinator.of({});
  }

  ask(ask: Partial<JoinAsk> = {}): JoinAsk {
    return {
      memberId: '',
      instanceId: null,
      clientId: 'c',
      clientHost: '/h',
      sessionMs: 1000,
      rebalanceMs: 5000,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: bytes('m') }],
      knowsIds: false,
      canSkip: true,
      ...ask,
    };
  }

  join(ask: Partial<JoinAsk> = {}): Promise<Joined> {
    return this.groups.join('g', this.ask(ask));
  }

  sync(joined: Joined, shares: Record<string, string> = {}, instanceId: string | null = null) {
    return this.groups.sync(
      'g',
      joined.memberId,
      instanceId,
      joined.generation,
      new Map(Object.entries(shares).map(([id, share]) => [id, bytes(share)])),
    );
  }

  beat(joined: Joined, instanceId: string | null = null): number {
    return this.groups.heartbeat('g', joined.memberId, instanceId, joined.generation);
  }

  pass(ms: number): Promise<void> {
    return this.clock.advance(ms, async () => undefined);
  }

  /** A group of one, in step. */
  async alone(ask: Partial<JoinAsk> = {}): Promise<Joined> {
    const joined = await this.join(ask);
    await this.sync(joined, { [joined.memberId]: 'all' }, ask.instanceId ?? null);
    return joined;
  }
}

const text = (share: Uint8Array) => Buffer.from(share).toString();

describe('a group', () => {
  test('one member: joins at once, leads, and gets what it says', async () => {
    const trial = new Trial();
    const joined = await trial.join();
    assert.deepEqual(
      [joined.errorCode, joined.generation, joined.leader, joined.protocolName, joined.members.length],
      [0, 1, joined.memberId, 'range', 1],
    );
    const synced = await trial.sync(joined, { [joined.memberId]: 'all' });
    assert.deepEqual([synced.errorCode, text(synced.assignment)], [0, 'all']);
    assert.equal(trial.beat(joined), ERROR.none);
    assert.equal(text((await trial.sync(joined)).assignment), 'all', 'asked again, told again');
  });

  test('who starts together is in one generation: the first of a new group are given a moment each for the next to come', async () => {
    const trial = new Trial(100, 10);
    const told = [];
    for (let i = 0; i < 3; i++) told.push(await trial.join({ knowsIds: true }));
    const joining = [];
    for (const { memberId } of told.slice(0, 2)) {
      joining.push(trial.join({ knowsIds: true, memberId }));
      await trial.pass(9);
    }
    joining.push(trial.join(), trial.join({ knowsIds: true, memberId: told[2]?.memberId ?? '' }));
    await trial.pass(9);
    let begun = false;
    void joining[0]?.then(() => {
      begun = true;
    });
    await trial.pass(0);
    assert.equal(begun, false);
    await trial.pass(1);
    const joined = await Promise.all(joining);
    assert.deepEqual(
      joined.map(({ errorCode, generation, members }) => [errorCode, generation, members.length]),
      [
        [0, 1, 4],
        [0, 1, 0],
        [0, 1, 0],
        [0, 1, 0],
      ],
    );
    await Promise.all(joined.map((one) => trial.sync(one, {})));
    const late = trial.join();
    const again = joined.map(({ memberId }) => trial.join({ memberId }));
    assert.deepEqual([(await late).generation, ...(await Promise.all(again)).map(({ generation }) => generation)], [2, 2, 2, 2, 2]);
  });

  test('who can come again under an id is told one first', async () => {
    const trial = new Trial();
    const told = await trial.join({ knowsIds: true });
    assert.equal(told.errorCode, ERROR.memberIdRequired);
    const joined = await trial.join({ knowsIds: true, memberId: told.memberId });
    assert.deepEqual([joined.errorCode, joined.memberId], [0, told.memberId]);
  });

  test('an id that is not come back with is forgotten, and holds nobody up for longer', async () => {
    const trial = new Trial();
    await trial.join({ knowsIds: true });
    const second = trial.join();
    await trial.pass(1000);
    assert.equal((await second).generation, 1);
    assert.equal((await trial.join({ memberId: 'nobody' })).errorCode, ERROR.unknownMemberId);
  });

  test('a second one makes the first come again; the leader shares out, each hears its own', async () => {
    const trial = new Trial();
    const first = await trial.alone();
    const joining = trial.join({ clientId: 'second' });
    assert.equal(trial.beat(first), ERROR.rebalanceInProgress);
    const again = await trial.join({ memberId: first.memberId });
    const second = await joining;
    assert.deepEqual(
      [again.generation, second.generation, second.leader, second.members.length, again.members.length],
      [2, 2, first.memberId, 0, 2],
    );
    assert.equal(trial.beat(first), ERROR.illegalGeneration);
    const waiting = trial.sync(second);
    const led = await trial.sync(again, { [again.memberId]: 'a', [second.memberId]: 'b' });
    assert.deepEqual([text(led.assignment), text((await waiting).assignment)], ['a', 'b']);
  });

  test('who does not come again in time is out, and the others go on', async () => {
    const trial = new Trial();
    const first = await trial.alone({ sessionMs: 60_000 });
    const joining = trial.join();
    await trial.pass(5000);
    const second = await joining;
    assert.deepEqual([second.generation, second.leader, second.members.length], [2, second.memberId, 1]);
    assert.equal(trial.beat(first), ERROR.unknownMemberId);
  });

  test('who gives no sign of life is out; signs keep it in', async () => {
    const trial = new Trial();
    const joined = await trial.alone();
    for (let i = 0; i < 5; i++) {
      await trial.pass(900);
      assert.equal(trial.beat(joined), ERROR.none);
    }
    await trial.pass(1001);
    assert.equal(trial.beat(joined), ERROR.unknownMemberId);
    assert.equal(trial.groups.get('g'), undefined, 'nobody is left');
  });

  test('who has joined and does not ask for its share is out in the end', async () => {
    const trial = new Trial();
    const lazy = await trial.join({ sessionMs: 60_000 });
    const joining = trial.join({ sessionMs: 60_000 });
    const again = await trial.join({ sessionMs: 60_000, memberId: lazy.memberId });
    const second = await joining;
    const waiting = trial.sync(second);
    assert.equal(again.leader, lazy.memberId);
    await trial.pass(5000);
    assert.equal((await waiting).errorCode, ERROR.rebalanceInProgress);
    const alone = await trial.join({ memberId: second.memberId });
    assert.deepEqual([alone.leader, alone.members.length], [second.memberId, 1]);
  });

  test('leaving: the rest share out anew; the last one leaves nothing', async () => {
    const trial = new Trial();
    const first = await trial.alone();
    const joining = trial.join();
    await trial.join({ memberId: first.memberId });
    const second = await joining;
    assert.equal(trial.groups.leave('g', first.memberId, null), ERROR.none);
    assert.equal(trial.groups.leave('g', first.memberId, null), ERROR.unknownMemberId);
    assert.equal(trial.beat(second), ERROR.rebalanceInProgress);
    const again = await trial.join({ memberId: second.memberId });
    assert.equal(again.leader, second.memberId);
    assert.equal(trial.groups.leave('g', second.memberId, null), ERROR.none);
    assert.equal(trial.groups.get('g'), undefined);
  });

  test('a follower that comes again just so disturbs nobody; changed, or as the leader, it does', async () => {
    const trial = new Trial();
    const first = await trial.alone();
    const joining = trial.join();
    const led = await trial.join({ memberId: first.memberId });
    const second = await joining;
    void trial.sync(second);
    await trial.sync(led, {});
    const same = await trial.join({ memberId: second.memberId });
    assert.equal(same.generation, led.generation);
    const waiting = trial.join({ memberId: second.memberId, protocols: [{ name: 'range', metadata: bytes('other') }] });
    assert.equal(trial.beat(led), ERROR.rebalanceInProgress);
    await trial.join({ memberId: first.memberId });
    assert.equal((await waiting).generation, led.generation + 1);
  });

  test('protocols: the one that all can follow, by most votes; none in common is refused', async () => {
    const trial = new Trial();
    const named = (...names: string[]) => ({ protocols: names.map((name) => ({ name, metadata: bytes(name) })) });
    const first = await trial.alone(named('a', 'b'));
    assert.equal((await trial.join(named('c'))).errorCode, ERROR.inconsistentGroupProtocol);
    assert.equal((await trial.join({ protocolType: 'connect' })).errorCode, ERROR.inconsistentGroupProtocol);
    assert.equal((await trial.join(named())).errorCode, ERROR.inconsistentGroupProtocol);
    const joining = trial.join(named('b', 'c'));
    const again = await trial.join({ memberId: first.memberId, ...named('a', 'b') });
    await joining;
    assert.equal(again.protocolName, 'b');
    assert.deepEqual(
      again.members.map(({ metadata }) => text(metadata)),
      ['b', 'b'],
    );
  });

  test('a member with a name of its own comes back under another id, and nobody notices', async () => {
    const trial = new Trial();
    const first = await trial.alone({ instanceId: 'one', sessionMs: 60_000 });
    const back = await trial.join({ instanceId: 'one' });
    assert.deepEqual([back.generation, back.skipAssignment, back.leader === back.memberId], [first.generation, true, true]);
    assert.equal(text((await trial.sync(back, {}, 'one')).assignment), 'all');
    assert.equal(trial.beat(first, 'one'), ERROR.fencedInstanceId);
    assert.equal(trial.beat(back, 'one'), ERROR.none);
    assert.equal(trial.beat(back, 'two'), ERROR.unknownMemberId);
    const old = await trial.join({ instanceId: 'one', canSkip: false });
    assert.deepEqual([old.leader, old.members.length], [back.memberId, 0], 'an old client must not think that it leads');
    assert.equal(trial.groups.leave('g', '', 'one'), ERROR.none);
  });

  test('offsets may be kept by members of this generation, and by anybody while there are none', async () => {
    const trial = new Trial();
    const { groups } = trial;
    assert.equal(groups.checkCommit('g', '', null, -1), ERROR.none);
    assert.equal(groups.checkCommit('g', 'x', null, 3), ERROR.illegalGeneration);
    const joined = await trial.join();
    const commit = (memberId: string, generation: number) => groups.checkCommit('g', memberId, null, generation);
    assert.equal(commit(joined.memberId, 1), ERROR.rebalanceInProgress, 'not shared out yet');
    await trial.sync(joined, {});
    assert.equal(commit(joined.memberId, 1), ERROR.none);
    assert.equal(commit(joined.memberId, 0), ERROR.illegalGeneration);
    assert.equal(commit('', -1), ERROR.unknownMemberId);
    assert.equal(commit('other', 1), ERROR.unknownMemberId);
  });

  test('limits: times, names, members', async () => {
    const trial = new Trial(1);
    assert.equal((await trial.join({ sessionMs: 1 })).errorCode, ERROR.invalidSessionTimeout);
    assert.equal((await trial.join({ sessionMs: 2 ** 31 - 1 })).errorCode, ERROR.invalidSessionTimeout);
    assert.equal((await trial.groups.join('', trial.ask())).errorCode, ERROR.invalidGroupId);
    await trial.alone();
    assert.equal((await trial.join()).errorCode, ERROR.groupMaxSizeReached);
  });

  test('tenants do not meet; closing ends every wait', async () => {
    const trial = new Trial();
    const first = await trial.alone();
    assert.equal(trial.coordinator.of({ tenant: 'other' }).heartbeat('g', first.memberId, null, 1), ERROR.unknownMemberId);
    const waiting = trial.join();
    trial.coordinator.close();
    assert.equal((await waiting).errorCode, ERROR.coordinatorNotAvailable);
  });
});
