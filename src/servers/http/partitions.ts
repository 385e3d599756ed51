/** Reads partitions of a topic on and on, each in its own loop, and hands over batch by batch as the receiver has room. */

import type { Engine, Fetched } from '../../model/engine.ts';
import type { Offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';

export interface PartitionReceiver {
  /** Records of one partition, in order. The next batch is read when the promise settles. */
  records(partition: number, fetched: Fetched): Promise<void>;
  /** Records between these offsets were gone before they could be read: retention was faster. */
  skipped(partition: number, from: Offset, to: Offset): void;
  /** Nothing more will come. */
  failed(error: unknown): void;
}

/** Bytes of one batch: large enough to be cheap, small enough to be fair. */
const BATCH_BYTES = 256 * 1024;
const WAIT_MS = 30_000;

/** Reads one partition until `signal`, or an error that `receiver.failed` is told. Never rejects. */
export async function readPartition(
  engine: Engine,
  topic: string,
  partition: number,
  from: Offset,
  receiver: PartitionReceiver,
  signal: AbortSignal,
): Promise<void> {
  let next = from;
  while (!signal.aborted) {
    try {
      const fetched = await engine.fetch({ topic, partition, offset: next, sizeBytesMax: BATCH_BYTES, waitMs: WAIT_MS, signal });
      if (signal.aborted) return;
      next = fetched.next;
      if (fetched.records.count > 0) await receiver.records(partition, fetched);
    } catch (error) {
      if (signal.aborted) return;
      const start =
        error instanceof Refused && error.code === 'out-of-range' ? await startAfter(engine, topic, partition, next) : undefined;
      if (start === undefined) return receiver.failed(error);
      receiver.skipped(partition, next, start);
      next = start;
    }
  }
}

/** Where the partition begins now, when that is past `next`; undefined when that is not what was wrong. */
async function startAfter(engine: Engine, topic: string, partition: number, next: Offset): Promise<Offset | undefined> {
  const description = await engine.describe('topic', topic);
  const start = description?.kind === 'topic' ? description.partitions.find((state) => state.partition === partition)?.start : undefined;
  return start !== undefined && start > next ? start : undefined;
}
