/** Writes every byte or says why not: a disk that fills up takes fewer than it was given, without an error. */

import type { File } from '../host/disk.ts';
import { diskFull, passing } from './damaged.ts';

/** Rejects with `Refused('disk-full')` when there is no room; the same bytes may then be written again later. */
export async function writeAll(file: File, path: string, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const taken = await file.write(done === 0 ? bytes : bytes.subarray(done), at + done).catch((error: unknown) => {
      throw passing(error, path) ?? error;
    });
    if (taken === 0) throw diskFull(path);
    done += taken;
  }
}
