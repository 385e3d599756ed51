/** DescribeQuorum, versions 0–2: the one broker agrees with itself. */

import { DESCRIBE_QUORUM, ERROR, NO_UUID } from '../../../wire/kafka/kafka.ts';
import { LEADER_EPOCH, NODE_ID } from '../door.ts';
import { type Handler, handler } from '../handler.ts';

const METADATA_TOPIC = '__cluster_metadata';

export const DESCRIBE_QUORUM_HANDLER: Handler = handler(DESCRIBE_QUORUM, async ({ topics }, { engine, door, peer }) => {
  if (!(await engine.may('describe', 'broker', '')))
    return { errorCode: ERROR.clusterAuthorizationFailed, errorMessage: 'You may not see this.', topics: [], nodes: [] };
  const nowMs = Math.floor(engine.nowMs());
  const voter = {
    replicaId: NODE_ID,
    replicaDirectoryId: NO_UUID,
    logEndOffset: 0,
    lastFetchTimestamp: nowMs,
    lastCaughtUpTimestamp: nowMs,
  };
  return {
    errorMessage: null,
    topics: topics.map(({ topicName, partitions }) => ({
      topicName,
      partitions: partitions.map(({ partitionIndex }) => {
        const isKnown = topicName === METADATA_TOPIC && partitionIndex === 0;
        return {
          partitionIndex,
          errorCode: isKnown ? ERROR.none : ERROR.unknownTopicOrPartition,
          leaderId: isKnown ? NODE_ID : -1,
          leaderEpoch: LEADER_EPOCH,
          highWatermark: 0,
          currentVoters: isKnown ? [voter] : [],
          observers: [],
        };
      }),
    })),
    nodes: [{ nodeId: NODE_ID, listeners: [{ name: 'PLAINTEXT', ...door.addressFor(peer) }] }],
  };
});
