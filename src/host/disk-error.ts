/** Errors of the memory and simulated disks, shaped like the ones `node:fs` gives, so that nobody above can tell the disks apart. */

const MEANING = {
  EBADF: 'bad file descriptor',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
} as const;

export type DiskErrorCode = keyof typeof MEANING;

export class DiskError extends Error {
  override readonly name: string = 'DiskError';
  readonly code: DiskErrorCode;
  readonly syscall: string;
  readonly path: string;

  constructor(code: DiskErrorCode, syscall: string, path: string) {
    super(`${code}: ${MEANING[code]}, ${syscall} '${path}'`);
    this.code = code;
    this.syscall = syscall;
    this.path = path;
  }
}
