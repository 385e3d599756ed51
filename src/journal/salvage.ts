/**
 * Copies what can be read of a damaged journal into a new directory. Every entry keeps its position, because entries speak of each other
 * by it; what is missing becomes blocks without entries. The source is only read.
 */

import type { Disk, File } from '../host/disk.ts';
import { byteOf, type Position, position, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import { ALIGN_BYTES, align, type BlockHeader, emptyHeader, HEADER_BYTES, type Identity, sealBlock } from './block.ts';
import { createHead, readHead, writeWhole } from './head.ts';
import { type Gap, scan } from './scan.ts';
import { segmentPath } from './segment.ts';
import type { Stream } from './stream.ts';
import type { SegmentFile } from './walk.ts';

/** Most segments without a file that are bridged. */
const FILLED_MAX = 1024;

export interface Salvage {
  readonly target: string;
  readonly blocks: number;
  readonly entries: number;
  /** What was not copied because it could not be read: from this position up to that one. */
  readonly skipped: readonly { readonly from: Position; readonly to: Position; readonly blocks: number | undefined }[];
  /** Blocks that were on the disk behind all that can be read now, as far as the head knows. */
  readonly lostAtEnd: number;
  /** Replay of the copy begins here. */
  readonly checkpoint: Position;
  /** The block with the start of the last checkpoint was lost: replay begins with the oldest entries that lead up to the end without a hole. */
  readonly checkpointLost: boolean;
}

/** Rejects with `Refused`: `conflict` when the target holds anything, `damaged` when nothing at all can be read, `format`. */
export async function salvage(disk: Disk, directory: string, target: string): Promise<Salvage> {
  if ((await disk.list(target)).length > 0) {
    throw new Refused('conflict', `${target} is not empty; name a directory that is, or that does not exist.`);
  }
  const head = await readHead(disk, directory).catch((error: unknown) => {
    if (error instanceof Refused && error.code === 'damaged') return undefined;
    throw error;
  });
  // Once to know where replay would begin, which decides what a missing segment means; once more to copy.
  const nothing = { segment: () => {}, block: () => {}, gap: () => {} };
  const { journal, last } = await scan(disk, directory, head?.journal, nothing);
  if (journal === undefined || last === undefined) {
    throw new Refused('damaged', `Not one block of a journal can be read in ${directory}; there is nothing to salvage.`);
  }
  await disk.makeDirectory(target);
  const copy = new Copy(disk, target, journal, last);
  try {
    await scan(disk, directory, journal, copy);
    await copy.finish();
  } finally {
    await copy.close();
  }
  await disk.syncDirectory(target);
  // Last, so that a copy that was broken off is never taken for a journal.
  const saved = await createHead(disk, target, journal);
  await saved.write({ closed: true, blocks: copy.written.number + 1, position: copy.written.position });
  await saved.close();
  return { ...copy.result(), lostAtEnd: Math.max(0, (head?.blocks ?? 0) - last.number - 1) };
}

class Copy {
  /** The block written last. */
  readonly written: BlockHeader;
  readonly #disk: Disk;
  readonly #target: string;
  readonly #wanted: { readonly block: Position; readonly start: Position };
  readonly #skipped: { from: Position; to: Position; blocks: number | undefined }[] = [];
  #file: File | undefined;
  #path = '';
  /** Where the next block goes. */
  #next = 0 as Position;
  /** The one being written; -1: none yet. */
  #segment = -1;
  #blocks = 0;
  #entries = 0;
  #hasWanted = false;
  /** The first block of the copy from which an unbroken chain leads to the end. */
  #chainStart = 0 as Position;

  constructor(disk: Disk, target: string, journal: Identity, last: BlockHeader) {
    this.#disk = disk;
    this.#target = target;
    this.#wanted = { block: last.checkpointBlock, start: last.checkpoint };
    this.written = { ...emptyHeader(), number: -1, journal, opened: true };
  }

  segment(_file: SegmentFile): void {}

  gap({ from, to, blocks, fromIfRecycled }: Gap): void {
    const start = to <= this.#wanted.block ? fromIfRecycled : from;
    if (start !== to) this.#skipped.push({ from: start, to, blocks: start === from ? blocks : undefined });
  }

  async block(stream: Stream, header: BlockHeader): Promise<void> {
    await this.#reach(header.position);
    if (header.position === this.#wanted.block) this.#hasWanted = true;
    this.#blocks++;
    this.#entries += header.entries;
    await this.#write(stream.bytes, stream.view, stream.at, header.sizeBytes, header.entries, header.position);
  }

  /** An empty block says where replay begins. */
  async finish(): Promise<void> {
    const bytes = new Uint8Array(ALIGN_BYTES);
    const at = this.#next;
    if (segmentOf(at) !== this.#segment) await this.#open(segmentOf(at));
    this.#hasWanted &&= this.#wanted.block >= this.#chainStart;
    const written = this.written;
    written.checkpointBlock = this.#hasWanted ? this.#wanted.block : this.#chainStart;
    written.checkpoint = this.#hasWanted ? this.#wanted.start : this.#chainStart;
    await this.#write(bytes, new DataView(bytes.buffer), 0, HEADER_BYTES, 0, at);
    await this.#file?.sync();
  }

  result(): Omit<Salvage, 'lostAtEnd'> {
    return {
      target: this.#target,
      blocks: this.#blocks,
      entries: this.#entries,
      skipped: this.#skipped,
      checkpoint: this.written.checkpoint,
      checkpointLost: !this.#hasWanted,
    };
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Goes to the segment of `to`, and fills up to there with empty blocks where something is missing. */
  async #reach(to: Position): Promise<void> {
    const segment = segmentOf(to);
    if (segment === this.#segment) return this.#fill(this.#next, to);
    const missing = segment - this.#segment - 1;
    // Missing segments that replay has no need of stay missing; so do more than anyone can have lost.
    if (this.#segment < 0 || missing > FILLED_MAX || (missing > 0 && segment <= segmentOf(this.#wanted.block))) {
      this.#chainStart = position(segment, 0);
    } else {
      for (let number = this.#segment + 1; number < segment; number++) {
        await this.#open(number);
        await this.#fill(position(number, 0), position(number, ALIGN_BYTES));
      }
    }
    await this.#open(segment);
    return this.#fill(position(segment, 0), to);
  }

  async #fill(from: Position, to: Position): Promise<void> {
    const bytes = new Uint8Array(ALIGN_BYTES);
    const view = new DataView(bytes.buffer);
    for (let at = from; at < to; at = (at + ALIGN_BYTES) as Position) await this.#write(bytes, view, 0, HEADER_BYTES, 0, at);
  }

  /** Writes a block that stands at `bytes[at]`, as the next one of the new chain. */
  async #write(bytes: Uint8Array, view: DataView, at: number, sizeBytes: number, entries: number, where: Position): Promise<void> {
    const header = this.written;
    header.previousCrc = header.crc;
    header.number++;
    header.sizeBytes = sizeBytes;
    header.entries = entries;
    header.position = where;
    header.durable = where;
    header.opened = header.number === 0;
    if (header.checkpointBlock > where) throw new Error('A checkpoint lies behind the end of the journal.');
    sealBlock(bytes, view, at, header);
    await writeWhole(this.#file as File, bytes.subarray(at, at + sizeBytes), byteOf(where), this.#path);
    this.#next = (where + align(sizeBytes)) as Position;
  }

  async #open(number: number): Promise<void> {
    await this.#file?.sync();
    await this.close();
    this.#segment = number;
    this.#path = segmentPath(this.#target, number);
    this.#file = await this.#disk.open(this.#path, { create: true });
  }
}
