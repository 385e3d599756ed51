/** A disk in memory on which writes to segments, or reads from them, can be held back until the test lets them go. */

import type { File } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';

export type Held = 'read' | 'write' | 'sync';

export class HeldDisk extends MemoryDisk {
  readonly writes: { readonly path: string; readonly byte: number; readonly bytes: Uint8Array }[] = [];
  #gate: Promise<void> | undefined;
  readonly #opens: (() => void)[] = [];
  #calls: readonly Held[] = [];
  /** Calls waiting. */
  held = 0;
  openFiles = 0;

  /** Such calls on a segment that begin from now on wait, until `release` or what this answers; those of an earlier `hold` go on waiting. */
  hold(...calls: readonly Held[]): () => void {
    this.#calls = calls.length === 0 ? ['write', 'sync'] : calls;
    let open = () => {};
    this.#gate = new Promise((done) => {
      open = done;
    });
    this.#opens.push(open);
    return open;
  }

  release(): void {
    for (const open of this.#opens.splice(0)) open();
    this.#gate = undefined;
    this.held = 0;
  }

  override async open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const file = await super.open(path, options);
    this.openFiles++;
    let isOpen = true;
    const wait = async (call: Held) => {
      const gate = this.#gate;
      if (gate === undefined || !this.#calls.includes(call) || !path.endsWith('.journal')) return;
      this.held++;
      await gate;
    };
    return {
      read: async (into, position) => {
        await wait('read');
        return file.read(into, position);
      },
      write: async (bytes, position) => {
        await wait('write');
        this.writes.push({ path, byte: position, bytes: bytes.slice() });
        return file.write(bytes, position);
      },
      sync: async () => {
        await wait('sync');
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
}
