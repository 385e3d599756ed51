/**
 * Produce, versions 3–12 (told of from 0: older clients send uncompressed otherwise [KAFKA-18659]). One batch per partition, checked; the
 * partitions of a request stand for themselves. acks -1 answers once it is safe, 1 and 0 once it is taken.
 */

import type { Engine, ProducerStamp } from '../../../model/engine.ts';
import {
  type BatchFault,
  BatchHead,
  ERROR,
  type ErrorCode,
  PRODUCE,
  packInPlace,
  packOf,
  type ResponseOf,
  stampAppendTime,
} from '../../../wire/kafka/kafka.ts';
import { type Fault, faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Answer = ResponseOf<typeof PRODUCE>['responses'][number]['partitionResponses'][number];

const ALL = -1;
const ZSTD = 4;
const ZSTD_SINCE = 7;

export const PRODUCE_HANDLER: Handler = handler(
  PRODUCE,
  async ({ transactionalId, acks, topicData }, call) => {
    if (call.engine.pressed) await call.engine.relief();
    const isAlone = topicData.length === 1 && topicData[0]?.partitionData.length === 1;
    const responses = await Promise.all(
      topicData.map(async ({ name: topic, partitionData }) => ({
        name: topic,
        partitionResponses: await Promise.all(
          partitionData.map(({ index: partition, records }) =>
            produce({ topic, partition, records, isAlone, acks, transactionalId }, call),
          ),
        ),
      })),
    );
    // What a transaction holds on to points into the request.
    if (transactionalId === null) call.spent();
    if (acks !== 0) return { responses };
    // Nobody waits for an answer, so an error can only be told by ending the connection.
    const failed = responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode = 0 }) => errorCode !== ERROR.none));
    return failed ? 'close' : 'none';
  },
  { advertisedMin: 0, overlaps: true },
);

/** What is asked for one partition. */
interface Ask {
  readonly topic: string;
  readonly partition: number;
  readonly records: Uint8Array | null;
  /** There is nothing else in this request. */
  readonly isAlone: boolean;
  readonly acks: number;
  readonly transactionalId: string | null;
}

const head = new BatchHead();
/** Of what has no offset yet. */
const NO_OFFSET = -1;
/** The producer's own times count. */
const NO_TIME = -1;

async function produce(ask: Ask, call: Call): Promise<Answer> {
  const { topic, partition: index, acks } = ask;
  try {
    if (acks < ALL || acks > 1) throw new KafkaFault(ERROR.invalidRequiredAcks, `acks can be 0, 1 or -1, and not ${acks}.`);
    // Asked before the head is read, which all batches share.
    const stamps = call.door.appendTimes.has(call.engine, topic);
    const isStamped = typeof stamps === 'boolean' ? stamps : await stamps;
    const batch = checked(ask, call);
    const logAppendTimeMs = isStamped ? stamped(batch, call.engine.nowMs()) : NO_TIME;
    return {
      index,
      logAppendTimeMs,
      baseOffset: await (head.isTransactional ? produceWithin(ask, batch, call) : publish(ask, batch, call.engine)),
    };
  } catch (error) {
    return { index, baseOffset: NO_OFFSET, ...(await told(error, topic, index, call)) };
  }
}

/** Its records came now, whatever they say themselves. */
function stamped(batch: Uint8Array, nowMs: number): number {
  head.latestMs = Math.floor(nowMs);
  stampAppendTime(batch, 0, batch.length, head.latestMs);
  return head.latestMs;
}

/** What is not known may also be the producer. */
async function told(error: unknown, topic: string, partition: number, call: Call): Promise<Fault> {
  const fault = faultOf(error, call);
  if (fault.errorCode !== ERROR.unknownTopicOrPartition) return fault;
  const known = await describeTopic(call.engine, topic).catch(() => undefined);
  return known?.partitions[partition] === undefined ? fault : { ...fault, errorCode: ERROR.unknownProducerId };
}

/** Leaves in `head` what the batch says of itself. Throws `KafkaFault`. */
function checked({ records }: Ask, { version }: Call): Uint8Array {
  if (records === null || records.length === 0)
    throw new KafkaFault(ERROR.invalidRecord, 'There is no batch of records for this partition.');
  const fault = head.read(records, 0, records.length) ?? head.check(records, 0);
  if (fault !== undefined) throw new KafkaFault(CODE_OF[fault], SAYS[fault]);
  if (head.sizeBytes !== records.length)
    throw new KafkaFault(ERROR.invalidRecord, 'There must be exactly one batch of records for each partition.');
  if (head.codec === ZSTD && version < ZSTD_SINCE)
    throw new KafkaFault(ERROR.unsupportedCompressionType, `zstd needs version ${ZSTD_SINCE} of Produce.`);
  return records;
}

/** Resolves with the offset of the first record. */
async function publish({ topic, partition, acks, isAlone }: Ask, batch: Uint8Array, engine: Engine): Promise<number> {
  const published = await engine.publish({
    address: topic,
    toTopic: true,
    records: isAlone ? packInPlace(topic, batch) : packOf(topic, batch),
    columns: { partition: Int32Array.of(partition), timeMs: Float64Array.of(head.latestMs) },
    packs: Uint32Array.of(head.count),
    transient: acks !== ALL,
    ...(head.hasProducer && { producer: stampOf(topic, partition) }),
  });
  return published.offsets?.[0] ?? NO_OFFSET;
}

/** From then on a partition belongs to a transaction by being produced to [KIP-890]. */
const INCLUDES_SINCE = 12;

async function produceWithin(ask: Ask, batch: Uint8Array, { engine, door, peer, version }: Call): Promise<number> {
  const { topic, partition, transactionalId, isAlone, acks } = ask;
  const { count, sequence, latestMs, producerId, producerEpoch } = head;
  const by = { transactionalId: transactionalId ?? '', producerId, producerEpoch };
  const includes = version >= INCLUDES_SINCE;
  const within = { by, topic, partition, batch, count, sequence, latestMs, isAlone, transient: acks !== ALL, includes };
  const produced = await door.transactions.produce(engine, peer.principal, within);
  if (typeof produced !== 'number') return produced.offset;
  throw new KafkaFault(
    produced === ERROR.producerFenced ? ERROR.invalidProducerEpoch : produced,
    'The transaction does not take this batch.',
  );
}

/** Counted for each partition by itself. */
function stampOf(topic: string, partition: number): ProducerStamp {
  return { id: head.producerId, epoch: head.producerEpoch, sequence: head.sequence, line: `${topic}/${partition}` };
}

const CODE_OF: Readonly<Record<BatchFault, ErrorCode>> = {
  corrupt: ERROR.corruptMessage,
  magic: ERROR.invalidRecord,
  invalid: ERROR.invalidRecord,
};
const SAYS: Readonly<Record<BatchFault, string>> = {
  corrupt: 'The batch is not whole, or its checksum is wrong: it was damaged on its way.',
  magic: 'The batch is of an older format; only version 2 is taken here.',
  invalid: 'The batch is not as a producer may send it: its counts, sequence or attributes do not agree.',
};
