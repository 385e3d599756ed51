/** Cutting a log at either end. */

import { eraseFormer } from './erase.ts';
import type { Parts } from './parts.ts';
import { Segment } from './segment.ts';

/** The log begins at `start`: segments that lie wholly before it are removed, oldest first, so that a crash leaves no gap. */
export async function trim(parts: Parts, start: number): Promise<void> {
  const { segments, writer } = parts;
  writer.check();
  if (start >= segments.end && segments.active.sizeBytes > 0) segments.roll();
  if (segments.count === 1 || segments.first.end > start) return;
  // The name of the active segment may be all that tells where the log ends.
  await writer.exclusive(() => writer.anchor());
  while (segments.count > 1 && segments.first.end <= start && segments.first.settled) {
    for (const segment of segments.replace(0, 1, [])) await eraseFormer(parts, segment);
  }
}

/**
 * Drops all records from `end` on. Nothing else may happen to the log meanwhile.
 *
 * No batch is ever cut out of its file: that takes several steps, and a crash between them would look like damage. Instead a new file that
 * begins with `end` says that what the one before it holds from there on is dead.
 */
export function truncate(parts: Parts, end: number): Promise<void> {
  const { segments, writer } = parts;
  return writer.exclusive(async () => {
    await writer.flush();
    await writer.settle();
    // Newest first, so that a crash leaves no gap.
    while (segments.count > 1 && segments.active.base >= end) {
      for (const segment of segments.replace(segments.count - 1, 1, [])) await eraseFormer(parts, segment);
    }
    const { active } = segments;
    if (active.compacted && active.end > end)
      throw new Error(`Offset ${end} of ${active.path} was compacted, and cannot be truncated any more.`);
    active.cap = active.batchesEnd > end ? end : Number.POSITIVE_INFINITY;
    active.settled = false;
    writer.restart(active);
    if (active.batchesEnd <= end) return;
    if (active.base === end) segments.replace(0, 1, [new Segment(active.directory, end, active.generation + 1, parts.host.random.u32())]);
    else segments.roll();
    await writer.anchor();
    if (active.base === end) await eraseFormer(parts, active);
  });
}
