/** A disk that is only memory, for a broker without a directory. Everything on it is gone with the process, and nothing on it ever waits. */

import { Refused } from '../model/refusal.ts';
import type { Disk, File } from './disk.ts';
import { DiskError } from './disk-error.ts';
import { directoryOf, nameOf, normalPath } from './paths.ts';
import { SparseBytes } from './sparse-bytes.ts';

const PAGE_BYTES = 1024 * 1024;

interface Content {
  readonly bytes: SparseBytes;
  sizeBytes: number;
  /** Names and open files that hold it; at 0 its memory is free. */
  holders: number;
}

export interface MemoryDiskOptions {
  /** Memory all files together may take; a write beyond it fails with ENOSPC. Default: no limit. */
  readonly capacityBytes?: number;
}

export class MemoryDisk implements Disk {
  readonly #files = new Map<string, Content>();
  readonly #directories = new Set<string>(['.', '/']);
  readonly #locked = new Set<string>();
  readonly #space: Space;

  constructor(options: MemoryDiskOptions = {}) {
    this.#space = { freeBytes: options.capacityBytes ?? Number.POSITIVE_INFINITY };
  }

  async open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const name = normalPath(path);
    if (this.#directories.has(name)) throw new DiskError('EISDIR', 'open', path);
    let content = this.#files.get(name);
    if (content === undefined) {
      if (options.create !== true || !this.#directories.has(directoryOf(name))) throw new DiskError('ENOENT', 'open', path);
      content = { bytes: new SparseBytes(PAGE_BYTES), sizeBytes: 0, holders: 1 };
      this.#files.set(name, content);
    }
    content.holders++;
    return new MemoryFile(path, content, this.#space);
  }

  async list(directory: string): Promise<string[]> {
    const at = normalPath(directory);
    const names: string[] = [];
    for (const path of this.#files.keys()) if (directoryOf(path) === at) names.push(nameOf(path));
    for (const path of this.#directories) if (directoryOf(path) === at && path !== at) names.push(nameOf(path));
    return names.sort();
  }

  async makeDirectory(path: string): Promise<void> {
    for (let at = normalPath(path); !this.#directories.has(at); at = directoryOf(at)) this.#directories.add(at);
  }

  async rename(from: string, to: string): Promise<void> {
    const content = this.#files.get(normalPath(from));
    if (content === undefined || !this.#directories.has(directoryOf(normalPath(to)))) throw new DiskError('ENOENT', 'rename', from);
    if (this.#directories.has(normalPath(to))) throw new DiskError('EISDIR', 'rename', to);
    if (normalPath(from) === normalPath(to)) return;
    this.#unlink(normalPath(to));
    this.#files.delete(normalPath(from));
    this.#files.set(normalPath(to), content);
  }

  async remove(path: string): Promise<void> {
    if (this.#directories.has(normalPath(path))) throw new DiskError('EISDIR', 'unlink', path);
    this.#unlink(normalPath(path));
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.#directories.has(normalPath(path))) throw new DiskError('ENOENT', 'open', path);
  }

  async freeBytes(_path: string): Promise<number> {
    return this.#space.freeBytes;
  }

  async lock(directory: string): Promise<{ release(): Promise<void> }> {
    const at = normalPath(directory);
    if (!this.#directories.has(at)) throw new DiskError('ENOENT', 'lock', directory);
    if (this.#locked.has(at)) throw new Refused('locked', `${directory} is open in this process already; close it there first.`);
    this.#locked.add(at);
    return {
      release: async () => {
        this.#locked.delete(at);
      },
    };
  }

  #unlink(name: string): void {
    const content = this.#files.get(name);
    if (content === undefined) return;
    this.#files.delete(name);
    letGo(content, this.#space);
  }
}

interface Space {
  freeBytes: number;
}

class MemoryFile implements File {
  readonly #path: string;
  readonly #content: Content;
  readonly #space: Space;
  #open = true;

  constructor(path: string, content: Content, space: Space) {
    this.#path = path;
    this.#content = content;
    this.#space = space;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#check('read');
    const count = Math.max(0, Math.min(into.length, this.#content.sizeBytes - position));
    this.#content.bytes.read(count === into.length ? into : into.subarray(0, count), position);
    return count;
  }

  async write(bytes: Uint8Array, position: number): Promise<number> {
    this.#check('write');
    const { bytes: pages, sizeBytes } = this.#content;
    if (pages.missingBytes(position, bytes.length) > this.#space.freeBytes) throw new DiskError('ENOSPC', 'write', this.#path);
    const before = pages.allocatedBytes;
    pages.write(bytes, position);
    this.#space.freeBytes -= pages.allocatedBytes - before;
    this.#content.sizeBytes = Math.max(sizeBytes, position + bytes.length);
    return bytes.length;
  }

  async sync(): Promise<void> {
    this.#check('fdatasync');
  }

  async sizeBytes(): Promise<number> {
    this.#check('fstat');
    return this.#content.sizeBytes;
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.#check('ftruncate');
    const before = this.#content.bytes.allocatedBytes;
    if (sizeBytes < this.#content.sizeBytes) this.#content.bytes.cut(sizeBytes);
    this.#space.freeBytes += before - this.#content.bytes.allocatedBytes;
    this.#content.sizeBytes = sizeBytes;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    letGo(this.#content, this.#space);
  }

  #check(syscall: string): void {
    if (!this.#open) throw new DiskError('EBADF', syscall, this.#path);
  }
}

function letGo(content: Content, space: Space): void {
  if (--content.holders > 0) return;
  space.freeBytes += content.bytes.allocatedBytes;
  content.bytes.cut(0);
  content.sizeBytes = 0;
}
