/** JoinGroup, versions 0–9: a member comes, and hears who leads once all are there. */

import { ERROR, JOIN_GROUP } from '../../../wire/kafka/kafka.ts';
import { refusedJoin } from '../groups/groups.ts';
import { type Handler, handler } from '../handler.ts';

/** From here on a client can come again under an id it is told of [KIP-394], and can be told not to share out anew [KIP-814]. */
const KNOWS_IDS_SINCE = 4;
const CAN_SKIP_SINCE = 9;

export const JOIN_GROUP_HANDLER: Handler = handler(JOIN_GROUP, async (request, { door, engine, peer, version, clientId }) => {
  const {
    groupId,
    memberId,
    groupInstanceId: instanceId,
    sessionTimeoutMs: sessionMs,
    rebalanceTimeoutMs,
    protocolType,
    protocols,
  } = request;
  // Of whoever joins the others hear, so it must be allowed before.
  const joined = !(await engine.may('read', 'group', groupId))
    ? refusedJoin(ERROR.groupAuthorizationFailed, memberId)
    : await door.groups.of(peer.principal).join(groupId, {
        memberId,
        instanceId,
        clientId: clientId ?? '',
        clientHost: `/${peer.remote}`,
        sessionMs,
        rebalanceMs: version === 0 || rebalanceTimeoutMs < 0 ? sessionMs : rebalanceTimeoutMs,
        protocolType,
        // Kept beyond this request, whose bytes they lie in.
        protocols: protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) })),
        knowsIds: version >= KNOWS_IDS_SINCE,
        canSkip: version >= CAN_SKIP_SINCE,
      });
  const { errorCode, generation, protocolName } = joined;
  return {
    ...joined,
    generationId: generation,
    // Before version 7 there is no null; an error has no protocol.
    protocolName: version < 7 || errorCode === ERROR.none ? (protocolName ?? '') : null,
  };
});
