/** Deciding a publish: where each record goes, what is refused, what was known already. Pure; the state is only read. */

import type { DeadLetterSpec, SchemaSpec } from '../model/declaration.ts';
import type { Columns, Death, Publish } from '../model/engine.ts';
import { MAIN_LINE, type Message } from '../model/message.ts';
import { type Language, type Records, readMessage } from '../model/record.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Entry, MessagesEntry, PartitionTarget, ProducerBatch, QueueTarget } from './entry.ts';
import { nothingPlanned, type Plan } from './plan.ts';
import type { Queue } from './queue/queue.ts';
import { applyTransform, type Route, type Target, type Transform } from './routing/routing.ts';
import type { Destination, State, Tenant, Topic } from './state.ts';

/** What deciding needs to know of the broker it decides for. */
export interface Rules {
  /** Largest record, bytes. */
  readonly messageBytesMax: number;
  readonly languages: ReadonlyMap<number, Language>;
  /** The first fault of a message against a schema; undefined = it fits. */
  readonly fault: (schema: SchemaSpec, message: Message) => { readonly message: string; readonly path: string } | undefined;
}

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

/** A batch on its way to its targets. */
interface Batch {
  readonly tenant: Tenant;
  readonly records: Records;
  readonly columns: Columns | undefined;
  readonly deaths: readonly (readonly Death[])[] | undefined;
  readonly nowMs: number;
  readonly plan: Plan;
  readonly rules: Rules;
  readonly message: (i: number) => Message;
}

interface Taken {
  readonly queues: QueueTarget[];
  readonly partitions: PartitionTarget[];
  duplicates: Uint8Array | undefined;
  /** What a full queue with `refuse-dead-letter` turned away. */
  readonly turnedAway: Entry[];
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
  for (const { to } of targetsOf(route, message, records.count)) {
    if (to.kind === 'topic') taken.partitions.push(...place(batch, to.topic, undefined));
    else {
      const picks = withoutCycles(to.queue, deaths);
      if (picks === undefined || picks.length > 0) taken.queues.push({ queue: to.queue.id, picks });
    }
  }
  return taken.queues.length + taken.partitions.length === 0 ? [] : [messagesEntry(batch, taken, undefined, undefined)];
}

