/** What one target takes of a batch: the share of a queue, less what it knows already, and what a transform makes of it. */

import { type Refusal, refuse } from '../model/refusal.ts';
import { type Batch, messagesEntry, type Taken } from './batch.ts';
import { overflowed } from './dead-letter.ts';
import type { Entry } from './entry.ts';
import { joined, pick, pickColumns } from './picks.ts';
import type { Queue } from './queue/queue.ts';
import { place } from './route.ts';
import { applyTransform, type Transform } from './routing/routing.ts';
import type { Destination } from './state.ts';

/** One queue's share: refuses when it is full, leaves out what its dedup window knows. */
export function takeInto(batch: Batch, queue: Queue, picks: Uint32Array | undefined, taken: Taken): Refusal | undefined {
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

/** What a binding's transform makes of its share: records of their own, hence an entry of its own. */
export function transformed(
  batch: Batch,
  to: Destination,
  transform: Transform,
  picks: Uint32Array | undefined,
): Entry | Refusal | undefined {
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

function isBounded({ spec }: Queue): boolean {
  return spec.countMax !== undefined || spec.sizeBytesMax !== undefined;
}
