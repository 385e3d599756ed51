/** OffsetForLeaderEpoch, versions 2–4: there is one epoch, and it ends where the partition does. */

import { ERROR, OFFSET_FOR_LEADER_EPOCH, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { LEADER_EPOCH } from '../door.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Answer = ResponseOf<typeof OFFSET_FOR_LEADER_EPOCH>['topics'][number]['partitions'][number];

export const OFFSET_FOR_LEADER_EPOCH_HANDLER: Handler = handler(OFFSET_FOR_LEADER_EPOCH, async ({ topics }, call) => ({
  topics: await Promise.all(
    topics.map(async ({ topic, partitions }) => ({
      topic,
      partitions: await Promise.all(partitions.map((asked) => answer(topic, asked, call))),
    })),
  ),
}));

async function answer(
  topic: string,
  {
    partition,
    currentLeaderEpoch,
    leaderEpoch,
  }: { readonly partition: number; readonly currentLeaderEpoch: number; readonly leaderEpoch: number },
  call: Call,
): Promise<Answer> {
  try {
    const state = (await describeTopic(call.engine, topic))?.partitions[partition];
    if (state === undefined) return { partition, errorCode: ERROR.unknownTopicOrPartition };
    if (currentLeaderEpoch > LEADER_EPOCH) return { partition, errorCode: ERROR.unknownLeaderEpoch };
    // An epoch that has not been has no end yet.
    return leaderEpoch > LEADER_EPOCH ? { partition } : { partition, leaderEpoch: LEADER_EPOCH, endOffset: state.end };
  } catch (error) {
    return { partition, ...faultOf(error, call) };
  }
}
