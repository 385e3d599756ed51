/** Records that stand for several messages of one partition: what they may be, when they stay as they are, and how they are taken apart. */

import type { Publish } from '../model/engine.ts';
import { MAIN_LINE } from '../model/message.ts';
import { PACK_MAX, packedIn, type RecordColumns, unpackRecord } from '../model/packs.ts';
import { languageOf, type Records, type Unpacked } from '../model/record.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Rules } from './batch.ts';
import type { MessagesEntry } from './entry.ts';
import { pickColumns, startOf } from './picks.ts';
import type { Route } from './routing/routing.ts';
import type { Destination, Tenant } from './state.ts';

/** How many messages a batch stands for, or those of its records that are picked. */
export function messagesIn(count: number, picks: Uint32Array | undefined, packs: Uint32Array | undefined): number {
  const records = picks?.length ?? count;
  if (packs === undefined) return records;
  let messages = 0;
  for (let k = 0; k < records; k++) messages += packs[picks?.[k] ?? k] ?? 1;
  return messages;
}

/** What a log is told of the records besides. */
export function recordColumns({ packs: told, columns, records, within }: MessagesEntry): RecordColumns | undefined {
  const timesMs = columns?.timeMs;
  // What may be aborted has no keys: compaction leaves it alone as it does with packs.
  const packs = told ?? (within ? new Uint32Array(records.count).fill(1) : undefined);
  return packs === undefined && timesMs === undefined ? undefined : { packs, timesMs };
}

/** Packs are told of rightly, of those who can be unpacked again, and go to partitions that were asked for. */
export function checkPacks({ toTopic, records, columns, packs }: Publish, { languages }: Rules): Refusal | undefined {
  if (packs === undefined) return undefined;
  const asked = columns?.partition;
  if (toTopic !== true || asked === undefined)
    return refuse('invalid', 'Packs go to a partition of a topic: publish them with `toTopic` and a partition for each.');
  if (columns?.dedupId !== undefined) return refuse('invalid', 'Many messages in a pack cannot share one dedup id. Publish them singly.');
  for (let i = 0; i < records.count; i++) {
    if ((asked[i] ?? -1) < 0) return refuse('invalid', `Record ${i} of this batch may be a pack and has no partition. Choose one.`);
    const told = packs[i] ?? 0;
    const messages = Math.max(1, packedIn(records.bytes, startOf(records, i), languages));
    if (told === messages && told <= PACK_MAX) continue;
    if (told > 1 && !languages.has(languageOf(records.bytes, startOf(records, i))))
      return refuse('unsupported', `Record ${i} of this batch should be a pack of ${told} messages; no open door can unpack its language.`);
    return refuse('invalid', `Record ${i} of this batch holds ${messages} messages; it cannot be told to hold ${told}.`);
  }
  return undefined;
}

/** Only the named topic takes it, and nothing on the way has to look into messages. */
export function staysWhole(tenant: Tenant, { address, exchange = MAIN_LINE, retain }: Publish, route: Route<Destination>): boolean {
  const named = tenant.topics.get(address);
  const [only, other] = route.targets;
  return (
    named !== undefined &&
    only?.to.kind === 'topic' &&
    only.to.topic === named &&
    only.transform === undefined &&
    other === undefined &&
    route.conditional.length === 0 &&
    retain !== true &&
    named.spec.compact !== true &&
    named.spec.schema === undefined &&
    tenant.router.exchange(exchange)?.schema === undefined
  );
}

/** The same publish with every pack taken apart, and of each record given the number of its first message. Throws what unpacking throws. */
export function unpacked(publish: Publish, { languages }: Rules): { readonly publish: Publish; readonly firsts: Uint32Array } | Refusal {
  const { packs, ...rest } = publish;
  const { records, columns } = publish;
  const parts: Unpacked[] = [];
  const firsts = new Uint32Array(records.count);
  const of = new Uint32Array(messagesIn(records.count, undefined, packs));
  let next = 0;
  for (let i = 0; i < records.count; i++) {
    const part = packedIn(records.bytes, startOf(records, i), languages) === 0 ? single(records, i) : pack(records, i, languages);
    const told = packs?.[i] ?? 1;
    if (part.count !== told)
      return refuse('invalid', `Record ${i} of this batch says it holds ${told} messages, and holds ${part.count}. It is damaged.`);
    parts.push(part);
    firsts[i] = next;
    of.fill(i, next, next + told);
    next += told;
  }
  const timeMs = columns?.timeMs && timesOf(parts, columns.timeMs);
  return {
    publish: {
      ...rest,
      records: together(parts),
      ...(columns && { columns: { ...pickColumns(columns, of), ...(timeMs && { timeMs }) } }),
    },
    firsts,
  };
}

function pack(records: Records, i: number, languages: Rules['languages']): Unpacked {
  return unpackRecord(records.bytes, startOf(records, i), languages);
}

function single(records: Records, i: number): Unpacked {
  return { bytes: records.bytes, start: startOf(records, i), ends: records.ends.subarray(i, i + 1), count: 1 };
}

/** Of each message its own time, or that of its pack. */
function timesOf(parts: readonly Unpacked[], ofPacks: Float64Array): Float64Array {
  const times = new Float64Array(parts.reduce((sum, part) => sum + part.count, 0));
  let next = 0;
  for (const [i, { timesMs, count }] of parts.entries()) {
    if (timesMs === undefined) times.fill(ofPacks[i] ?? 0, next, next + count);
    else times.set(timesMs.subarray(0, count), next);
    next += count;
  }
  return times;
}

/** Records side by side in one memory. */
function together(parts: readonly Records[]): Records {
  const sizes = parts.map(({ ends, start, count }) => (ends[count - 1] ?? start) - start);
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0));
  const ends = new Uint32Array(count);
  let at = 0;
  let next = 0;
  for (const [p, part] of parts.entries()) {
    bytes.set(part.bytes.subarray(part.start, part.start + (sizes[p] ?? 0)), at);
    for (let k = 0; k < part.count; k++) ends[next++] = at + (part.ends[k] ?? 0) - part.start;
    at += sizes[p] ?? 0;
  }
  return { bytes, start: 0, ends, count };
}
