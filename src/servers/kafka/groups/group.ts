/**
 * long because it is one state machine: a group of the classic protocol. Its members choose among themselves who reads what, and are kept in step here.
 *
 *     empty ──join──▶ joining ──all are here, or time is up──▶ sharing ──the leader has shared out──▶ stable
 *                        ▲────────────── somebody comes, goes or changes ──────────────┘──────────────────┘
 *
 * Nothing of it is kept: after a restart members find themselves unknown and join again. The offsets are the engine's.
 */

import type { Clock } from '../../../host/clock.ts';
import { ERROR } from '../../../wire/kafka/kafka.ts';
import { type JoinAsk, type Joined, Member, type Synced } from './member.ts';

export type GroupState = 'empty' | 'joining' | 'sharing' | 'stable';

export class Group {
  readonly id: string;
  readonly #clock: Clock;
  readonly #newId: (prefix: string) => string;
  readonly #membersMax: number;
  readonly #formingMs: number;
  /** Nobody is left in it. */
  readonly #emptied: () => void;
  readonly #members = new Map<string, Member>();
  /** Ids that were told and not come back with yet, each with what ends its wait. */
  readonly #expected = new Map<string, () => void>();
  #state: GroupState = 'empty';
  #generation = 0;
  #protocolType: string | null = null;
  #protocol: string | null = null;
  #leader: string | null = null;
  /** Ends the wait for members to join, or to ask for their share. */
  #stopWait: (() => void) | undefined;
  /** Ends the wait for more members of a group that has just got its first ones. */
  #stopForming: (() => void) | undefined;

  constructor(
    id: string,
    clock: Clock,
    newId: (prefix: string) => string,
    { groupMembersMax, groupFormingMs }: { readonly groupMembersMax: number; readonly groupFormingMs: number },
    emptied: () => void,
  ) {
    this.id = id;
    this.#clock = clock;
    this.#newId = newId;
    this.#membersMax = groupMembersMax;
    this.#formingMs = groupFormingMs;
    this.#emptied = emptied;
  }

  get state(): GroupState {
    return this.#state;
  }

  get protocolType(): string {
    return this.#protocolType ?? '';
  }

  get protocol(): string {
    return this.#protocol ?? '';
  }

