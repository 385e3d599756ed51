/** What one command (or transaction) has already decided: later steps of it must count on it before it is applied. */

import type { Message } from '../model/message.ts';
import { RecordWriter } from '../model/record.ts';

export interface Plan {
  /** Messages on their way into each queue, by queue id. */
  readonly pushed: Map<number, number>;
  /** `queueId/dedupId` */
  readonly dedup: Set<string>;
  /** Next sequence by `producerId/address`. */
  readonly sequences: Map<string, number>;
  /** Messages about to be settled, `queueId/number`. */
  readonly settled: Set<string>;
  record(message: Message): Uint8Array;
}

export function nothingPlanned(): Plan {
  return { pushed: new Map(), dedup: new Set(), sequences: new Map(), settled: new Set(), record };
}

function record(message: Message): Uint8Array {
  const writer = new RecordWriter(message.body.length + 1024);
  writer.write(message);
  const { bytes, ends } = writer.take();
  return bytes.subarray(0, ends[0]);
}