function routeOf(tenant: Tenant, exchange: string, address: string): Route<Destination> | Refusal {
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

interface Fault {
  readonly index: number;
  readonly to: DeadLetterSpec;
  readonly message: string;
}

/** Schemas of the exchange and of every target. A fault is refused to the publisher, or the message goes where the schema says. */
function checkSchemas(batch: Batch, exchange: string, route: Route<Destination>, rules: Rules): Fault[] | Refusal | undefined {
  const schemas = new Set<SchemaSpec>();
  const own = batch.tenant.router.exchange(exchange)?.schema;
  if (own !== undefined) schemas.add(own);
  for (const { to } of [...route.targets, ...route.conditional.map((c) => c.target)]) {
    const schema = to.kind === 'queue' ? to.queue.spec.schema : to.topic.spec.schema;
    if (schema !== undefined) schemas.add(schema);
  }
  if (schemas.size === 0) return undefined;
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

function decideTargets(batch: Batch, route: Route<Destination>, publish: Publish, faults: readonly Fault[]): PublishDecision | Refusal {
  const { tenant, records, message } = batch;
  const named = tenant.topics.get(publish.address);
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  const extra: Entry[] = [];
  const faulty = new Set(faults.map((f) => f.index));
  for (const { to, transform, picks } of targetsOf(route, message, records.count, faulty)) {
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

/** Every target with the records it takes; those that depend on the message are asked message by message. */
function* targetsOf(
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

/** One queue's share: refuses when it is full, leaves out what its dedup window knows. */
function takeInto(batch: Batch, queue: Queue, picks: Uint32Array | undefined, taken: Taken): Refusal | undefined {
  let mine = picks;
  const ids = batch.columns?.dedupId;
  if (ids !== undefined && queue.spec.dedupWindowMs !== undefined) {
    const fresh = pick(batch.records.count, (i) => {
      if (picks !== undefined && !picks.includes(i)) return false;
      const id = ids[i];
      if (id === undefined || isFresh(batch, queue, id)) return true;
      taken.duplicates ??= new Uint8Array((batch.records.count + 7) >> 3);
      taken.duplicates[i >> 3] = (taken.duplicates[i >> 3] ?? 0) | (1 << (i & 7));
      return false;
    });
    mine = fresh.length === (picks?.length ?? batch.records.count) ? picks : fresh;
  }
  const count = mine?.length ?? batch.records.count;
  if (count === 0) return undefined;
  const full = checkFull(batch, queue, count);
  if (full !== undefined) {
    if (queue.spec.overflow !== 'refuse-dead-letter' || queue.spec.deadLetter === undefined) return full;
    taken.turnedAway.push(...overflowed(batch, queue, mine));
    return undefined;
  }
  batch.plan.pushed.set(queue.id, (batch.plan.pushed.get(queue.id) ?? 0) + count);
  taken.queues.push({ queue: queue.id, picks: mine });
  return undefined;
}

function overflowed(batch: Batch, queue: Queue, picks: Uint32Array | undefined): readonly Entry[] {
  const { deadLetter, name } = queue.spec;
  if (deadLetter === undefined) return [];
  const records = picks === undefined ? batch.records : gathered(batch.records, picks);
  const first = batch.message(picks?.[0] ?? 0);
  const death: Death = { reason: 'overflow', queue: name, exchange: first.exchange, address: first.address, atMs: batch.nowMs, count: 1 };
  const deaths = Array.from({ length: records.count }, () => [death]);
  return decideDeadLetter(batch.tenant, deadLetter, records, deaths, first.address, batch.nowMs, batch.rules);
}

function isFresh(batch: Batch, queue: Queue, id: string): boolean {
  if (queue.seen(id, batch.nowMs) !== undefined) return false;
  const key = `${queue.id}/${id}`;
  if (batch.plan.dedup.has(key)) return false;
  batch.plan.dedup.add(key);
  return true;
}

function checkFull(batch: Batch, queue: Queue, count: number): Refusal | undefined {
  const { spec } = queue;
  if (spec.countMax === undefined && spec.sizeBytesMax === undefined) return undefined;
  if (spec.overflow === 'drop-head' || spec.overflow === 'dead-letter-head') return undefined;
  const waiting = queue.ready + queue.delayed + queue.inFlight + (batch.plan.pushed.get(queue.id) ?? 0);
  const { records } = batch;
  const sizeBytes = queue.sizeBytes + (records.ends[records.count - 1] ?? 0) - records.start;
  if (waiting + count <= (spec.countMax ?? Number.POSITIVE_INFINITY) && sizeBytes <= (spec.sizeBytesMax ?? Number.POSITIVE_INFINITY))
    return undefined;
  return refuse('full', `Queue "${spec.name}" holds ${waiting} messages and cannot take ${count} more. Consume some, or raise its limit.`);
}

/** A topic's share, one target per partition: by the partition asked for, else by key, else in turn (one partition a batch). */
function place(batch: Batch, topic: Topic, picks: Uint32Array | undefined): PartitionTarget[] {
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

/** What a binding's transform makes of its share: records of their own, hence an entry of its own. */
function transformed(batch: Batch, to: Destination, transform: Transform, picks: Uint32Array | undefined): Entry | Refusal | undefined {
  const parts: Uint8Array[] = [];
  for (const i of picks ?? pick(batch.records.count, () => true)) {
    const body = applyTransform(transform, batch.message(i));
    if (!(body instanceof Uint8Array)) return body;
    parts.push(batch.plan.record({ ...batch.message(i), body, contentType: 'application/json' }));
  }
  const columns = batch.columns && picks ? pickColumns(batch.columns, picks) : batch.columns;
  const own: Batch = { ...batch, records: joined(parts), columns };
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  if (to.kind === 'topic') taken.partitions.push(...place(own, to.topic, undefined));
  else {
    const refused = takeInto(own, to.queue, undefined, taken);
    if (refused !== undefined) return refused;
  }
  return taken.queues.length + taken.partitions.length === 0 ? undefined : messagesEntry(own, taken, undefined, undefined);
}

function faultEntries(batch: Batch, fault: Fault, publish: Publish): readonly Entry[] {
  const death: Death = {
    reason: 'schema',
    queue: '',
    exchange: publish.exchange ?? MAIN_LINE,
    address: publish.address,
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

function messagesEntry(batch: Batch, taken: Taken, publish: Publish | undefined, named: Topic | undefined): MessagesEntry {
  const { columns, tenant } = batch;
  const useful = columns && (columns.priority ?? columns.dueMs ?? columns.ttlMs ?? columns.group ?? columns.dedupId) !== undefined;
  return {
    kind: 'messages',
    nowMs: batch.nowMs,
    records: batch.records,
    recordsAt: 0 as MessagesEntry['recordsAt'],
    queues: taken.queues,
    partitions: taken.partitions,
    named: named?.id ?? 0,
    bases: new Float64Array(taken.partitions.length),
    columns: useful ? columns : undefined,
    deaths: batch.deaths,
    producer: publish?.producer && { ...publish.producer, address: publish.address },
    retain: publish?.retain === true ? { tenant: tenant.name, address: publish.address } : undefined,
  };
}

/** A message that came to a queue by dying in it, and by nobody's rejection, would go round for ever: it is left out. */
function withoutCycles(queue: Queue, deaths: readonly (readonly Death[])[]): Uint32Array | undefined {
  const goesRound = (list: readonly Death[]) => list.some((d) => d.queue === queue.spec.name) && !list.some((d) => d.reason === 'rejected');
  if (!deaths.some(goesRound)) return undefined;
  return pick(deaths.length, (i) => !goesRound(deaths[i] ?? []));
}

function pick(count: number, wanted: (i: number) => boolean): Uint32Array {
  const picks = new Uint32Array(count);
  let n = 0;
  for (let i = 0; i < count; i++) if (wanted(i)) picks[n++] = i;
  return picks.slice(0, n);
}

function pickColumns(columns: Columns, picks: Uint32Array): Columns {
  const out: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(columns)) {
    if (Array.isArray(column)) out[name] = Array.from(picks, (i) => column[i]);
    else if (column !== undefined) {
      const from = column as Float64Array;
      out[name] = from.slice(0, picks.length).map((_, k) => from[picks[k] ?? 0] ?? 0);
    }
  }
  return out as Columns;
}

/** The picked records side by side. */
function gathered(records: Records, picks: Uint32Array): Records {
  return joined(Array.from(picks, (i) => records.bytes.subarray(startOf(records, i), records.ends[i])));
}

function joined(parts: readonly Uint8Array[]): Records {
  const ends = new Uint32Array(parts.length);
  let size = 0;
  parts.forEach((part, i) => {
    size += part.length;
    ends[i] = size;
  });
  const bytes = new Uint8Array(size);
  parts.forEach((part, i) => {
    bytes.set(part, (ends[i] ?? 0) - part.length);
  });
  return { bytes, start: 0, ends, count: parts.length };
}

export function startOf(records: Records, i: number): number {
  return i === 0 ? records.start : (records.ends[i - 1] ?? 0);
}

function allBits(count: number): Uint8Array {
  return new Uint8Array((count + 7) >> 3).fill(255);
}
