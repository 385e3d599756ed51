/** AddPartitionsToTxn, versions 0–3: these partitions belong to the transaction. All of them, or none. */

import { ADD_PARTITIONS_TO_TXN, ERROR, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Request = RequestOf<typeof ADD_PARTITIONS_TO_TXN>;
type Response = ResponseOf<typeof ADD_PARTITIONS_TO_TXN>;

const FENCED_SINCE = 2;

export const ADD_PARTITIONS_TO_TXN_HANDLER: Handler = handler(ADD_PARTITIONS_TO_TXN, async (request, call): Promise<Response> => {
  const counts = new Map<string, number>();
  try {
    for (const { name } of request.topics) counts.set(name, (await describeTopic(call.engine, name))?.partitions.length ?? 0);
  } catch (error) {
    const { errorCode } = faultOf(error, call);
    return answered(request, () => errorCode);
  }
  const isKnown = (name: string, partition: number) => partition >= 0 && partition < (counts.get(name) ?? 0);
  const all = request.topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ name, partition })));
  if (!all.every(({ name, partition }) => isKnown(name, partition)))
    return answered(request, (name, partition) => (isKnown(name, partition) ? ERROR.operationNotAttempted : ERROR.unknownTopicOrPartition));
  const partitions = all.map(({ name: topic, partition }) => ({ topic, partition }));
  const errorCode = await call.door.transactions.include(call.engine, request, { partitions });
  return answered(request, () => epochError(errorCode, call, FENCED_SINCE));
});

function answered({ topics }: Request, code: (name: string, partition: number) => number): Response {
  return {
    results: topics.map(({ name, partitions }) => ({
      name,
      results: partitions.map((partitionIndex) => ({ partitionIndex, errorCode: code(name, partitionIndex) })),
    })),
  };
}

/** Older clients know only of a wrong epoch. */
export function epochError(errorCode: number, { version }: Call, fencedSince: number): number {
  return errorCode === ERROR.producerFenced && version < fencedSince ? ERROR.invalidProducerEpoch : errorCode;
}
