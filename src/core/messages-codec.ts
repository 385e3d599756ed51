/** Entries of messages as bytes: the kind that comes most often, and has the most parts. */

import type { Columns, Death } from '../model/engine.ts';
import { PACK_MAX } from '../model/packs.ts';
import type { Records } from '../model/record.ts';
import type { MessagesEntry, PartitionTarget, QueueTarget } from './entry.ts';
import type { In, Out, Room } from './entry-bytes.ts';

const HAS = { columns: 1, deaths: 2, producer: 4, retain: 8, packs: 16, within: 32 } as const;
const COLUMN = { priority: 1, dueMs: 2, ttlMs: 4, group: 8, dedupId: 16, timeMs: 32 } as const;
/** What has other bits was written by another version. */
const HAS_ALL = 63;
const COLUMN_ALL = 63;

/** An upper bound of the bytes `writeMessages` will write. */
export function messagesSizeMax(entry: MessagesEntry): number {
  let size = 64 + recordsSize(entry.records) + entry.records.count * 4;
  for (const t of entry.queues) size += 12 + (t.picks?.length ?? 0) * 4;
  for (const t of entry.partitions) size += 16 + (t.picks?.length ?? 0) * 4;
  const c = entry.columns;
  if (c !== undefined) {
    size += 8 + entry.records.count * 32;
    for (const list of [c.group, c.dedupId]) for (const text of list ?? []) size += 4 + (text?.length ?? 0) * 3;
  }
  if (entry.packs !== undefined) size += entry.records.count * 4;
  if (entry.deaths !== undefined) size += 8 + JSON.stringify(entry.deaths).length * 3;
  if (entry.producer !== undefined) size += 32 + entry.producer.line.length * 3;
  if (entry.retain !== undefined) size += 16 + (entry.retain.tenant.length + entry.retain.address.length) * 3;
  return size;
}

export function recordsSize(records: Records): number {
  return records.count === 0 ? 0 : (records.ends[records.count - 1] ?? 0) - records.start;
}

export function writeMessages(entry: MessagesEntry, out: Out, room: Room): void {
  const { columns, deaths, producer, retain, packs } = entry;
  out.u8(
    (columns ? HAS.columns : 0) |
      (deaths ? HAS.deaths : 0) |
      (producer ? HAS.producer : 0) |
      (retain ? HAS.retain : 0) |
      (packs ? HAS.packs : 0) |
      (entry.within ? HAS.within : 0),
  );
  out.f64(entry.nowMs);
  out.u32(entry.records.count);
  out.u32(entry.queues.length);
  for (const target of entry.queues) {
    out.u32(target.queue);
    out.picks(target.picks);
  }
  out.u32(entry.named);
  out.u32(entry.partitions.length);
  for (const target of entry.partitions) {
    out.u32(target.topic);
    out.u32(target.partition);
    out.picks(target.picks);
  }
  if (columns !== undefined) writeColumns(columns, entry.records.count, out);
  if (deaths !== undefined) out.text(JSON.stringify(deaths));
  if (producer !== undefined) {
    out.f64(producer.id);
    out.u32(producer.epoch);
    out.f64(producer.sequence);
    out.text(producer.line);
  }
  if (retain !== undefined) {
    out.text(retain.tenant);
    out.text(retain.address);
  }
  if (packs !== undefined) for (let i = 0; i < entry.records.count; i++) out.u32(packs[i] ?? 1);
  entry.recordsAt = out.records(entry.records, room);
}

function writeColumns(columns: Columns, count: number, out: Out): void {
  const { priority, dueMs, ttlMs, group, dedupId, timeMs } = columns;
  out.u8(
    (priority ? COLUMN.priority : 0) |
      (dueMs ? COLUMN.dueMs : 0) |
      (ttlMs ? COLUMN.ttlMs : 0) |
      (group ? COLUMN.group : 0) |
      (dedupId ? COLUMN.dedupId : 0) |
      (timeMs ? COLUMN.timeMs : 0),
  );
  for (let i = 0; i < count; i++) {
    if (priority !== undefined) out.u8(priority[i] ?? 0);
    if (dueMs !== undefined) out.f64(dueMs[i] ?? 0);
    if (ttlMs !== undefined) out.f64(ttlMs[i] ?? Number.POSITIVE_INFINITY);
    if (group !== undefined) out.text(group[i] ?? '');
    if (dedupId !== undefined) out.text(dedupId[i] ?? '');
    if (timeMs !== undefined) out.f64(timeMs[i] ?? 0);
  }
}

