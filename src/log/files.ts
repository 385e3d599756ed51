/** Descriptors and blocks of memory that all logs of a broker share, so that ten thousand partitions do not need ten thousand of each. */

import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';

/** Catch-up reads, recovery and large writes go in pieces of this size. */
export const BLOCK_BYTES: number = 1024 * 1024;
const BLOCKS_KEPT = 4;
/** Larger blocks have a size that is a multiple of this, so that they can take each other's place; so many bytes of them are kept. */
const LARGE_STEP_BYTES = 256 * 1024;
const LARGE_KEPT_BYTES = 8 * 1024 * 1024;

export interface Block {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export function newBlock(sizeBytes: number): Block {
  const bytes = new Uint8Array(sizeBytes);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** One file that may be open or not. */
export class Handle {
  path: string;
  /** How many are using it now; it is not closed under them. */
  pins = 0;
  file: File | undefined;
  opening: Promise<File> | undefined;
  /** The file is gone, or its log is closed: close it as soon as nobody uses it. */
  retired = false;

  constructor(path: string) {
    this.path = path;
  }
}

const ofHosts = new WeakMap<Host, LogFiles>();

/** `openMax` is the limit for all logs that share it, together. */
export class LogFiles {
  readonly #host: Host;
  readonly #openMax: number;
  #open = 0;
  /** Open and not in use, longest unused first. */
  readonly #idle = new Set<Handle>();
  readonly #waiting: (() => void)[] = [];
  readonly #blocks: Block[] = [];
  /** Those larger than `BLOCK_BYTES`. */
  readonly #large: Block[] = [];
  #largeBytes = 0;

  constructor(host: Host, openMax = 256) {
    this.#host = host;
    this.#openMax = Math.max(2, openMax);
  }

  /** The one that all logs of this host share. */
  static of(host: Host): LogFiles {
    let files = ofHosts.get(host);
    if (files === undefined) {
      files = new LogFiles(host);
      ofHosts.set(host, files);
    }
    return files;
  }

  /** More than half of the descriptors are held by logs with unsynced bytes: sync soon, so that others can read. */
  get crowded(): boolean {
    return this.#open - this.#idle.size > this.#openMax / 2;
  }

  /** Opens the file, waiting for a free descriptor if need be; it stays open until `unpin`. */
  async pin(handle: Handle, create = false): Promise<File> {
    handle.pins++;
    this.#idle.delete(handle);
    try {
      if (handle.file !== undefined) return handle.file;
      handle.opening ??= this.#openFile(handle, create);
      return await handle.opening;
    } catch (error) {
      handle.pins--;
      throw error;
    }
  }

  unpin(handle: Handle): void {
    if (--handle.pins > 0 || handle.file === undefined) return;
    this.#idle.add(handle);
    if (handle.retired || this.#waiting.length > 0) void this.#close(handle);
  }

  /** Opens the file for as long as `work` takes. */
  async use<T>(handle: Handle, work: (file: File) => Promise<T>): Promise<T> {
    const file = await this.pin(handle);
    try {
      return await work(file);
    } finally {
      this.unpin(handle);
    }
  }

  /** Closes the file, now or when the last user unpins it. */
  async forget(handle: Handle): Promise<void> {
    handle.retired = true;
    if (handle.pins === 0) await this.#close(handle);
  }

  /** Of `BLOCK_BYTES`, or more if less than `sizeBytes` would not do. */
  takeBlock(sizeBytes: number = BLOCK_BYTES): Block {
    if (sizeBytes <= BLOCK_BYTES) return this.#blocks.pop() ?? newBlock(BLOCK_BYTES);
    const wanted = LARGE_STEP_BYTES * Math.ceil(sizeBytes / LARGE_STEP_BYTES);
    const found = this.#large.findIndex(({ bytes }) => bytes.length >= wanted && bytes.length <= 2 * wanted);
    const [block] = found < 0 ? [] : this.#large.splice(found, 1);
    this.#largeBytes -= block?.bytes.length ?? 0;
    return block ?? newBlock(wanted);
  }

  giveBlock(block: Block): void {
    const sizeBytes = block.bytes.length;
    if (sizeBytes === BLOCK_BYTES && this.#blocks.length < BLOCKS_KEPT) this.#blocks.push(block);
    if (sizeBytes <= BLOCK_BYTES || sizeBytes > LARGE_KEPT_BYTES) return;
    this.#large.push(block);
    this.#largeBytes += sizeBytes;
    while (this.#largeBytes > LARGE_KEPT_BYTES) this.#largeBytes -= this.#large.shift()?.bytes.length ?? 0;
  }

  async #openFile(handle: Handle, create: boolean): Promise<File> {
    try {
      while (this.#open >= this.#openMax) {
        const [unused] = this.#idle;
        if (unused !== undefined) await this.#close(unused);
        else await new Promise<void>((free) => this.#waiting.push(free));
      }
      this.#open++;
      try {
        handle.file = await this.#host.disk.open(handle.path, { create });
        return handle.file;
      } catch (error) {
        this.#freed();
        throw error;
      }
    } finally {
      handle.opening = undefined;
    }
  }

  /** Only what is synced or was only read is ever closed here, so a failure costs nothing but the descriptor. */
  async #close(handle: Handle): Promise<void> {
    const file = handle.file;
    this.#idle.delete(handle);
    handle.file = undefined;
    if (file === undefined) return;
    try {
      await file.close();
    } catch (error) {
      this.#host.logger.warn('log.close-failed', { file: handle.path, error: String(error) });
    } finally {
      this.#freed();
    }
  }

  #freed(): void {
    this.#open--;
    this.#waiting.shift()?.();
  }
}