  get members(): readonly Member[] {
    return [...this.#members.values()];
  }

  get isIdle(): boolean {
    return this.#members.size === 0 && this.#expected.size === 0;
  }

  join(ask: JoinAsk): Promise<Joined> {
    return new Promise((resolve) => this.#join(ask, resolve));
  }

  #join(ask: JoinAsk, answer: (joined: Joined) => void): void {
    const refuse = (errorCode: number, memberId = ask.memberId) => answer(refusedJoin(errorCode, memberId));
    if (!this.#agrees(ask)) return refuse(ERROR.inconsistentGroupProtocol);
    const known = ask.instanceId === null ? undefined : this.#instance(ask.instanceId);
    if (ask.memberId === '') {
      if (this.#members.size + this.#expected.size >= this.#membersMax) return refuse(ERROR.groupMaxSizeReached);
      if (known !== undefined) return this.#replace(known, ask, answer);
      const id = this.#newId(ask.instanceId ?? ask.clientId);
      if (ask.instanceId === null && ask.knowsIds) {
        this.#expect(id, ask.sessionMs);
        return refuse(ERROR.memberIdRequired, id);
      }
      return this.#add(id, ask, answer);
    }
    const expected = this.#expected.get(ask.memberId);
    if (expected !== undefined) {
      expected();
      this.#expected.delete(ask.memberId);
      return this.#add(ask.memberId, ask, answer);
    }
    if (known !== undefined && known.id !== ask.memberId) return refuse(ERROR.fencedInstanceId);
    const member = this.#members.get(ask.memberId);
    if (member === undefined) return refuse(ERROR.unknownMemberId);
    const same = member.says(ask.protocols);
    const settled = this.#state === 'sharing' || (this.#state === 'stable' && member.id !== this.#leader);
    if (same && settled) {
      this.#alive(member);
      return answer(this.#joined(member));
    }
    member.update(ask);
    this.#await(member, answer);
    this.#rebalance();
  }

  sync(memberId: string, instanceId: string | null, generation: number, shares: ReadonlyMap<string, Uint8Array>): Promise<Synced> {
    const errorCode = this.check(memberId, instanceId, generation);
    if (errorCode !== ERROR.none) return Promise.resolve(refusedSync(errorCode));
    const member = this.#members.get(memberId) as Member; // `check` found it
    if (this.#state === 'joining') return Promise.resolve(refusedSync(ERROR.rebalanceInProgress));
    if (this.#state === 'stable') {
      this.#alive(member);
      return Promise.resolve(this.#synced(member));
    }
    return new Promise((resolve) => {
      member.syncing?.(refusedSync(ERROR.rebalanceInProgress));
      member.stopTimer?.();
      member.syncing = resolve;
      if (memberId === this.#leader) this.#share(shares);
    });
  }

  heartbeat(memberId: string, instanceId: string | null, generation: number): number {
    const errorCode = this.check(memberId, instanceId, generation);
    if (errorCode !== ERROR.none) return errorCode;
    const member = this.#members.get(memberId);
    if (member !== undefined) this.#alive(member);
    return this.#state === 'joining' ? ERROR.rebalanceInProgress : ERROR.none;
  }

  /** Whether offsets may be kept in the name of this member. */
  checkCommit(memberId: string, instanceId: string | null, generation: number): number {
    // Who is no member may, while there are none: a client that chooses its partitions itself.
    if (generation < 0 && this.#members.size === 0) return ERROR.none;
    const errorCode = this.check(memberId, instanceId, generation);
    if (errorCode !== ERROR.none) return errorCode;
    const member = this.#members.get(memberId);
    if (member !== undefined) this.#alive(member);
    return this.#state === 'sharing' ? ERROR.rebalanceInProgress : ERROR.none;
  }

  leave(memberId: string, instanceId: string | null): number {
    const expected = this.#expected.get(memberId);
    if (expected !== undefined) {
      expected();
      this.#expected.delete(memberId);
      this.#afterLoss();
      return ERROR.none;
    }
    const member = instanceId === null ? this.#members.get(memberId) : this.#instance(instanceId);
    if (member === undefined) return ERROR.unknownMemberId;
    if (instanceId !== null && memberId !== '' && member.id !== memberId) return ERROR.fencedInstanceId;
    this.#remove(member);
    return ERROR.none;
  }

  /** Ends every wait; the group is of no use any more. */
  close(errorCode: number): void {
    this.#stopWait?.();
    this.#stopForming?.();
    for (const stop of this.#expected.values()) stop();
    for (const member of this.#members.values()) {
      member.stopTimer?.();
      member.joining?.(refusedJoin(errorCode, member.id));
      member.syncing?.(refusedSync(errorCode));
    }
    this.#members.clear();
    this.#expected.clear();
  }

  check(memberId: string, instanceId: string | null, generation: number): number {
    const known = instanceId === null ? undefined : this.#instance(instanceId);
    if (instanceId !== null && known === undefined) return ERROR.unknownMemberId;
    if (known !== undefined && known.id !== memberId) return ERROR.fencedInstanceId;
    if (!this.#members.has(memberId)) return ERROR.unknownMemberId;
    return generation === this.#generation ? ERROR.none : ERROR.illegalGeneration;
  }

  #instance(instanceId: string): Member | undefined {
    for (const member of this.#members.values()) if (member.instanceId === instanceId) return member;
    return undefined;
  }

  /** There must be a protocol that it and everybody else can follow. */
  #agrees(ask: JoinAsk): boolean {
    if (ask.protocolType === '' || ask.protocols.length === 0) return false;
    if (this.#members.size === 0) return true;
    if (ask.protocolType !== this.#protocolType) return false;
    const others = this.members.filter(
      (member) => member.id !== ask.memberId && (ask.instanceId === null || member.instanceId !== ask.instanceId),
    );
    return ask.protocols.some(({ name }) => others.every((member) => member.protocols.some((protocol) => protocol.name === name)));
  }

  #expect(id: string, sessionMs: number): void {
    const stop = this.#clock.after(sessionMs, () => {
      this.#expected.delete(id);
      this.#afterLoss();
    });
    this.#expected.set(id, stop);
  }

  #add(id: string, ask: JoinAsk, answer: (joined: Joined) => void): void {
    const member = new Member(id, ask);
    this.#protocolType = ask.protocolType;
    this.#members.set(id, member);
    this.#leader ??= id;
    this.#await(member, answer);
    if (this.#formingMs > 0 && (this.#state === 'empty' || this.#stopForming !== undefined)) this.#form();
    this.#rebalance();
  }

  /** A member with a name of its own has come back under another id [KIP-345]: nobody else need notice. */
  #replace(former: Member, ask: JoinAsk, answer: (joined: Joined) => void): void {
    const member = new Member(this.#newId(ask.instanceId ?? ''), ask);
    former.stopTimer?.();
    former.joining?.(refusedJoin(ERROR.fencedInstanceId, former.id));
    former.syncing?.(refusedSync(ERROR.fencedInstanceId));
    this.#members.delete(former.id);
    this.#members.set(member.id, member);
    member.assignment = former.assignment;
    const leads = this.#leader === former.id;
    if (leads) this.#leader = member.id;
    const unchanged = this.#state === 'stable' && former.says(ask.protocols);
    if (!unchanged) {
      this.#await(member, answer);
      this.#rebalance();
      return;
    }
    this.#alive(member);
    const joined = this.#joined(member);
    // An old client that heard that it leads would share out anew: it hears the id it had before.
    answer(leads && !ask.canSkip ? { ...joined, leader: former.id, members: [] } : { ...joined, skipAssignment: leads });
  }

  /**
   * Members that start together come within moments of each other. Who began without the others would share anew with its next heartbeat
   * only, seconds later; so each of the first is given a moment for the next to come.
   */
  #form(): void {
    this.#stopForming?.();
    this.#stopForming = this.#clock.after(this.#formingMs, () => {
      this.#stopForming = undefined;
      this.#beginIfAll();
    });
  }

  /** It waits for the others; while it does, its connection is sign enough of life. */
  #await(member: Member, answer: (joined: Joined) => void): void {
    member.joining?.(refusedJoin(ERROR.unknownMemberId, member.id));
    member.stopTimer?.();
    member.joining = answer;
  }

  #rebalance(): void {
    if (this.#state !== 'joining') {
      for (const member of this.#members.values()) {
        if (member.syncing === undefined) continue;
        member.syncing(refusedSync(ERROR.rebalanceInProgress));
        member.syncing = undefined;
        this.#alive(member);
      }
      this.#state = 'joining';
      this.#stopWait?.();
      const longestMs = Math.max(...this.members.map((member) => member.rebalanceMs), 0);
      this.#stopWait = this.#clock.after(longestMs, () => this.#begin());
    }
    this.#beginIfAll();
  }

  #beginIfAll(): void {
    if (this.#state !== 'joining' || this.#expected.size > 0 || this.#stopForming !== undefined) return;
    if (this.members.every((member) => member.joining !== undefined)) this.#begin();
  }

  /** Those who are here make the next generation; those who did not come are out, but for members with names of their own. */
  #begin(): void {
    this.#stopWait?.();
    this.#stopWait = undefined;
    this.#stopForming?.();
    this.#stopForming = undefined;
    for (const member of this.members) {
      if (member.joining !== undefined || member.instanceId !== null) continue;
      member.stopTimer?.();
      this.#members.delete(member.id);
    }
    this.#generation += 1;
    const here = this.members.filter((member) => member.joining !== undefined);
    if (here.length === 0 && this.#members.size > 0) {
      // Only absent members with names are left: they have until their sessions end.
      this.#state = 'stable';
      return;
    }
    if (here.length === 0) return this.#beEmpty();
    if (!here.some((member) => member.id === this.#leader)) this.#leader = here[0]?.id ?? null;
    this.#protocol = this.#vote();
    this.#state = 'sharing';
    const longestMs = Math.max(...this.members.map((member) => member.rebalanceMs));
    this.#stopWait = this.#clock.after(longestMs, () => this.#sharingIsLate());
    for (const member of here) {
      const answer = member.joining;
      member.joining = undefined;
      this.#alive(member);
      answer?.(this.#joined(member));
    }
  }

  /** Who has joined and not asked for its share is gone, whatever its heartbeats say. */
  #sharingIsLate(): void {
    if (this.#state !== 'sharing') return;
    for (const member of this.members) {
      if (member.syncing !== undefined) continue;
      member.stopTimer?.();
      this.#members.delete(member.id);
      if (this.#leader === member.id) this.#leader = null;
    }
    this.#leader ??= this.members[0]?.id ?? null;
    if (this.#members.size === 0) this.#beEmpty();
    else this.#rebalance();
  }

  /** The protocol that most prefer among those that all can follow. */
  #vote(): string | null {
    const all = this.members;
    const common = (name: string) => all.every((member) => member.protocols.some((protocol) => protocol.name === name));
    const votes = new Map<string, number>();
    for (const member of all) {
      const choice = member.protocols.find(({ name }) => common(name))?.name;
      if (choice !== undefined) votes.set(choice, (votes.get(choice) ?? 0) + 1);
    }
    return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
  }

  #share(shares: ReadonlyMap<string, Uint8Array>): void {
    this.#stopWait?.();
    this.#stopWait = undefined;
    this.#state = 'stable';
    for (const member of this.#members.values()) {
      const share = shares.get(member.id);
      // Kept beyond the request, whose bytes it lies in.
      member.assignment = share === undefined ? NOTHING : new Uint8Array(share);
      const answer = member.syncing;
      if (answer === undefined) continue;
      member.syncing = undefined;
      this.#alive(member);
      answer(this.#synced(member));
    }
  }

  /** It has given a sign of life: it has until its session ends for the next. */
  #alive(member: Member): void {
    member.stopTimer?.();
    if (member.joining !== undefined || member.syncing !== undefined) return;
    member.stopTimer = this.#clock.after(member.sessionMs, () => this.#remove(member));
  }

  #remove(member: Member): void {
    if (this.#members.get(member.id) !== member) return;
    member.stopTimer?.();
    member.joining?.(refusedJoin(ERROR.unknownMemberId, member.id));
    member.syncing?.(refusedSync(ERROR.unknownMemberId));
    this.#members.delete(member.id);
    if (this.#leader === member.id) this.#leader = this.members[0]?.id ?? null;
    this.#afterLoss();
  }

  #afterLoss(): void {
    if (this.#members.size === 0) {
      if (this.#state !== 'empty' && this.#expected.size === 0) this.#beEmpty();
      else if (this.isIdle) this.#emptied();
    } else if (this.#state === 'joining') this.#beginIfAll();
    else this.#rebalance();
  }

  #beEmpty(): void {
    this.#stopWait?.();
    this.#stopWait = undefined;
    this.#stopForming?.();
    this.#stopForming = undefined;
    this.#generation += 1;
    this.#state = 'empty';
    this.#protocol = null;
    this.#leader = null;
    if (this.isIdle) this.#emptied();
  }

  #joined(member: Member): Joined {
    const leads = member.id === this.#leader;
    const members = leads
      ? this.members.map((one) => ({ memberId: one.id, groupInstanceId: one.instanceId, metadata: one.metadataFor(this.#protocol) }))
      : [];
    return {
      errorCode: ERROR.none,
      memberId: member.id,
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocolName: this.#protocol,
      leader: this.#leader ?? '',
      skipAssignment: false,
      members,
    };
  }

  #synced(member: Member): Synced {
    return { errorCode: ERROR.none, protocolType: this.#protocolType, protocolName: this.#protocol, assignment: member.assignment };
  }
}

const NOTHING = new Uint8Array(0);

export function refusedJoin(errorCode: number, memberId: string): Joined {
  return { errorCode, memberId, generation: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, members: [] };
}

export function refusedSync(errorCode: number): Synced {
  return { errorCode, protocolType: null, protocolName: null, assignment: new Uint8Array(0) };
}
