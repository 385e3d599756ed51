/** A journal on a disk in memory, with what it was given and what it replayed. */

import type { Disk } from '../../src/host/disk.ts';
import type { Host } from '../../src/host/host.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { SimClock } from '../../src/host/simulated/sim-clock.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { Journal, type JournalOptions } from '../../src/journal/journal.ts';
import type { Position } from '../../src/model/lines.ts';
import { HeldDisk } from './held-disk.ts';
import { diskOf, imageOf } from './image.ts';

export interface Kept {
  readonly position: Position;
  /** As text of hexadecimal digits, so that a difference can be read. */
  readonly bytes: string;
}

export type Sizes = Partial<Pick<JournalOptions, 'blockBytesMax' | 'segmentBytes' | 'cacheBytes' | 'durability'>>;

/** Bytes of a block's header and of the length before an entry. */
export const OVERHEAD = 84;

export const SMALL: Sizes = { blockBytesMax: 8192, segmentBytes: 65536, cacheBytes: 65536 };

export async function harness(sizes: Sizes = SMALL, disk: Disk = new MemoryDisk()): Promise<Harness> {
  const harness = new Harness(sizes, disk);
  await harness.open();
  return harness;
}

/** Each draws other random numbers, as processes do. */
let processes = 0;

export class Harness {
  readonly disk: Disk;
  readonly clock: SimClock = new SimClock();
  readonly host: Host;
  readonly sizes: Sizes;
  readonly directory: string;
  /** Events the journal warned of. */
  readonly warnings: string[] = [];
  replayed: Kept[] = [];
  failures: Error[] = [];
  safe: Position[] = [];
  #journal: Journal | undefined;
  #number = 0;

  constructor(sizes: Sizes, disk: Disk, directory: string = 'data/journal') {
    this.directory = directory;
    this.sizes = sizes;
    this.disk = disk;
    this.host = {
      clock: this.clock,
      disk,
      random: new SimRandom(++processes),
      logger: { ...silentLogger, warn: (event) => this.warnings.push(event) },
    };
  }

  get journal(): Journal {
    if (this.#journal === undefined) throw new Error('The journal is not open.');
    return this.#journal;
  }

  async open(): Promise<void> {
    this.replayed = [];
    const options: JournalOptions = {
      directory: this.directory,
      durability: 'fsync',
      ...this.sizes,
      onSafe: (safe) => this.safe.push(safe),
      onFailure: (error) => this.failures.push(error),
    };
    this.#journal = await Journal.open(this.host, options, (bytes, at, sizeBytes, position) => {
      this.replayed.push({ position, bytes: hex(bytes.subarray(at, at + sizeBytes)) });
    });
  }

  /** So many entries, each with its number in front as far as there is room. */
  append(count: number, sizeOf: (i: number) => number): Kept[] {
    const kept: Kept[] = [];
    for (let i = 0; i < count; i++) {
      const sizeBytes = sizeOf(i);
      const room = this.journal.begin(sizeBytes);
      const number = this.#number++;
      for (let b = 0; b < sizeBytes; b++) room.bytes[room.at + b] = b < 4 ? number >>> (8 * b) : number * 31 + b;
      kept.push({ position: room.position, bytes: hex(room.bytes.subarray(room.at, room.at + sizeBytes)) });
      this.journal.end(sizeBytes);
    }
    return kept;
  }

  /** Until nothing more can happen without time passing. */
  settled(): Promise<void> {
    return this.clock.run(this.clock.monotonicMs());
  }

  async sync(): Promise<void> {
    this.journal.sync();
    await this.settled();
  }

  async reopen(): Promise<void> {
    await this.journal.close();
    await this.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A test that failed half-way must not wait for ever.
    if (this.disk instanceof HeldDisk) this.disk.release();
    await this.journal.close();
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** What would be there after a kill. */
export async function copyOf(j: Harness): Promise<MemoryDisk> {
  return diskOf(await imageOf(j.disk, j.directory), j.directory);
}
