/** ConsumerGroupHeartbeat, versions 0–1 [KIP-848]: a member says what it wants and has, and hears what it is to read. */

import { CONSUMER_GROUP_HEARTBEAT, ERROR } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { topicsMatching } from '../topic-pattern.ts';
import { describeTopic } from '../topics.ts';

/** From here on clients make their ids themselves. */
const OWN_IDS_SINCE = 1;

export const CONSUMER_GROUP_HEARTBEAT_HANDLER: Handler = handler(CONSUMER_GROUP_HEARTBEAT, async (request, call) => {
  const { groupId, memberId, memberEpoch, subscribedTopicNames, subscribedTopicRegex, topicPartitions } = request;
  const { door, peer, version } = call;
  const heartbeatIntervalMs = door.limits.groupHeartbeatMs;
  const refuse = (errorCode: number, errorMessage: string) => ({ errorCode, errorMessage, memberId, memberEpoch, heartbeatIntervalMs });
  if (groupId === '') return refuse(ERROR.invalidRequest, 'A group needs a name.');
  if (memberId === '' && (memberEpoch !== 0 || version >= OWN_IDS_SINCE)) return refuse(ERROR.invalidRequest, 'A member needs an id.');
  if (!(await call.engine.may('read', 'group', groupId)))
    return refuse(ERROR.groupAuthorizationFailed, `You may not join the group "${groupId}".`);
  try {
    const groups = door.groups.of(peer.principal);
    const former = groups.findBalanced(groupId);
    const matched = await topicsMatching(subscribedTopicRegex ?? former?.patternOf(memberId) ?? '', call.engine);
    const topics = await partitionsOf(new Set([...(former?.names ?? []), ...(subscribedTopicNames ?? []), ...matched]), call);
    // Looked for only now: it may have come or gone meanwhile.
    const group = groups.balanced(groupId);
    if (group === undefined) return refuse(ERROR.groupIdNotFound, `The members of group "${groupId}" follow the classic protocol.`);
    const beaten = group.beat(
      {
        memberId,
        memberEpoch,
        instanceId: request.instanceId,
        rackId: request.rackId,
        clientId: call.clientId ?? '',
        clientHost: `/${peer.remote}`,
        rebalanceMs: request.rebalanceTimeoutMs,
        names: subscribedTopicNames,
        pattern: subscribedTopicRegex,
        matched,
        assignor: request.serverAssignor,
        owned: topicPartitions?.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${topicId}/${partition}`)) ?? null,
      },
      topics,
      groups.newId(call.clientId ?? ''),
    );
    const assignment = beaten.assignment === null ? null : { topicPartitions: byTopic(beaten.assignment) };
    return { ...beaten, heartbeatIntervalMs, assignment };
  } catch (error) {
    const { errorCode, errorMessage } = groupFaultOf(error, call);
    return refuse(errorCode, errorMessage);
  }
});

async function partitionsOf(names: ReadonlySet<string>, { engine, door }: Call): Promise<Map<string, string[]>> {
  const topics = new Map<string, string[]>();
  for (const name of [...names].sort()) {
    const known = await describeTopic(engine, name);
    if (known !== undefined)
      topics.set(
        name,
        known.partitions.map(({ partition }) => `${door.topicIds.idOf(known.id)}/${partition}`),
      );
  }
  return topics;
}

/** `id/partition`, gathered by id. */
export function byTopic(keys: Iterable<string>): { readonly topicId: string; readonly partitions: number[] }[] {
  const topics = new Map<string, number[]>();
  for (const key of keys) {
    const [topicId = '', partition] = key.split('/');
    topics.set(topicId, [...(topics.get(topicId) ?? []), Number(partition)]);
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions: partitions.sort((a, b) => a - b) }));
}
