/** Drafts gathered into what an engine takes at once: records side by side, and the columns the core acts on. */

import type { Columns } from '../../model/engine.ts';
import type { Message } from '../../model/message.ts';
import { murmur2 } from '../../model/murmur.ts';
import { neutralHead, type Records, RecordWriter } from '../../model/record.ts';
import type { Draft, Properties } from './draft.ts';

export interface Destination {
  /** `''` = straight to the queue named by `address`. */
  readonly exchange: string;
  readonly address: string;
}

export interface TakenBatch {
  readonly records: Records;
  readonly columns: Columns;
}

const EMPTY = new Uint8Array(0);

/** Messages that each say their own properties. */
export class Batch {
  #writer = new RecordWriter();
  #drafts: Properties[] = [];
  #nowMs = 0;

  get count(): number {
    return this.#drafts.length;
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  /** Throws `Refused('invalid')` for a property too long to keep; the batch is then as before. */
  add(draft: Draft, to: Destination, nowMs: number): void {
    this.#writer.write(messageOf(draft, to, nowMs));
    this.#drafts.push(draft);
    this.#nowMs = nowMs;
  }

  take(): TakenBatch {
    const drafts = this.#drafts;
    this.#drafts = [];
    return { records: this.#writer.take(), columns: columnsOf(drafts, this.#nowMs) };
  }
}

/** Bodies that all have the same properties, such as lines of NDJSON: the head is encoded once for each batch. */
export class Lines {
  readonly #properties: Properties;
  readonly #to: Destination;
  readonly #writer = new RecordWriter(64 * 1024);
  #head: Uint8Array = EMPTY;
  #count = 0;
  #nowMs = 0;

  constructor(properties: Properties, to: Destination) {
    this.#properties = properties;
    this.#to = to;
  }

  get count(): number {
    return this.#count;
  }

  get sizeBytes(): number {
    return this.#writer.sizeBytes;
  }

  add(body: Uint8Array, nowMs: number): void {
    if (this.#count === 0) this.#begin(nowMs);
    this.#writer.writeRaw(0, this.#head, body);
    this.#count += 1;
  }

  take(): TakenBatch {
    const columns = repeatedColumns(this.#properties, this.#count, this.#nowMs);
    this.#count = 0;
    return { records: this.#writer.take(), columns };
  }

  #begin(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#head = neutralHead(messageOf({ ...this.#properties, body: EMPTY }, this.#to, nowMs));
  }
}

function messageOf(draft: Draft, to: Destination, nowMs: number): Message {
  return {
    exchange: to.exchange,
    address: to.address,
    timestampMs: nowMs,
    key: draft.key,
    id: draft.id,
    source: draft.source,
    type: draft.type,
    subject: draft.subject,
    contentType: draft.contentType,
    contentEncoding: draft.contentEncoding,
    correlationId: draft.correlationId,
    replyTo: draft.replyTo,
    priority: draft.priority,
    ttlMs: draft.ttlMs,
    headers: draft.headers,
    body: draft.body,
  };
}

/** A column exists only when some message says something for it. */
function columnsOf(drafts: readonly Properties[], nowMs: number): Columns {
  const some = (field: keyof Properties): boolean => drafts.some((draft) => draft[field] !== undefined);
  return {
    ...(some('priority') ? { priority: Uint8Array.from(drafts, (draft) => draft.priority ?? 0) } : {}),
    ...(some('delayMs') || some('dueMs') ? { dueMs: Float64Array.from(drafts, (draft) => dueOf(draft, nowMs)) } : {}),
    ...(some('ttlMs') ? { ttlMs: Float64Array.from(drafts, (draft) => draft.ttlMs ?? Number.POSITIVE_INFINITY) } : {}),
    ...(some('group') ? { group: drafts.map((draft) => draft.group) } : {}),
    ...(some('dedupId') ? { dedupId: drafts.map((draft) => draft.dedupId) } : {}),
    ...(some('key') ? { keyHash: Int32Array.from(drafts, hashOf) } : {}),
    ...(some('partition') ? { partition: Int32Array.from(drafts, (draft) => draft.partition ?? -1) } : {}),
  };
}

function repeatedColumns(properties: Properties, count: number, nowMs: number): Columns {
  const { priority, ttlMs, group, dedupId, key, partition } = properties;
  const dueMs = dueOf(properties, nowMs);
  return {
    ...(priority === undefined ? {} : { priority: new Uint8Array(count).fill(priority) }),
    ...(dueMs === 0 ? {} : { dueMs: new Float64Array(count).fill(dueMs) }),
    ...(ttlMs === undefined ? {} : { ttlMs: new Float64Array(count).fill(ttlMs) }),
    ...(group === undefined ? {} : { group: new Array<string>(count).fill(group) }),
    ...(dedupId === undefined ? {} : { dedupId: new Array<string>(count).fill(dedupId) }),
    ...(key === undefined ? {} : { keyHash: new Int32Array(count).fill(hashOf(properties)) }),
    ...(partition === undefined ? {} : { partition: new Int32Array(count).fill(partition) }),
  };
}

function dueOf(draft: Properties, nowMs: number): number {
  return draft.dueMs ?? (draft.delayMs === undefined ? 0 : nowMs + draft.delayMs);
}

function hashOf(draft: Properties): number {
  return draft.key === undefined ? -1 : murmur2(draft.key);
}
