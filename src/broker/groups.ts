/** Groups of members that share the partitions of topics: who has which, and the hand-over when members come and go. */

import { cursorKey, type Entry, type Tenant, type Topic } from '../core/core.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/logger.ts';
import type { CursorMove, Join, MemberEvents, TopicPartition } from '../model/engine.ts';
import { offset } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import type { Ledger } from './ledger.ts';
import type { Partitions } from './partitions.ts';

/** A member that does not finish with revoked partitions in this time loses them all the same. */
const REVOKE_MS = 30_000;

/** As the journal keeps it. */
type Move = Extract<Entry, { kind: 'moved' }>['moves'][number];

const NOTE_BYTES_MAX = 4096;

export interface Member {
  readonly id: number;
  readonly join: Join;
  readonly events: MemberEvents;
  /** `topicId/partition` it may read and move. */
  readonly owned: Set<string>;
  /** Asked back, not yet finished with. */
  readonly leaving: Set<string>;
}

interface Group {
  readonly tenant: Tenant;
  readonly name: string;
  readonly members: Member[];
}

export class Groups {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ledger: Ledger;
  readonly #partitions: Partitions;
  readonly #groups = new Map<string, Group>();
  #nextId = 1;

  constructor(clock: Clock, logger: Logger, ledger: Ledger, partitions: Partitions) {
    this.#clock = clock;
    this.#logger = logger;
    this.#ledger = ledger;
    this.#partitions = partitions;
  }

  members(tenant: Tenant, name: string): number {
    return this.#groups.get(keyOf(tenant, name))?.members.length ?? 0;
  }

  reads(topic: Topic): boolean {
    for (const group of this.#groups.values()) {
      if (group.tenant.name === topic.tenant && group.members.some((m) => m.join.topics.includes(topic.spec.name))) return true;
    }
    return false;
  }

  join(tenant: Tenant, join: Join, events: MemberEvents): Member {
    for (const name of join.topics)
      if (!tenant.topics.has(name)) throw new Refused('unknown', `There is no topic "${name}". Declare it before joining a group on it.`);
    const key = keyOf(tenant, join.group);
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { tenant, name: join.group, members: [] };
      this.#groups.set(key, group);
    }
    const member: Member = { id: this.#nextId++, join, events, owned: new Set(), leaving: new Set() };
    group.members.push(member);
    this.#rebalance(group);
    return member;
  }

  leave(tenant: Tenant, name: string, member: Member): void {
    const group = this.#groups.get(keyOf(tenant, name));
    const at = group?.members.indexOf(member) ?? -1;
    if (group === undefined || at < 0) return;
    group.members.splice(at, 1);
    member.owned.clear();
    member.leaving.clear();
    if (group.members.length === 0) this.#groups.delete(keyOf(tenant, name));
    else this.#rebalance(group);
  }

  /** Topics grew or went: everybody's share is looked at again. */
  topicChanged(topic: Topic): void {
    for (const group of this.#groups.values()) if (group.tenant.name === topic.tenant) this.#rebalance(group);
  }

  /**
   * The moves as the journal keeps them; refused when the member does not own a partition. `nobody`: by hand, refused while there are
   * members; undefined: a member that is none here.
   */
  check(tenant: Tenant, name: string, member: Member | 'nobody' | undefined, moves: readonly CursorMove[]): Move[] {
    const group = this.#groups.get(keyOf(tenant, name));
    if (member === 'nobody') {
      if (group !== undefined && group.members.length > 0)
        throw new Refused('exclusive', `Group "${name}" has members, who move its cursors. Let them leave, then move them by hand.`);
    } else if (member === undefined || group?.members.includes(member) !== true) {
      throw new Refused('stale', `This is no member of group "${name}", or not any more. Join it again.`);
    }
    return moves.map((move) => {
      const topic = tenant.topics.get(move.topic);
      const ends = topic?.partitions[move.partition];
      if (topic === undefined || ends === undefined)
        throw new Refused('unknown', `There is no partition ${move.partition} of topic "${move.topic}".`);
      if (typeof member === 'object' && !member.owned.has(cursorKey(topic.id, move.partition))) {
        throw new Refused(
          'stale',
          `This member of group "${member.join.group}" no longer owns partition ${move.partition} of topic "${move.topic}": the group was shared out anew.`,
        );
      }
      const [least, most] = member === 'nobody' ? [-1, Number.MAX_SAFE_INTEGER] : [0, ends.end];
      if (!Number.isInteger(move.offset) || move.offset < least || move.offset > most) {
        throw new Refused(
          'out-of-range',
          `Offset ${move.offset} is not in partition ${move.partition} of topic "${move.topic}", which ends at ${ends.end}.`,
        );
      }
      const { note } = move;
      if (note !== undefined && Buffer.byteLength(note) > NOTE_BYTES_MAX)
        throw new Refused(
          'invalid',
          `A cursor's note may have ${NOTE_BYTES_MAX} bytes; this one has ${Buffer.byteLength(note)}. Shorten it.`,
        );
      return { topic: topic.id, partition: move.partition, offset: move.offset, ...(note !== undefined && { note }) };
    });
  }

  /** Shares out evenly, leaving what can stay where it is; then asks back what must move, then gives out what is free. */
  #rebalance(group: Group): void {
    const wanted = this.#share(group);
    for (const member of group.members) {
      const keep = wanted.get(member) ?? new Set<string>();
      const back = [...member.owned].filter((key) => !keep.has(key) && !member.leaving.has(key));
      if (back.length > 0) this.#revoke(group, member, back);
    }
    this.#giveOut(group, wanted);
  }

