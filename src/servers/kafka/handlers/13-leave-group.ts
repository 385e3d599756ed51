/** LeaveGroup, versions 0–5: one member goes, or (from 3 on) several are shown out. */

import { ERROR, LEAVE_GROUP } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

const SEVERAL_SINCE = 3;

export const LEAVE_GROUP_HANDLER: Handler = handler(LEAVE_GROUP, ({ groupId, memberId, members }, { door, peer, version }) => {
  const groups = door.groups.of(peer.principal);
  if (version < SEVERAL_SINCE) return { errorCode: groups.leave(groupId, memberId, null) };
  return {
    errorCode: ERROR.none,
    members: members.map((member) => ({ ...member, errorCode: groups.leave(groupId, member.memberId, member.groupInstanceId) })),
  };
});
