/** AlterPartitionReassignments, versions 0–1: every partition is on the one broker, and can be on no other. */

import { ALTER_PARTITION_REASSIGNMENTS, ERROR } from '../../../wire/kafka/kafka.ts';
import { NODE_ID } from '../door.ts';
import { type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

export const ALTER_PARTITION_REASSIGNMENTS_HANDLER: Handler = handler(ALTER_PARTITION_REASSIGNMENTS, async ({ topics }, { engine }) => {
  if (!(await engine.may('alter', 'broker', '')))
    return { errorCode: ERROR.clusterAuthorizationFailed, errorMessage: 'You may not administer.', responses: [] };
  const responses = await Promise.all(
    topics.map(async ({ name, partitions }) => {
      const count = (await describeTopic(engine, name).catch(() => undefined))?.partitions.length ?? 0;
      return {
        name,
        partitions: partitions.map(({ partitionIndex, replicas }) => ({ partitionIndex, ...judged(partitionIndex < count, replicas) })),
      };
    }),
  );
  return { errorMessage: null, responses };
});

function judged(
  isThere: boolean,
  replicas: readonly number[] | null,
): { readonly errorCode: number; readonly errorMessage: string | null } {
  if (!isThere) return { errorCode: ERROR.unknownTopicOrPartition, errorMessage: 'There is no such partition.' };
  if (replicas === null) return { errorCode: ERROR.noReassignmentInProgress, errorMessage: 'Nothing is being reassigned.' };
  if (replicas.length === 1 && replicas[0] === NODE_ID) return { errorCode: ERROR.none, errorMessage: null };
  return { errorCode: ERROR.invalidReplicaAssignment, errorMessage: `There is one broker, number ${NODE_ID}.` };
}
