/**
 * Metadata, versions 0–13: the one broker, and topics with their partitions. A topic that is made because it was asked for has its leader
 * at once; Kafka answers the first question with an error.
 */

import type { TopicSpec } from '../../../model/declaration.ts';
import { ERROR, METADATA, NO_UUID, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { LEADER_EPOCH, NODE_ID } from '../door.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { operationsOn } from '../operations.ts';
import { checkTopicName, describeTopic, listTopics, type TopicDescription } from '../topics.ts';

type Topic = ResponseOf<typeof METADATA>['topics'][number];

/** Before, every topic in an answer has a name. */
const NAMELESS_SINCE = 12;

export const METADATA_HANDLER: Handler = handler(METADATA, async (request, call) => {
  const { door, peer } = call;
  return {
    brokers: [{ nodeId: NODE_ID, ...door.addressFor(peer) }],
    clusterId: door.clusterId,
    controllerId: NODE_ID,
    topics: await authorized(await topicsAsked(request, call), request.includeTopicAuthorizedOperations, call),
    clusterAuthorizedOperations: await operationsOn(call.engine, 'broker', '', request.includeClusterAuthorizedOperations),
  };
});

async function authorized(topics: Topic[], isAsked: boolean, { engine }: Call): Promise<Topic[]> {
  if (!isAsked) return topics;
  return Promise.all(
    topics.map(async (topic) => ({
      ...topic,
      topicAuthorizedOperations: await operationsOn(engine, 'topic', topic.name ?? '', topic.partitions.length > 0),
    })),
  );
}

async function topicsAsked({ topics, allowAutoTopicCreation }: RequestOf<typeof METADATA>, call: Call): Promise<Topic[]> {
  const all = topics === null || (call.version === 0 && topics.length === 0);
  if (all) return (await listTopics(call.engine)).map((description) => shown(description, call));
  const mayMake = call.door.settings.autoCreate && (call.version < 4 || allowAutoTopicCreation);
  const answers: Topic[] = [];
  for (const { name, topicId } of topics) {
    if (name !== null && name !== '') answers.push(await byName(name, mayMake, call));
    else answers.push(await byId(topicId, call));
  }
  return answers;
}

async function byName(name: string, mayMake: boolean, call: Call): Promise<Topic> {
  try {
    const known = (await describeTopic(call.engine, name)) ?? (mayMake ? await made(name, call) : undefined);
    if (known === undefined) checkTopicName(name);
    if (known === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no topic "${name}".`);
    return shown(known, call);
  } catch (error) {
    return { errorCode: faultOf(error, call).errorCode, name, topicId: NO_UUID, partitions: [] };
  }
}

async function byId(topicId: string, call: Call): Promise<Topic> {
  const name = await call.door.topicIds.nameOf(call.engine, topicId);
  const known = name === undefined ? undefined : await describeTopic(call.engine, name);
  if (known === undefined)
    return { errorCode: ERROR.unknownTopicId, name: call.version < NAMELESS_SINCE ? '' : null, topicId, partitions: [] };
  return shown(known, call);
}

async function made(name: string, { engine, door }: Call): Promise<TopicDescription | undefined> {
  checkTopicName(name);
  const spec: TopicSpec = { kind: 'topic', name, partitions: door.settings.partitions };
  await engine.declare(spec);
  return describeTopic(engine, name);
}

function shown({ id, spec, partitions }: TopicDescription, { door }: Call): Topic {
  return {
    name: spec.name,
    topicId: door.topicIds.idOf(id),
    isInternal: false,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      leaderId: NODE_ID,
      leaderEpoch: LEADER_EPOCH,
      replicaNodes: [NODE_ID],
      isrNodes: [NODE_ID],
      offlineReplicas: [],
    })),
  };
}
