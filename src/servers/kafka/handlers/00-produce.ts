/**
 * Produce, versions 3–12 (told of from 0: older clients send uncompressed otherwise [KAFKA-18659]). One batch per partition, checked; the
 * partitions of a request stand for themselves. acks -1 answers once it is safe, 1 and 0 once it is taken.
 */

import type { Engine, ProducerStamp } from '../../../model/engine.ts';
import { type BatchFault, BatchHead, ERROR, type ErrorCode, PRODUCE, packOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { type Fault, faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Answer = ResponseOf<typeof PRODUCE>['responses'][number]['partitionResponses'][number];

const ALL = -1;
const ZSTD = 4;
const ZSTD_SINCE = 7;

export const PRODUCE_HANDLER: Handler = handler(
  PRODUCE,
  async ({ acks, topicData }, call) => {
    if (call.engine.pressed) await call.engine.relief();
    const transient = acks !== ALL;
    const responses = await Promise.all(
      topicData.map(async ({ name, partitionData }) => ({
        name,
        partitionResponses: await Promise.all(
          partitionData.map(({ index, records }): Promise<Answer> => {
            if (acks < ALL || acks > 1) return Promise.resolve({ index, baseOffset: -1, errorCode: ERROR.invalidRequiredAcks });
            return produce(name, index, records, transient, call);
          }),
        ),
      })),
    );
    if (acks !== 0) return { responses };
    // Nobody waits for an answer, so an error can only be told by ending the connection.
    const failed = responses.some(({ partitionResponses }) => partitionResponses.some(({ errorCode = 0 }) => errorCode !== ERROR.none));
    return failed ? 'close' : 'none';
  },
  { advertisedMin: 0, overlaps: true },
);

const head = new BatchHead();

async function produce(topic: string, partition: number, batch: Uint8Array | null, transient: boolean, call: Call): Promise<Answer> {
  try {
    return { index: partition, baseOffset: await publish(call.engine, topic, partition, batch, transient, call.version) };
  } catch (error) {
    return { index: partition, baseOffset: -1, ...(await told(error, topic, partition, call)) };
  }
}

/** What is not known may also be the producer. */
async function told(error: unknown, topic: string, partition: number, call: Call): Promise<Fault> {
  const fault = faultOf(error, call);
  if (fault.errorCode !== ERROR.unknownTopicOrPartition) return fault;
  const known = await describeTopic(call.engine, topic).catch(() => undefined);
  return known?.partitions[partition] === undefined ? fault : { ...fault, errorCode: ERROR.unknownProducerId };
}

/** Resolves with the offset of the first record. */
async function publish(
  engine: Engine,
  topic: string,
  partition: number,
  batch: Uint8Array | null,
  transient: boolean,
  version: number,
): Promise<number> {
  if (batch === null || batch.length === 0) throw new KafkaFault(ERROR.invalidRecord, 'There is no batch of records for this partition.');
  const fault = head.read(batch, 0, batch.length) ?? head.check(batch, 0);
  if (fault !== undefined) throw new KafkaFault(CODE_OF[fault], SAYS[fault]);
  if (head.sizeBytes !== batch.length)
    throw new KafkaFault(ERROR.invalidRecord, 'There must be exactly one batch of records for each partition.');
  if (head.codec === ZSTD && version < ZSTD_SINCE)
    throw new KafkaFault(ERROR.unsupportedCompressionType, `zstd needs version ${ZSTD_SINCE} of Produce.`);
  if (head.isTransactional) throw new KafkaFault(ERROR.invalidTxnState, 'Transactions are not served at this door.');
  const producer: ProducerStamp | undefined = head.hasProducer
    ? { id: head.producerId, epoch: head.producerEpoch, sequence: head.sequence, line: `${topic}/${partition}` }
    : undefined;
  const { count, latestMs } = head;
  const records = packOf(topic, batch);
  const published = await engine.publish({
    address: topic,
    toTopic: true,
    records,
    columns: { partition: Int32Array.of(partition), timeMs: Float64Array.of(latestMs) },
    packs: Uint32Array.of(count),
    transient,
    ...(producer && { producer }),
  });
  return published.offsets?.[0] ?? -1;
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
