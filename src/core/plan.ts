/** What one command (or transaction) has already decided: later steps of it must count on it before it is applied. */

import type { Message } from '../model/message.ts';
import { RecordWriter } from '../model/record.ts';

export interface Plan {
  /** Messages on their way into each queue, by queue id. */
  readonly pushed: Map<number, number>;
  /** `queueId/dedupId` */
  readonly dedup: Set<string>;
  /** Next sequence by `producerId/epoch/line`. */
  readonly sequences: Map<string, number>;
  /** Messages about to be settled, `queueId/number`. */
  readonly settled: Set<string>;
  record(message: Message): Uint8Array;
}

export function nothingPlanned(): Plan {
  return new LazyPlan();
}

/** Most publishes need none of it: each part is made when first asked for. */
class LazyPlan implements Plan {
  #pushed: Map<number, number> | undefined;
  #dedup: Set<string> | undefined;
  #sequences: Map<string, number> | undefined;
  #settled: Set<string> | undefined;

  get pushed(): Map<number, number> {
    this.#pushed ??= new Map();
    return this.#pushed;
  }

  get dedup(): Set<string> {
    this.#dedup ??= new Set();
    return this.#dedup;
  }

  get sequences(): Map<string, number> {
    this.#sequences ??= new Map();
    return this.#sequences;
  }

  get settled(): Set<string> {
    this.#settled ??= new Set();
    return this.#settled;
  }

  record(message: Message): Uint8Array {
    return record(message);
  }
}

function record(message: Message): Uint8Array {
  const writer = new RecordWriter(message.body.length + 1024);
  writer.write(message);
  const { bytes, ends } = writer.take();
  return bytes.subarray(0, ends[0]);
}
