/** The door of the groups: all at this door, of either protocol, each in its tenant. */

import type { Principal } from '../../../model/engine.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import { ERROR } from '../../../wire/kafka/kafka.ts';
import type { KafkaLimits } from '../limits.ts';
import type { Machine } from '../machine.ts';
import { BalancedGroup } from './balanced.ts';
import { Group, refusedJoin, refusedSync } from './group.ts';
import type { JoinAsk, Joined, Synced } from './member.ts';

export { Expiry } from './expiry.ts';
export { type Group, type GroupState, refusedJoin } from './group.ts';

export class Coordinator {
  readonly #machine: Machine;
  readonly #limits: KafkaLimits;
  /** By tenant and name. */
  readonly #groups = new Map<string, Named>();

  constructor(machine: Machine, limits: KafkaLimits) {
    this.#machine = machine;
    this.#limits = limits;
  }

  of(principal: Principal | undefined): TenantGroups {
    const tenant = principal?.tenant ?? DEFAULT_TENANT;
    let groups = this.#groups.get(tenant);
    if (groups === undefined) {
      groups = { classic: new Map(), balanced: new Map() };
      this.#groups.set(tenant, groups);
    }
    return new TenantGroups(groups, this.#machine, this.#limits);
  }

  /** Ends every wait. */
  close(): void {
    for (const { classic, balanced } of this.#groups.values()) {
      for (const group of classic.values()) group.close(ERROR.coordinatorNotAvailable);
      for (const group of balanced.values()) group.close();
    }
    this.#groups.clear();
  }
}

/** By name: a name is one kind's at a time. */
interface Named {
  readonly classic: Map<string, Group>;
  readonly balanced: Map<string, BalancedGroup>;
}

/** The groups of one tenant. */
export class TenantGroups {
  readonly #groups: Map<string, Group>;
  readonly #balanced: Map<string, BalancedGroup>;
  readonly #machine: Machine;
  readonly #limits: KafkaLimits;

  constructor({ classic, balanced }: Named, machine: Machine, limits: KafkaLimits) {
    this.#groups = classic;
    this.#balanced = balanced;
    this.#machine = machine;
    this.#limits = limits;
  }

  /** Those that have members. */
  all(): readonly Group[] {
    return [...this.#groups.values()];
  }

  get(id: string): Group | undefined {
    return this.#groups.get(id);
  }

  /** Those of the newer protocol that have members. */
  allBalanced(): readonly BalancedGroup[] {
    return [...this.#balanced.values()].filter(({ members }) => members.length > 0);
  }

  findBalanced(id: string): BalancedGroup | undefined {
    return this.#balanced.get(id);
  }

  hasMembers(id: string): boolean {
    return (this.#groups.get(id)?.members.length ?? 0) + (this.#balanced.get(id)?.members.length ?? 0) > 0;
  }

  /** The group of this name, made when there is none; undefined when it has members of the classic protocol. */
  balanced(id: string): BalancedGroup | undefined {
    const classic = this.#groups.get(id);
    if (classic !== undefined && classic.members.length > 0) return undefined;
    // Ids that were told, and with which nobody has come yet, keep nobody out.
    classic?.close(ERROR.unknownMemberId);
    this.#groups.delete(id);
    let group = this.#balanced.get(id);
    if (group === undefined) {
      const made = new BalancedGroup(id, this.#machine.clock, this.#limits, () => {
        if (this.#balanced.get(id) === made) this.#balanced.delete(id);
      });
      group = made;
      this.#balanced.set(id, group);
    }
    return group;
  }

  join(id: string, ask: JoinAsk): Promise<Joined> {
    const refuse = (errorCode: number) => Promise.resolve(refusedJoin(errorCode, ask.memberId));
    if (id === '') return refuse(ERROR.invalidGroupId);
    const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = this.#limits;
    if (ask.sessionMs < sessionTimeoutMinMs || ask.sessionMs > sessionTimeoutMaxMs) return refuse(ERROR.invalidSessionTimeout);
    if ((this.#balanced.get(id)?.members.length ?? 0) > 0) return refuse(ERROR.inconsistentGroupProtocol);
    this.#balanced.delete(id);
    let group = this.#groups.get(id);
    if (group === undefined) {
      if (ask.memberId !== '') return refuse(ERROR.unknownMemberId);
      if (ask.protocolType === '' || ask.protocols.length === 0) return refuse(ERROR.inconsistentGroupProtocol);
      const made = new Group(
        id,
        this.#machine.clock,
        (prefix) => this.newId(prefix),
        this.#limits,
        () => {
          if (this.#groups.get(id) === made) this.#groups.delete(id);
        },
      );
      group = made;
      this.#groups.set(id, group);
    }
    return group.join(ask);
  }

  sync(
    id: string,
    memberId: string,
    instanceId: string | null,
    generation: number,
    shares: ReadonlyMap<string, Uint8Array>,
  ): Promise<Synced> {
    return this.#groups.get(id)?.sync(memberId, instanceId, generation, shares) ?? Promise.resolve(refusedSync(ERROR.unknownMemberId));
  }

  heartbeat(id: string, memberId: string, instanceId: string | null, generation: number): number {
    return this.#groups.get(id)?.heartbeat(memberId, instanceId, generation) ?? ERROR.unknownMemberId;
  }

  leave(id: string, memberId: string, instanceId: string | null): number {
    return this.#groups.get(id)?.leave(memberId, instanceId) ?? ERROR.unknownMemberId;
  }

  /** Whether this member may keep offsets for the group: a group without members takes them from anybody who is none. */
  checkCommit(id: string, memberId: string, instanceId: string | null, generation: number): number {
    const balanced = this.#balanced.get(id);
    if (balanced !== undefined && balanced.members.length > 0) return balanced.checkCommit(memberId, generation);
    const group = this.#groups.get(id);
    if (group !== undefined) return group.checkCommit(memberId, instanceId, generation);
    return generation < 0 ? ERROR.none : ERROR.illegalGeneration;
  }

  newId(prefix: string): string {
    const bytes = Buffer.from(this.#machine.random.bytes(16)).toString('hex');
    return `${prefix}-${bytes.slice(0, 8)}-${bytes.slice(8, 12)}-${bytes.slice(12, 16)}-${bytes.slice(16, 20)}-${bytes.slice(20)}`;
  }
}
