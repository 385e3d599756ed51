/**
 * long because it is one state machine: a group of the newer protocol [KIP-848]. Who reads what is decided here; members only say what they
 * want and have, heartbeat by heartbeat, and nobody waits for the others.
 *
 * A change of members, wishes or topics makes the next epoch and a new target. Each member comes to it by itself: first it gives up what is
 * no longer its, then it is at that epoch, and gets what others have given up.
 */

import type { Clock } from '../../../host/clock.ts';
import { ERROR } from '../../../wire/kafka/kafka.ts';
import { ASSIGNOR_FALLBACK, ASSIGNORS } from './assignor.ts';

/** What one heartbeat says. */
export interface Beat {
  readonly memberId: string;
  readonly memberEpoch: number;
  readonly instanceId: string | null;
  readonly rackId: string | null;
  readonly clientId: string;
  readonly clientHost: string;
  readonly rebalanceMs: number;
  /** Null: as before. */
  readonly names: readonly string[] | null;
  /** An expression for names besides; null: as before, empty: none. */
  readonly pattern: string | null;
  /** Those that its expression matches now. */
  readonly matched: readonly string[];
  readonly assignor: string | null;
  /** What it has, as `id/partition`; null: as before. */
  readonly owned: readonly string[] | null;
}

export interface Beaten {
  readonly errorCode: number;
  readonly memberId: string;
  readonly memberEpoch: number;
  /** Null: as before. */
  readonly assignment: readonly string[] | null;
}

export interface BalancedMember {
  readonly id: string;
  readonly instanceId: string | null;
  rackId: string | null;
  clientId: string;
  clientHost: string;
  rebalanceMs: number;
  assignor: string | null;
  /** Those it named itself, and its expression. */
  named: readonly string[];
  pattern: string;
  /** All it wants. */
  names: ReadonlySet<string>;
  epoch: number;
  /** Its last answer may have been lost. */
  formerEpoch: number;
  /** What it may read. */
  assigned: Set<string>;
  /** What it was asked to give up, and has not yet. */
  leaving: Set<string>;
  target: ReadonlySet<string>;
  stopSession: () => void;
  stopLeaving: () => void;
}

/** Partitions of a topic, as `id/partition`, by the topic's name. */
export type TopicPartitions = ReadonlyMap<string, readonly string[]>;

const JOIN = 0;
const LEAVE = -1;
/** It will be back, under the same name. */
const PAUSE = -2;

export interface BalancedLimits {
  readonly groupSessionMs: number;
  readonly groupMembersMax: number;
}

export class BalancedGroup {
  readonly id: string;
  readonly #clock: Clock;
  readonly #limits: BalancedLimits;
  readonly #emptied: () => void;
  readonly #members = new Map<string, BalancedMember>();
  #epoch = 0;
  #assignor: string = ASSIGNOR_FALLBACK;
  /** As they were when the target was decided. */
  #topics: TopicPartitions = new Map();

  constructor(id: string, clock: Clock, limits: BalancedLimits, emptied: () => void) {
    this.id = id;
    this.#clock = clock;
    this.#limits = limits;
    this.#emptied = emptied;
  }

