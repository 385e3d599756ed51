/** How declared things are doing, and the figures for metrics. */

import type { Tenant } from '../core/core.ts';
import type { Kind } from '../model/declaration.ts';
import type { Description } from '../model/engine.ts';
import { offset } from '../model/lines.ts';
import type { House } from './house.ts';

export async function describe(house: House, tenant: Tenant, kind: Kind, name: string, brief: boolean): Promise<Description | undefined> {
  switch (kind) {
    case 'topic':
      return describeTopic(house, tenant, name, brief);
    case 'queue':
      return describeQueue(house, tenant, name);
    case 'exchange': {
      const spec = tenant.router.exchange(name);
      return spec && { kind, spec, bindings: [...tenant.router.bindingsOf(name)] };
    }
    case 'group':
      return describeGroup(house, tenant, name);
    case 'user': {
      const spec = house.ledger.state.users.get(name);
      if (spec === undefined) return undefined;
      const { secrets: _hidden, ...shown } = spec;
      return { kind, spec: shown };
    }
    case 'tenant': {
      const { state } = house.ledger;
      return state.tenantNames().has(name) ? { kind, spec: state.tenantSpecs.get(name) ?? { kind, name } } : undefined;
    }
  }
}

async function describeTopic({ partitions }: House, tenant: Tenant, name: string, brief: boolean): Promise<Description | undefined> {
  const topic = tenant.topics.get(name);
  if (topic === undefined) return undefined;
  return {
    kind: 'topic',
    id: topic.id,
    spec: topic.spec,
    partitions: topic.partitions.map(({ start }, partition) => ({
      partition,
      start: offset(start),
      end: partitions.safeEnd(topic, partition),
      stable: partitions.stableEnd(topic, partition),
    })),
    ...(!brief && { sizeBytes: await partitions.sizeBytes(topic) }),
  };
}

function describeQueue({ queues }: House, tenant: Tenant, name: string): Description | undefined {
  const queue = tenant.queues.get(name);
  if (queue === undefined) return undefined;
  const { spec, ready, delayed, inFlight, sizeBytes, totals } = queue;
  return {
    kind: 'queue',
    spec,
    ready,
    delayed,
    inFlight,
    sizeBytes,
    totals: { ...totals },
    consumers: queues.consumers.of(queue)?.count ?? 0,
  };
}

function describeGroup({ groups, ledger, partitions }: House, tenant: Tenant, name: string): Description | undefined {
  const known = tenant.groups.get(name);
  const members = groups.members(tenant, name);
  if (known === undefined && members === 0) return undefined;
  const cursors = [...(known ?? [])].flatMap(([key, { offset: at, note }]) => {
    const [id, partition] = key.split('/').map(Number);
    const topic = ledger.state.topics.get(id ?? 0);
    if (topic === undefined || partition === undefined) return [];
    const lag = Math.max(0, partitions.stableEnd(topic, partition) - at);
    return [{ topic: topic.spec.name, partition, offset: offset(at), lag, ...(note !== undefined && { note }) }];
  });
  return { kind: 'group', name, members, cursors };
}

export function metricsOf({ ledger, queues }: House): ReadonlyMap<string, number> {
  const { state, journal, gate } = ledger;
  let ready = 0;
  let delayed = 0;
  let inFlight = 0;
  let published = 0;
  let acked = 0;
  for (const queue of state.queues.values()) {
    ready += queue.ready;
    delayed += queue.delayed;
    inFlight += queue.inFlight;
    published += queue.totals.published;
    acked += queue.totals.acked;
  }
  return new Map([
    ['queues', state.queues.size],
    ['topics', state.topics.size],
    ['messages_ready', ready],
    ['messages_delayed', delayed],
    ['messages_in_flight', inFlight],
    ['queue_messages_published_total', published],
    ['queue_messages_acked_total', acked],
    ['consumers', queues.consumers.count],
    ['journal_bytes', journal.sizeBytes],
    ['journal_pending_bytes', journal.pendingBytes],
    ['journal_position', journal.tip],
    ['journal_syncs', ledger.syncs],
    ['journal_safe_position', journal.safe],
    ['confirms_waiting', gate.waiting],
    ['disk_full', journal.tight ? 1 : 0],
  ]);
}
