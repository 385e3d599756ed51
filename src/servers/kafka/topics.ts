/** Topics as this door sees them: what they are called, how many partitions they have, and how a missing one is made. */

import type { TopicSpec } from '../../model/declaration.ts';
import type { Description, Engine } from '../../model/engine.ts';
import { ERROR } from '../../wire/kafka/kafka.ts';
import { KafkaFault } from './fault.ts';

/** What settings belong to, in Kafka's numbers. */
export const RESOURCE = { topic: 2, broker: 4 } as const;

export type TopicDescription = Extract<Description, { kind: 'topic' }>;

/** No log need be opened for it. */
const BRIEFLY = { brief: true } as const;

export async function describeTopic(engine: Engine, name: string): Promise<TopicDescription | undefined> {
  const description = await engine.describe('topic', name, BRIEFLY);
  return description?.kind === 'topic' ? description : undefined;
}

/** All that may be read. */
export async function listTopics(engine: Engine): Promise<TopicDescription[]> {
  return (await engine.list('topic', BRIEFLY)).filter((description) => description.kind === 'topic');
}

export function specOf(description: TopicDescription): TopicSpec {
  return description.spec as TopicSpec; // a description of a topic holds a declaration of one
}

const NAME_LENGTH_MAX = 249;

/** What Kafka allows, which is less than this broker does. */
export function isTopicName(name: string): boolean {
  return name.length > 0 && name.length <= NAME_LENGTH_MAX && name !== '.' && name !== '..' && /^[\w.-]+$/.test(name);
}

/** Throws `KafkaFault` for a name that Kafka does not allow. */
export function checkTopicName(name: string): void {
  if (isTopicName(name)) return;
  throw new KafkaFault(
    ERROR.invalidTopic,
    `"${name.slice(0, 300)}" is no name for a topic: 1 to ${NAME_LENGTH_MAX} letters, digits, ".", "_" or "-".`,
  );
}