  get members(): readonly BalancedMember[] {
    return [...this.#members.values()];
  }

  get epoch(): number {
    return this.#epoch;
  }

  get assignor(): string {
    return this.#assignor;
  }

  /** In Kafka's words. */
  get state(): string {
    if (this.#members.size === 0) return 'Empty';
    return this.members.every((member) => member.epoch === this.#epoch && isDone(member)) ? 'Stable' : 'Reconciling';
  }

  /** The expression of a member for the names of topics; empty: it has none. */
  patternOf(memberId: string): string {
    return this.#members.get(memberId)?.pattern ?? '';
  }

  /** Topics that anybody wants. */
  get names(): ReadonlySet<string> {
    return new Set(this.members.flatMap(({ names }) => [...names]));
  }

  /** `topics`: all that are wanted, and there. `newId` is for one that comes without an id. */
  beat(beat: Beat, topics: TopicPartitions, newId: string): Beaten {
    const refuse = (errorCode: number): Beaten => ({ errorCode, memberId: beat.memberId, memberEpoch: beat.memberEpoch, assignment: null });
    if (beat.memberEpoch === LEAVE || beat.memberEpoch === PAUSE) return this.#goes(beat);
    const member = beat.memberEpoch === JOIN ? this.#comes(beat, newId) : this.#stays(beat);
    if (typeof member === 'number') {
      if (this.#members.size === 0) this.#emptied();
      return refuse(member);
    }
    const told = [...member.assigned].sort().join();
    const isNew = beat.memberEpoch === JOIN;
    if (this.#wants(member, beat) || isNew || !sameTopics(topics, this.#topics)) this.#decide(topics);
    this.#reconcile(member, beat.owned);
    this.#alive(member);
    const assigned = [...member.assigned].sort();
    const isOther = beat.owned !== null && [...beat.owned].sort().join() !== assigned.join();
    const assignment = isNew || isOther || assigned.join() !== told ? assigned : null;
    return { errorCode: ERROR.none, memberId: member.id, memberEpoch: member.epoch, assignment };
  }

  /** Whether offsets may be kept in the name of this member. */
  checkCommit(memberId: string, epoch: number): number {
    if (epoch < 0 && this.#members.size === 0) return ERROR.none;
    const member = this.#members.get(memberId);
    if (member === undefined) return ERROR.unknownMemberId;
    return member.epoch === epoch ? ERROR.none : ERROR.staleMemberEpoch;
  }

  close(): void {
    for (const member of this.#members.values()) stop(member);
    this.#members.clear();
  }

  #comes(beat: Beat, newId: string): BalancedMember | number {
    if (beat.rebalanceMs <= 0 || (beat.names === null && beat.pattern === null)) return ERROR.invalidRequest;
    if (beat.assignor !== null && !Object.hasOwn(ASSIGNORS, beat.assignor)) return ERROR.unsupportedAssignor;
    const named = beat.instanceId === null ? undefined : this.members.find(({ instanceId }) => instanceId === beat.instanceId);
    if (named !== undefined && named.id !== beat.memberId && named.epoch !== PAUSE) return ERROR.unreleasedInstanceId;
    const former = named ?? this.#members.get(beat.memberId);
    if (former === undefined && this.#members.size >= this.#limits.groupMembersMax) return ERROR.groupMaxSizeReached;
    if (former !== undefined) {
      stop(former);
      this.#members.delete(former.id);
    }
    const member: BalancedMember = {
      id: beat.memberId === '' ? newId : beat.memberId,
      instanceId: beat.instanceId,
      rackId: beat.rackId,
      clientId: beat.clientId,
      clientHost: beat.clientHost,
      rebalanceMs: beat.rebalanceMs,
      assignor: beat.assignor,
      named: beat.names ?? [],
      pattern: beat.pattern ?? '',
      names: new Set([...(beat.names ?? []), ...beat.matched]),
      epoch: JOIN,
      formerEpoch: JOIN,
      assigned: new Set(),
      leaving: new Set(),
      target: former?.target ?? new Set(),
      stopSession: () => undefined,
      stopLeaving: () => undefined,
    };
    this.#members.set(member.id, member);
    return member;
  }

  #stays({ memberId, memberEpoch, instanceId, owned }: Beat): BalancedMember | number {
    const member = this.#members.get(memberId);
    if (member === undefined || (instanceId !== null && member.instanceId !== instanceId)) return ERROR.unknownMemberId;
    const isLate = memberEpoch === member.formerEpoch && owned !== null && owned.every((partition) => member.assigned.has(partition));
    return memberEpoch === member.epoch || isLate ? member : ERROR.fencedMemberEpoch;
  }

  #goes({ memberId, memberEpoch, instanceId }: Beat): Beaten {
    const member = this.#members.get(memberId);
    const isKnown = member !== undefined && (instanceId === null || member.instanceId === instanceId);
    if (!isKnown) {
      if (this.#members.size === 0) this.#emptied();
      return { errorCode: ERROR.unknownMemberId, memberId, memberEpoch, assignment: null };
    }
    // One with a name that will be back keeps its place for as long as a session lasts.
    if (memberEpoch === PAUSE && member.instanceId !== null) member.epoch = PAUSE;
    else this.#remove(member);
    return { errorCode: ERROR.none, memberId, memberEpoch, assignment: null };
  }

  /** Takes over what it says of itself. True: it wants something else than before. */
  #wants(member: BalancedMember, beat: Beat): boolean {
    if (beat.rebalanceMs > 0) member.rebalanceMs = beat.rebalanceMs;
    if (beat.assignor !== null && Object.hasOwn(ASSIGNORS, beat.assignor)) member.assignor = beat.assignor;
    member.rackId = beat.rackId ?? member.rackId;
    member.named = beat.names ?? member.named;
    member.pattern = beat.pattern ?? member.pattern;
    const names = new Set([...member.named, ...beat.matched]);
    if (names.size === member.names.size && [...names].every((name) => member.names.has(name))) return false;
    member.names = names;
    return true;
  }

  /** The next epoch, and who is to read what in it. */
  #decide(topics: TopicPartitions): void {
    this.#epoch += 1;
    this.#topics = topics;
    this.#assignor = mostWanted(this.members);
    const sharers = this.members.map(({ id, names, target, assigned }) => ({ id, names, before: target.size > 0 ? target : assigned }));
    const shares = ASSIGNORS[this.#assignor]?.(sharers, topics);
    for (const member of this.#members.values()) member.target = shares?.get(member.id) ?? new Set();
  }

  #reconcile(member: BalancedMember, owned: readonly string[] | null): void {
    if (member.leaving.size > 0 && owned !== null && !owned.some((partition) => member.leaving.has(partition))) {
      member.stopLeaving();
      member.leaving = new Set();
    }
    if (member.leaving.size > 0) return;
    const leaving = new Set([...member.assigned].filter((partition) => !member.target.has(partition)));
    if (leaving.size > 0) {
      for (const partition of leaving) member.assigned.delete(partition);
      member.leaving = leaving;
      member.stopLeaving = this.#clock.after(member.rebalanceMs, () => this.#remove(member));
      return;
    }
    if (member.epoch !== this.#epoch) {
      member.formerEpoch = member.epoch;
      member.epoch = this.#epoch;
    }
    for (const partition of member.target) if (!this.#isHeld(partition, member)) member.assigned.add(partition);
  }

  #isHeld(partition: string, but: BalancedMember): boolean {
    for (const member of this.#members.values())
      if (member !== but && (member.assigned.has(partition) || member.leaving.has(partition))) return true;
    return false;
  }

  #alive(member: BalancedMember): void {
    member.stopSession();
    member.stopSession = this.#clock.after(this.#limits.groupSessionMs, () => this.#remove(member));
  }

  #remove(member: BalancedMember): void {
    if (this.#members.get(member.id) !== member) return;
    stop(member);
    this.#members.delete(member.id);
    if (this.#members.size > 0) this.#decide(this.#topics);
    else this.#emptied();
  }
}

function stop(member: BalancedMember): void {
  member.stopSession();
  member.stopLeaving();
}

function isDone({ assigned, leaving, target }: BalancedMember): boolean {
  return leaving.size === 0 && assigned.size === target.size;
}

function mostWanted(members: readonly BalancedMember[]): string {
  const votes = new Map<string, number>();
  for (const { assignor } of members) if (assignor !== null) votes.set(assignor, (votes.get(assignor) ?? 0) + 1);
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ASSIGNOR_FALLBACK;
}

function sameTopics(a: TopicPartitions, b: TopicPartitions): boolean {
  if (a.size !== b.size) return false;
  for (const [name, partitions] of a) {
    const others = b.get(name);
    if (others === undefined || others.length !== partitions.length || others[0] !== partitions[0]) return false;
  }
  return true;
}
