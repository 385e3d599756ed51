/** AddPartitionsToTxn, versions 0–5: these partitions belong to the transaction. All of them, or none. From 4 on for several transactions. */

import { ADD_PARTITIONS_TO_TXN, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';
import type { Speaker } from '../transactions/transactions.ts';

type Response = ResponseOf<typeof ADD_PARTITIONS_TO_TXN>;
type Results = NonNullable<Response['results']>;

/** What is to belong to one transaction. */
interface Asked extends Speaker {
  /** It is only asked whether they do. */
  readonly verifyOnly?: boolean;
  readonly topics: readonly { readonly name: string; readonly partitions: readonly number[] }[];
}

const FENCED_SINCE = 2;
const SEVERAL_SINCE = 4;

export const ADD_PARTITIONS_TO_TXN_HANDLER: Handler = handler(ADD_PARTITIONS_TO_TXN, async (request, call): Promise<Response> => {
  if (call.version < SEVERAL_SINCE) return { results: await include(request, call) };
  const resultsByTransaction: NonNullable<Response['resultsByTransaction']>[number][] = [];
  for (const one of request.transactions)
    resultsByTransaction.push({ transactionalId: one.transactionalId, topicResults: await include(one, call) });
  return { resultsByTransaction };
});

async function include(asked: Asked, call: Call): Promise<Results> {
  const counts = new Map<string, number>();
  try {
    for (const { name } of asked.topics) counts.set(name, (await describeTopic(call.engine, name))?.partitions.length ?? 0);
  } catch (error) {
    const { errorCode } = faultOf(error, call);
    return answered(asked, () => errorCode);
  }
  const isKnown = (name: string, partition: number) => partition >= 0 && partition < (counts.get(name) ?? 0);
  const all = asked.topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })));
  if (!all.every(({ topic, partition }) => isKnown(topic, partition)))
    return answered(asked, (name, partition) => (isKnown(name, partition) ? ERROR.operationNotAttempted : ERROR.unknownTopicOrPartition));
  const { transactions } = call.door;
  const errorCode =
    asked.verifyOnly === true
      ? await transactions.verify(call.engine, asked, all)
      : await transactions.include(call.engine, asked, { partitions: all });
  return answered(asked, () => epochError(errorCode, call, FENCED_SINCE));
}

function answered({ topics }: Asked, code: (name: string, partition: number) => number): Results {
  return topics.map(({ name, partitions }) => ({
    name,
    results: partitions.map((partitionIndex) => ({ partitionIndex, errorCode: code(name, partitionIndex) })),
  }));
}

/** Older clients know only of a wrong epoch. */
export function epochError(errorCode: number, { version }: Call, fencedSince: number): number {
  return errorCode === ERROR.producerFenced && version < fencedSince ? ERROR.invalidProducerEpoch : errorCode;
}
