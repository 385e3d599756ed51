/** Removes the files of a log whose topic is gone. */

import type { Disk } from '../host/disk.ts';

/** The log must be closed. The directory stays, empty: its name is a number that is not used again. */
export async function discard(disk: Disk, directory: string): Promise<void> {
  for (const name of await disk.list(directory)) await disk.remove(`${directory}/${name}`);
  await disk.syncDirectory(directory);
}
