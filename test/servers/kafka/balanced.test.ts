import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HandClock } from '../../../src/host/hand-clock.ts';
import { ASSIGNORS } from '../../../src/servers/kafka/groups/assignor.ts';
import { BalancedGroup, type Beat, type Beaten } from '../../../src/servers/kafka/groups/balanced.ts';
import { ERROR } from '../../../src/wire/kafka/kafka.ts';

const partitions = (topic: string, count: number) => Array.from({ length: count }, (_, i) => `${topic}/${i}`);

class Trial {
  readonly clock = new HandClock();
  readonly group: BalancedGroup;
  topics = new Map([['a', partitions('a', 4)]]);
  emptied = 0;

  constructor(membersMax = 100) {
    this.group = new BalancedGroup('g', this.clock, { groupSessionMs: 1000, groupMembersMax: membersMax }, () => {
      this.emptied += 1;
    });
  }

  beat(beat: Partial<Beat>): Beaten {
    const plain: Beat = {
      memberId: '',
      memberEpoch: 0,
      instanceId: null,
      rackId: null,
      clientId: 'c',
      clientHost: '/h',
      rebalanceMs: -1,
      names: null,
      pattern: null,
      matched: [],
      assignor: null,
      owned: null,
    };
    return this.group.beat({ ...plain, ...beat }, this.topics, 'made');
  }

  join(memberId: string, more: Partial<Beat> = {}): Beaten {
    return this.beat({ memberId, rebalanceMs: 500, names: ['a'], owned: [], ...more });
  }
}

