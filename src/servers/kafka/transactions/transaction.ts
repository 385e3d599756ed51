/** What is held for one transaction: batches for partitions whose records nobody may see before it is committed. */

import type { Operation, Publish } from '../../../model/engine.ts';
import { ERROR, type ErrorCode } from '../../../wire/kafka/kafka.ts';

type Published = Extract<Operation, { kind: 'publish' }>;

export interface TransactionLimits {
  /** Longest time a transaction may take. */
  readonly transactionMs: number;
  /** Held for one transaction, and for all together, bytes. */
  readonly transactionBytesMax: number;
  readonly transactionsBytesMax: number;
}

/** The last batches of one producer to one partition. */
export interface Line {
  next: number;
  readonly recent: number[];
}

const SEQUENCES = 2 ** 31;
/** As many as a client may have on the way. */
const RECENT_MAX = 5;

export class Held {
  /** `topic/partition` */
  readonly partitions: Set<string> = new Set();
  readonly operations: Published[] = [];
  readonly #lines: Map<string, Line>;
  readonly #stopTimer: () => void;
  #sizeBytes = 0;

  /** `lines` outlive it. `stopTimer` ends the wait for its time to be up. */
  constructor(lines: Map<string, Line>, stopTimer: () => void) {
    this.#lines = lines;
    this.#stopTimer = stopTimer;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  stop(): void {
    this.#stopTimer();
  }

  /** Keeps a batch of `count` records, whose bytes are its own from now on; one that has come before is not held again. */
  hold(place: string, publish: Publish, sequence: number, count: number): ErrorCode {
    const line = this.#lines.get(place);
    if (line?.recent.includes(sequence) === true) return ERROR.none;
    if (line !== undefined && line.next !== sequence) return ERROR.outOfOrderSequenceNumber;
    this.#lines.set(place, { next: (sequence + count) % SEQUENCES, recent: [...(line?.recent ?? []), sequence].slice(-RECENT_MAX) });
    this.partitions.add(place);
    this.operations.push({ kind: 'publish', ...publish });
    this.#sizeBytes += publish.records.bytes.length;
    return ERROR.none;
  }
}
