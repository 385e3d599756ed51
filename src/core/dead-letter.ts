/** Deciding dead letters: the same road as a publish, from where they died. Never refused: what nobody takes is gone. */

import type { DeadLetterSpec } from '../model/declaration.ts';
import type { Death, Publish } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { type Records, readMessage } from '../model/record.ts';
import { isRefusal } from '../model/refusal.ts';
import { type Batch, messagesEntry, type Rules, type Taken, transformed } from './batch.ts';
import type { Entry } from './entry.ts';
import { gathered, joined, pick, recordAt, startOf } from './picks.ts';
import { nothingPlanned } from './plan.ts';
import type { Queue } from './queue/queue.ts';
import { makings, NONE_WITHOUT, place, routeOf, type Share, sharesOf, takeMade } from './route.ts';
import type { Destination, Tenant } from './state.ts';

/** A dead letter on its way: the same road, from the queue it died in. Never refused: what nobody takes is gone. */
export function decideDeadLetter(
  tenant: Tenant,
  target: DeadLetterSpec,
  records: Records,
  deaths: readonly (readonly Death[])[],
  address: string,
  nowMs: number,
  rules: Rules,
): readonly Entry[] {
  const route = routeOf(tenant, target.exchange, target.address ?? address);
  if (isRefusal(route)) return [];
  const message = (i: number): Message => readMessage(records.bytes, startOf(records, i), rules.languages);
  const batch: Batch = { tenant, records, columns: undefined, deaths, nowMs, plan: nothingPlanned(), rules, message };
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  const entries: Entry[] = [];
  const staying = (share: Share): Share =>
    share.to.kind === 'queue' ? { ...share, picks: withoutCycles(share.to.queue, deaths, share.picks) } : share;
  const shares = sharesOf(route, message, records.count, NONE_WITHOUT).map(staying);
  const { plain, made } = takeMade(shares.filter(({ picks }) => picks?.length !== 0));
  for (const { to, picks } of plain) send(batch, to, picks, taken);
  for (const [to, some] of made) entries.push(changed(batch, to, some));
  if (taken.queues.length + taken.partitions.length > 0) entries.unshift(messagesEntry(batch, taken, undefined, undefined));
  return entries;
}

/** What transforms make of dead letters; one they cannot be applied to goes as it is, for a dead letter is not lost for its form. */
function changed(batch: Batch, to: Destination, shares: readonly Share[]): Entry {
  const order = makings(shares, batch.records.count);
  const parts = order.map(({ index, transform }) => {
    const part = transform && transformed(batch, index, transform);
    return part instanceof Uint8Array ? part : recordAt(batch.records, index);
  });
  const own: Batch = { ...batch, records: joined(parts), deaths: order.map(({ index }) => batch.deaths?.[index] ?? []) };
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  send(own, to, undefined, taken);
  return messagesEntry(own, taken, undefined, undefined);
}

function send(batch: Batch, to: Destination, picks: Uint32Array | undefined, taken: Taken): void {
  if (to.kind === 'topic') taken.partitions.push(...place(batch, to.topic, picks));
  else taken.queues.push({ queue: to.queue.id, picks });
}

export function overflowed(batch: Batch, queue: Queue, picks: Uint32Array | undefined): readonly Entry[] {
  const { deadLetter, name } = queue.spec;
  if (deadLetter === undefined) return [];
  const records = picks === undefined ? batch.records : gathered(batch.records, picks);
  const first = batch.message(picks?.[0] ?? 0);
  const death: Death = {
    reason: 'overflow',
    queue: name,
    exchange: first.exchange,
    address: first.address,
    to: { exchange: deadLetter.exchange, address: deadLetter.address ?? first.address },
    atMs: batch.nowMs,
    count: 1,
  };
  const deaths = Array.from({ length: records.count }, () => [death]);
  return decideDeadLetter(batch.tenant, deadLetter, records, deaths, first.address, batch.nowMs, batch.rules);
}

export interface Fault {
  readonly index: number;
  readonly to: DeadLetterSpec;
  readonly message: string;
}

export function faultEntries(batch: Batch, fault: Fault, publish: Publish): readonly Entry[] {
  const death: Death = {
    reason: 'schema',
    queue: '',
    exchange: publish.exchange ?? MAIN_LINE,
    address: publish.address,
    to: { exchange: fault.to.exchange, address: fault.to.address ?? publish.address },
    atMs: batch.nowMs,
    count: 1,
  };
  const { records } = batch;
  const one: Records = {
    bytes: records.bytes,
    start: startOf(records, fault.index),
    ends: Uint32Array.of(records.ends[fault.index] ?? 0),
    count: 1,
  };
  return decideDeadLetter(batch.tenant, fault.to, one, [[death]], publish.address, batch.nowMs, batch.rules);
}

/** A message that came to a queue by dying in it, and by nobody's rejection, would go round for ever: it is left out. */
function withoutCycles(queue: Queue, deaths: readonly (readonly Death[])[], picks: Uint32Array | undefined): Uint32Array | undefined {
  const goesRound = (list: readonly Death[]) => list.some((d) => d.queue === queue.spec.name) && !list.some((d) => d.reason === 'rejected');
  if (!deaths.some(goesRound)) return picks;
  const stays = (i: number) => !goesRound(deaths[i] ?? []);
  return picks === undefined ? pick(deaths.length, stays) : picks.filter(stays);
}
