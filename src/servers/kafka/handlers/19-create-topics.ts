/** CreateTopics, versions 2–7. There is one broker: more replicas than one are taken for one. */

import { CREATE_TOPICS, ERROR, NO_UUID, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { configsOf, specFrom } from '../configs.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { checkTopicName, describeTopic, specOf } from '../topics.ts';

type Asked = RequestOf<typeof CREATE_TOPICS>['topics'][number];
type Answer = ResponseOf<typeof CREATE_TOPICS>['topics'][number];

const BY_DEFAULT = -1;

export const CREATE_TOPICS_HANDLER: Handler = handler(CREATE_TOPICS, async ({ topics, validateOnly }, call) => {
  const answers: Answer[] = [];
  const names = topics.map(({ name }) => name);
  for (const topic of topics) {
    const twice = names.indexOf(topic.name) !== names.lastIndexOf(topic.name);
    answers.push(
      twice ? refused(topic.name, ERROR.invalidRequest, 'The request names this topic twice.') : await create(topic, validateOnly, call),
    );
  }
  return { topics: answers };
});

function refused(name: string, errorCode: number, errorMessage: string): Answer {
  return { name, topicId: NO_UUID, errorCode, errorMessage, configs: null };
}

async function create(asked: Asked, validateOnly: boolean, call: Call): Promise<Answer> {
  const { name } = asked;
  try {
    checkTopicName(name);
    const spec = specFrom({ kind: 'topic', name, partitions: partitionsOf(asked, call) }, asked.configs);
    if (!(await call.engine.may('declare', 'topic', name)))
      throw new KafkaFault(ERROR.topicAuthorizationFailed, `You may not create the topic "${name}".`);
    // Whoever may make it may know whether it is there, and how it came out.
    const inside = call.door.engineOf({ tenant: call.door.tenantOf(call.peer) });
    if ((await describeTopic(inside, name)) !== undefined)
      throw new KafkaFault(ERROR.topicAlreadyExists, `Topic "${name}" already exists.`);
    if (!validateOnly) await call.engine.declare(spec);
    const made = validateOnly ? undefined : await describeTopic(inside, name);
    return {
      name,
      topicId: made === undefined ? NO_UUID : call.door.topicIds.idOf(made.id),
      numPartitions: spec.partitions ?? 1,
      replicationFactor: 1,
      configs: configsOf(made === undefined ? spec : specOf(made)).map(({ name: config, value, source, isSensitive }) => ({
        name: config,
        value,
        readOnly: false,
        configSource: source,
        isSensitive,
      })),
    };
  } catch (error) {
    const { errorCode, errorMessage } = faultOf(error, call);
    return refused(name, errorCode, errorMessage);
  }
}

function partitionsOf({ numPartitions, replicationFactor, assignments }: Asked, { door }: Call): number {
  if (assignments.length > 0) {
    if (numPartitions !== BY_DEFAULT || replicationFactor !== BY_DEFAULT)
      throw new KafkaFault(ERROR.invalidRequest, 'Either say how many partitions there are, or where each lies, not both.');
    const given = assignments.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b);
    if (given.some((partition, i) => partition !== i))
      throw new KafkaFault(ERROR.invalidReplicaAssignment, 'The partitions assigned must be 0, 1, 2 … without gaps.');
    return given.length;
  }
  if (numPartitions === 0 || numPartitions < BY_DEFAULT)
    throw new KafkaFault(ERROR.invalidPartitions, 'A topic has at least one partition.');
  if (replicationFactor === 0 || replicationFactor < BY_DEFAULT)
    throw new KafkaFault(ERROR.invalidReplicationFactor, 'There is at least one replica.');
  return numPartitions === BY_DEFAULT ? door.settings.partitions : numPartitions;
}
