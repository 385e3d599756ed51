/** OffsetCommit, versions 2–9: a group keeps how far it has read. Answered once that is safe. */

import type { CursorMove } from '../../../model/engine.ts';
import { offset } from '../../../model/lines.ts';
import { ERROR, OFFSET_COMMIT, type RequestOf, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { faultOf, groupFaultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { describeTopic } from '../topics.ts';

type Asked = RequestOf<typeof OFFSET_COMMIT>['topics'][number];
type Answered = ResponseOf<typeof OFFSET_COMMIT>['topics'][number];

const NOTE_BYTES_MAX = 4096;

export const OFFSET_COMMIT_HANDLER: Handler = handler(OFFSET_COMMIT, async (request, call) => {
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch, topics } = request;
  const all = (errorCode: number): { topics: Answered[] } => ({ topics: topics.map((topic) => answered(topic, () => errorCode)) });
  if (groupId === '') return all(ERROR.invalidGroupId);
  const refused = call.door.groups.of(call.peer.principal).checkCommit(groupId, memberId, groupInstanceId, generationIdOrMemberEpoch);
  if (refused !== ERROR.none) return all(refused);
  const moves: CursorMove[] = [];
  const answers: Answered[] = [];
  for (const topic of topics) answers.push(await checked(topic, moves, call));
  if (moves.length === 0) return { topics: answers };
  try {
    await call.engine.moveCursors(groupId, moves);
  } catch (error) {
    return all(groupFaultOf(error, call).errorCode);
  }
  return { topics: answers };
});

function answered({ name, partitions }: Asked, code: (partition: Asked['partitions'][number]) => number): Answered {
  return { name, partitions: partitions.map((partition) => ({ partitionIndex: partition.partitionIndex, errorCode: code(partition) })) };
}

/** What can be kept goes into `moves`; the rest is refused by itself. */
async function checked(topic: Asked, moves: CursorMove[], call: Call): Promise<Answered> {
  try {
    const count = (await describeTopic(call.engine, topic.name))?.partitions.length ?? 0;
    return answered(topic, ({ partitionIndex, committedOffset, committedMetadata }) => {
      if (partitionIndex < 0 || partitionIndex >= count) return ERROR.unknownTopicOrPartition;
      if (Buffer.byteLength(committedMetadata ?? '') > NOTE_BYTES_MAX) return ERROR.offsetMetadataTooLarge;
      // Kafka takes a negative offset for none at all.
      const note = committedMetadata === null || committedMetadata === '' ? {} : { note: committedMetadata };
      moves.push({ topic: topic.name, partition: partitionIndex, offset: offset(Math.max(-1, committedOffset)), ...note });
      return ERROR.none;
    });
  } catch (error) {
    const { errorCode } = faultOf(error, call);
    return answered(topic, () => errorCode);
  }
}
