/** Entries: what was decided, as the journal keeps it. Applying them in order, from nothing, gives the state. */

import type { Binding, Declaration, Kind } from '../model/declaration.ts';
import type { Columns, Death, ProducerStamp, Runs } from '../model/engine.ts';
import type { Position } from '../model/lines.ts';
import type { Records } from '../model/record.ts';
import type { ReturnedAs } from './queue/queue.ts';
import type { AbortedPart, OffsetRuns } from './uncommitted.ts';

/** Which of the records a target takes, by index, in order; absent = all. */
export type Picks = Uint32Array | undefined;

export interface QueueTarget {
  readonly queue: number;
  readonly picks: Picks;
}

export interface PartitionTarget {
  readonly topic: number;
  readonly partition: number;
  readonly picks: Picks;
}

/** A run of messages and where they went. One entry however many targets: a fan-out is all or nothing. */
export interface MessagesEntry {
  readonly kind: 'messages';
  readonly nowMs: number;
  readonly records: Records;
  /** Where the first record's first byte stands in the journal; known once the entry is encoded. */
  recordsAt: Position;
  readonly queues: readonly QueueTarget[];
  readonly partitions: readonly PartitionTarget[];
  /** The topic named like the address: the one whose offsets the publisher is told; 0 = none. */
  readonly named: number;
  /** First offset in each of `partitions`; known once applied. */
  bases: Float64Array;
  readonly columns: Columns | undefined;
  /** How many messages each record stands for; absent: one each. Such an entry goes to partitions only. */
  readonly packs: Uint32Array | undefined;
  /** Why each was dead-lettered on its way, newest first. */
  readonly deaths: readonly (readonly Death[])[] | undefined;
  readonly producer: Required<ProducerStamp> | undefined;
  /** The last record becomes the retained value of this address. */
  readonly retain: { readonly tenant: string; readonly address: string } | undefined;
  /** It belongs to the open transaction of its producer. Such an entry goes to partitions only. */
  readonly within: boolean;
}

export type SettledAs = 'acked' | 'deadLettered' | 'expired' | 'dropped' | 'purged';

export type Entry =
  | MessagesEntry
  | { readonly kind: 'leased'; readonly queue: number; readonly lease: number; readonly untilMs: number; readonly runs: Runs }
  | { readonly kind: 'settled'; readonly queue: number; readonly as: SettledAs; readonly runs: Runs }
  | { readonly kind: 'returned'; readonly queue: number; readonly dueMs: number; readonly as: ReturnedAs; readonly runs: Runs }
  | { readonly kind: 'extended'; readonly queue: number; readonly lease: number; readonly untilMs: number; readonly runs: Runs }
  | { readonly kind: 'due'; readonly queue: number; readonly nowMs: number }
  /** Messages written again so that the old segment can go: record `i` of `records` is message `numbers[i]` of queue `queues[i]`. */
  | {
      readonly kind: 'carried';
      readonly records: Records;
      recordsAt: Position;
      readonly queues: Uint32Array;
      readonly numbers: Float64Array;
      readonly of: Uint32Array;
    }
  | { readonly kind: 'transaction'; readonly entries: readonly Entry[] }
  | PlainEntry
  | CheckpointEntry;

/** Entries that come now and then: kept as JSON. */
export type PlainEntry =
  | { readonly kind: 'declared'; readonly id: number; readonly tenant: string; readonly spec: Declaration; readonly nowMs: number }
  | { readonly kind: 'removed'; readonly tenant: string; readonly what: Kind; readonly name: string }
  | { readonly kind: 'bound'; readonly tenant: string; readonly binding: Binding }
  | { readonly kind: 'unbound'; readonly tenant: string; readonly binding: Binding }
  | {
      readonly kind: 'moved';
      readonly tenant: string;
      readonly group: string;
      /** Offset -1 removes the cursor. */
      readonly moves: readonly { readonly topic: number; readonly partition: number; readonly offset: number; readonly note?: string }[];
    }
  | {
      readonly kind: 'producer';
      readonly id: number;
      readonly epoch: number;
      readonly name: string | undefined;
      readonly openMs?: number;
      /** Only in checkpoints. */
      readonly ended?: { readonly epoch: number; readonly outcome: 'commit' | 'abort' };
    }
  /** What belongs to the open transaction of a producer; the first begins it. */
  | {
      readonly kind: 'included';
      readonly producer: number;
      readonly nowMs: number;
      readonly tenant: string;
      readonly partitions: readonly { readonly topic: number; readonly partition: number }[];
      readonly groups: readonly string[];
      readonly move?: {
        readonly group: string;
        readonly moves: readonly { readonly topic: number; readonly partition: number; readonly offset: number; readonly note?: string }[];
      };
      readonly passing?: true;
    }
  /** An open transaction has ended; its marks and what moves with it stand before this in the same step. `asked`: by the producer, in this epoch. */
  | {
      readonly kind: 'ended';
      readonly producer: number;
      readonly epoch: number;
      readonly outcome: 'commit' | 'abort';
      readonly nowMs: number;
      readonly asked?: number;
    }
  | { readonly kind: 'trimmed'; readonly topic: number; readonly partition: number; readonly start: number }
  /** Serving begins (again): what was held by consumers of the former process goes back, what was not durable goes. */
  | { readonly kind: 'opened'; readonly nowMs: number; readonly identity: string };

/** Entries that only a checkpoint holds: they restate what no other entry can. */
export type CheckpointEntry =
  | {
      readonly kind: 'counters';
      readonly nextId: number;
      readonly nextLease: number;
      readonly nextProducer: number;
      readonly nowMs: number;
      readonly identity: string;
    }
  | { readonly kind: 'partition'; readonly topic: number; readonly partition: number; readonly start: number; readonly end: number }
  /** What transactions have left in a partition: records of aborted ones, and of open ones by producer. In pieces. */
  | {
      readonly kind: 'uncommitted';
      readonly topic: number;
      readonly partition: number;
      readonly aborted: readonly AbortedPart[];
      readonly runs: OffsetRuns;
      readonly open: readonly { readonly producer: number; readonly runs: OffsetRuns }[];
    }
  | { readonly kind: 'sequences'; readonly id: number; readonly lines: readonly ProducerLine[] }
  | { readonly kind: 'queue-state'; readonly queue: number; readonly piece: Uint8Array }
  | { readonly kind: 'retained'; readonly tenant: string; readonly address: string; readonly record: Uint8Array };

/** What is remembered of one producer on one line: the next sequence, and the last batches for answering repeats. */
export interface ProducerLine {
  readonly line: string;
  readonly next: number;
  readonly recent: readonly ProducerBatch[];
}

export interface ProducerBatch {
  readonly sequence: number;
  readonly count: number;
  /** Where the topic named like the address put them; empty when there is none. */
  readonly partitions: readonly number[];
  readonly offsets: readonly number[];
}