  #share(group: Group): Map<Member, Set<string>> {
    const wanted = new Map<Member, Set<string>>(group.members.map((m) => [m, new Set<string>()]));
    const topics = new Set(group.members.flatMap((m) => [...m.join.topics]));
    for (const name of [...topics].sort()) {
      const topic = group.tenant.topics.get(name);
      if (topic === undefined) continue;
      const takers = group.members.filter((m) => m.join.topics.includes(name));
      const keys = topic.partitions.map((_, p) => cursorKey(topic.id, p));
      const most = Math.ceil(keys.length / takers.length);
      const least = Math.floor(keys.length / takers.length);
      let extra = keys.length - least * takers.length;
      const room = new Map<Member, number>();
      for (const member of takers) {
        const mine = keys.filter((key) => member.owned.has(key) && !member.leaving.has(key));
        const share = mine.length > least && extra > 0 ? most : least;
        if (share > least) extra--;
        for (const key of mine.slice(0, share)) wanted.get(member)?.add(key);
        room.set(member, share - Math.min(share, mine.length));
      }
      const free = keys.filter((key) => !takers.some((m) => wanted.get(m)?.has(key)));
      for (const key of free) {
        const member =
          takers.find((m) => (room.get(m) ?? 0) > 0) ??
          takers.toSorted((a, b) => (wanted.get(a)?.size ?? 0) - (wanted.get(b)?.size ?? 0))[0];
        if (member === undefined) continue;
        wanted.get(member)?.add(key);
        room.set(member, (room.get(member) ?? 0) - 1);
      }
    }
    return wanted;
  }

  #revoke(group: Group, member: Member, keys: readonly string[]): void {
    for (const key of keys) member.leaving.add(key);
    let over = false;
    const finish = () => {
      if (over) return;
      over = true;
      stop();
      for (const key of keys) {
        member.owned.delete(key);
        member.leaving.delete(key);
      }
      if (group.members.length > 0) this.#ledger.run(() => this.#giveOut(group, this.#share(group))).catch(() => undefined);
    };
    const stop = this.#clock.after(REVOKE_MS, () => {
      this.#logger.warn('group.revoke-late', { group: group.name, member: member.id });
      finish();
    });
    member.events.revoked(keys.map((key) => this.#partitionOf(key))).then(finish, finish);
  }

  /** Gives every wanted partition that nobody holds to its new owner. */
  #giveOut(group: Group, wanted: Map<Member, Set<string>>): void {
    for (const [member, keys] of wanted) {
      const fresh = [...keys].filter((key) => !group.members.some((m) => m.owned.has(key)));
      if (fresh.length === 0) continue;
      for (const key of fresh) member.owned.add(key);
      this.#begin(group, member, fresh);
      const cursors = group.tenant.groups.get(group.name);
      member.events.assigned(fresh.map((key) => ({ ...this.#partitionOf(key), offset: offset(cursors?.get(key)?.offset ?? 0) })));
    }
  }

  /** Where a partition without a cursor begins is decided once and kept: the next owner must not begin later and miss records. */
  #begin(group: Group, member: Member, keys: readonly string[]): void {
    const cursors = group.tenant.groups.get(group.name);
    const moves: Move[] = [];
    for (const key of keys) {
      const [id, partition] = key.split('/').map(Number);
      const topic = this.#ledger.state.topics.get(id ?? 0);
      const ends = topic?.partitions[partition ?? 0];
      if (topic === undefined || ends === undefined || partition === undefined) continue;
      const known = cursors?.get(key)?.offset;
      const at = known ?? (member.join.from === 'earliest' ? ends.start : this.#partitions.stableEnd(topic, partition));
      // One moved by hand may stand anywhere: it begins at what is there.
      const there = Math.max(ends.start, Math.min(at, ends.end));
      if (there !== known) moves.push({ topic: topic.id, partition, offset: there });
    }
    if (moves.length > 0) this.#ledger.record([{ kind: 'moved', tenant: group.tenant.name, group: group.name, moves }]);
  }

  #partitionOf(key: string): TopicPartition {
    const [id, partition] = key.split('/');
    return { topic: this.#ledger.state.topics.get(Number(id))?.spec.name ?? '', partition: Number(partition) };
  }
}

function keyOf(tenant: Tenant, name: string): string {
  return `${tenant.name}\n${name}`;
}
