/** Deciding a publish: where each record goes, what is refused, what was known already. Pure; the state is only read. */

import type { Publish } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { readMessage } from '../model/record.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { type Batch, messagesEntry, type Rules, type Taken } from './batch.ts';
import { type Fault, faultEntries } from './dead-letter.ts';
import type { Entry, MessagesEntry, ProducerBatch } from './entry.ts';
import { checkSchemas } from './faults.ts';
import { checkPacks, messagesIn, staysWhole, unpacked } from './packs.ts';
import { startOf } from './picks.ts';
import { nothingPlanned, type Plan } from './plan.ts';
import { NONE_WITHOUT, routeOfAll, sharesOf, takeMade } from './route.ts';
import type { Route } from './routing/routing.ts';
import { sequenceAfter } from './sequence.ts';
import { cursorKey, type Destination, type State, type Tenant } from './state.ts';
import { checkSizes, takeShaped, takeShare } from './take.ts';
import { claimed } from './transaction.ts';

export interface PublishDecision {
  readonly entries: readonly Entry[];
  /** The entry whose places the publisher is told; absent when nothing was stored. */
  readonly main: MessagesEntry | undefined;
  readonly routed: number;
  /** Bits of records that were known already. */
  readonly duplicates: Uint8Array | undefined;
  /** Where a repeated batch of an idempotent producer was put the first time. */
  readonly repeated: ProducerBatch | undefined;
  /** Packs were taken apart: of each record that was given, which record of `main`, or of `repeated`, is its first message. */
  readonly firsts: Uint32Array | undefined;
}

const NOTHING: PublishDecision = {
  entries: [],
  main: undefined,
  routed: 0,
  duplicates: undefined,
  repeated: undefined,
  firsts: undefined,
};

export function decidePublish(
  state: State,
  tenant: Tenant,
  publish: Publish,
  nowMs: number,
  rules: Rules,
  plan: Plan = nothingPlanned(),
): PublishDecision | Refusal {
  const { records } = publish;
  if (records.count === 0) return NOTHING;
  const exchange = publish.exchange ?? MAIN_LINE;
  const route = routeOfAll(tenant, publish);
  if (isRefusal(route)) return route;
  if (tenant.router.exchange(exchange)?.internal === true) {
    return refuse('forbidden', `Exchange "${exchange}" is internal: only bindings feed it. Publish to the exchange it is bound to.`);
  }
  const unfit =
    checkTopic(tenant, publish) ??
    checkTimes(publish) ??
    checkTexts(publish) ??
    checkPacks(publish, rules) ??
    checkSizes(records, rules.messageBytesMax, 'the broker');
  if (unfit !== undefined) return unfit;

  const repeated = publish.producer && checkSequence(state, publish, plan);
  if (repeated !== undefined && repeated !== 'next') {
    if (isRefusal(repeated)) return repeated;
    return { ...NOTHING, repeated, routed: 1, duplicates: allBits(records.count), firsts: firstsOf(publish, repeated) };
  }
  if (publish.within !== undefined) {
    const misplaced = checkWithin(state, tenant, publish, publish.within, route);
    if (misplaced !== undefined) return misplaced;
  } else if (publish.packs !== undefined && !staysWhole(tenant, publish, route))
    return decideUnpacked(tenant, publish, route, nowMs, rules, plan);
  return decideRecords(tenant, publish, route, nowMs, rules, plan);
}

/** Every pack taken apart, each message goes its own way. */
function decideUnpacked(
  tenant: Tenant,
  publish: Publish,
  route: Route<Destination>,
  nowMs: number,
  rules: Rules,
  plan: Plan,
): PublishDecision | Refusal {
  const singly = unpacked(publish, rules);
  if (isRefusal(singly)) return singly;
  const tooLarge = checkSizes(singly.publish.records, rules.messageBytesMax, 'the broker');
  if (tooLarge !== undefined) return tooLarge;
  const decided = decideRecords(tenant, singly.publish, route, nowMs, rules, plan);
  return isRefusal(decided) ? decided : { ...decided, firsts: singly.firsts };
}

