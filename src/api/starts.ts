/** Where a subscription begins: the earliest record, the latest, an offset or a time; and the cursors of a group that begins there. */

import type { CursorMove, Description, Engine, PartitionState } from '../model/engine.ts';
import { type Offset, offset } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';

export type From = 'earliest' | 'latest' | { readonly offset: number } | { readonly time: Date };

/** Rejects with `Refused('unknown')` when there is no such topic. */
export async function topicOf(engine: Engine, name: string): Promise<Extract<Description, { kind: 'topic' }>> {
  const topic = await engine.describe('topic', name);
  if (topic?.kind !== 'topic') throw new Refused('unknown', `There is no topic "${name}". Declare it first.`);
  return topic;
}

export async function startIn(
  engine: Engine,
  topic: string,
  { partition, start, end, stable }: PartitionState,
  from: From,
): Promise<Offset> {
  if (from === 'earliest') return start;
  if (from === 'latest') return stable;
  if ('time' in from) return engine.offsetAt(topic, partition, from.time.getTime());
  if (Number.isInteger(from.offset) && from.offset >= 0 && from.offset <= end) return offset(Math.max(from.offset, start));
  throw new Refused(
    'out-of-range',
    `Partition ${partition} of topic "${topic}" has no offset ${from.offset}: it ends at ${end}. Begin with one it has.`,
  );
}

/** Puts the cursors that a group has not got yet where it is to begin. A group with members has them already. */
export async function placeCursors(engine: Engine, topic: string, group: string, from: From): Promise<void> {
  const { partitions } = await topicOf(engine, topic);
  const known = await engine.describe('group', group);
  const placed = known?.kind === 'group' ? known.cursors.filter((cursor) => cursor.topic === topic) : [];
  const moves: CursorMove[] = [];
  for (const state of partitions) {
    if (placed.some((cursor) => cursor.partition === state.partition)) continue;
    moves.push({ topic, partition: state.partition, offset: await startIn(engine, topic, state, from) });
  }
  if (moves.length === 0) return;
  await engine.moveCursors(group, moves).catch((error: unknown) => {
    if (!(error instanceof Refused) || error.code !== 'exclusive') throw error;
  });
}
