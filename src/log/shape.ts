/** Cutting a log at either end. */

import { eraseFormer } from './erase.ts';
import type { Parts } from './parts.ts';
import { Replacement } from './replacement.ts';

/** The log begins at `start`: segments that lie wholly before it are removed, oldest first, so that a crash leaves no gap. */
export async function trim(parts: Parts, start: number): Promise<void> {
  const { segments, writer } = parts;
  writer.check();
  if (start >= segments.end && !segments.active.isEmpty) segments.roll();
  if (segments.count === 1 || segments.first.end > start) return;
  // The name of the active segment may be all that tells where the log ends.
  await writer.exclusive(() => writer.anchor());
  while (segments.count > 1 && segments.first.end <= start && segments.first.settled) {
    await eraseFormer(parts, segments.replace(0, 1, []));
  }
}

/**
 * Drops all records from `end` on. Nothing else may happen to the log meanwhile.
 *
 * No batch is cut out of its file: that takes several steps, and a crash between them would look like damage. Instead a file that begins
 * with `end` says that whatever else the log held from there on is dead. The log is the shorter one from the moment that file has its name.
 */
export function truncate(parts: Parts, end: number): Promise<void> {
  const { segments, writer } = parts;
  return writer.exclusive(async () => {
    const last = segments.holding(end - 1);
    await writer.flush();
    await writer.finish();
    const next = await Replacement.begin(parts, end);
    await next.fill(false, async () => next.putCut());
    const from = segments.indexOf(end - 1) + (last.base < end ? 1 : 0);
    if (last.base < end) last.cap = end;
    await next.install(from, segments.count - from);
    segments.active.settled = false;
    writer.restart(segments.active);
  });
}
