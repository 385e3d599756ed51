/** Members of a group of the classic protocol: they join, share out, keep offsets, are late, and try to keep them when others took over. */

import { ERROR, HEARTBEAT, JOIN_GROUP, LEAVE_GROUP, OFFSET_COMMIT, OFFSET_FETCH, SYNC_GROUP } from '../../../src/wire/kafka/kafka.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { KafkaScene } from './kafka-scene.ts';

export const MEMBER_GROUP = 'members';
const TOPIC = 'in';
const PARTITIONS = 2;
const SESSION_MS = 120;

interface Membership {
  readonly memberId: string;
  readonly generation: number;
}

/** An offset that was asked to be kept: each is asked for once. */
interface Commit {
  readonly value: number;
  readonly askedMs: number;
  answeredMs: number;
  outcome: 'unknown' | 'kept' | 'refused';
}

/** What all members of all lives know together. */
export class GroupLedger {
  readonly #scene: KafkaScene;
  readonly #commits: Commit[][] = Array.from({ length: PARTITIONS }, () => []);
  /** Of this life: the newest generation anybody was told, and who leads each. */
  #generation = 0;
  /** The group has been forgotten and made anew in this life: its generations cannot be told apart any more. */
  #isAnother = false;
  readonly #leaders = new Map<number, string>();
  readonly #shares = new Map<string, string>();
  #next = 1;

  constructor(scene: KafkaScene) {
    this.#scene = scene;
  }

  /** Nothing of the groups but their offsets outlives the broker. */
  begin(): void {
    this.#generation = 0;
    this.#isAnother = false;
    this.#leaders.clear();
    this.#shares.clear();
  }

