/** CreatePartitions, versions 0–3: a topic gets more partitions. */

import { CREATE_PARTITIONS, ERROR, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf, KafkaFault } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic, specOf } from '../topics.ts';

type Asked = RequestOf<typeof CREATE_PARTITIONS>['topics'][number];
type Answer = ResponseOf<typeof CREATE_PARTITIONS>['results'][number];

export const CREATE_PARTITIONS_HANDLER: Handler = handler(CREATE_PARTITIONS, async ({ topics, validateOnly }, call) => {
  const results: Answer[] = [];
  for (const topic of topics) results.push(await grow(topic, validateOnly, call));
  return { results };
});

async function grow({ name, count, assignments }: Asked, validateOnly: boolean, call: Call): Promise<Answer> {
  try {
    const known = await describeTopic(call.engine, name);
    if (known === undefined) throw new KafkaFault(ERROR.unknownTopicOrPartition, `There is no topic "${name}".`);
    const now = known.partitions.length;
    if (count <= now)
      throw new KafkaFault(ERROR.invalidPartitions, `Topic "${name}" has ${now} partitions already, which cannot become ${count}.`);
    if (assignments !== null && assignments.length !== count - now)
      throw new KafkaFault(ERROR.invalidReplicaAssignment, `${count - now} partitions are added, and ${assignments.length} assigned.`);
    if (!validateOnly) await call.engine.alter({ ...specOf(known), partitions: count });
    return { name };
  } catch (error) {
    return { name, ...faultOf(error, call) };
  }
}
