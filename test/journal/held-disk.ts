/** A disk in memory on which writes to segments, or reads from them, can be held back until the test lets them go. */

import type { File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';

export class HeldDisk extends MemoryDisk {
  readonly writes: { readonly path: string; readonly byte: number; readonly bytes: Uint8Array }[] = [];
  #gate: Promise<void> | undefined;
  #open: (() => void) | undefined;
  #what: 'writes' | 'reads' = 'writes';
  /** Calls waiting. */
  held = 0;
  openFiles = 0;

  /** Writes and syncs that begin from now on wait. */
  hold(): void {
    this.#hold('writes');
  }

  holdReads(): void {
    this.#hold('reads');
  }

  release(): void {
    this.#open?.();
    this.#gate = undefined;
    this.held = 0;
  }

  override async open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const file = await super.open(path, options);
    this.openFiles++;
    let isOpen = true;
    const wait = async (what: 'writes' | 'reads') => {
      const gate = this.#gate;
      if (gate === undefined || what !== this.#what || !path.endsWith('.journal')) return;
      this.held++;
      await gate;
    };
    return {
      read: async (into, position) => {
        await wait('reads');
        return file.read(into, position);
      },
      write: async (bytes, position) => {
        await wait('writes');
        this.writes.push({ path, byte: position, bytes: bytes.slice() });
        return file.write(bytes, position);
      },
      sync: async () => {
        await wait('writes');
        return file.sync();
      },
      sizeBytes: () => file.sizeBytes(),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      close: () => {
        if (isOpen) this.openFiles--;
        isOpen = false;
        return file.close();
      },
    };
  }

  #hold(what: 'writes' | 'reads'): void {
    this.#what = what;
    this.#gate = new Promise((open) => {
      this.#open = open;
    });
  }
}
