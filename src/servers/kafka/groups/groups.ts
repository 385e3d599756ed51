/** The door of the groups: all of the classic protocol at this door, each in its tenant. */

import type { Principal } from '../../../model/engine.ts';
import { DEFAULT_TENANT } from '../../../model/message.ts';
import { ERROR } from '../../../wire/kafka/kafka.ts';
import type { KafkaLimits } from '../limits.ts';
import type { Machine } from '../machine.ts';
import { Group, refusedJoin, refusedSync } from './group.ts';
import type { JoinAsk, Joined, Synced } from './member.ts';

export type { Group, GroupState } from './group.ts';

export class Coordinator {
  readonly #machine: Machine;
  readonly #limits: KafkaLimits;
  /** By tenant and name. */
  readonly #groups = new Map<string, Map<string, Group>>();

  constructor(machine: Machine, limits: KafkaLimits) {
    this.#machine = machine;
    this.#limits = limits;
  }

  of(principal: Principal | undefined): TenantGroups {
    const tenant = principal?.tenant ?? DEFAULT_TENANT;
    let groups = this.#groups.get(tenant);
    if (groups === undefined) {
      groups = new Map();
      this.#groups.set(tenant, groups);
    }
    return new TenantGroups(groups, this.#machine, this.#limits);
  }

  /** Ends every wait. */
  close(): void {
    for (const groups of this.#groups.values()) for (const group of groups.values()) group.close(ERROR.coordinatorNotAvailable);
    this.#groups.clear();
  }
}

/** The groups of one tenant. */
export class TenantGroups {
  readonly #groups: Map<string, Group>;
  readonly #machine: Machine;
  readonly #limits: KafkaLimits;

  constructor(groups: Map<string, Group>, machine: Machine, limits: KafkaLimits) {
    this.#groups = groups;
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

  join(id: string, ask: JoinAsk): Promise<Joined> {
    const refuse = (errorCode: number) => Promise.resolve(refusedJoin(errorCode, ask.memberId));
    if (id === '') return refuse(ERROR.invalidGroupId);
    const { sessionTimeoutMinMs, sessionTimeoutMaxMs } = this.#limits;
    if (ask.sessionMs < sessionTimeoutMinMs || ask.sessionMs > sessionTimeoutMaxMs) return refuse(ERROR.invalidSessionTimeout);
    let group = this.#groups.get(id);
    if (group === undefined) {
      if (ask.memberId !== '') return refuse(ERROR.unknownMemberId);
      if (ask.protocolType === '' || ask.protocols.length === 0) return refuse(ERROR.inconsistentGroupProtocol);
      const made = new Group(
        id,
        this.#machine.clock,
        (prefix) => this.#newId(prefix),
        this.#limits.groupMembersMax,
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
    const group = this.#groups.get(id);
    if (group !== undefined) return group.checkCommit(memberId, instanceId, generation);
    return generation < 0 ? ERROR.none : ERROR.illegalGeneration;
  }

  #newId(prefix: string): string {
    const bytes = Buffer.from(this.#machine.random.bytes(16)).toString('hex');
    return `${prefix}-${bytes.slice(0, 8)}-${bytes.slice(8, 12)}-${bytes.slice(12, 16)}-${bytes.slice(16, 20)}-${bytes.slice(20)}`;
  }
}
