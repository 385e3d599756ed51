/** Removes a segment's file for good. */

import type { Host } from '../host/host.ts';
import { passing } from './damaged.ts';
import type { LogFiles } from './files.ts';
import { markErased } from './footer.ts';
import type { Parts } from './parts.ts';
import type { Segment } from './segment.ts';

/**
 * Marks the file first: should the removal of its name be lost, what comes back is not taken for a part of the log. Whoever reads it now
 * can read on. A file that is marked already is marked in the same place, where a torn write does no harm. The caller syncs the directory.
 * Rejects when the disk does; a sync may have failed then.
 */
export async function erase(host: Host, files: LogFiles, segment: Segment): Promise<void> {
  const { handle } = segment;
  const file = await files.pin(handle);
  try {
    await markErased(file, segment);
    await file.sync();
  } finally {
    files.unpin(handle);
    await files.forget(handle);
  }
  await host.disk.remove(handle.path);
}

/**
 * The same for segments that an open log has just let go of. Once it resolves, the files do not come back. One that cannot be removed yet
 * (a full disk) goes before any that is let go of later: files that stayed between others gone would look like a gap in the log.
 */
export async function eraseFormer({ host, files, writer }: Parts, segments: readonly Segment[]): Promise<void> {
  const { leaving } = writer;
  leaving.push(...segments);
  for (let segment = leaving[0]; segment !== undefined; segment = leaving[0]) {
    try {
      await erase(host, files, segment);
    } catch (error) {
      throw passing(error, segment.path) ?? writer.fail(error);
    }
    leaving.shift();
    await writer.syncNames();
  }
}
