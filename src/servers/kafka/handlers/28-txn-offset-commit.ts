/** TxnOffsetCommit, versions 0–5: how far a group has read, kept when the transaction is committed. From 3 on only by a member of today. */

import type { CursorMove } from '../../../model/engine.ts';
import { ERROR, type RequestOf, type ResponseOf, TXN_OFFSET_COMMIT } from '../../../wire/kafka/kafka.ts';
import { type Call, type Handler, handler } from '../handler.ts';
import { checkOffsets } from '../offsets.ts';
import { epochError } from './24-add-partitions-to-txn.ts';

type Request = RequestOf<typeof TXN_OFFSET_COMMIT>;
type Answered = ResponseOf<typeof TXN_OFFSET_COMMIT>['topics'][number];

const MEMBERS_SINCE = 3;
const FENCED_SINCE = 2;
/** From then on a group belongs to the transaction by this [KIP-890]. */
const INCLUDES_SINCE = 5;

export const TXN_OFFSET_COMMIT_HANDLER: Handler = handler(TXN_OFFSET_COMMIT, async (request, call) => {
  const { groupId, topics } = request;
  const all = (errorCode: number): { topics: Answered[] } => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  });
  const refused = memberError(request, call);
  if (refused !== ERROR.none) return all(refused);
  const moves: CursorMove[] = [];
  const answers: Answered[] = [];
  for (const topic of topics) answers.push(await checkOffsets(topic, moves, call));
  const move = { group: groupId, moves, includes: call.version >= INCLUDES_SINCE };
  const errorCode = moves.length === 0 ? ERROR.none : await call.door.transactions.include(call.engine, request, { move });
  if (errorCode === ERROR.none) call.door.expiry.kept(call.door.tenantOf(call.peer), groupId);
  return errorCode === ERROR.none ? { topics: answers } : all(epochError(errorCode, call, FENCED_SINCE));
});

/** Who names neither itself nor a generation is a client that does not know of this yet. */
function memberError({ groupId, memberId, groupInstanceId, generationId }: Request, { door, peer, version }: Call): number {
  if (version < MEMBERS_SINCE || (memberId === '' && generationId < 0)) return ERROR.none;
  return door.groups.of(peer.principal).checkCommit(groupId, memberId, groupInstanceId, generationId);
}