export function readMessages(input: In): MessagesEntry {
  const has = input.u8();
  if (has > HAS_ALL) throw new RangeError('entries of messages do not have that');
  const nowMs = input.f64();
  const count = input.u32();
  const queues: QueueTarget[] = [];
  for (let left = input.u32(); left > 0; left--) queues.push({ queue: input.u32(), picks: input.picks() });
  const named = input.u32();
  const partitions: PartitionTarget[] = [];
  for (let left = input.u32(); left > 0; left--) partitions.push({ topic: input.u32(), partition: input.u32(), picks: input.picks() });
  const columns = (has & HAS.columns) !== 0 ? readColumns(input, count) : undefined;
  const deaths = (has & HAS.deaths) !== 0 ? (JSON.parse(input.text()) as Death[][]) : undefined;
  const producer =
    (has & HAS.producer) !== 0 ? { id: input.f64(), epoch: input.u32(), sequence: input.f64(), line: input.text() } : undefined;
  const retain = (has & HAS.retain) !== 0 ? { tenant: input.text(), address: input.text() } : undefined;
  const packs = (has & HAS.packs) !== 0 ? readPacks(input, count) : undefined;
  const { records, recordsAt } = input.records();
  if (records.count !== count) throw new RangeError(`${count} records expected, ${records.count} found`);
  const bases = new Float64Array(partitions.length);
  const within = (has & HAS.within) !== 0;
  return {
    kind: 'messages',
    nowMs,
    records,
    recordsAt,
    queues,
    partitions,
    named,
    bases,
    columns,
    packs,
    deaths,
    producer,
    retain,
    within,
  };
}

function readPacks(input: In, count: number): Uint32Array {
  input.expect(count * 4);
  const packs = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const messages = input.u32();
    if (messages < 1 || messages > PACK_MAX) throw new RangeError(`a pack of ${messages} messages`);
    packs[i] = messages;
  }
  return packs;
}

function readColumns(input: In, count: number): Columns {
  const has = input.u8();
  if (has > COLUMN_ALL) throw new RangeError('messages have no such column');
  input.expect(count);
  const priority = (has & COLUMN.priority) !== 0 ? new Uint8Array(count) : undefined;
  const dueMs = (has & COLUMN.dueMs) !== 0 ? new Float64Array(count) : undefined;
  const ttlMs = (has & COLUMN.ttlMs) !== 0 ? new Float64Array(count) : undefined;
  const group: (string | undefined)[] | undefined = (has & COLUMN.group) !== 0 ? [] : undefined;
  const dedupId: (string | undefined)[] | undefined = (has & COLUMN.dedupId) !== 0 ? [] : undefined;
  const timeMs = (has & COLUMN.timeMs) !== 0 ? new Float64Array(count) : undefined;
  for (let i = 0; i < count; i++) {
    if (priority !== undefined) priority[i] = input.u8();
    if (dueMs !== undefined) dueMs[i] = input.f64();
    if (ttlMs !== undefined) ttlMs[i] = input.f64();
    if (group !== undefined) group.push(input.text() || undefined);
    if (dedupId !== undefined) dedupId.push(input.text() || undefined);
    if (timeMs !== undefined) timeMs[i] = readTime(input);
  }
  return {
    ...(priority && { priority }),
    ...(dueMs && { dueMs }),
    ...(ttlMs && { ttlMs }),
    ...(group && { group }),
    ...(dedupId && { dedupId }),
    ...(timeMs && { timeMs }),
  };
}

function readTime(input: In): number {
  const timeMs = input.f64();
  if (Number.isNaN(timeMs)) throw new RangeError('a time that is none');
  return timeMs;
}
