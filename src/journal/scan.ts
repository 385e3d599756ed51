/** Reads every segment of a damaged journal and finds the blocks that can still be trusted, in order, whatever is missing between them. */

import type { Disk } from '../host/disk.ts';
import { type Position, position, segmentOf } from '../model/lines.ts';
import {
  ALIGN_BYTES,
  align,
  type BlockHeader,
  emptyHeader,
  type Fault,
  HEADER_BYTES,
  type Identity,
  isLinked,
  readIdentity,
  sameIdentity,
} from './block.ts';
import { segmentFiles } from './recover.ts';
import { Stream, StreamBuffers } from './stream.ts';
import { readBlock, type SegmentFile } from './walk.ts';

const CHUNK_BYTES = 1024 * 1024;

/** Blocks that should be there and are not, between two that are. */
export interface Gap {
  /** End of the last block before it; the start of the first segment when there is none. */
  readonly from: Position;
  /** Start of the first block behind it. */
  readonly to: Position;
  /** The last block before it; a copy. */
  readonly before: BlockHeader | undefined;
  /** What stands at `from`. */
  readonly fault: Fault;
  /** How many blocks are missing; `undefined` when no block before it is known. */
  readonly blocks: number | undefined;
  /** Where it begins if segments without a file were recycled, and not lost; only that of segments which replay does not need. */
  readonly fromIfRecycled: Position;
}

export interface ScanVisitor {
  segment(file: SegmentFile): void | Promise<void>;
  /** The block is whole in the stream's window, at its front. */
  block(stream: Stream, header: BlockHeader): void | Promise<void>;
  gap(gap: Gap): void;
}

export interface ScanEnd {
  readonly files: readonly SegmentFile[];
  readonly journal: Identity | undefined;
  /** The last block that can be trusted; a copy. */
  readonly last: BlockHeader | undefined;
  /** Where the block after it would be, and what is there instead. */
  readonly next: Position;
  readonly fault: Fault;
  /** The first gap of which no later block says that it was once on the device: opening the journal cuts it off here, if nothing else is wrong. */
  readonly cut: Gap | undefined;
}

/** `journal`: from the head; when that cannot be read, the journal that most blocks belong to. */
export async function scan(disk: Disk, directory: string, journal: Identity | undefined, visitor: ScanVisitor): Promise<ScanEnd> {
  const files = await segmentFiles(disk, directory);
  const buffers = new StreamBuffers(Math.min(CHUNK_BYTES, Math.max(ALIGN_BYTES, ...files.map((file) => align(file.sizeBytes)))));
  const wanted = journal ?? (await mostFrequent(disk, files, buffers));
  const scan = new Scan(disk, wanted ?? { low: 0, high: 0 }, buffers, visitor, files[0]?.number ?? 0);
  if (wanted !== undefined) for (const file of files) await scan.segment(file);
  return { files, journal: wanted, last: scan.last, next: scan.next, fault: scan.fault, cut: scan.cut };
}

class Scan {
  last: BlockHeader | undefined;
  next: Position;
  fault: Fault = 'absent';
  cut: Gap | undefined;
  readonly #disk: Disk;
  readonly #journal: Identity;
  readonly #buffers: StreamBuffers;
  readonly #visitor: ScanVisitor;
  /** Where the newest opening of the journal begins, of those seen. */
  #opened = 0 as Position;
  #header = emptyHeader();
  /** The first segment since `last` that has a file, and nothing in it. */
  #barren: number | undefined;

  constructor(disk: Disk, journal: Identity, buffers: StreamBuffers, visitor: ScanVisitor, firstSegment: number) {
    this.#disk = disk;
    this.#journal = journal;
    this.#buffers = buffers;
    this.#visitor = visitor;
    this.next = position(firstSegment, 0);
  }

  async segment(file: SegmentFile): Promise<void> {
    await this.#visitor.segment(file);
    const handle = await this.#disk.open(file.path);
    const stream = new Stream(handle, file.path, file.sizeBytes, 0, this.#buffers);
    try {
      while (stream.leftBytes > 0) {
        const at = position(file.number, stream.byte);
        const fault = await readBlock(stream, file.number, this.#journal, this.#header);
        const taken = fault === undefined && (await this.#take(stream));
        if (!taken && at === this.next) this.fault = fault ?? 'unlinked';
        const step = taken && this.last !== undefined ? align(this.last.sizeBytes) : ALIGN_BYTES;
        if (stream.available < step && !(await stream.need(Math.min(step, stream.leftBytes)))) return;
        stream.skip(Math.min(step, stream.available));
      }
    } finally {
      if (this.last === undefined || segmentOf(this.last.position) < file.number) this.#barren ??= file.number;
      await stream.close();
      await handle.close();
    }
  }

  /** Whether the whole block at hand belongs to the journal that is, and not to an end of it that was cut off long ago. */
  async #take(stream: Stream): Promise<boolean> {
    const header = this.#header;
    const { last } = this;
    if (last !== undefined && !isLinked(last, header)) {
      if (header.number <= last.number) return false;
      // All before an opening was on the device then: a later block says so, and one of a cut-off end cannot.
      if (!sameIdentity(header.opening, last.opening) && header.durable <= this.#opened) return false;
    }
    const isNext = last === undefined ? header.position === this.next : isLinked(last, header);
    if (!isNext) this.#gap(header);
    if (this.cut !== undefined && header.durable > this.cut.from) this.cut = undefined;
    if (header.opened) this.#opened = header.position;
    this.#header = last ?? emptyHeader();
    this.last = header;
    this.next = (header.position + align(header.sizeBytes)) as Position;
    this.fault = 'absent';
    this.#barren = undefined;
    await this.#visitor.block(stream, header);
    return true;
  }

  #gap(header: BlockHeader): void {
    const from = this.next;
    const before = this.last === undefined ? undefined : { ...this.last };
    // Block 0 stands at the very start of segment 0.
    const blocks = before !== undefined ? header.number - before.number - 1 : from === 0 ? header.number : undefined;
    const first = this.#barren ?? segmentOf(header.position);
    const fromIfRecycled = first > segmentOf(from) + 1 ? position(first, 0) : from;
    const gap = { from, to: header.position, before, fault: this.fault, blocks, fromIfRecycled };
    this.cut ??= gap;
    this.#visitor.gap(gap);
  }
}

/** The journal to which most of the first blocks belong. */
async function mostFrequent(disk: Disk, files: readonly SegmentFile[], buffers: StreamBuffers): Promise<Identity | undefined> {
  const counts = new Map<string, { journal: Identity; count: number }>();
  const header = emptyHeader();
  for (const file of files) {
    const handle = await disk.open(file.path);
    const stream = new Stream(handle, file.path, file.sizeBytes, 0, buffers);
    try {
      while (await stream.need(Math.min(ALIGN_BYTES, Math.max(HEADER_BYTES, stream.leftBytes)))) {
        const journal = readIdentity(stream.view, stream.at + 64);
        if ((await readBlock(stream, file.number, journal, header)) === undefined) {
          const key = `${journal.high}:${journal.low}`;
          const known = counts.get(key) ?? { journal, count: 0 };
          known.count++;
          counts.set(key, known);
          break;
        }
        stream.skip(Math.min(ALIGN_BYTES, stream.available));
      }
    } finally {
      await stream.close();
      await handle.close();
    }
  }
  return [...counts.values()].sort((a, b) => b.count - a.count)[0]?.journal;
}
