/** DescribeGroups, versions 0–6: groups with their members. One that has only offsets is empty; from 6 on an unknown one is an error. */

import { DESCRIBE_GROUPS, ERROR, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import type { Group, GroupState } from '../groups/groups.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { operationsOn } from '../operations.ts';

type Answer = ResponseOf<typeof DESCRIBE_GROUPS>['groups'][number];

/** Kafka's names. */
export const STATE_NAMES: Readonly<Record<GroupState, string>> = {
  empty: 'Empty',
  joining: 'PreparingRebalance',
  sharing: 'CompletingRebalance',
  stable: 'Stable',
};
const DEAD = 'Dead';
/** Whoever keeps offsets consumes. */
const CONSUMER = 'consumer';
const UNKNOWN_IS_ERROR_SINCE = 6;

export const DESCRIBE_GROUPS_HANDLER: Handler = handler(DESCRIBE_GROUPS, async ({ groups, includeAuthorizedOperations }, call) => ({
  groups: await Promise.all(
    groups.map(async (groupId) => ({
      ...(await describe(groupId, call)),
      authorizedOperations: await operationsOn(call.engine, 'group', groupId, includeAuthorizedOperations),
    })),
  ),
}));

async function describe(groupId: string, call: Call): Promise<Answer> {
  const nobody = { groupId, protocolType: '', protocolData: '', members: [] };
  try {
    const group = call.door.groups.of(call.peer.principal).get(groupId);
    const kept = await call.engine.describe('group', groupId);
    if (group !== undefined) return shown(group);
    if (kept !== undefined) return { ...nobody, protocolType: CONSUMER, groupState: STATE_NAMES.empty };
    if (call.version < UNKNOWN_IS_ERROR_SINCE) return { ...nobody, groupState: DEAD };
    return { ...nobody, groupState: DEAD, errorCode: ERROR.groupIdNotFound, errorMessage: `There is no group "${groupId}".` };
  } catch (error) {
    const { errorCode } = groupFaultOf(error, call);
    return { ...nobody, groupState: '', errorCode };
  }
}

function shown(group: Group): Answer {
  const isSettled = group.state === 'stable';
  return {
    groupId: group.id,
    groupState: STATE_NAMES[group.state],
    protocolType: group.protocolType,
    protocolData: isSettled ? group.protocol : '',
    members: group.members.map((member) => ({
      memberId: member.id,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: isSettled ? member.metadataFor(group.protocol) : NOTHING,
      memberAssignment: isSettled ? member.assignment : NOTHING,
    })),
  };
}

const NOTHING = new Uint8Array(0);
