/** OffsetFetch, versions 1–9: how far groups have read; from 8 on of several groups at once. */

import type { CursorMove } from '../../../model/engine.ts';
import { ERROR, OFFSET_FETCH, type ResponseOf } from '../../../wire/kafka/kafka.ts';
import { groupFaultOf } from '../fault.ts';
import { type Call, type Handler, handler } from '../handler.ts';

type Response = ResponseOf<typeof OFFSET_FETCH>;
type Group = NonNullable<Response['groups']>[number];
type Topics = Group['topics'];

/** Null: all that are kept. */
type Asked = readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null;

const SEVERAL_SINCE = 8;
const NONE = -1;

export const OFFSET_FETCH_HANDLER: Handler = handler(
  OFFSET_FETCH,
  async ({ groupId, topics, groups, requireStable }, call): Promise<Response> => {
    if (call.version >= SEVERAL_SINCE)
      return { groups: await Promise.all(groups.map((group) => offsetsOf(group.groupId, group.topics, requireStable, call))) };
    const { groupId: _, topics: found, errorCode } = await offsetsOf(groupId, topics, requireStable, call);
    return { topics: found, errorCode };
  },
);

async function offsetsOf(groupId: string, asked: Asked, mustBeStable: boolean, call: Call): Promise<Group> {
  try {
    const description = await call.engine.describe('group', groupId);
    const kept = description?.kind === 'group' ? description.cursors : [];
    const unstable = mustBeStable ? await call.door.transactions.unstable(call.engine, groupId) : undefined;
    const isUnstable = (topic: string, partition: number) => unstable?.has(`${topic}/${partition}`) === true;
    return { groupId, topics: chosen(asked ?? everything(kept), kept, isUnstable) };
  } catch (error) {
    const { errorCode } = groupFaultOf(error, call);
    return { groupId, topics: [], errorCode };
  }
}

function everything(kept: readonly CursorMove[]): NonNullable<Asked> {
  const names = [...new Set(kept.map(({ topic }) => topic))];
  return names.map((name) => ({ name, partitionIndexes: kept.filter(({ topic }) => topic === name).map(({ partition }) => partition) }));
}

function chosen(asked: NonNullable<Asked>, kept: readonly CursorMove[], isUnstable: (topic: string, partition: number) => boolean): Topics {
  const byPlace = new Map(kept.map((cursor) => [`${cursor.topic}/${cursor.partition}`, cursor]));
  return asked.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      if (isUnstable(name, partitionIndex))
        return { partitionIndex, committedOffset: NONE, metadata: '', errorCode: ERROR.unstableOffsetCommit };
      const cursor = byPlace.get(`${name}/${partitionIndex}`);
      return { partitionIndex, committedOffset: cursor?.offset ?? NONE, metadata: cursor?.note ?? '', errorCode: ERROR.none };
    }),
  }));
}
