/** DescribeTopicPartitions, version 0: topics in pages, in the order of their names. */

import { DESCRIBE_TOPIC_PARTITIONS, ERROR, NO_UUID, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { LEADER_EPOCH, NODE_ID } from '../door.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { operationsOn } from '../operations.ts';
import { describeTopic, listTopics } from '../topics.ts';

type Response = ResponseOf<typeof DESCRIBE_TOPIC_PARTITIONS>;
type Topic = Response['topics'][number];

const PARTITIONS_MAX = 2000;

export const DESCRIBE_TOPIC_PARTITIONS_HANDLER: Handler = handler(DESCRIBE_TOPIC_PARTITIONS, async (request, call): Promise<Response> => {
  const { cursor } = request;
  const asked =
    request.topics.length > 0 ? request.topics.map(({ name }) => name) : (await listTopics(call.engine)).map(({ spec }) => spec.name);
  const names = [...new Set(asked)].sort().filter((name) => cursor === null || name >= cursor.topicName);
  let rest = Math.max(1, Math.min(request.responsePartitionLimit, PARTITIONS_MAX));
  const topics: Topic[] = [];
  for (const name of names) {
    const from = cursor?.topicName === name ? Math.max(0, cursor.partitionIndex) : 0;
    if (rest === 0) return { topics, nextCursor: { topicName: name, partitionIndex: 0 } };
    const topic = await shown(name, from, rest, call);
    topics.push(topic.shown);
    rest -= topic.shown.partitions.length;
    if (topic.next !== undefined) return { topics, nextCursor: { topicName: name, partitionIndex: topic.next } };
  }
  return { topics, nextCursor: null };
});

async function shown(name: string, from: number, countMax: number, call: Call): Promise<{ readonly shown: Topic; readonly next?: number }> {
  try {
    const known = await describeTopic(call.engine, name);
    if (known === undefined) return { shown: { errorCode: ERROR.unknownTopicOrPartition, name, topicId: NO_UUID, partitions: [] } };
    const partitions = known.partitions.slice(from, from + countMax).map(({ partition }) => ({
      partitionIndex: partition,
      leaderId: NODE_ID,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: [NODE_ID],
      isrNodes: [NODE_ID],
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    }));
    const next = from + partitions.length;
    const topicAuthorizedOperations = await operationsOn(call.engine, 'topic', name, true);
    const one = { name, topicId: call.door.topicIds.idOf(known.id), partitions, topicAuthorizedOperations };
    return next < known.partitions.length ? { shown: one, next } : { shown: one };
  } catch (error) {
    return { shown: { errorCode: faultOf(error, call).errorCode, name, topicId: NO_UUID, partitions: [] } };
  }
}
