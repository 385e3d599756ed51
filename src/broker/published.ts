/** What a publisher is told. */

import { type MessagesEntry, type PublishDecision, placed } from '../core/core.ts';
import type { Published } from '../model/engine.ts';

type Placed = Required<Pick<Published, 'partitions' | 'offsets'>>;

export function publishedOf(decided: PublishDecision): Published {
  const { main, routed, duplicates, repeated, firsts } = decided;
  const at = repeated === undefined ? main && placed(main as MessagesEntry) : placedBefore(repeated);
  const given =
    at && firsts
      ? {
          partitions: Int32Array.from(firsts, (i) => at.partitions[i] ?? -1),
          offsets: Float64Array.from(firsts, (i) => at.offsets[i] ?? -1),
        }
      : at;
  return { routed, ...given, ...(duplicates && { duplicates }) };
}

function placedBefore({ partitions, offsets }: NonNullable<PublishDecision['repeated']>): Placed | undefined {
  return partitions.length === 0 ? undefined : { partitions: Int32Array.from(partitions), offsets: Float64Array.from(offsets) };
}
