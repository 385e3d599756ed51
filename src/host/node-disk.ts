/** The real disk: plain descriptors over `node:fs`. Nothing is ever retried here: what a failed write or sync means is for those above to say. */

import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Disk, File } from './disk.ts';
import { lockDirectory } from './node-lock.ts';

/** Messages are nobody else's business: files and directories are made for their owner alone. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** Absent where it does not exist, and on macOS, where it does not reach through the drive's cache (fdatasync does). */
const O_DSYNC: number | undefined = process.platform === 'darwin' ? undefined : fs.constants.O_DSYNC;

export class NodeDisk implements Disk {
  open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const dsync = options.dsync === true;
    const flags = fs.constants.O_RDWR | (options.create === true ? fs.constants.O_CREAT : 0) | (dsync ? (O_DSYNC ?? 0) : 0);
    return new Promise((done, fail) => {
      fs.open(path, flags, FILE_MODE, (error, fd) =>
        error === null ? done(new NodeFile(fd, path, dsync && O_DSYNC === undefined)) : fail(error),
      );
    });
  }

  list(directory: string): Promise<string[]> {
    return new Promise((done, fail) => {
      fs.readdir(directory, (error, names) => {
        if (error === null) done(names.sort());
        else if (error.code === 'ENOENT') done([]);
        else fail(error);
      });
    });
  }

  async makeDirectory(path: string): Promise<void> {
    const last = resolve(path);
    const first = await new Promise<string | undefined>((done, fail) => {
      fs.mkdir(last, { recursive: true, mode: DIRECTORY_MODE }, (error, made) => (error === null ? done(made) : fail(error)));
    });
    if (first === undefined) return;
    const above = dirname(resolve(first));
    for (let at = dirname(last); at.length >= above.length; at = dirname(at)) {
      await this.syncDirectory(at);
      if (at === above) return;
    }
  }

  rename(from: string, to: string): Promise<void> {
    return new Promise((done, fail) => fs.rename(from, to, (error) => (error === null ? done() : fail(error))));
  }

  remove(path: string): Promise<void> {
    return new Promise((done, fail) => fs.unlink(path, (error) => (error === null || error.code === 'ENOENT' ? done() : fail(error))));
  }

  async syncDirectory(path: string): Promise<void> {
    // Windows has no way to sync a directory, and needs none: NTFS journals names.
    if (process.platform === 'win32') return;
    const fd = await new Promise<number>((done, fail) =>
      fs.open(path, fs.constants.O_RDONLY, (error, fd) => (error === null ? done(fd) : fail(error))),
    );
    const failure = await new Promise<Error | null>((done) => fs.fsync(fd, done));
    await new Promise<void>((done, fail) => fs.close(fd, (error) => (error ? fail(error) : done())));
    if (failure !== null) throw named(failure, path);
  }

  freeBytes(path: string): Promise<number> {
    return new Promise((done, fail) =>
      fs.statfs(path, (error, stats) => (error === null ? done(stats.bavail * stats.bsize) : fail(error))),
    );
  }

  lock(directory: string): Promise<{ release(): Promise<void> }> {
    return lockDirectory(directory);
  }
}

class NodeFile implements File {
  readonly #path: string;
  readonly #syncWrites: boolean;
  #fd: number;
  /** Calls the pool has not answered: a descriptor closed under one of them could be another file's by the time it runs. */
  #inFlight = 0;
  #idle: (() => void) | undefined;

  constructor(fd: number, path: string, syncWrites: boolean) {
    this.#fd = fd;
    this.#path = path;
    this.#syncWrites = syncWrites;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    // One call can give less before the end (a signal, a network file system), so only 0 is the end.
    let total = await this.#read(into, 0, position);
    for (let got = total; got > 0 && total < into.length; total += got) got = await this.#read(into, total, position + total);
    return total;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    const count = await this.#call<number>((fd, done) => fs.write(fd, bytes, 0, bytes.length, position, done));
    if (this.#syncWrites) await this.sync();
    return count;
  }

  sync(): Promise<void> {
    return this.#call<void>((fd, done) => fs.fdatasync(fd, done));
  }

  sizeBytes(): Promise<number> {
    return this.#call<number>((fd, done) => fs.fstat(fd, (error, stats) => done(error, stats?.size)));
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#call<void>((fd, done) => fs.ftruncate(fd, sizeBytes, done));
  }

  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd < 0) return;
    this.#fd = -1;
    if (this.#inFlight > 0) await new Promise<void>((done) => (this.#idle = done));
    await new Promise<void>((done, fail) => fs.close(fd, (error) => (error ? fail(named(error, this.#path)) : done())));
  }

  #read(into: Uint8Array, from: number, position: number): Promise<number> {
    return this.#call<number>((fd, done) => fs.read(fd, into, from, into.length - from, position, done));
  }

  #call<T>(start: (fd: number, done: (error: NodeJS.ErrnoException | null | undefined, result?: T) => void) => void): Promise<T> {
    return new Promise((done, fail) => {
      if (this.#fd < 0) return fail(Object.assign(new Error(`EBADF: ${this.#path} has been closed; open it again`), { code: 'EBADF' }));
      start(this.#fd, (error, result) => {
        this.#inFlight--;
        if (error) fail(named(error, this.#path));
        // Every call above that promises a result hands one over when there is no error.
        else done(result as T);
        if (this.#inFlight === 0) this.#idle?.();
      });
      // Only now: a bad argument makes `start` throw, and then nothing is in flight.
      this.#inFlight++;
    });
  }
}

/** Errors of calls on a descriptor do not say which file it was. */
function named(error: NodeJS.ErrnoException, path: string): Error {
  if (error.path === undefined) {
    error.path = path;
    error.message += ` '${path}'`;
  }
  return error;
}
