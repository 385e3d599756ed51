/** Where a batch goes: the route of its address, the records each target takes, the partitions of a topic. */

import type { Message } from '../model/message.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Batch } from './batch.ts';
import type { PartitionTarget } from './entry.ts';
import { pick } from './picks.ts';
import type { Route, Target, Transform } from './routing/routing.ts';
import type { Destination, Tenant, Topic } from './state.ts';

export function routeOf(tenant: Tenant, exchange: string, address: string): Route<Destination> | Refusal {
  if (exchange === '') {
    const queue = tenant.queues.get(address);
    if (queue === undefined) return refuse('unknown', `There is no queue "${address}". Declare it before sending to it.`);
    return { exists: true, targets: [{ to: { kind: 'queue', queue }, transform: undefined }], conditional: [] };
  }
  const route = tenant.router.route(exchange, address);
  if (!route.exists) return refuse('unknown', `There is no exchange "${exchange}". Declare it before publishing to it.`);
  if (tenant.router.exchange(exchange)?.internal === true) {
    return refuse('forbidden', `Exchange "${exchange}" is internal: only bindings feed it. Publish to the exchange it is bound to.`);
  }
  return route;
}

/** Every target with the records it takes; those that depend on the message are asked message by message. */
export function* targetsOf(
  route: Route<Destination>,
  message: (i: number) => Message,
  count: number,
  without: ReadonlySet<number> = new Set(),
): Generator<{ to: Destination; transform: Transform | undefined; picks: Uint32Array | undefined }> {
  const all = without.size === 0 ? undefined : pick(count, (i) => !without.has(i));
  const seen = new Map<Destination, Target<Destination>>();
  for (const target of route.targets) {
    if (target.transform === undefined) seen.set(target.to, target);
    yield { to: target.to, transform: target.transform, picks: all };
  }
  if (route.conditional.length === 0) return;
  // Several conditional bindings to one target give it one copy of each message, as do static ones.
  const byTarget = new Map<Destination, Map<Transform | undefined, ((m: Message) => boolean)[]>>();
  for (const { target, test } of route.conditional) {
    if (target.transform === undefined && seen.has(target.to)) continue;
    const transforms = byTarget.get(target.to) ?? new Map();
    byTarget.set(target.to, transforms);
    transforms.set(target.transform, [...(transforms.get(target.transform) ?? []), test]);
  }
  for (const [to, transforms] of byTarget) {
    for (const [transform, tests] of transforms) {
      const picks = pick(count, (i) => !without.has(i) && tests.some((test) => test(message(i))));
      if (picks.length > 0) yield { to, transform, picks };
    }
  }
}

/** A topic's share, one target per partition: by the partition asked for, else by key, else in turn (one partition a batch). */
export function place(batch: Batch, topic: Topic, picks: Uint32Array | undefined): PartitionTarget[] {
  const n = topic.partitions.length;
  const { columns, records } = batch;
  if (n === 1) return [{ topic: topic.id, partition: 0, picks }];
  const turn = topic.turn++ % n;
  if (columns?.partition === undefined && columns?.keyHash === undefined) return [{ topic: topic.id, partition: turn, picks }];
  const by = new Map<number, number[]>();
  const count = picks?.length ?? records.count;
  for (let k = 0; k < count; k++) {
    const i = picks?.[k] ?? k;
    const asked = columns.partition?.[i] ?? -1;
    const hash = columns.keyHash?.[i] ?? -1;
    const partition = asked >= 0 ? Math.min(asked, n - 1) : hash >= 0 ? hash % n : turn;
    const list = by.get(partition);
    if (list === undefined) by.set(partition, [i]);
    else list.push(i);
  }
  if (by.size === 1) for (const [partition] of by) return [{ topic: topic.id, partition, picks }];
  return [...by].map(([partition, list]) => ({ topic: topic.id, partition, picks: Uint32Array.from(list) }));
}
