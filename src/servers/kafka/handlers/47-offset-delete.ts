/** OffsetDelete, version 0: a group forgets where it was in partitions that none of its members reads. */

import type { CursorMove } from '../../../model/engine.ts';
import { offset } from '../../../model/lines.ts';
import { ERROR, OFFSET_DELETE } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Handler, handler } from '../handler.ts';

export const OFFSET_DELETE_HANDLER: Handler = handler(OFFSET_DELETE, async ({ groupId, topics }, call) => {
  try {
    // What its members read is known to them alone: while there are any, nothing is forgotten.
    if (call.door.groups.of(call.peer.principal).hasMembers(groupId)) return { errorCode: ERROR.nonEmptyGroup, topics: [] };
    const description = await call.engine.describe('group', groupId);
    if (description?.kind !== 'group') return { errorCode: ERROR.groupIdNotFound, topics: [] };
    const kept = new Set(description.cursors.map(({ topic, partition }) => `${topic}/${partition}`));
    const moves: CursorMove[] = [];
    const answers = topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => {
        if (!kept.has(`${name}/${partitionIndex}`)) return { partitionIndex, errorCode: ERROR.unknownTopicOrPartition };
        moves.push({ topic: name, partition: partitionIndex, offset: offset(-1) });
        return { partitionIndex, errorCode: ERROR.none };
      }),
    }));
    if (moves.length > 0) await call.engine.moveCursors(groupId, moves);
    return { topics: answers };
  } catch (error) {
    return { errorCode: groupFaultOf(error, call).errorCode, topics: [] };
  }
});
