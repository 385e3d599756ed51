/** ElectLeaders, versions 0–2: the one broker leads every partition, so that no election is needed. */

import { ELECT_LEADERS, ERROR } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

export const ELECT_LEADERS_HANDLER: Handler = handler(ELECT_LEADERS, async ({ topicPartitions }, { engine }) => {
  if (!(await engine.may('alter', 'broker', ''))) return { errorCode: ERROR.clusterAuthorizationFailed, replicaElectionResults: [] };
  // Asked for all of them, only those are told that were elected: none.
  const replicaElectionResults = await Promise.all(
    (topicPartitions ?? []).map(async ({ topic, partitions }) => {
      const count = (await describeTopic(engine, topic).catch(() => undefined))?.partitions.length ?? 0;
      const partitionResult = partitions.map((partitionId) => {
        const errorCode = partitionId < count ? ERROR.electionNotNeeded : ERROR.unknownTopicOrPartition;
        return { partitionId, errorCode, errorMessage: null };
      });
      return { topic, partitionResult };
    }),
  );
  return { replicaElectionResults };
});
