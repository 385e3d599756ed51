/** ConsumerGroupDescribe, versions 0–1 [KIP-848]: groups of the newer protocol with their members, and what these have and are to have. */

import { CONSUMER_GROUP_DESCRIBE, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { operationsOn } from '../operations.ts';
import { byTopic } from './68-consumer-group-heartbeat.ts';

type Answer = ResponseOf<typeof CONSUMER_GROUP_DESCRIBE>['groups'][number];
type Assignment = Answer['members'][number]['assignment'];

export const CONSUMER_GROUP_DESCRIBE_HANDLER: Handler = handler(
  CONSUMER_GROUP_DESCRIBE,
  async ({ groupIds, includeAuthorizedOperations }, call) => ({
    groups: await Promise.all(
      groupIds.map(async (groupId) => ({
        ...(await describe(groupId, call)),
        authorizedOperations: await operationsOn(call.engine, 'group', groupId, includeAuthorizedOperations),
      })),
    ),
  }),
);

async function describe(groupId: string, call: Call): Promise<Answer> {
  const none = { groupId, groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] };
  try {
    const group = call.door.groups.of(call.peer.principal).findBalanced(groupId);
    if (group === undefined)
      return { ...none, errorCode: ERROR.groupIdNotFound, errorMessage: `There is no group "${groupId}" of this kind.` };
    // Refused to who may not look.
    await call.engine.describe('group', groupId);
    return {
      groupId,
      groupState: group.state,
      groupEpoch: group.epoch,
      assignmentEpoch: group.epoch,
      assignorName: group.assignor,
      members: await Promise.all(
        group.members.map(async (member) => ({
          memberId: member.id,
          instanceId: member.instanceId,
          rackId: member.rackId,
          memberEpoch: member.epoch,
          clientId: member.clientId,
          clientHost: member.clientHost,
          subscribedTopicNames: [...member.names],
          assignment: await named(member.assigned, call),
          targetAssignment: await named(member.target, call),
        })),
      ),
    };
  } catch (error) {
    return { ...none, ...groupFaultOf(error, call) };
  }
}

async function named(keys: Iterable<string>, { door, engine }: Call): Promise<Assignment> {
  const topicPartitions = byTopic(keys).map(async (topic) => ({
    ...topic,
    topicName: (await door.topicIds.nameOf(engine, topic.topicId)) ?? '',
  }));
  return { topicPartitions: await Promise.all(topicPartitions) };
}
