/** Reads partitions of a topic on and on, each in its own loop, and hands over batch by batch as the receiver has room; new ones as they come. */

import type { Engine, Fetched } from '../../model/engine.ts';
import type { Offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import { quoted } from '../../wire/http/http.ts';

export interface PartitionReceiver {
  /** Records of one partition, in order. The next batch is read when the promise settles. */
  records(partition: number, fetched: Fetched): Promise<void>;
  /** Records between these offsets were gone before they could be read: retention was faster. */
  skipped(partition: number, from: Offset, to: Offset): void;
  /** Nothing more will come. */
  failed(error: unknown): void;
}

export interface TopicReceiver extends PartitionReceiver {
  /** The topic was given this partition meanwhile: it is read from its beginning, so nothing of it is missed. */
  added(partition: number, start: Offset): void;
}

export interface TopicWish {
  readonly topic: string;
  /** Where each partition is read from. */
  readonly starts: ReadonlyMap<number, Offset>;
  /** Read those as well that the topic is given later. */
  readonly all: boolean;
  readonly partitionsMax: number;
}

/** A new partition is read after at most this long. */
const LOOK_MS = 5000;

/** Reads until `signal`, or an error that `receiver.failed` is told. Throws `Refused('invalid')` when there are too many partitions. */
export function readTopic(
  engine: Engine,
  { topic, starts, all, partitionsMax }: TopicWish,
  receiver: TopicReceiver,
  signal: AbortSignal,
): void {
  checkCount(topic, starts.size, partitionsMax);
  const known = new Set(starts.keys());
  for (const [partition, start] of starts) void readPartition(engine, topic, partition, start, receiver, signal);
  const look = async (): Promise<void> => {
    const description = await engine.describe('topic', topic, { brief: true });
    // Whoever reads a topic that has gone is told by its readers.
    if (signal.aborted || description?.kind !== 'topic') return;
    checkCount(topic, description.partitions.length, partitionsMax);
    for (const { partition, start } of description.partitions) {
      if (known.has(partition)) continue;
      known.add(partition);
      receiver.added(partition, start);
      void readPartition(engine, topic, partition, start, receiver, signal);
    }
  };
  const lookLater = (): void => {
    const cancel = engine.after(LOOK_MS, () => {
      signal.removeEventListener('abort', cancel);
      look().then(
        () => signal.aborted || lookLater(),
        (error: unknown) => signal.aborted || receiver.failed(error),
      );
    });
    signal.addEventListener('abort', cancel, { once: true });
  };
  if (all && !signal.aborted) lookLater();
}

/** Throws `Refused('invalid')` for more partitions than one subscription reads. */
export function checkCount(topic: string, count: number, partitionsMax: number): void {
  if (count <= partitionsMax) return;
  throw new Refused(
    'invalid',
    `Topic ${quoted(topic)} has ${count} partitions; one subscription reads ${partitionsMax}. Name the ones to read.`,
  );
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
