/** The data directory: made when it is not there, and held by one process at a time. */

import type { Disk } from '../host/disk.ts';

/** Rejects with `Refused('locked')` while another process has it open. */
export async function openHome(disk: Disk, directory: string): Promise<{ release(): Promise<void> }> {
  await disk.makeDirectory(directory);
  return disk.lock(directory);
}
