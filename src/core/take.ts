/** What one target takes of a batch: its share, unless that is too large or too much; less what a queue knows already; or what a transform makes of it. */

import type { Publish } from '../model/engine.ts';
import type { Message } from '../model/message.ts';
import { type Records, readMessage } from '../model/record.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { type Batch, messagesEntry, type Taken, transformed } from './batch.ts';
import { type Fault, faultEntries, overflowed } from './dead-letter.ts';
import type { Entry } from './entry.ts';
import { checkSchema, schemaOf } from './faults.ts';
import { joined, pick, pickColumns, recordAt, startOf } from './picks.ts';
import type { Queue } from './queue/queue.ts';
import { makings, place, type Share } from './route.ts';
import type { Destination } from './state.ts';

/** One target's share of the batch as it is: refused when a message is too large for it, or the queue is full. */
export function takeShare(batch: Batch, to: Destination, picks: Uint32Array | undefined, taken: Taken): Refusal | undefined {
  const { kind, name, messageBytesMax } = to.kind === 'queue' ? to.queue.spec : to.topic.spec;
  const tooLarge = messageBytesMax === undefined ? undefined : checkSizes(batch.records, messageBytesMax, `${kind} "${name}"`, picks);
  if (tooLarge !== undefined) return tooLarge;
  if (to.kind === 'queue') return takeInto(batch, to.queue, picks, taken);
  taken.partitions.push(...place(batch, to.topic, picks));
  return undefined;
}

/** `where`: whose limit it is. */
export function checkSizes(records: Records, max: number, where: string, picks?: Uint32Array): Refusal | undefined {
  let from = records.start;
  // In a batch that is small as a whole no message is large.
  if ((records.ends[records.count - 1] ?? 0) - from <= max) return undefined;
  for (let i = 0; i < records.count; i++) {
    const size = (records.ends[i] ?? 0) - from;
    from += size;
    if (size > max && (picks === undefined || picks.includes(i)))
      return refuse(
        'too-large',
        `Message ${i} of this batch has ${size} bytes with its properties; ${where} takes at most ${max}. Send it in parts, or raise the limit.`,
      );
  }
  return undefined;
}

/** One queue's share: refuses when it is full, leaves out what its dedup window knows. */
function takeInto(batch: Batch, queue: Queue, picks: Uint32Array | undefined, taken: Taken): Refusal | undefined {
  let mine = picks;
  const ids = batch.columns?.dedupId;
  if (ids !== undefined && queue.spec.dedupWindowMs !== undefined) {
    const fresh = pick(batch.records.count, (i) => {
      if (picks !== undefined && !picks.includes(i)) return false;
      const id = ids[i];
      if (!id || isFresh(batch, queue, id)) return true;
      markKnown(taken, batch.records.count, i);
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
  if (isBounded(queue)) batch.plan.pushed.set(queue.id, (batch.plan.pushed.get(queue.id) ?? 0) + count);
  taken.queues.push({ queue: queue.id, picks: mine });
  return undefined;
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
  if (!isBounded(queue)) return undefined;
  if (spec.overflow === 'drop-head' || spec.overflow === 'dead-letter-head') return undefined;
  const waiting = queue.ready + queue.delayed + queue.inFlight + (batch.plan.pushed.get(queue.id) ?? 0);
  const { records } = batch;
  const sizeBytes = queue.sizeBytes + (records.ends[records.count - 1] ?? 0) - records.start;
  if (waiting + count <= (spec.countMax ?? Number.POSITIVE_INFINITY) && sizeBytes <= (spec.sizeBytesMax ?? Number.POSITIVE_INFINITY))
    return undefined;
  return refuse('full', `Queue "${spec.name}" holds ${waiting} messages and cannot take ${count} more. Consume some, or raise its limit.`);
}

/** What a destination gets of which transforms make a part: records of their own, hence entries of their own. */
export function takeShaped(
  batch: Batch,
  to: Destination,
  shares: readonly Share[],
  publish: Publish,
  into: Taken,
): readonly Entry[] | Refusal {
  const order = makings(shares, batch.records.count);
  const parts: Uint8Array[] = [];
  for (const { index, transform } of order) {
    const part = transform === undefined ? recordAt(batch.records, index) : transformed(batch, index, transform);
    if (!(part instanceof Uint8Array)) return part;
    parts.push(part);
  }
  const records = joined(parts);
  const message = (i: number): Message => readMessage(records.bytes, startOf(records, i), batch.rules.languages);
  const columns =
    batch.columns &&
    pickColumns(
      batch.columns,
      Uint32Array.from(order, ({ index }) => index),
    );
  const own: Batch = { ...batch, records, columns, message };
  const faults: Fault[] = [];
  const schema = schemaOf(to);
  for (let i = 0; schema !== undefined && i < parts.length; i++) {
    // What goes as it is has been looked at with the rest of the batch.
    const fault = order[i]?.transform && checkSchema(own, schema, message(i), i);
    if (fault === undefined) continue;
    if (isRefusal(fault)) return fault;
    faults.push(fault);
  }
  const fitting = faults.length === 0 ? undefined : pick(parts.length, (i) => !faults.some(({ index }) => index === i));
  const taken: Taken = { queues: [], partitions: [], duplicates: undefined, turnedAway: [] };
  const refused = fitting?.length === 0 ? undefined : takeShare(own, to, fitting, taken);
  if (refused !== undefined) return refused;
  order.forEach(({ index }, i) => {
    if (((taken.duplicates?.[i >> 3] ?? 0) >> (i & 7)) & 1) markKnown(into, batch.records.count, index);
  });
  const entries: Entry[] = [...taken.turnedAway];
  if (taken.queues.length + taken.partitions.length > 0) entries.unshift(messagesEntry(own, taken, undefined, undefined));
  for (const fault of faults) entries.push(...faultEntries(own, fault, publish));
  return entries;
}

function markKnown(taken: Taken, count: number, i: number): void {
  taken.duplicates ??= new Uint8Array((count + 7) >> 3);
  taken.duplicates[i >> 3] = (taken.duplicates[i >> 3] ?? 0) | (1 << (i & 7));
}

function isBounded({ spec }: Queue): boolean {
  return spec.countMax !== undefined || spec.sizeBytesMax !== undefined;
}
