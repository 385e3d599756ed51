/** OffsetCommit, versions 2–10: a group keeps how far it has read. Answered once that is safe. From 10 on topics come by their ids. */

import type { CursorMove } from '../../../model/engine.ts';
import { ERROR, OFFSET_COMMIT, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';
import { answerOffsets, checkOffsets } from '../offsets.ts';

type Answered = ResponseOf<typeof OFFSET_COMMIT>['topics'][number];

const IDS_SINCE = 10;

export const OFFSET_COMMIT_HANDLER: Handler = handler(OFFSET_COMMIT, async (request, call) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = request;
  const { door, engine, peer, version } = call;
  const topics = await Promise.all(
    request.topics.map(async (topic) => {
      const name = version < IDS_SINCE ? topic.name : await door.topicIds.nameOf(engine, topic.topicId);
      return { ...topic, name: name ?? '' };
    }),
  );
  const all = (errorCode: number): { topics: Answered[] } => ({
    topics: topics.map((topic) => ({ topicId: topic.topicId, ...answerOffsets(topic, () => errorCode) })),
  });
  if (groupId === '') return all(ERROR.invalidGroupId);
  const refused = door.groups.of(peer.principal).checkCommit(groupId, memberId, groupInstanceId, generationIdOrMemberEpoch);
  if (refused !== ERROR.none) return all(refused);
  const moves: CursorMove[] = [];
  const answers: Answered[] = [];
  for (const topic of topics) {
    const isLost = version >= IDS_SINCE && topic.name === '';
    const answer = isLost ? answerOffsets(topic, () => ERROR.unknownTopicId) : await checkOffsets(topic, moves, call);
    answers.push({ topicId: topic.topicId, ...answer });
  }
  if (moves.length === 0) return { topics: answers };
  try {
    await engine.moveCursors(groupId, moves);
    door.expiry.kept(door.tenantOf(peer), groupId);
  } catch (error) {
    return all(groupFaultOf(error, call).errorCode);
  }
  return { topics: answers };
});
