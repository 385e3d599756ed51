/** A checkpoint: the state restated as entries, so that the journal before it can be forgotten. */

import { DEFAULT_TENANT } from '../model/message.ts';
import { ownBinding } from './apply.ts';
import type { Entry } from './entry.ts';
import type { Producer, State, Topic } from './state.ts';
import type { Uncommitted } from './uncommitted.ts';

/** Entries that, applied in order to an empty state, give this one. */
export function* restate(state: State): Generator<Entry> {
  for (const spec of state.users.values()) yield { kind: 'declared', id: 0, tenant: spec.tenant ?? '/', spec, nowMs: state.nowMs };
  for (const spec of state.tenantSpecs.values()) yield { kind: 'declared', id: 0, tenant: spec.name, spec, nowMs: state.nowMs };
  for (const tenant of state.tenants.values()) {
    const { name } = tenant;
    for (const spec of tenant.router.exchanges())
      if (!tenant.router.isBuiltin(spec.name)) yield { kind: 'declared', id: 0, tenant: name, spec, nowMs: state.nowMs };
    for (const topic of tenant.topics.values()) {
      yield { kind: 'declared', id: topic.id, tenant: name, spec: topic.spec, nowMs: state.nowMs };
      for (let p = 0; p < topic.partitions.length; p++) {
        const { start, end } = topic.partitions[p] ?? { start: 0, end: 0 };
        if (end > 0) yield { kind: 'partition', topic: topic.id, partition: p, start, end };
        yield* restateUncommitted(topic, p);
      }
    }
    for (const queue of tenant.queues.values()) {
      yield { kind: 'declared', id: queue.id, tenant: name, spec: queue.spec, nowMs: state.nowMs };
      for (const piece of queue.restate()) yield { kind: 'queue-state', queue: queue.id, piece };
    }
    for (const binding of tenant.router.bindings()) {
      const topic = binding.to.kind === 'topic' ? tenant.topics.get(binding.to.name) : undefined;
      if (
        topic !== undefined &&
        binding.exchange === ownBinding(topic.spec).exchange &&
        binding.pattern === topic.spec.name &&
        !binding.filter &&
        !binding.transform &&
        !binding.labels
      )
        continue;
      yield { kind: 'bound', tenant: name, binding };
    }
    for (const [group, cursors] of tenant.groups) {
      const moves = [...cursors].map(([key, cursor]) => {
        const [topic, partition] = key.split('/');
        return { topic: Number(topic), partition: Number(partition), ...cursor };
      });
      yield { kind: 'moved', tenant: name, group, moves };
    }
    for (const [address, record] of tenant.retained) yield { kind: 'retained', tenant: name, address, record };
  }
  for (const producer of state.producers.values()) {
    const { id, epoch, name, openMs, ended } = producer;
    yield { kind: 'producer', id, epoch, name, openMs, ...(ended && { ended }) };
    yield* restateOpen(producer);
    if (producer.lines.size > 0) {
      yield { kind: 'sequences', id: producer.id, lines: [...producer.lines].map(([name, line]) => ({ line: name, ...line })) };
    }
  }
  const { nextId, nextLease, nextProducer, nowMs, identity } = state;
  yield { kind: 'counters', nextId, nextLease, nextProducer, nowMs, identity };
}

/** Entries stay small however much was aborted. */
const PIECE = 500;

function* restateUncommitted(topic: Topic, partition: number): Generator<Entry> {
  const uncommitted = topic.partitions[partition]?.uncommitted;
  if (uncommitted === undefined) return;
  const { aborted, abortedRuns, open } = uncommitted;
  const of = { kind: 'uncommitted', topic: topic.id, partition, aborted: [], runs: [], open: [] } as const;
  // That there has been a transaction is worth remembering by itself: its marks stand in the log.
  yield of;
  for (let at = 0; at < aborted.length; at += PIECE) yield { ...of, aborted: aborted.slice(at, at + PIECE) };
  for (let at = 0; at < abortedRuns.length; at += 2 * PIECE) yield { ...of, runs: abortedRuns.slice(at, at + 2 * PIECE) };
  for (const [producer, runs] of open)
    for (let at = 0; at < runs.length; at += 2 * PIECE) yield { ...of, open: [{ producer, runs: runs.slice(at, at + 2 * PIECE) }] };
}

function* restateOpen({ id, open }: Producer): Generator<Entry> {
  if (open === undefined) return;
  const of = { kind: 'included', producer: id, nowMs: open.beganMs, tenant: DEFAULT_TENANT, partitions: [], groups: [] } as const;
  const partitions = [...open.partitions].map((key) => placeOf(key));
  yield { ...of, ...(open.passing && { passing: true }) };
  for (let at = 0; at < partitions.length; at += PIECE) yield { ...of, partitions: partitions.slice(at, at + PIECE) };
  for (const { tenant, group, cursors } of open.groups.values()) {
    yield { ...of, tenant, groups: [group] };
    const moves = [...cursors].map(([key, cursor]) => ({ ...placeOf(key), ...cursor }));
    for (let at = 0; at < moves.length; at += PIECE) yield { ...of, tenant, move: { group, moves: moves.slice(at, at + PIECE) } };
  }
}

function placeOf(key: string): { readonly topic: number; readonly partition: number } {
  const [topic, partition] = key.split('/');
  return { topic: Number(topic), partition: Number(partition) };
}

/** The state as one line of text: equal states give equal lines. For the simulator and tests; walks everything. */
export function digest(state: State): string {
  const parts: unknown[] = [state.nextId, state.nextLease, state.nextProducer, state.identity];
  for (const name of [...state.tenants.keys()].sort()) {
    const tenant = state.tenant(name);
    // Looking at a tenant makes it; one that holds nothing is as if it were not there.
    if (tenant.isEmpty) continue;
    parts.push(name, tenant.router.digest());
    for (const queue of sorted(tenant.queues)) parts.push(queue[0], queue[1].id, queue[1].spec, queue[1].digest());
    for (const [topicName, topic] of sorted(tenant.topics))
      parts.push(
        topicName,
        topic.id,
        topic.spec,
        topic.partitions.map((p) => [p.start, p.end, ...uncommittedDigest(p.uncommitted)]),
      );
    for (const [group, cursors] of sorted(tenant.groups)) parts.push(group, sorted(cursors));
    for (const [address, record] of sorted(tenant.retained)) parts.push(address, Buffer.from(record).toString('base64'));
  }
  for (const [name, user] of sorted(state.users)) parts.push(name, user);
  for (const [name, spec] of sorted(state.tenantSpecs)) parts.push(name, spec);
  for (const producer of [...state.producers.values()].sort((a, b) => a.id - b.id))
    parts.push([producer.id, producer.epoch, producer.name, sorted(producer.lines), producer.openMs, producer.ended, openDigest(producer)]);
  return JSON.stringify(parts);
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function uncommittedDigest(uncommitted: Uncommitted | undefined): unknown[] {
  if (uncommitted === undefined) return [];
  const { open, aborted, abortedRuns } = uncommitted;
  return [
    [...open].sort(([a], [b]) => a - b),
    aborted.map(({ producer, first, mark, stable }) => [producer, first, mark, stable]),
    abortedRuns,
  ];
}

function openDigest({ open }: Producer): unknown {
  if (open === undefined) return undefined;
  const groups = sorted(open.groups).map(([key, { cursors }]) => [key, sorted(cursors)]);
  return [open.beganMs, [...open.partitions].sort(), groups, open.passing];
}
