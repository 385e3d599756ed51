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

/** The same for a segment that an open log has just let go of. Once it resolves, the file does not come back. */
export async function eraseFormer({ host, files, writer }: Parts, segment: Segment): Promise<void> {
  try {
    await erase(host, files, segment);
  } catch (error) {
    throw passing(error, segment.path) ?? writer.fail(error);
  }
  await writer.syncNames();
}
