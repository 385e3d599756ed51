/** Heartbeat, versions 0–4: a member is still there, and hears when it must join again. */

import { HEARTBEAT } from '../../../wire/kafka/kafka.ts';
import { type Handler, handler } from '../handler.ts';

export const HEARTBEAT_HANDLER: Handler = handler(HEARTBEAT, ({ groupId, memberId, groupInstanceId, generationId }, { door, peer }) => ({
  errorCode: door.groups.of(peer.principal).heartbeat(groupId, memberId, groupInstanceId, generationId),
}));