describe('a group of the newer protocol', () => {
  test('one member has everything at once; asked again it hears nothing new', () => {
    const trial = new Trial();
    const joined = trial.join('m');
    assert.deepEqual(joined, { errorCode: 0, memberId: 'm', memberEpoch: 1, assignment: partitions('a', 4) });
    assert.deepEqual(trial.beat({ memberId: 'm', memberEpoch: 1 }), { ...joined, assignment: null });
    assert.deepEqual(
      trial.beat({ memberId: 'm', memberEpoch: 1, owned: ['a/0'] }).assignment,
      partitions('a', 4),
      'who lacks something hears all of it',
    );
    assert.equal(trial.group.state, 'Stable');
    assert.equal(trial.join('').memberId, 'made');
  });

  test('a second one gets its share once the first has given it up', () => {
    const trial = new Trial();
    trial.join('m');
    assert.deepEqual(trial.join('n').assignment, [], 'all is held');
    const asked = trial.beat({ memberId: 'm', memberEpoch: 1 });
    assert.deepEqual([asked.memberEpoch, asked.assignment?.length], [1, 2]);
    assert.deepEqual(trial.beat({ memberId: 'n', memberEpoch: 2 }).assignment, null, 'still held');
    assert.equal(trial.group.state, 'Reconciling');
    const done = trial.beat({ memberId: 'm', memberEpoch: 1, owned: asked.assignment ?? [] });
    assert.equal(done.memberEpoch, 2);
    const share = trial.beat({ memberId: 'n', memberEpoch: 2 }).assignment ?? [];
    assert.deepEqual([...share, ...(asked.assignment ?? [])].sort(), partitions('a', 4));
    assert.equal(trial.group.state, 'Stable');
  });

  test('who does not give up in time, or is silent for too long, is out; what it had goes to the others', async () => {
    const trial = new Trial();
    trial.join('m');
    trial.join('n');
    trial.beat({ memberId: 'm', memberEpoch: 1 });
    await trial.clock.advance(501, async () => undefined);
    assert.equal(trial.beat({ memberId: 'm', memberEpoch: 1 }).errorCode, ERROR.unknownMemberId);
    assert.deepEqual(trial.beat({ memberId: 'n', memberEpoch: 2 }).assignment, partitions('a', 4));
    await trial.clock.advance(1001, async () => undefined);
    assert.deepEqual([trial.group.members.length, trial.emptied], [0, 1]);
  });

  test('going: at once, or for a while under a name of its own', () => {
    const trial = new Trial();
    trial.join('m');
    assert.deepEqual(trial.beat({ memberId: 'm', memberEpoch: -1 }).memberEpoch, -1);
    assert.equal(trial.beat({ memberId: 'm', memberEpoch: -1 }).errorCode, ERROR.unknownMemberId);
    trial.join('s', { instanceId: 'one' });
    assert.equal(trial.join('t', { instanceId: 'one' }).errorCode, ERROR.unreleasedInstanceId);
    assert.equal(trial.beat({ memberId: 's', memberEpoch: -2, instanceId: 'one' }).memberEpoch, -2);
    assert.deepEqual(trial.join('t', { instanceId: 'one' }).assignment, partitions('a', 4));
    assert.equal(trial.group.members.length, 1);
  });

  test('epochs: the present one, or the one before while nothing else is claimed', () => {
    const trial = new Trial();
    trial.join('m');
    trial.topics = new Map([['a', partitions('a', 6)]]);
    assert.deepEqual(trial.beat({ memberId: 'm', memberEpoch: 1 }).assignment, partitions('a', 6), 'a topic has grown');
    assert.equal(trial.beat({ memberId: 'm', memberEpoch: 1, owned: partitions('a', 4) }).memberEpoch, 2, 'the answer was lost');
    assert.equal(trial.beat({ memberId: 'm', memberEpoch: 1 }).errorCode, ERROR.fencedMemberEpoch);
    assert.equal(trial.beat({ memberId: 'm', memberEpoch: 7, owned: [] }).errorCode, ERROR.fencedMemberEpoch);
    const commit = (memberId: string, epoch: number) => trial.group.checkCommit(memberId, epoch);
    assert.deepEqual(
      [commit('m', 2), commit('m', 1), commit('x', 2), commit('', -1)],
      [0, ERROR.staleMemberEpoch, ERROR.unknownMemberId, ERROR.unknownMemberId],
    );
  });

  test('what is asked wrongly, and limits', () => {
    const trial = new Trial(1);
    assert.equal(trial.join('m', { rebalanceMs: -1 }).errorCode, ERROR.invalidRequest);
    assert.equal(trial.join('m', { names: null }).errorCode, ERROR.invalidRequest);
    assert.equal(trial.join('m', { assignor: 'constructor' }).errorCode, ERROR.unsupportedAssignor);
    assert.equal(trial.emptied, 3, 'nothing is left of who was refused');
    trial.join('m');
    assert.equal(trial.join('n').errorCode, ERROR.groupMaxSizeReached);
  });

  test("whatever members do, no partition is ever two members', and in the end each has one", () => {
    const step = fc.record({
      who: fc.integer({ min: 0, max: 4 }),
      what: fc.constantFrom('join', 'beat', 'beat', 'beat', 'leave', 'grow', 'wish'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom('uniform', 'range'), (steps, assignor) => {
        const trial = new Trial();
        trial.topics = new Map([
          ['a', partitions('a', 4)],
          ['b', partitions('b', 3)],
        ]);
        const clients = new Map<string, { epoch: number; has: string[] }>();
        const heard = (id: string, { errorCode, memberEpoch, assignment }: Beaten) => {
          assert.equal(errorCode, ERROR.none);
          const has = assignment === null ? (clients.get(id)?.has ?? []) : [...assignment];
          clients.set(id, { epoch: memberEpoch, has });
          const all = [...clients.values()].flatMap((client) => client.has);
          assert.equal(new Set(all).size, all.length, "a partition is two members'");
        };
        const beat = (id: string, names: string[] | null = null) => {
          const client = clients.get(id);
          if (client !== undefined) heard(id, trial.beat({ memberId: id, memberEpoch: client.epoch, owned: client.has, names }));
        };
        for (const { who, what } of steps) {
          const id = `m${who}`;
          if (what === 'join' && !clients.has(id)) heard(id, trial.join(id, { names: who % 2 === 0 ? ['a', 'b'] : ['a'], assignor }));
          else if (what === 'beat') beat(id);
          else if (what === 'wish') beat(id, ['b']);
          else if (what === 'leave' && clients.delete(id)) trial.beat({ memberId: id, memberEpoch: -1 });
          else if (what === 'grow')
            trial.topics = new Map(trial.topics).set('a', partitions('a', (trial.topics.get('a')?.length ?? 0) + 1));
        }
        for (let round = 0; round < 6; round++) for (const id of clients.keys()) beat(id);
        if (clients.size > 0) assert.equal(trial.group.state, 'Stable');
        const wanted = [...trial.group.names].flatMap((name) => trial.topics.get(name) ?? []);
        assert.deepEqual([...clients.values()].flatMap(({ has }) => has).sort(), wanted.sort());
      }),
      { numRuns: 200 },
    );
  });
});

describe('sharing out', () => {
  const sharers = (before: readonly (readonly string[])[], names = ['a']) =>
    before.map((had, i) => ({ id: `m${i}`, names: new Set(names), before: new Set(had) }));
  const shown = (shares: ReadonlyMap<string, ReadonlySet<string>> | undefined) => [...(shares ?? [])].map(([, share]) => [...share].sort());

  test('uniform: even, and no more is moved than must be', () => {
    const topics = new Map([['a', partitions('a', 7)]]);
    const shares = shown(ASSIGNORS.uniform?.(sharers([partitions('a', 7), [], []]), topics));
    assert.deepEqual(shares.map((share) => share.length).sort(), [2, 2, 3]);
    const again = ASSIGNORS.uniform?.(sharers([...shares, []]), topics);
    const kept = shown(again).reduce((sum, share, i) => sum + share.filter((partition) => shares[i]?.includes(partition)).length, 0);
    assert.deepEqual(
      [
        shown(again)
          .map((share) => share.length)
          .sort(),
        kept,
      ],
      [[1, 2, 2, 2], 6],
    );
    assert.deepEqual(shown(ASSIGNORS.uniform?.([], topics)), []);
  });

  test('range: neighbours of every topic', () => {
    const topics = new Map([
      ['a', partitions('a', 5)],
      ['b', partitions('b', 2)],
    ]);
    assert.deepEqual(shown(ASSIGNORS.range?.(sharers([[], []], ['a', 'b']), topics)), [
      ['a/0', 'a/1', 'a/2', 'b/0'],
      ['a/3', 'a/4', 'b/1'],
    ]);
    assert.deepEqual(shown(ASSIGNORS.range?.(sharers([[]], ['c']), topics)), [[]]);
  });
});
