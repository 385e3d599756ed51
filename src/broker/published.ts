/** What a publisher is told. */

import { type MessagesEntry, type PublishDecision, placed } from '../core/core.ts';
import type { Published } from '../model/engine.ts';

export function publishedOf(decided: PublishDecision): Published {
  const { main, routed, duplicates, repeated } = decided;
  if (repeated !== undefined) {
    const known = repeated.partitions.length > 0;
    return {
      routed,
      ...(duplicates && { duplicates }),
      ...(known && { partitions: Int32Array.from(repeated.partitions), offsets: Float64Array.from(repeated.offsets) }),
    };
  }
  const at = main && placed(main as MessagesEntry);
  return { routed, ...at, ...(duplicates && { duplicates }) };
}
