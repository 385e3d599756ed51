/** DeleteGroups, versions 0–2: groups without members, with all their offsets. */

import { DELETE_GROUPS, ERROR } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';

export const DELETE_GROUPS_HANDLER: Handler = handler(DELETE_GROUPS, async ({ groupsNames }, call) => ({
  results: await Promise.all(groupsNames.map(async (groupId) => ({ groupId, errorCode: await remove(groupId, call) }))),
}));

async function remove(groupId: string, call: Call): Promise<number> {
  if (call.door.groups.of(call.peer.principal).hasMembers(groupId)) return ERROR.nonEmptyGroup;
  try {
    await call.engine.remove('group', groupId);
    return ERROR.none;
  } catch (error) {
    const { errorCode } = groupFaultOf(error, call);
    if (errorCode === ERROR.unknownTopicOrPartition) return ERROR.groupIdNotFound;
    // Members that came by another door.
    return errorCode === ERROR.invalidRequest ? ERROR.nonEmptyGroup : errorCode;
  }
}
