/** Transactions that are open in the log: what is included, how they end, and what is told of them. */

import { claimed, decideEnd, type EndDecision, type Entry, type Producer, type Tenant } from '../core/core.ts';
import type { CursorMove, End, Include, OpenTransaction, ProducerState } from '../model/engine.ts';
import { offset } from '../model/lines.ts';
import { DEFAULT_TENANT } from '../model/message.ts';
import { isRefusal, Refused } from '../model/refusal.ts';
import { checkName } from './checks.ts';
import type { House } from './house.ts';

type Included = Extract<Entry, { kind: 'included' }>;

/** Names live in tenants: nobody fences a stranger's producer. */
export function producerName(tenant: Tenant, name: string): string {
  return tenant.name === DEFAULT_TENANT ? name : `${tenant.name}\n${name}`;
}

/** Nothing when all of it belongs to the transaction already. Throws `Refused`. */
export function decideInclude({ ledger, groups }: House, tenant: Tenant, asked: Include, nowMs: number): readonly Entry[] {
  const producer = claimed(ledger.state, { ...asked.producer, name: producerName(tenant, asked.producer.name) });
  if (isRefusal(producer)) throw Refused.of(producer);
  const { open } = producer;
  const partitions = (asked.partitions ?? []).map(({ topic: name, partition }) => {
    const topic = tenant.topics.get(name);
    if (topic?.partitions[partition] === undefined) throw new Refused('unknown', `There is no partition ${partition} of topic "${name}".`);
    return { topic: topic.id, partition };
  });
  for (const group of [...(asked.groups ?? []), ...(asked.move === undefined ? [] : [asked.move.group])]) checkName('group', group);
  if (asked.move !== undefined && asked.move.includes !== true && open?.groups.has(`${tenant.name}\n${asked.move.group}`) !== true)
    throw new Refused('stale', `Group "${asked.move.group}" does not belong to an open transaction of producer ${producer.id}.`);
  const move = asked.move && { group: asked.move.group, moves: groups.check(tenant, asked.move.group, 'nobody', asked.move.moves) };
  const isKnown =
    open !== undefined &&
    partitions.every(({ topic, partition }) => open.partitions.has(`${topic}/${partition}`)) &&
    (asked.groups ?? []).every((group) => open.groups.has(`${tenant.name}\n${group}`)) &&
    (asked.passing !== true || open.passing) &&
    move === undefined;
  if (isKnown) return [];
  const entry: Included = {
    kind: 'included',
    producer: producer.id,
    nowMs,
    tenant: tenant.name,
    partitions,
    groups: asked.groups ?? [],
    ...(move && { move }),
    ...(asked.passing === true && { passing: true }),
  };
  return [entry];
}

/** Throws `Refused`. */
export function decideEndOf({ ledger }: House, tenant: Tenant, { producer, outcome, bump = false }: End, nowMs: number): EndDecision {
  const decided = decideEnd(ledger.state, { ...producer, name: producerName(tenant, producer.name) }, outcome, bump, nowMs);
  if (isRefusal(decided)) throw Refused.of(decided);
  return decided;
}

/** Those of this tenant. */
export function producersOf({ ledger }: House, tenant: Tenant, onlyOpen: boolean): ProducerState[] {
  const { state } = ledger;
  const prefix = producerName(tenant, '');
  const found: ProducerState[] = [];
  for (const { id, epoch, name, openMs, ended, open } of onlyOpen ? state.open : state.producers.values()) {
    const isMine = name?.startsWith(prefix) === true && !name.slice(prefix.length).includes('\n');
    if (name === undefined || !isMine) continue;
    const told = open && { open: openOf(ledger.state.topics, id, open) };
    found.push({ name: name.slice(prefix.length), id, epoch, openMs, ...(ended && { ended: ended.outcome }), ...told });
  }
  return found;
}

function openOf(topics: House['ledger']['state']['topics'], id: number, open: NonNullable<Producer['open']>): OpenTransaction {
  const placeOf = (key: string) => {
    const [topicId, partition = 0] = key.split('/').map(Number);
    const topic = topics.get(topicId ?? 0);
    return { topic: topic?.spec.name ?? '', partition, first: topic?.partitions[partition]?.uncommitted?.firstOf(id) };
  };
  return {
    beganMs: open.beganMs,
    partitions: [...open.partitions].map((key) => {
      const { topic, partition, first } = placeOf(key);
      return { topic, partition, ...(first !== undefined && { first: offset(first) }) };
    }),
    groups: [...open.groups.values()].map(({ group }) => group),
    moves: [...open.groups.values()].map(({ group, cursors }) => ({
      group,
      moves: [...cursors].map(([key, { offset: at, note }]): CursorMove => {
        const { topic, partition } = placeOf(key);
        return { topic, partition, offset: offset(at), ...(note !== undefined && { note }) };
      }),
    })),
  };
}
