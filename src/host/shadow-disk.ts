/** A disk over another one: it shows what is there, keeps what is written to itself, and changes nothing. For looking at a directory by opening it. */

import type { Disk, File } from './disk.ts';
import { DiskError } from './disk-error.ts';
import { directoryOf, nameOf, normalPath } from './paths.ts';
import { SparseBytes } from './sparse-bytes.ts';

const PAGE_BYTES = 64 * 1024;

/** What has been written over a file, by page; undefined below: the file is new. */
interface Shadow {
  readonly below: string | undefined;
  readonly bytes: SparseBytes;
  /** Pages that no longer come from below. */
  readonly own: Set<number>;
  sizeBytes: number;
}

export class ShadowDisk implements Disk {
  readonly #below: Disk;
  /** Of files that were opened, made or renamed here; undefined: removed. */
  readonly #shadows = new Map<string, Shadow | undefined>();
  readonly #directories = new Set<string>();

  constructor(below: Disk) {
    this.#below = below;
  }

  async open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const name = normalPath(path);
    const shadow = await this.#shadowOf(name);
    if (shadow !== undefined) return new ShadowFile(shadow, await this.#openBelow(shadow));
    if (options.create !== true) throw new DiskError('ENOENT', 'open', path);
    const made: Shadow = { below: undefined, bytes: new SparseBytes(PAGE_BYTES), own: new Set(), sizeBytes: 0 };
    this.#shadows.set(name, made);
    return new ShadowFile(made, undefined);
  }

  async list(directory: string): Promise<string[]> {
    const at = normalPath(directory);
    const names = new Set(await this.#below.list(directory));
    for (const [path, shadow] of this.#shadows) {
      if (directoryOf(path) !== at) continue;
      if (shadow === undefined) names.delete(nameOf(path));
      else names.add(nameOf(path));
    }
    for (const path of this.#directories) if (directoryOf(path) === at) names.add(nameOf(path));
    return [...names].sort();
  }

  async makeDirectory(path: string): Promise<void> {
    this.#directories.add(normalPath(path));
  }

  async rename(from: string, to: string): Promise<void> {
    const shadow = await this.#shadowOf(normalPath(from));
    if (shadow === undefined) throw new DiskError('ENOENT', 'rename', from);
    this.#shadows.set(normalPath(from), undefined);
    this.#shadows.set(normalPath(to), shadow);
  }

  async remove(path: string): Promise<void> {
    this.#shadows.set(normalPath(path), undefined);
  }

  async syncDirectory(): Promise<void> {}

  freeBytes(path: string): Promise<number> {
    return this.#below.freeBytes(path);
  }

  /** Of the shadow: nobody else can see it. Whether the directory below may be looked at is for the caller to find out. */
  async lock(): Promise<{ release(): Promise<void> }> {
    return { release: async () => undefined };
  }

  /** The file of this name, as it is here; undefined when there is none. */
  async #shadowOf(name: string): Promise<Shadow | undefined> {
    if (this.#shadows.has(name)) return this.#shadows.get(name);
    let file: File;
    try {
      file = await this.#below.open(name);
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw error;
    }
    const sizeBytes = await file.sizeBytes();
    await file.close();
    const shadow: Shadow = { below: name, bytes: new SparseBytes(PAGE_BYTES), own: new Set(), sizeBytes };
    this.#shadows.set(name, shadow);
    return shadow;
  }

  async #openBelow({ below }: Shadow): Promise<File | undefined> {
    return below === undefined ? undefined : this.#below.open(below);
  }
}

class ShadowFile implements File {
  readonly #shadow: Shadow;
  readonly #below: File | undefined;

  constructor(shadow: Shadow, below: File | undefined) {
    this.#shadow = shadow;
    this.#below = below;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    const { sizeBytes } = this.#shadow;
    const count = Math.max(0, Math.min(into.length, sizeBytes - position));
    await this.#fill(into.subarray(0, count), position);
    return count;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    if (bytes.length === 0) return 0;
    const shadow = this.#shadow;
    const end = position + bytes.length;
    // The first and the last page may keep something of what was there.
    await this.#take(Math.floor(position / PAGE_BYTES));
    await this.#take(Math.floor((end - 1) / PAGE_BYTES));
    for (let page = Math.floor(position / PAGE_BYTES); page * PAGE_BYTES < end; page++) shadow.own.add(page);
    shadow.bytes.write(bytes, position);
    shadow.sizeBytes = Math.max(shadow.sizeBytes, end);
    return bytes.length;
  }

  async sync(): Promise<void> {}

  async sizeBytes(): Promise<number> {
    return this.#shadow.sizeBytes;
  }

  async truncate(sizeBytes: number): Promise<void> {
    const shadow = this.#shadow;
    const last = Math.floor(sizeBytes / PAGE_BYTES);
    await this.#take(last);
    // What is cut off does not come back when the file grows again.
    for (let page = last; page * PAGE_BYTES < shadow.sizeBytes; page++) shadow.own.add(page);
    shadow.bytes.cut(sizeBytes);
    shadow.sizeBytes = sizeBytes;
  }

  async close(): Promise<void> {
    await this.#below?.close();
  }

  async #fill(into: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const page = Math.floor((position + done) / PAGE_BYTES);
      const end = Math.min(into.length, (page + 1) * PAGE_BYTES - position);
      const part = into.subarray(done, end);
      if (this.#shadow.own.has(page) || this.#below === undefined) this.#shadow.bytes.read(part, position + done);
      else part.fill(0, await this.#below.read(part, position + done));
      done = end;
    }
  }

  /** Copies a page from below, before a part of it is written over. */
  async #take(page: number): Promise<void> {
    const { own, bytes, sizeBytes } = this.#shadow;
    if (own.has(page) || this.#below === undefined) return;
    const count = Math.max(0, Math.min(PAGE_BYTES, sizeBytes - page * PAGE_BYTES));
    const there = new Uint8Array(count);
    await this.#fill(there, page * PAGE_BYTES);
    bytes.write(there, page * PAGE_BYTES);
    own.add(page);
  }
}
