/** OffsetCommit, versions 2–9: a group keeps how far it has read. Answered once that is safe. */

import type { CursorMove } from '../../../model/engine.ts';
import { ERROR, OFFSET_COMMIT, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';
import { answerOffsets, checkOffsets } from '../offsets.ts';

type Answered = ResponseOf<typeof OFFSET_COMMIT>['topics'][number];

export const OFFSET_COMMIT_HANDLER: Handler = handler(OFFSET_COMMIT, async (request, call) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch, topics } = request;
  const all = (errorCode: number): { topics: Answered[] } => ({ topics: topics.map((topic) => answerOffsets(topic, () => errorCode)) });
  if (groupId === '') return all(ERROR.invalidGroupId);
  const refused = call.door.groups.of(call.peer.principal).checkCommit(groupId, memberId, groupInstanceId, generationIdOrMemberEpoch);
  if (refused !== ERROR.none) return all(refused);
  const moves: CursorMove[] = [];
  const answers: Answered[] = [];
  for (const topic of topics) answers.push(await checkOffsets(topic, moves, call));
  if (moves.length === 0) return { topics: answers };
  try {
    await call.engine.moveCursors(groupId, moves);
    call.door.expiry.kept(call.door.tenantOf(call.peer), groupId);
  } catch (error) {
    return all(groupFaultOf(error, call).errorCode);
  }
  return { topics: answers };
});
