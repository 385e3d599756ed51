/** A batch of records on its way to its targets, while it is being decided. */

import type { SchemaSpec } from '../model/declaration.ts';
import type { Columns, Death, Publish } from '../model/engine.ts';
import type { Message } from '../model/message.ts';
import type { Language, Records } from '../model/record.ts';
import type { Refusal } from '../model/refusal.ts';
import type { Entry, MessagesEntry, PartitionTarget, QueueTarget } from './entry.ts';
import type { Plan } from './plan.ts';
import { applyTransform, type Transform } from './routing/routing.ts';
import type { Tenant, Topic } from './state.ts';

/** What deciding needs to know of the broker it decides for. */
export interface Rules {
  /** Largest record, bytes. */
  readonly messageBytesMax: number;
  readonly languages: ReadonlyMap<number, Language>;
  /** The first fault of a message against a schema; undefined = it fits. */
  readonly fault: (schema: SchemaSpec, message: Message) => { readonly message: string; readonly path: string } | undefined;
}

/** A batch on its way to its targets. */
export interface Batch {
  readonly tenant: Tenant;
  readonly records: Records;
  readonly columns: Columns | undefined;
  readonly deaths: readonly (readonly Death[])[] | undefined;
  readonly nowMs: number;
  readonly plan: Plan;
  readonly rules: Rules;
  readonly message: (i: number) => Message;
}

/** What a transform makes of a record of the batch. */
export function transformed(batch: Batch, index: number, transform: Transform): Uint8Array | Refusal {
  const message = batch.message(index);
  const body = applyTransform(transform, message);
  return body instanceof Uint8Array ? batch.plan.record({ ...message, body, contentType: 'application/json' }) : body;
}

export interface Taken {
  readonly queues: QueueTarget[];
  readonly partitions: PartitionTarget[];
  duplicates: Uint8Array | undefined;
  /** What a full queue with `refuse-dead-letter` turned away. */
  readonly turnedAway: Entry[];
}

/** `retains`: the last record becomes the retained value of the address. */
export function messagesEntry(
  batch: Batch,
  taken: Taken,
  publish: Publish | undefined,
  named: Topic | undefined,
  retains = false,
): MessagesEntry {
  const { columns, tenant } = batch;
  const useful =
    columns && (columns.priority ?? columns.dueMs ?? columns.ttlMs ?? columns.group ?? columns.dedupId ?? columns.timeMs) !== undefined;
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
    packs: publish?.packs,
    deaths: batch.deaths,
    producer: publish?.producer && { line: publish.address, ...publish.producer },
    retain: retains && publish !== undefined ? { tenant: tenant.name, address: publish.address } : undefined,
    within: publish?.within !== undefined,
  };
}
