/** Producers of the simulated Kafka door, and readers: with sequences that are resumed after a crash, or without. */

import { ERROR, FETCH, INIT_PRODUCER_ID, PRODUCE } from '../../../src/wire/kafka/kafka.ts';
import type { KafkaClient } from './kafka-client.ts';
import { type Made, textOf } from './kafka-ledger.ts';
import { committedOf, readBatches, writeBatch } from './kafka-records.ts';
import type { KafkaScene } from './kafka-scene.ts';

/** A batch that is sent until it is confirmed. */
interface Sent {
  readonly made: readonly Made[];
  readonly sequence: number;
}

const WINDOW = 5;
const NO_PRODUCER = { id: -1, epoch: -1, sequence: -1 };

export async function sendBatch(
  client: KafkaClient,
  made: readonly Made[],
  producer: { readonly id: number; readonly epoch: number; readonly sequence: number },
  acks: number,
  transactionalId: string | null = null,
): Promise<{ readonly errorCode: number; readonly baseOffset: number } | undefined> {
  const [first] = made;
  if (first === undefined) return undefined;
  const records = writeBatch(
    made.map(({ id }) => textOf(id)),
    producer,
    transactionalId !== null,
  );
  const request = {
    transactionalId,
    acks,
    timeoutMs: 1000,
    topicData: [{ name: first.topic, partitionData: [{ index: first.partition, records }] }],
  };
  if (acks === 0) {
    client.tell(PRODUCE, 7, request);
    return undefined;
  }
  const answer = await client.ask(PRODUCE, request);
  const told = answer?.responses[0]?.partitionResponses[0];
  return told === undefined ? undefined : { errorCode: told.errorCode ?? 0, baseOffset: told.baseOffset };
}

/** Nothing is sent twice: what was not answered may be there or not. */
export async function plainProducer(scene: KafkaScene, topic: string, partitions: number): Promise<void> {
  const { ledger, random } = scene;
  for (;;) {
    const client = await scene.client();
    while (client.isAlive) {
      const partition = random.int(partitions);
      const made = Array.from({ length: 1 + random.int(4) }, () => ledger.make(topic, partition));
      const acks = random.pick([-1, -1, -1, 1, 0]);
      const told = await sendBatch(client, made, NO_PRODUCER, acks);
      if (told !== undefined && told.errorCode === ERROR.none) {
        if (acks === -1) for (const [i, one] of made.entries()) ledger.placed(one, told.baseOffset + i);
      } else if (told !== undefined && !client.mayBeRefused) ledger.fault('refused', `produce: ${told.errorCode}`);
      await scene.wait(random.float() * 15);
    }
  }
}

/** Sends a window of batches, and those that were not confirmed again, in their order and with their numbers, until all are. */
export async function idempotentProducer(scene: KafkaScene, topic: string, partitions: number): Promise<void> {
  const { ledger, random } = scene;
  let producer: { readonly id: number; readonly epoch: number } | undefined;
  const next = new Map<number, number>();
  const waiting: Sent[] = [];
  for (;;) {
    const client = await scene.client();
    while (client.isAlive) {
      if (producer === undefined) {
        const given = await client.ask(INIT_PRODUCER_ID, { transactionalId: null, transactionTimeoutMs: 1000 });
        if (given !== undefined && (given.errorCode ?? 0) === ERROR.none)
          producer = { id: given.producerId ?? -1, epoch: given.producerEpoch };
        else await scene.wait(5);
        continue;
      }
      const { id, epoch } = producer;
      const partition = waiting[0]?.made[0]?.partition ?? random.int(partitions);
      while (waiting.length === 0 || (waiting.length < WINDOW && random.chance(0.6))) {
        const made = Array.from({ length: 1 + random.int(4) }, () => ledger.make(topic, partition));
        const sequence = next.get(partition) ?? 0;
        next.set(partition, sequence + made.length);
        waiting.push({ made, sequence });
        scene.line(`${id}/${topic}/${partition}`).push(...made);
      }
      const window = [...waiting];
      // All are on their way before the first is answered.
      const answers = await Promise.all(window.map(({ made, sequence }) => sendBatch(client, made, { id, epoch, sequence }, -1)));
      for (const [i, told] of answers.entries()) {
        const { made = [] } = window[i] ?? {};
        const isKnown = told?.errorCode === ERROR.none || told?.errorCode === ERROR.duplicateSequenceNumber;
        if (told !== undefined && !isKnown && !client.mayBeRefused)
          ledger.fault('T3 sequence', `batch ${window[i]?.sequence} of ${id}: ${told.errorCode}`);
        if (told === undefined || !isKnown) break;
        if (told.baseOffset >= 0) for (const [k, one] of made.entries()) ledger.placed(one, told.baseOffset + k);
        waiting.shift();
      }
      if (random.chance(0.05)) client.drop();
      await scene.wait(random.float() * 15);
    }
  }
}

/** Reads on, or something again, of one partition; what it sees must be what everybody sees. */
export async function reader(scene: KafkaScene, topic: string, partitions: number): Promise<void> {
  const { random, ledger } = scene;
  const positions = new Map<number, number>();
  for (;;) {
    const client = await scene.client();
    while (client.isAlive) {
      const partition = random.int(partitions);
      const position = positions.get(partition) ?? 0;
      const from = random.chance(0.2) ? random.int(position + 1) : position;
      const read = await fetchFrom(client, topic, partition, from, random.int(2) as 0 | 1);
      if (read === undefined) continue;
      if (read.errorCode !== ERROR.none) {
        if (!client.mayBeRefused) ledger.fault('refused', `fetch of ${topic}/${partition} at ${from}: ${read.errorCode}`);
      } else {
        scene.saw(topic, partition, from, read);
        positions.set(partition, Math.max(position, read.next));
      }
      await scene.wait(random.float() * 20);
    }
  }
}

export interface Read {
  readonly errorCode: number;
  readonly committedOnly: boolean;
  readonly batches: ReturnType<typeof readBatches>;
  /** Those of `batches` that count for who asked. */
  readonly kept: ReturnType<typeof readBatches>;
  readonly highWatermark: number;
  readonly stableEnd: number;
  readonly next: number;
}

export async function fetchFrom(
  client: KafkaClient,
  topic: string,
  partition: number,
  fetchOffset: number,
  isolationLevel: 0 | 1,
): Promise<Read | undefined> {
  const answer = await client.ask(FETCH, {
    maxWaitMs: 20,
    minBytes: 1,
    maxBytes: 10_000,
    isolationLevel,
    topics: [{ topic, partitions: [{ partition, fetchOffset, partitionMaxBytes: 10_000 }] }],
    forgottenTopicsData: [],
    rackId: '',
  });
  const told = answer?.responses[0]?.partitions[0];
  if (told === undefined) return undefined;
  const batches = readBatches(flat(told.records));
  const kept = isolationLevel === 1 ? committedOf(batches, told.abortedTransactions ?? []) : batches;
  return {
    errorCode: told.errorCode ?? 0,
    committedOnly: isolationLevel === 1,
    batches,
    kept,
    highWatermark: told.highWatermark,
    stableEnd: told.lastStableOffset ?? -1,
    next: Math.max(fetchOffset, (batches.at(-1)?.last ?? -1) + 1),
  };
}

/** Bytes may come in pieces. */
function flat(records: unknown): Uint8Array {
  if (records === null || records === undefined) return new Uint8Array(0);
  return records instanceof Uint8Array ? records : Buffer.concat(records as readonly Uint8Array[]);
}
