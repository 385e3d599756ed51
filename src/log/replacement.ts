/** A new file that takes the place of one or more segments: made aside, synced, named, and only then are the former ones removed. */

import type { File } from '../host/disk.ts';
import { HEADER_BYTES, Header, sealBatch } from './batch.ts';
import { passing } from './damaged.ts';
import { eraseFormer } from './erase.ts';
import { type Block, newBlock } from './files.ts';
import { encodeFooter } from './footer.ts';
import type { Parts } from './parts.ts';
import { Segment, UNFINISHED } from './segment.ts';
import { writeAll } from './write-all.ts';

export class Replacement {
  readonly #parts: Parts;
  readonly #segment: Segment;
  readonly #file: File;
  readonly #path: string;
  #block: Block;
  #usedBytes = 0;
  #writtenBytes = 0;

  private constructor(parts: Parts, segment: Segment, file: File, path: string) {
    this.#parts = parts;
    this.#segment = segment;
    this.#file = file;
    this.#path = path;
    this.#block = parts.files.takeBlock();
  }

  /** For a segment that begins with `base`; of a former one with that base, the next generation. */
  static async begin(parts: Parts, base: number): Promise<Replacement> {
    const { host, segments } = parts;
    const former = segments.holding(base);
    const segment = new Segment(former.directory, base, former.base === base ? former.generation + 1 : 0, host.random.u32());
    const path = segment.path + UNFINISHED;
    const file = await host.disk.open(path, { create: true });
    return new Replacement(parts, segment, file, path);
  }

  /**
   * Runs what writes the batches, and gives up if that fails: what was there before still counts. A footer says that all is well with the
   * file when it is opened again, its name included: only a file that removes others, which tell of a name that was lost, may have one.
   */
  async fill(footed: boolean, work: () => Promise<void>): Promise<void> {
    try {
      // A file of this name may be left from before.
      await this.#file.truncate(0);
      await work();
      await this.#flush();
      if (footed) await writeAll(this.#file, this.#path, encodeFooter(this.#segment), this.#segment.sizeBytes);
      this.#segment.footed = footed;
      await this.#file.sync();
    } catch (error) {
      await this.#file.close();
      await this.#parts.host.disk.remove(this.#path);
      throw passing(error, this.#path) ?? error;
    } finally {
      this.#parts.files.giveBlock(this.#block);
    }
    await this.#file.close();
  }

  get segment(): Segment {
    return this.#segment;
  }

  /** A batch of at most `sizeBytes` can be written at `at` of `block` now; else `makeRoom` first. */
  fits(sizeBytes: number): boolean {
    return this.#block.bytes.length - this.#usedBytes >= sizeBytes;
  }

  async makeRoom(sizeBytes: number): Promise<void> {
    await this.#flush();
    if (this.#block.bytes.length < sizeBytes) this.#block = newBlock(sizeBytes);
  }

  get block(): Block {
    return this.#block;
  }

  get at(): number {
    return this.#usedBytes;
  }

  /** All of a batch but its header stands at `at` of `block`; this adds the header, and the batch is part of the file. */
  put(header: Header): void {
    const { bytes, view } = this.#block;
    header.salt = this.#segment.salt;
    header.write(view, this.#usedBytes);
    // All of this file is synced before it counts: any later batch is a witness for every earlier one.
    sealBatch(bytes, view, this.#usedBytes, this.#segment.sizeBytes);
    header.crc = view.getUint32(this.#usedBytes + 4, true);
    this.#segment.take(header, view, this.#usedBytes);
    this.#usedBytes += header.sizeBytes;
  }

  /** Begins the file with the mark of a truncation. */
  putCut(): void {
    const header = new Header();
    header.cut = true;
    header.base = this.#segment.base;
    header.sizeBytes = HEADER_BYTES;
    this.put(header);
  }

  /**
   * After `fill`, the new file is the log; `from` is the number of the first segment it replaces. A crash at any step leaves the former
   * files, or all of them, of which the higher generation counts.
   */
  async install(from: number, count: number): Promise<void> {
    const { host, segments, writer } = this.#parts;
    const segment = this.#segment;
    segment.settled = true;
    segment.syncedBytes = segment.sizeBytes;
    // Final as well: a rename that fails may have happened all the same.
    await writer.final(() => host.disk.rename(this.#path, segment.path));
    await writer.syncNames();
    await eraseFormer(this.#parts, segments.replace(from, count, [segment]));
  }

  async #flush(): Promise<void> {
    await writeAll(this.#file, this.#path, this.#block.bytes.subarray(0, this.#usedBytes), this.#writtenBytes);
    this.#writtenBytes += this.#usedBytes;
    this.#usedBytes = 0;
  }
}
