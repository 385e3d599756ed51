/** A disk in memory that does one thing badly when told to. */

import type { Disk, File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';

export type Call = 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'syncDirectory';

/** An error code to reject with, or how many bytes fewer a write is to take. */
export type Harm = string | { readonly short: number };

export class FailingDisk extends MemoryDisk {
  /** Calls that change something, since the list was last emptied. */
  changes: string[] = [];
  free: number = Number.POSITIVE_INFINITY;
  #harms: { call: Call; path: RegExp; harm: Harm; times: number }[] = [];

  /** The next so many such calls on a matching path go wrong. */
  fail(call: Call, path: RegExp, harm: Harm, times = 1): void {
    this.#harms.push({ call, path, harm, times });
  }

  /** Planned and not met. */
  get planned(): number {
    return this.#harms.length;
  }

  heal(): void {
    this.#harms = [];
  }

  override freeBytes(): Promise<number> {
    return Promise.resolve(this.free);
  }

  override async rename(from: string, to: string): Promise<void> {
    this.#meet('rename', from);
    return super.rename(from, to);
  }

  override async remove(path: string): Promise<void> {
    this.#meet('remove', path);
    return super.remove(path);
  }

  override async syncDirectory(path: string): Promise<void> {
    this.#meet('syncDirectory', path);
    return super.syncDirectory(path);
  }

  override async open(path: string, options: Parameters<Disk['open']>[1] = {}): Promise<File> {
    this.#meet('open', path);
    const file = await super.open(path, options);
    return {
      read: (into, position) => file.read(into, position),
      write: async (bytes, position) => {
        const short = this.#meet('write', path);
        return file.write(short === 0 ? bytes : bytes.subarray(0, Math.max(0, bytes.length - short)), position);
      },
      sync: async () => {
        this.#meet('sync', path);
        return file.sync();
      },
      sizeBytes: () => file.sizeBytes(),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => file.close(),
    };
  }

  /** How many bytes a write is to be short of. */
  #meet(call: Call, path: string): number {
    if (call !== 'open') this.changes.push(`${call} ${path}`);
    const harm = this.#harms.find((planned) => planned.call === call && planned.path.test(path));
    if (harm === undefined) return 0;
    if (--harm.times === 0) this.#harms.splice(this.#harms.indexOf(harm), 1);
    if (typeof harm.harm === 'object') return harm.harm.short;
    throw Object.assign(new Error(`${harm.harm}: made to fail, ${call} '${path}'`), { code: harm.harm });
  }
}
