/** Files as a parameter. Only this room may touch `node:fs`. Paths are absolute or relative to the process, joined with `/`. */

export interface Disk {
  /**
   * Opens a file for reading and writing.
   * `create`: make it (empty) when it is not there; without it a missing file rejects with `code: 'ENOENT'`.
   * `dsync`: a write is answered only when its bytes are on the device (O_DSYNC).
   */
  open(path: string, options?: { create?: boolean; dsync?: boolean }): Promise<File>;
  /** Names in a directory, sorted. A missing directory is an empty list. */
  list(directory: string): Promise<string[]>;
  /** Makes a directory and those above it; fine when it exists. What it made survives a power cut without `syncDirectory`. */
  makeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; fine when it is not there. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in this directory survive a power cut. */
  syncDirectory(path: string): Promise<void>;
  /** Bytes an ordinary user may still write to the file system that holds `path`. */
  freeBytes(path: string): Promise<number>;
  /**
   * Makes this process the only one with the directory open, until `release` or its death.
   * Rejects with `Refused('locked')` naming the directory and, where known, the other process.
   */
  lock(directory: string): Promise<{ release(): Promise<void> }>;
}

export interface File {
  /** Reads up to `into.length` bytes; fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Writes and answers how many bytes were taken: **may be fewer than given without an error** (a disk that fills up). */
  write(bytes: Uint8Array, position: number): Promise<number>;
  /** Makes what was written survive a power cut (fdatasync). A failure is final: see `Journal`. */
  sync(): Promise<void>;
  sizeBytes(): Promise<number>;
  truncate(sizeBytes: number): Promise<void>;
  close(): Promise<void>;
}
