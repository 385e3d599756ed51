/** A disk in memory that counts what it is asked for, and can be told to fail. */

import type { Disk, File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';

type Call = keyof Disk | keyof File;

export class CountingDisk implements Disk {
  readonly inner: Disk;
  /** Open files now, and most at once. */
  openNow = 0;
  openMost = 0;
  calls = 0;
  readBytes = 0;
  writtenBytes = 0;
  /** How many bytes a write may take; all, if undefined. */
  room: (() => number) | undefined;
  /** Before each call, which waits for it; what it throws is what the call rejects with. */
  before: (call: Call, path: string) => void | Promise<void> = () => {};
  readonly #counts = new Map<Call, number>();
  readonly #waiting: { readonly call: Call; readonly done: () => void }[] = [];

  constructor(inner: Disk = new MemoryDisk()) {
    this.inner = inner;
  }

  count(call: Call): number {
    return this.#counts.get(call) ?? 0;
  }

  /** Resolves when the call is made next. */
  called(call: Call): Promise<void> {
    return new Promise((done) => this.#waiting.push({ call, done }));
  }

  async #count<T>(call: Call, path: string, work: () => Promise<T>): Promise<T> {
    this.calls++;
    this.#counts.set(call, this.count(call) + 1);
    for (const one of this.#waiting.splice(0)) {
      if (one.call === call) one.done();
      else this.#waiting.push(one);
    }
    await this.before(call, path);
    return work();
  }

  open(path: string, options?: { create?: boolean; dsync?: boolean }): Promise<File> {
    return this.#count('open', path, async () => {
      const file = await this.inner.open(path, options);
      this.openMost = Math.max(this.openMost, ++this.openNow);
      return {
        read: (into, position) => {
          this.readBytes += into.length;
          return this.#count('read', path, () => file.read(into, position));
        },
        write: (bytes, position) => {
          this.writtenBytes += bytes.length;
          return this.#count('write', path, async () => file.write(bytes.subarray(0, this.room?.()), position));
        },
        sync: () => this.#count('sync', path, () => file.sync()),
        sizeBytes: () => this.#count('sizeBytes', path, () => file.sizeBytes()),
        truncate: (sizeBytes) => this.#count('truncate', path, () => file.truncate(sizeBytes)),
        close: () => {
          this.openNow--;
          return this.#count('close', path, () => file.close());
        },
      };
    });
  }

  list(directory: string): Promise<string[]> {
    return this.#count('list', directory, () => this.inner.list(directory));
  }

  makeDirectory(path: string): Promise<void> {
    return this.#count('makeDirectory', path, () => this.inner.makeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#count('rename', from, () => this.inner.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.#count('remove', path, () => this.inner.remove(path));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#count('syncDirectory', path, () => this.inner.syncDirectory(path));
  }

  freeBytes(path: string): Promise<number> {
    return this.#count('freeBytes', path, () => this.inner.freeBytes(path));
  }

  lock(directory: string): Promise<{ release(): Promise<void> }> {
    return this.#count('lock', directory, () => this.inner.lock(directory));
  }
}