  joined(generation: number, leader: string): void {
    const known = this.#leaders.get(generation);
    // A group that everybody left is forgotten, and another of its name counts from 1.
    if (generation === 1 && known !== undefined && known !== leader) this.#isAnother = true;
    if (this.#isAnother) return;
    if (known !== undefined && known !== leader)
      this.#scene.ledger.fault('group', `generation ${generation} is led by ${known} and by ${leader}`);
    this.#leaders.set(generation, leader);
    this.#generation = Math.max(this.#generation, generation);
  }

  shared(generation: number, memberId: string, share: string): void {
    const key = `${generation} ${memberId}`;
    const known = this.#shares.get(key);
    if (known !== undefined && known !== share && !this.#isAnother)
      this.#scene.ledger.fault('group', `generation ${generation} was shared out twice: "${known}" and "${share}"`);
    this.#shares.set(key, share);
  }

  got(generation: number, memberId: string, share: string): void {
    const wanted = this.#shares.get(`${generation} ${memberId}`);
    if (this.#isAnother) return;
    if (wanted !== share)
      this.#scene.ledger.fault('group', `${memberId} was given "${share}" in generation ${generation}, and its leader said "${wanted}"`);
  }

  isStale(generation: number): boolean {
    return !this.#isAnother && generation < this.#generation;
  }

  ask(partition: number): Commit {
    const commit: Commit = {
      value: this.#next++,
      askedMs: this.#scene.clock.monotonicMs(),
      answeredMs: Number.POSITIVE_INFINITY,
      outcome: 'unknown',
    };
    this.#commits[partition]?.push(commit);
    return commit;
  }

  answered(commit: Commit, isKept: boolean): void {
    commit.answeredMs = this.#scene.clock.monotonicMs();
    commit.outcome = isKept ? 'kept' : 'refused';
    if (isKept) this.#scene.ledger.confirmed++;
  }

  /** What was read of a partition's offset, by a question that was asked at that time. */
  read(partition: number, value: number, askedMs: number): void {
    const { ledger } = this.#scene;
    const commits = this.#commits[partition] ?? [];
    const overwriting = commits.filter(({ outcome, answeredMs }) => outcome === 'kept' && answeredMs < askedMs);
    const found = commits.find((commit) => commit.value === value);
    if (value < 0) {
      if (overwriting.length > 0)
        ledger.fault('L8 offsets', `${TOPIC}/${partition} has none, though ${overwriting.at(-1)?.value} was kept`);
      return;
    }
    if (found === undefined || found.outcome === 'refused') {
      ledger.fault('L8 offsets', `${TOPIC}/${partition} is ${value}, which was ${found === undefined ? 'never asked for' : 'refused'}`);
      return;
    }
    const later = overwriting.find((commit) => commit.askedMs > found.answeredMs);
    if (later !== undefined) ledger.fault('L8 offsets', `${TOPIC}/${partition} is ${value}, though ${later.value} was kept after it`);
  }
}

export async function member(scene: KafkaScene, group: GroupLedger): Promise<void> {
  for (;;) {
    const client = await scene.client();
    await new Member(scene, group, client).run();
    await scene.wait(scene.random.float() * 60);
  }
}

class Member {
  readonly #scene: KafkaScene;
  readonly #group: GroupLedger;
  readonly #client: KafkaClient;
  #memberId = '';
  /** What it was before: whoever was put out may not have noticed. */
  #former: Membership | undefined;

  constructor(scene: KafkaScene, group: GroupLedger, client: KafkaClient) {
    this.#scene = scene;
    this.#group = group;
    this.#client = client;
  }

  async run(): Promise<void> {
    const { random } = this.#scene;
    while (this.#client.isAlive) {
      const membership = await this.#join();
      if (membership === undefined) {
        await this.#scene.wait(5);
        continue;
      }
      await this.#stay(membership);
      this.#former = membership;
      if (random.chance(0.15)) return this.#client.drop();
      if (random.chance(0.15)) await this.#leave();
    }
  }

  async #join(): Promise<Membership | undefined> {
    const answer = await this.#client.ask(JOIN_GROUP, {
      groupId: MEMBER_GROUP,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: SESSION_MS,
      memberId: this.#memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'own', metadata: new Uint8Array(0) }],
    });
    if (answer === undefined) return undefined;
    const code = answer.errorCode ?? 0;
    if (code === ERROR.memberIdRequired) this.#memberId = answer.memberId;
    else if (code !== ERROR.none) this.#memberId = '';
    if (code !== ERROR.none) return undefined;
    const { memberId, leader, generationId = -1 } = answer;
    this.#memberId = memberId;
    this.#group.joined(generationId, leader);
    const assignments =
      leader === memberId
        ? this.#share(
            generationId,
            answer.members.map((one) => one.memberId),
          )
        : [];
    const synced = await this.#client.ask(SYNC_GROUP, { groupId: MEMBER_GROUP, generationId, memberId, protocolName: 'own', assignments });
    if (synced === undefined || (synced.errorCode ?? 0) !== ERROR.none) return undefined;
    this.#group.got(generationId, memberId, Buffer.from(synced.assignment).toString('latin1'));
    return { memberId, generation: generationId };
  }

  /** Each partition to one of them. */
  #share(generation: number, members: readonly string[]): { memberId: string; assignment: Uint8Array }[] {
    return members.map((memberId, i) => {
      const mine = Array.from({ length: PARTITIONS }, (_, p) => p).filter((p) => p % members.length === i);
      const share = `${generation}:${mine.join(',')}:${i}`;
      this.#group.shared(generation, memberId, share);
      return { memberId, assignment: Buffer.from(share, 'latin1') };
    });
  }

  /** Until it hears that something has changed. */
  async #stay(membership: Membership): Promise<void> {
    const { random } = this.#scene;
    while (this.#client.isAlive) {
      await this.#scene.wait(random.chance(0.1) ? random.float() * 2 * SESSION_MS : random.float() * 20);
      const what = random.int(10);
      const { memberId, generation } = membership;
      if (what < 4) {
        const beaten = await this.#client.ask(HEARTBEAT, { groupId: MEMBER_GROUP, generationId: generation, memberId });
        const code = beaten?.errorCode ?? 0;
        if (code === ERROR.unknownMemberId) this.#memberId = '';
        if (beaten === undefined || code !== ERROR.none) return;
      } else if (what < 8) await this.#commit(membership);
      else if (what < 9 && this.#former !== undefined) await this.#commit(this.#former);
      else await this.#look();
    }
  }

  async #commit({ memberId, generation }: Membership): Promise<void> {
    const partition = this.#scene.random.int(PARTITIONS);
    const wasStale = this.#group.isStale(generation);
    const commit = this.#group.ask(partition);
    const answer = await this.#client.ask(OFFSET_COMMIT, {
      groupId: MEMBER_GROUP,
      generationIdOrMemberEpoch: generation,
      memberId,
      topics: [{ name: TOPIC, partitions: [{ partitionIndex: partition, committedOffset: commit.value, committedMetadata: '' }] }],
    });
    const code = answer?.topics[0]?.partitions[0]?.errorCode ?? 0;
    if (answer === undefined) return;
    // A disk that fails may have kept it all the same.
    if (code === ERROR.none || !this.#client.mayBeRefused) this.#group.answered(commit, code === ERROR.none);
    if (code === ERROR.none && wasStale)
      this.#scene.ledger.fault(
        'L8 stale',
        `${memberId} kept offset ${commit.value} in generation ${generation} after a newer one had begun`,
      );
  }

  async #look(): Promise<void> {
    await lookAtOffsets(this.#scene, this.#group, this.#client);
  }

  async #leave(): Promise<void> {
    await this.#client.ask(LEAVE_GROUP, {
      groupId: MEMBER_GROUP,
      memberId: this.#memberId,
      members: [{ memberId: this.#memberId, groupInstanceId: null }],
    });
    this.#memberId = '';
  }
}

export async function lookAtOffsets(scene: KafkaScene, group: GroupLedger, client: KafkaClient): Promise<void> {
  const askedMs = scene.clock.monotonicMs();
  const partitionIndexes = Array.from({ length: PARTITIONS }, (_, p) => p);
  const answer = await client.ask(OFFSET_FETCH, {
    groupId: MEMBER_GROUP,
    topics: [{ name: TOPIC, partitionIndexes }],
    requireStable: false,
  });
  for (const { partitionIndex, committedOffset, errorCode = 0 } of answer?.topics?.[0]?.partitions ?? [])
    if (errorCode === ERROR.none) group.read(partitionIndex, committedOffset, askedMs);
}
