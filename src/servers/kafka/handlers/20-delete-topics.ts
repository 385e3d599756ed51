/** DeleteTopics, versions 1–6: by name, and from 6 on also by id. */

import { DELETE_TOPICS, ERROR, NO_UUID, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Answer = ResponseOf<typeof DELETE_TOPICS>['responses'][number];

const BY_ID_SINCE = 6;

export const DELETE_TOPICS_HANDLER: Handler = handler(DELETE_TOPICS, async ({ topics, topicNames }, call) => {
  const asked = call.version >= BY_ID_SINCE ? topics : topicNames.map((name) => ({ name, topicId: NO_UUID }));
  const responses: Answer[] = [];
  for (const { name, topicId } of asked) responses.push(await remove(name, topicId, call));
  return { responses };
});

async function remove(given: string | null, topicId: string, call: Call): Promise<Answer> {
  const { door, engine } = call;
  const name = given ?? (await door.topicIds.nameOf(engine, topicId)) ?? null;
  try {
    if (name === null) return { name, topicId, errorCode: ERROR.unknownTopicId };
    const known = await describeTopic(engine, name);
    await engine.remove('topic', name);
    return { name, topicId: known === undefined ? topicId : door.topicIds.idOf(known.id) };
  } catch (error) {
    return { name, topicId, ...faultOf(error, call) };
  }
}
