/** An open file of a simulated disk. */

import type { File } from '../disk.ts';
import { DiskError } from '../disk-error.ts';
import type { SimDevice, Work } from './sim-device.ts';
import type { InodeSync, SimInode } from './sim-inode.ts';

export class SimFile implements File {
  readonly #device: SimDevice;
  readonly #path: string;
  readonly #inode: SimInode;
  readonly #dsync: boolean;
  #open = true;

  constructor(device: SimDevice, path: string, inode: SimInode, dsync: boolean) {
    this.#device = device;
    this.#path = path;
    this.#inode = inode;
    this.#dsync = dsync;
    inode.holders++;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#submit({
      kind: 'read',
      path: this.#path,
      detail: `${into.length} at ${position}`,
      run: () => this.#inode.read(into, position),
    });
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    const device = this.#device;
    const inode = this.#inode;
    let count = 0;
    return this.#submit({
      kind: 'write',
      path: this.#path,
      detail: `${bytes.length} at ${position}${this.#dsync ? ' dsync' : ''}`,
      dsync: this.#dsync,
      run: (fault) => {
        count = fault === 'enospc' ? 0 : device.reserve(inode, position, bytes.length);
        if (count === 0 && bytes.length > 0) throw new DiskError('ENOSPC', 'write', this.#path);
        if (fault === 'short' && count > 1) count = 1 + device.random.int(count - 1);
        if (fault === 'eio') count = device.random.int(count + 1);
        inode.write(count === bytes.length ? bytes : bytes.subarray(0, count), position, device.random);
        return count;
      },
      end: (fault) => {
        if (!this.#dsync) return;
        if (fault === 'eio') inode.failPersist(position, count, device.random);
        else inode.persist(position, count);
      },
    });
  }

  sync(): Promise<void> {
    const inode = this.#inode;
    let sync: InodeSync | undefined;
    return this.#submit({
      kind: 'sync',
      path: this.#path,
      begin: () => {
        sync = inode.beginSync();
      },
      run: () => {},
      end: (fault) => {
        if (sync === undefined) return;
        if (fault === undefined) inode.endSync(sync, this.#device.random);
        else inode.failSync(sync, this.#device.random);
      },
    });
  }

  sizeBytes(): Promise<number> {
    return this.#submit({ kind: 'sizeBytes', path: this.#path, run: () => this.#inode.sizeBytes });
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#submit({
      kind: 'truncate',
      path: this.#path,
      detail: String(sizeBytes),
      run: () => this.#device.truncate(this.#inode, sizeBytes),
    });
  }

  close(): Promise<void> {
    if (!this.#open) return Promise.resolve();
    this.#open = false;
    return this.#device.submit({ kind: 'close', path: this.#path, run: () => this.#device.letGo(this.#inode) });
  }

  #submit<T>(work: Work<T>): Promise<T> {
    if (this.#open) return this.#device.submit(work);
    return Promise.reject(new DiskError('EBADF', work.kind, this.#path));
  }
}