/** What may yet be aborted goes where nobody sees it before: to partitions of the named topic that belong to the transaction. */
function checkWithin(
  state: State,
  tenant: Tenant,
  publish: Publish,
  { name, includes }: NonNullable<Publish['within']>,
  route: Route<Destination>,
): Refusal | undefined {
  const { address, producer: stamp, columns, records } = publish;
  if (stamp === undefined || publish.toTopic !== true || columns?.partition === undefined)
    return refuse('invalid', 'What is published within a transaction bears its producer and goes to partitions of a topic (`toTopic`).');
  const producer = claimed(state, { name, ...stamp });
  if (isRefusal(producer)) return producer;
  const topic = tenant.topics.get(address);
  for (let i = 0; topic !== undefined && i < records.count; i++) {
    const partition = columns.partition[i] ?? -1;
    if (partition < 0) return refuse('invalid', `Record ${i} of this batch has no partition. Choose one.`);
    if (includes !== true && producer.open?.partitions.has(cursorKey(topic.id, partition)) !== true)
      return refuse(
        'stale',
        `Partition ${partition} of topic "${address}" does not belong to an open transaction of producer ${stamp.id}.`,
      );
  }
  if (staysWhole(tenant, publish, route)) return undefined;
  return refuse(
    'unsupported',
    `Topic "${address}" is compacted, has a schema, or others are bound to its name: records of an open transaction cannot be kept there.`,
  );
}

function decideRecords(
  tenant: Tenant,
  publish: Publish,
  route: Route<Destination>,
  nowMs: number,
  rules: Rules,
  plan: Plan,
): PublishDecision | Refusal {
  const { records, exchange = MAIN_LINE } = publish;
  const views: (Message | undefined)[] = [];
  const message = (i: number): Message => {
    let view = views[i];
    if (view === undefined) {
      view = readMessage(records.bytes, startOf(records, i), rules.languages);
      views[i] = view;
    }
    return view;
  };
  const batch: Batch = { tenant, records, columns: publish.columns, deaths: undefined, nowMs, plan, rules, message };
  const faults = checkSchemas(batch, exchange, route);
  if (faults !== undefined && isRefusal(faults)) return faults;
  const decided = decideTargets(batch, route, publish, faults ?? []);
  if (isRefusal(decided)) return decided;
  if (publish.mandatory === true && decided.routed === 0) {
    return refuse(
      'unrouted',
      `Nothing is bound to exchange "${exchange}" that takes address "${publish.address}". Bind a queue or declare a topic first.`,
    );
  }
  return decided;
}

/** The topic named like the address: there where it must be, and with the partitions that are asked for. */
function checkTopic(tenant: Tenant, { address, toTopic, columns, records }: Publish): Refusal | undefined {
  const topic = tenant.topics.get(address);
  if (topic === undefined) {
    return toTopic === true ? refuse('unknown', `There is no topic "${address}". Declare it before publishing to it.`) : undefined;
  }
  const asked = columns?.partition;
  if (asked === undefined) return undefined;
  const count = topic.partitions.length;
  for (let i = 0; i < records.count; i++) {
    if ((asked[i] ?? -1) >= count)
      return refuse('unknown', `Topic "${address}" has ${count} partitions; there is no partition ${asked[i]}. Choose one below ${count}.`);
  }
  return undefined;
}

function checkTimes({ records, columns }: Publish): Refusal | undefined {
  const times = columns?.timeMs;
  for (let i = 0; times !== undefined && i < records.count; i++) {
    if (Number.isNaN(times[i] ?? Number.NaN))
      return refuse('invalid', `Record ${i} of this batch has no time. Give milliseconds since 1970.`);
  }
  return undefined;
}

/** Text that UTF-8 cannot hold would be another after a restart. */
function checkTexts({ address, retain, producer, columns }: Publish): Refusal | undefined {
  const texts = [retain === true ? address : undefined, producer?.line ?? (producer && address)];
  for (const text of texts) if (text?.isWellFormed() === false) return malformed(text);
  for (const column of [columns?.group, columns?.dedupId])
    for (const text of column ?? []) if (text?.isWellFormed() === false) return malformed(text);
  return undefined;
}

