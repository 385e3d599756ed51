/** Path names as the memory and simulated disks compare them: no `.`, `..`, doubled or trailing slashes. */

import { posix } from 'node:path';

/** `./a//b/` and `a/b` are one file. */
export function normalPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** The directory a normal path lies in; `.` and `/` lie in themselves. */
export function directoryOf(path: string): string {
  return posix.dirname(path);
}

export function nameOf(path: string): string {
  return posix.basename(path);
}
