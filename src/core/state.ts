/** The durable state of the broker: what replaying the journal gives. Only `apply.ts` changes it. */

import type { QueueSpec, TenantSpec, TopicSpec, UserSpec } from '../model/declaration.ts';
import { DEFAULT_TENANT } from '../model/message.ts';
import type { ProducerBatch } from './entry.ts';
import type { Queue } from './queue/queue.ts';
import { Router } from './routing/routing.ts';
import type { Uncommitted } from './uncommitted.ts';

/** Messages not settled per journal segment: at none, the segment may go. */
export class SegmentLive {
  readonly #counts = new Map<number, number>();

  add(segment: number, count: number): void {
    const now = (this.#counts.get(segment) ?? 0) + count;
    if (now === 0) this.#counts.delete(segment);
    else this.#counts.set(segment, now);
  }

  count(segment: number): number {
    return this.#counts.get(segment) ?? 0;
  }

  total(): number {
    let sum = 0;
    for (const count of this.#counts.values()) sum += count;
    return sum;
  }
}

/** A partition's two ends; its records are the log's. */
export interface PartitionEnds {
  start: number;
  end: number;
  /** Absent: no transaction was ever open here. */
  uncommitted?: Uncommitted;
}

/** Up to where everything in the partition is committed or aborted. */
export function stableEnd({ start, end, uncommitted }: PartitionEnds): number {
  return uncommitted === undefined ? end : Math.max(start, uncommitted.stable(end));
}

export class Topic {
  readonly id: number;
  readonly tenant: string;
  spec: TopicSpec;
  readonly partitions: PartitionEnds[] = [];
  /** Where keyless messages go next. Not durable: any choice is right. */
  turn = 0;

  constructor(id: number, tenant: string, spec: TopicSpec) {
    this.id = id;
    this.tenant = tenant;
    this.spec = spec;
    this.grow(spec.partitions ?? 1);
  }

  grow(count: number): void {
    while (this.partitions.length < count) this.partitions.push({ start: 0, end: 0 });
  }
}

/** The next offset to read, and what its mover noted beside it. */
export interface Cursor {
  readonly offset: number;
  readonly note?: string;
}

/** A group's cursors by `topicId/partition`. */
export type Cursors = Map<string, Cursor>;

export function cursorKey(topic: number, partition: number): string {
  return `${topic}/${partition}`;
}

export type Destination = { readonly kind: 'queue'; readonly queue: Queue } | { readonly kind: 'topic'; readonly topic: Topic };

/** Everything with a name lives in a tenant. */
export class Tenant {
  readonly name: string;
  readonly queues: Map<string, Queue> = new Map();
  readonly topics: Map<string, Topic> = new Map();
  readonly groups: Map<string, Cursors> = new Map();
  /** Last value per address, as a record. */
  readonly retained: Map<string, Uint8Array> = new Map();
  readonly router: Router<Destination>;
  readonly #destinations = new Map<Queue | Topic, Destination>();

  constructor(name: string) {
    this.name = name;
    this.router = new Router((kind, target) => {
      if (kind === 'queue') {
        const queue = this.queues.get(target);
        return queue && this.#destination(queue, () => ({ kind, queue }));
      }
      const topic = this.topics.get(target);
      return topic && this.#destination(topic, () => ({ kind, topic }));
    });
  }

  /** Who is reached by name alone: the queue, or the topic when there is no such queue. */
  named(name: string): Destination | undefined {
    const queue = this.queues.get(name);
    if (queue !== undefined) return this.#destination(queue, () => ({ kind: 'queue', queue }));
    const topic = this.topics.get(name);
    return topic && this.#destination(topic, () => ({ kind: 'topic', topic }));
  }

  /** One object per destination, so that routes can be compared by identity. */
  #destination(of: Queue | Topic, make: () => Destination): Destination {
    let found = this.#destinations.get(of);
    if (found === undefined) {
      found = make();
      this.#destinations.set(of, found);
    }
    return found;
  }

  /** Nothing was ever declared in it, or all of it was removed. */
  get isEmpty(): boolean {
    const { queues, topics, groups, retained, router } = this;
    return queues.size + topics.size + groups.size + retained.size === 0 && router.isUntouched;
  }

  forget(gone: Queue | Topic): void {
    this.#destinations.delete(gone);
  }
}

export interface Line {
  next: number;
  recent: ProducerBatch[];
}

/** Cursors of one group that move when a transaction is committed. */
export interface OpenGroup {
  readonly tenant: string;
  readonly group: string;
  readonly cursors: Cursors;
}

/** What a producer has under way. */
export interface Open {
  readonly beganMs: number;
  /** `topicId/partition`: there its mark will stand. */
  readonly partitions: Set<string>;
  /** By tenant and name. */
  readonly groups: Map<string, OpenGroup>;
  /** Part of it is gone when the broker is opened again. */
  passing: boolean;
}

/** How long a transaction may be open, unless its producer says otherwise. */
export const OPEN_MS = 60_000;

export interface Producer {
  readonly id: number;
  epoch: number;
  readonly name: string | undefined;
  /** How long its transactions may be open. */
  readonly openMs: number;
  open: Open | undefined;
  /** How its last transaction ended, and in which epoch it was asked for: for who asks again. */
  ended: { readonly epoch: number; readonly outcome: 'commit' | 'abort' } | undefined;
  /** By what is counted by itself: an address, or the name the publisher gave the line. */
  readonly lines: Map<string, Line>;
}

export class State {
  readonly tenants: Map<string, Tenant> = new Map();
  readonly queues: Map<number, Queue> = new Map();
  readonly topics: Map<number, Topic> = new Map();
  readonly users: Map<string, UserSpec> = new Map();
  /** Those that were declared; others come by being used. */
  readonly tenantSpecs: Map<string, TenantSpec> = new Map();
  readonly producers: Map<number, Producer> = new Map();
  readonly producerNames: Map<string, number> = new Map();
  /** Those with an open transaction. */
  readonly open: Set<Producer> = new Set();
  readonly segmentLive: SegmentLive = new SegmentLive();
  /** Queues, topics: one line of ids, never used twice. */
  nextId = 1;
  nextLease = 1;
  nextProducer = 1;
  /** The latest time any entry knew: time never runs backwards across a restart. */
  nowMs = 0;
  /** Made once for this data. */
  identity = '';

  tenant(name: string = DEFAULT_TENANT): Tenant {
    let tenant = this.tenants.get(name);
    if (tenant === undefined) {
      tenant = new Tenant(name);
      this.tenants.set(name, tenant);
    }
    return tenant;
  }

  /** Names of the tenants there are: the default one, and those that were declared, hold something, or are a user's. */
  tenantNames(): Set<string> {
    const names = new Set([DEFAULT_TENANT, ...this.tenantSpecs.keys()]);
    for (const tenant of this.tenants.values()) if (!tenant.isEmpty) names.add(tenant.name);
    for (const { tenant = DEFAULT_TENANT, tenants = {} } of this.users.values())
      for (const name of [tenant, ...Object.keys(tenants)]) names.add(name);
    return names;
  }

  producerNamed(name: string): Producer | undefined {
    const id = this.producerNames.get(name);
    return id === undefined ? undefined : this.producers.get(id);
  }
}

export function isDurable(spec: QueueSpec): boolean {
  return spec.durable !== false;
}