function malformed(text: string): Refusal {
  return refuse('invalid', `"${text.toWellFormed()}" holds half a character (a lone surrogate), which cannot be kept. Send whole ones.`);
}

/** A stamp is the next one, a repeat of a remembered batch, or refused. */
function checkSequence(state: State, publish: Publish, plan: Plan): ProducerBatch | 'next' | Refusal {
  const stamp = publish.producer;
  if (stamp === undefined) return 'next';
  const producer = state.producers.get(stamp.id);
  if (producer === undefined) return refuse('unknown', `Producer ${stamp.id} is not known here. Ask for a producer id first.`);
  if (stamp.epoch < producer.epoch) {
    return refuse(
      'fenced',
      `Producer ${stamp.id} goes on with epoch ${producer.epoch}; epoch ${stamp.epoch} has been taken over and may not publish.`,
    );
  }
  const { line: name = publish.address } = stamp;
  const isNewEpoch = stamp.epoch > producer.epoch;
  if (isNewEpoch && producer.name !== undefined)
    return refuse('invalid', `Producer ${stamp.id} has epoch ${producer.epoch}; epoch ${stamp.epoch} was never given out.`);
  const line = isNewEpoch ? undefined : producer.lines.get(name);
  const count = messagesIn(publish.records.count, undefined, publish.packs);
  const planned = `${stamp.id}/${stamp.epoch}/${name}`;
  const next = plan.sequences.get(planned) ?? line?.next ?? 0;
  if (stamp.sequence === next) {
    plan.sequences.set(planned, sequenceAfter(next, count));
    return 'next';
  }
  const known = line?.recent.find((batch) => batch.sequence === stamp.sequence && batch.count === count);
  if (known !== undefined) return known;
  return refuse('out-of-order', `Producer ${stamp.id} sent sequence ${stamp.sequence} to "${name}", but ${next} comes next there.`);
}

function decideTargets(batch: Batch, route: Route<Destination>, publish: Publish, faults: readonly Fault[]): PublishDecision | Refusal {
  const { tenant, records, message } = batch;
  const named = tenant.topics.get(publish.address);
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  const extra: Entry[] = [];
  const faulty = faults.length === 0 ? NONE_WITHOUT : new Set(faults.map((f) => f.index));
  const { plain, made } = takeMade(sharesOf(route, message, records.count, faulty), named);
  for (const { to, picks } of plain) {
    const refused = takeShare(batch, to, picks, taken);
    if (refused !== undefined) return refused;
  }
  for (const [to, shares] of made) {
    const entries = takeShaped(batch, to, shares, publish, taken);
    if (isRefusal(entries)) return entries;
    extra.push(...entries);
  }
  for (const fault of faults) extra.push(...faultEntries(batch, fault, publish));
  // A value that does not fit its schema is not kept.
  const retains = publish.retain === true && !faulty.has(records.count - 1);
  const main =
    taken.queues.length + taken.partitions.length > 0 || retains || publish.producer !== undefined
      ? messagesEntry(batch, taken, publish, named, retains)
      : undefined;
  extra.push(...taken.turnedAway);
  const routed = taken.queues.length + taken.partitions.length + extra.length + (taken.duplicates === undefined ? 0 : 1);
  const entries = main === undefined ? extra : [main, ...extra];
  return { entries, main, routed, duplicates: taken.duplicates, repeated: undefined, firsts: undefined };
}

/** Packs may have been kept the first time, or taken apart. */
function firstsOf({ records, packs }: Publish, repeated: ProducerBatch): Uint32Array | undefined {
  if (packs === undefined || repeated.offsets.length === records.count) return undefined;
  let next = 0;
  return Uint32Array.from({ length: records.count }, (_, i) => {
    const first = next;
    next += packs[i] ?? 1;
    return first;
  });
}

function allBits(count: number): Uint8Array {
  return new Uint8Array((count + 7) >> 3).fill(255);
}
