/** Where to begin reading a topic: `earliest`, `latest`, a time, or positions said outright, as an offset for each partition. */

import type { Engine } from '../../model/engine.ts';
import { type Offset, offset } from '../../model/lines.ts';
import { Refused } from '../../model/refusal.ts';
import { decodePositions, parseTime, quoted } from '../../wire/http/http.ts';

/**
 * `partitions` empty: all. Positions (`0:15,1:20`) hold for the partitions they name; one they do not name is read from its beginning,
 * since it must be newer than they are. Throws `Refused`: `unknown` for a topic or partition that is not there,
 * `out-of-range` for a position past the end.
 */
export async function startsOf(engine: Engine, topic: string, from: string, partitions: readonly number[]): Promise<Map<number, Offset>> {
  // To see a topic is less than to read it.
  if (!(await engine.may('read', 'topic', topic))) throw new Refused('forbidden', `You may not read the topic ${quoted(topic)}.`);
  const description = await engine.describe('topic', topic);
  if (description?.kind !== 'topic') throw new Refused('unknown', `There is no topic ${quoted(topic)}. Declare it first.`);
  const all = new Map(description.partitions.map((state) => [state.partition, state]));
  const wanted = partitions.length > 0 ? [...new Set(partitions)] : [...all.keys()];
  const positions = from.includes(':') && /^[\d:, ]+$/.test(from) ? decodePositions(from) : undefined;
  for (const partition of [...wanted, ...(positions?.keys() ?? [])]) {
    if (!all.has(partition))
      throw new Refused('unknown', `Topic ${quoted(topic)} has ${all.size} partitions; there is no partition ${partition}.`);
  }
  for (const [partition, at] of positions ?? []) {
    const end = all.get(partition)?.end ?? 0;
    if (at <= end) continue;
    const words = `Partition ${partition} of topic ${quoted(topic)} ends at ${end}; there is no position ${at}. Was the topic removed and declared anew?`;
    throw new Refused('out-of-range', words);
  }
  const startOf = (partition: number): Offset => all.get(partition)?.start ?? offset(0);
  if (positions !== undefined) return new Map(wanted.map((partition) => [partition, positions.get(partition) ?? startOf(partition)]));
  if (from === 'earliest') return new Map(wanted.map((partition) => [partition, startOf(partition)]));
  if (from === 'latest') return new Map(wanted.map((partition) => [partition, all.get(partition)?.stable ?? offset(0)]));
  const timeMs = parseTime(from, 'from');
  return new Map(await Promise.all(wanted.map(async (partition) => [partition, await engine.offsetAt(topic, partition, timeMs)] as const)));
}
