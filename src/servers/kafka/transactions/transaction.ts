/** One transaction that is under way: the batches and offsets that are held for it. */

import type { CursorMove, Operation, ProducerStamp } from '../../../model/engine.ts';
import { ERROR, type ErrorCode, packOf } from '../../../wire/kafka/kafka.ts';

/** A batch to be held. */
export interface Held {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Uint8Array;
  readonly count: number;
  readonly latestMs: number;
  readonly producer: ProducerStamp;
}

export type KeptOffset = CursorMove;

type Published = Extract<Operation, { kind: 'publish' }>;

/** The last batches of one producer to one partition. */
export interface Line {
  next: number;
  readonly recent: number[];
}

const SEQUENCES = 2 ** 31;
/** As many as a client may have on the way. */
const RECENT_MAX = 5;

export class Transaction {
  /** `topic/partition` */
  readonly partitions: Set<string> = new Set();
  readonly groups: Set<string> = new Set();
  readonly #published: Published[] = [];
  /** By group, then by partition: the last word counts. */
  readonly #offsets = new Map<string, Map<string, KeptOffset>>();
  readonly #lines: Map<string, Line>;
  readonly #stopTimer: () => void;
  #sizeBytes = 0;

  /** `stopTimer` ends the wait for its time to be up. */
  constructor(lines: Map<string, Line>, stopTimer: () => void) {
    this.#lines = lines;
    this.#stopTimer = stopTimer;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get isEmpty(): boolean {
    return this.#published.length === 0 && this.#offsets.size === 0;
  }

  stop(): void {
    this.#stopTimer();
  }

  /** Copies the batch; one that has come before is not held again. */
  hold({ topic, partition, batch, count, latestMs, producer: { sequence } }: Held): ErrorCode {
    const place = `${topic}/${partition}`;
    const line = this.#lines.get(place);
    if (line?.recent.includes(sequence) === true) return ERROR.duplicateSequenceNumber;
    if (line !== undefined && line.next !== sequence) return ERROR.outOfOrderSequenceNumber;
    this.#lines.set(place, { next: (sequence + count) % SEQUENCES, recent: [...(line?.recent ?? []), sequence].slice(-RECENT_MAX) });
    this.#published.push({
      kind: 'publish',
      address: topic,
      toTopic: true,
      records: packOf(topic, batch),
      columns: { partition: Int32Array.of(partition), timeMs: Float64Array.of(latestMs) },
      packs: Uint32Array.of(count),
    });
    this.#sizeBytes += batch.length;
    return ERROR.none;
  }

  keep(group: string, offsets: readonly KeptOffset[]): void {
    const kept = this.#offsets.get(group) ?? new Map<string, KeptOffset>();
    for (const move of offsets) kept.set(`${move.topic}/${move.partition}`, move);
    this.#offsets.set(group, kept);
  }

  keeps(group: string, topic: string, partition: number): boolean {
    return this.#offsets.get(group)?.has(`${topic}/${partition}`) === true;
  }

  /** All of it, as one step of the engine. */
  operations(): Operation[] {
    const moves = [...this.#offsets].map(([group, kept]): Operation => ({ kind: 'move', group, moves: [...kept.values()] }));
    return [...this.#published, ...moves];
  }
}
