/** Deciding a publish: where each record goes, what is refused, what was known already. Pure; the state is only read. */

import type { SchemaSpec } from '../model/declaration.ts';
import type { Publish } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { type Records, readMessage } from '../model/record.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { type Batch, messagesEntry, type Rules, type Taken } from './batch.ts';
import { type Fault, faultEntries } from './dead-letter.ts';
import type { Entry, MessagesEntry, ProducerBatch } from './entry.ts';
import { startOf } from './picks.ts';
import { nothingPlanned, type Plan } from './plan.ts';
import { NONE_WITHOUT, place, routeOf, sharesOf } from './route.ts';
import type { Route } from './routing/routing.ts';
import type { Destination, State, Tenant } from './state.ts';
import { takeInto, transformed } from './take.ts';

export interface PublishDecision {
  readonly entries: readonly Entry[];
  /** The entry whose places the publisher is told; absent when nothing was stored. */
  readonly main: MessagesEntry | undefined;
  readonly routed: number;
  /** Bits of records that were known already. */
  readonly duplicates: Uint8Array | undefined;
  /** Where a repeated batch of an idempotent producer was put the first time. */
  readonly repeated: ProducerBatch | undefined;
}

const NOTHING: PublishDecision = { entries: [], main: undefined, routed: 0, duplicates: undefined, repeated: undefined };

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
  const route = routeOf(tenant, exchange, publish.address);
  if (isRefusal(route)) return route;
  const tooLarge = checkSizes(records, rules.messageBytesMax);
  if (tooLarge !== undefined) return tooLarge;

  const repeated = publish.producer && checkSequence(state, publish, plan);
  if (repeated !== undefined && repeated !== 'next') {
    if (isRefusal(repeated)) return repeated;
    return { ...NOTHING, repeated, routed: 1, duplicates: allBits(records.count) };
  }

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
  const faults = checkSchemas(batch, exchange, route, rules);
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

function checkSizes(records: Records, max: number): Refusal | undefined {
  let from = records.start;
  if ((records.ends[records.count - 1] ?? 0) - from <= max) return undefined;
  for (let i = 0; i < records.count; i++) {
    const end = records.ends[i] ?? 0;
    if (end - from > max)
      return refuse(
        'too-large',
        `Message ${i} of this batch has ${end - from} bytes with its properties; at most ${max} are taken. Send it in parts, or raise the limit.`,
      );
    from = end;
  }
  return undefined;
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
  if (stamp.epoch > producer.epoch)
    return refuse('invalid', `Producer ${stamp.id} has epoch ${producer.epoch}; epoch ${stamp.epoch} was never given out.`);
  const line = producer.lines.get(publish.address);
  const next = plan.sequences.get(`${stamp.id}/${publish.address}`) ?? line?.next ?? stamp.sequence;
  if (stamp.sequence === next) {
    plan.sequences.set(`${stamp.id}/${publish.address}`, next + publish.records.count);
    return 'next';
  }
  const known = line?.recent.find((batch) => batch.sequence === stamp.sequence && batch.count === publish.records.count);
  if (known !== undefined) return known;
  return refuse(
    'out-of-order',
    `Producer ${stamp.id} sent sequence ${stamp.sequence} to "${publish.address}", but ${next} comes next there.`,
  );
}

/** Schemas of the exchange and of every target. A fault is refused to the publisher, or the message goes where the schema says. */
function checkSchemas(batch: Batch, exchange: string, route: Route<Destination>, rules: Rules): Fault[] | Refusal | undefined {
  const schemas = schemasOn(batch.tenant.router.exchange(exchange)?.schema, route);
  if (schemas === undefined) return undefined;
  const faults: Fault[] = [];
  for (let i = 0; i < batch.records.count; i++) {
    for (const schema of schemas) {
      const fault = rules.fault(schema, batch.message(i));
      if (fault === undefined) continue;
      if (schema.onFault === undefined || schema.onFault === 'refuse') {
        return refuse('schema', `Message ${i} of this batch does not fit the schema at ${fault.path || '/'}: ${fault.message}`, fault.path);
      }
      faults.push({ index: i, to: schema.onFault, message: fault.message });
      break;
    }
  }
  return faults;
}

function schemasOn(own: SchemaSpec | undefined, route: Route<Destination>): ReadonlySet<SchemaSpec> | undefined {
  let schemas: Set<SchemaSpec> | undefined;
  const note = (schema: SchemaSpec | undefined) => {
    if (schema !== undefined) schemas = (schemas ?? new Set()).add(schema);
  };
  note(own);
  for (const { to } of route.targets) note(schemaOf(to));
  for (const { target } of route.conditional) note(schemaOf(target.to));
  return schemas;
}

function schemaOf(to: Destination): SchemaSpec | undefined {
  return to.kind === 'queue' ? to.queue.spec.schema : to.topic.spec.schema;
}

function decideTargets(batch: Batch, route: Route<Destination>, publish: Publish, faults: readonly Fault[]): PublishDecision | Refusal {
  const { tenant, records, message } = batch;
  const named = tenant.topics.get(publish.address);
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  const extra: Entry[] = [];
  const faulty = faults.length === 0 ? NONE_WITHOUT : new Set(faults.map((f) => f.index));
  for (const { to, transform, picks } of sharesOf(route, message, records.count, faulty)) {
    if (transform !== undefined) {
      const entry = transformed(batch, to, transform, picks);
      if (entry === undefined) continue;
      if (isRefusal(entry)) return entry;
      extra.push(entry);
    } else if (to.kind === 'topic') taken.partitions.push(...place(batch, to.topic, picks));
    else {
      const refused = takeInto(batch, to.queue, picks, taken);
      if (refused !== undefined) return refused;
    }
  }
  for (const fault of faults) extra.push(...faultEntries(batch, fault, publish));
  const main =
    taken.queues.length + taken.partitions.length > 0 || publish.retain === true || publish.producer !== undefined
      ? messagesEntry(batch, taken, publish, named)
      : undefined;
  extra.push(...taken.turnedAway);
  const routed = taken.queues.length + taken.partitions.length + extra.length + (taken.duplicates === undefined ? 0 : 1);
  const entries = main === undefined ? extra : [main, ...extra];
  return { entries, main, routed, duplicates: taken.duplicates, repeated: undefined };
}

function allBits(count: number): Uint8Array {
  return new Uint8Array((count + 7) >> 3).fill(255);
}
