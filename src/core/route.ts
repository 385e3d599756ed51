/** Where a batch goes: the route of its address, the records each target takes, the partitions of a topic. */

import type { Publish } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Batch } from './batch.ts';
import type { PartitionTarget } from './entry.ts';
import { pick } from './picks.ts';
import { alsoTo, type Route, type Target, type Transform } from './routing/routing.ts';
import type { Destination, Tenant, Topic } from './state.ts';

export function routeOf(tenant: Tenant, exchange: string, address: string): Route<Destination> | Refusal {
  if (exchange === '') {
    const to = tenant.named(address);
    if (to === undefined) return refuse('unknown', `There is no queue "${address}". Declare it before sending to it.`);
    return { exists: true, targets: [{ to, transform: undefined }], conditional: [] };
  }
  const route = tenant.router.route(exchange, address);
  return route.exists ? route : refuse('unknown', `There is no exchange "${exchange}". Declare it before publishing to it.`);
}

/** The route of a publish: of its address and of those it names besides. What several of them reach stands there once. */
export function routeOfAll(tenant: Tenant, { exchange = MAIN_LINE, address, also = [], mayMiss }: Publish): Route<Destination> | Refusal {
  const routes: Route<Destination>[] = [];
  for (const one of also.length === 0 ? [address] : new Set([address, ...also])) {
    const route = routeOf(tenant, exchange, one);
    if (!isRefusal(route)) routes.push(route);
    // Of further addresses none has to be there.
    else if (exchange !== '' || (one === address && mayMiss !== true)) return route;
  }
  const only = routes[0] ?? NOWHERE;
  if (routes.length <= 1) return only;
  const targets = distinct(routes.flatMap((route) => route.targets));
  const conditional = routes.flatMap((route) => route.conditional);
  const besides = (message: Message) => distinct([...targets, ...routes.flatMap((route) => alsoTo(route, message))]).slice(targets.length);
  return { exists: true, targets, conditional, also: besides };
}

const NOWHERE: Route<Destination> = { exists: true, targets: [], conditional: [] };

/** In their order, each destination once for each transform. */
function distinct(targets: readonly Target<Destination>[]): Target<Destination>[] {
  const seen = new Map<Destination, Set<Transform | undefined>>();
  return targets.filter(({ to, transform }) => {
    const known = seen.get(to) ?? new Set();
    seen.set(to, known);
    return !known.has(transform) && known.add(transform);
  });
}

/** What one target takes: all records, or those picked. */
export interface Share {
  readonly to: Destination;
  readonly transform: Transform | undefined;
  readonly picks: Uint32Array | undefined;
}

/** Every target with its share; those that depend on the message are asked message by message. No target stands twice without transform. */
export function sharesOf(
  route: Route<Destination>,
  message: (i: number) => Message,
  count: number,
  without: ReadonlySet<number>,
): readonly Share[] {
  const all = without.size === 0 ? undefined : pick(count, (i) => !without.has(i));
  if (all?.length === 0) return [];
  const shares: Share[] = [];
  for (const { to, transform } of route.targets) shares.push({ to, transform, picks: all });
  if (route.conditional.length === 0) return shares;
  const chosen = new Map<Target<Destination>, number[]>();
  for (let i = 0; i < count; i++) {
    if (without.has(i)) continue;
    for (const target of alsoTo(route, message(i))) {
      const list = chosen.get(target);
      if (list === undefined) chosen.set(target, [i]);
      else list.push(i);
    }
  }
  for (const [{ to, transform }, list] of chosen) shares.push({ to, transform, picks: Uint32Array.from(list) });
  return shares;
}

/**
 * The shares of destinations that transforms have a hand in, taken out of `shares`: what such a destination gets is an entry of its own,
 * in the order of the batch, whether as it is or transformed. But what goes as it is into `told`, whose places the publisher is told, stays.
 */
export function takeMade(shares: readonly Share[], told?: Topic): { readonly plain: readonly Share[]; readonly made: Made } {
  if (shares.every(({ transform }) => transform === undefined)) return { plain: shares, made: NOTHING_MADE };
  const made = new Map<Destination, Share[]>();
  for (const { to, transform } of shares) if (transform !== undefined) made.set(to, []);
  const plain: Share[] = [];
  for (const share of shares) {
    const { to, transform } = share;
    const list = transform === undefined && to.kind === 'topic' && to.topic === told ? undefined : made.get(to);
    (list ?? plain).push(share);
  }
  return { plain, made };
}

export type Made = ReadonlyMap<Destination, readonly Share[]>;

const NOTHING_MADE: Made = new Map();

/** Which record of the batch, and what is to be made of it. */
export interface Making {
  readonly index: number;
  readonly transform: Transform | undefined;
}

/** All that shares of one destination take, in the order of the batch. */
export function makings(shares: readonly Share[], count: number): readonly Making[] {
  const all = shares.flatMap(({ transform, picks }) => Array.from(picks ?? pick(count, () => true), (index) => ({ index, transform })));
  return all.sort((a, b) => a.index - b.index);
}

/** No record is left out. */
export const NONE_WITHOUT: ReadonlySet<number> = new Set();

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
    // The topic that was published to has the partition asked for; another that is bound to it may have fewer.
    const partition = asked >= 0 ? asked % n : hash >= 0 ? hash % n : turn;
    const list = by.get(partition);
    if (list === undefined) by.set(partition, [i]);
    else list.push(i);
  }
  if (by.size === 1) for (const [partition] of by) return [{ topic: topic.id, partition, picks }];
  return [...by].map(([partition, list]) => ({ topic: topic.id, partition, picks: Uint32Array.from(list) }));
}
