/** SyncGroup, versions 0–5: the leader says who reads what, and everybody hears their share. */

import { SYNC_GROUP } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const SYNC_GROUP_HANDLER: Handler = handler(SYNC_GROUP, (request, { door, peer }) => {
  const { groupId, memberId, groupInstanceId, generationId, assignments } = request;
  const shares = new Map(assignments.map(({ memberId: id, assignment }) => [id, assignment]));
  return door.groups.of(peer.principal).sync(groupId, memberId, groupInstanceId, generationId, shares);
});
