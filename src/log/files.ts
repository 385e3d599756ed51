/** Descriptors and blocks of memory that all logs of a broker share, so that ten thousand partitions do not need ten thousand of each. */

import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';

/** Catch-up reads, recovery and large writes go in pieces of this size. */
export const BLOCK_BYTES: number = 1024 * 1024;
const BLOCKS_KEPT = 4;

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

  takeBlock(): Block {
    return this.#blocks.pop() ?? newBlock(BLOCK_BYTES);
  }

  giveBlock(block: Block): void {
    if (block.bytes.length === BLOCK_BYTES && this.#blocks.length < BLOCKS_KEPT) this.#blocks.push(block);
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
