/**
 * Opens what a directory holds. The end of the journal is found first, without a word to anyone: the last block of the unbroken chain.
 * Whether it ends there because nothing more was safe, or because something has been lost, is decided by what stands behind it and by
 * the head. Only then are the entries since the last checkpoint replayed.
 */

import type { Disk } from '../host/disk.ts';
import type { Logger } from '../host/logger.ts';
import { byteOf, type Position, position, SEGMENT_BYTES, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import { ALIGN_BYTES, align, type BlockHeader, emptyHeader, FRAME_BYTES, HEADER_BYTES, type Identity } from './block.ts';
import type { BlockIndex } from './block-index.ts';
import { headPath, readHead, type SavedHead } from './head.ts';
import { damaged, describeFault } from './reader.ts';
import { segmentNumber, segmentPath } from './segment.ts';
import { Stream, StreamBuffers } from './stream.ts';
import { readBlock, type SegmentFile, Walk } from './walk.ts';

/** Called in order for every entry from the last complete checkpoint on. `bytes` is borrowed for the call. */
export type Replay = (bytes: Uint8Array, at: number, sizeBytes: number, position: Position) => void;

export interface Found {
  readonly head: SavedHead;
  /** All segment files, ascending. */
  readonly files: readonly SegmentFile[];
  /** The last block of the chain. */
  readonly last: BlockHeader;
  /** Closed in order, so that nothing can be behind `last` and all before it is on the device. */
  readonly closed: boolean;
  readonly indexes: ReadonlyMap<number, BlockIndex>;
}

export interface RecoverOptions {
  readonly directory: string;
  /** Of one read. */
  readonly chunkBytes: number;
}

/** `undefined`: no journal is here, or one in which nothing was ever written. Changes nothing on the disk. */
export async function recover(disk: Disk, logger: Logger, options: RecoverOptions, replay: Replay): Promise<Found | undefined> {
  const { directory } = options;
  const head = await readHead(disk, directory);
  const files = await segmentFiles(disk, directory);
  if (head === undefined) {
    if (files.length === 0) return undefined;
    throw new Refused(
      'damaged',
      `${headPath(directory)} is missing, but ${files.length} journal segments are there. Restore it, or run "signalbox doctor" on the data directory to see what can be saved.`,
    );
  }
  const search = new Search(disk, options, head, files);
  const closed = await search.fromHead();
  if (!closed) await search.fromSegments();
  const { walk } = search;
  const last = walk.last === undefined ? undefined : { ...walk.last };
  if (!closed) await search.checkEnd(last, logger);
  if (last === undefined) return undefined;
  const indexes = await search.replay(last, replay);
  return { head, files, last, closed, indexes };
}

class Search {
  readonly walk: Walk;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #head: SavedHead;
  readonly #files: readonly SegmentFile[];
  readonly #byNumber: ReadonlyMap<number, SegmentFile>;
  readonly #buffers: StreamBuffers;

  constructor(disk: Disk, options: RecoverOptions, head: SavedHead, files: readonly SegmentFile[]) {
    this.#disk = disk;
    this.#directory = options.directory;
    this.#head = head;
    this.#files = files;
    this.#byNumber = new Map(files.map((file) => [file.number, file]));
    this.#buffers = new StreamBuffers(options.chunkBytes);
    this.walk = new Walk(disk, this.#byNumber, head.journal, this.#buffers);
  }

  /** After a clean end the head names the last block, and nothing has been written since. True: so it is, and the block is there. */
  async fromHead(): Promise<boolean> {
    const { closed, blocks, position: at } = this.#head;
    if (!closed || blocks === 0 || byteOf(at) % ALIGN_BYTES !== 0) return false;
    await this.walk.run(at, undefined, blocks - 1);
    return this.walk.last?.number === blocks - 1;
  }

  /**
   * Walks to the end of the chain from the first block of a segment that is known to belong to it: everything before `durable` of a
   * valid block was on the device, so a segment that begins before that place is either whole or damaged.
   */
  async fromSegments(): Promise<void> {
    const newest = await this.#newestStart();
    if (newest === undefined) {
      this.walk.last = undefined;
      this.walk.fault = 'absent';
      this.walk.next = position(this.#files[0]?.number ?? 0, 0);
      return;
    }
    await this.walk.run(position(newest, 0), undefined);
    // The segment has a valid first block: the walk took it at least.
    const { durable } = this.walk.last as BlockHeader;
    let from = newest;
    while (durable <= position(from, 0) && this.#byNumber.has(from - 1)) from--;
    if (from < newest) await this.walk.run(position(from, 0), undefined);
  }

  /** Refuses when the chain ends too soon; says so when it ends in a torn or unsynced tail. */
  async checkEnd(last: BlockHeader | undefined, logger: Logger): Promise<void> {
    const { next, fault } = this.walk;
    const behind = await this.#scan(last?.number ?? -1, next);
    const path = segmentPath(this.#directory, segmentOf(next));
    if (behind.certain !== undefined) {
      throw new Refused(
        'damaged',
        `${path} is damaged at byte ${byteOf(next)}: ${describeFault(fault ?? 'absent')}, but newer blocks are intact, the first at byte ` +
          `${byteOf(behind.certain)} of segment ${segmentOf(behind.certain)}. Nothing was changed; run "signalbox doctor" on the data directory to see what can be saved.`,
      );
    }
    const { blocks } = this.#head;
    if ((last?.number ?? -1) + 1 < blocks) {
      throw new Refused(
        'damaged',
        `${path} is damaged at byte ${byteOf(next)}: ${describeFault(fault ?? 'absent')}, but ${blocks} blocks were on the disk and only ` +
          `${(last?.number ?? -1) + 1} can be read. Nothing was changed; run "signalbox doctor" on the data directory to see what can be saved.`,
      );
    }
    if (behind.lost > 0 || (fault !== undefined && fault !== 'absent' && fault !== 'moved')) {
      logger.warn('journal.cut', { file: path, byte: byteOf(next), found: fault, blocksBehind: behind.lost });
    }
  }

  /** All entries from the checkpoint that `last` names up to its own; answers where the blocks begin. */
  async replay(last: BlockHeader, replay: Replay): Promise<ReadonlyMap<number, BlockIndex>> {
    const { checkpoint } = last;
    const entries = (bytes: Uint8Array, view: DataView, at: number, header: BlockHeader): void => {
      const base = header.position - at;
      let next = at + HEADER_BYTES;
      for (let entry = 0; entry < header.entries; entry++) {
        const sizeBytes = view.getUint32(next, true);
        const first = next + FRAME_BYTES;
        if (base + first >= checkpoint) replay(bytes, first, sizeBytes, (base + first) as Position);
        next = first + sizeBytes;
      }
    };
    await this.walk.run(last.checkpointBlock, entries, last.number);
    const reached = this.walk.last;
    if (reached?.number !== last.number || reached.crc !== last.crc) {
      const { next, fault } = this.walk;
      const path = segmentPath(this.#directory, segmentOf(next));
      if (!this.#byNumber.has(segmentOf(next))) throw missing(path);
      throw damaged(path, byteOf(next), fault ?? 'unlinked');
    }
    return this.walk.indexes;
  }

  /** The newest segment that begins with a valid block. */
  async #newestStart(): Promise<number | undefined> {
    const header = emptyHeader();
    for (let i = this.#files.length - 1; i >= 0; i--) {
      const file = this.#files[i] as SegmentFile;
      const fault = await this.#withStream(file, 0, (stream) => readBlock(stream, file.number, this.#head.journal, header));
      if (fault === undefined) return file.number;
    }
    return undefined;
  }

  /**
   * Looks behind the end for valid blocks of this journal. One that says the place of the end was on the device when it was written
   * proves damage. Without O_DSYNC a power cut may also keep later blocks and lose earlier ones: these prove nothing, and are lost.
   */
  async #scan(number: number, end: Position): Promise<{ certain: Position | undefined; lost: number }> {
    const header = emptyHeader();
    let lost = 0;
    for (const file of this.#files) {
      if (file.number < segmentOf(end)) continue;
      const fromByte = file.number === segmentOf(end) ? byteOf(end) : 0;
      const certain = await this.#withStream(file, fromByte, async (stream) => {
        while (stream.leftBytes > 0) {
          if ((await readBlock(stream, file.number, this.#head.journal, header)) === undefined && header.number > number) {
            if (header.durable > end) return header.position;
            lost++;
          }
          if (stream.available < ALIGN_BYTES && !(await stream.need(ALIGN_BYTES))) break;
          stream.skip(ALIGN_BYTES);
        }
        return undefined;
      });
      if (certain !== undefined) return { certain, lost };
    }
    return { certain: undefined, lost };
  }

  async #withStream<T>(file: SegmentFile, fromByte: number, use: (stream: Stream) => Promise<T>): Promise<T> {
    const handle = await this.#disk.open(file.path);
    const stream = new Stream(handle, file.path, file.sizeBytes, fromByte, this.#buffers);
    try {
      return await use(stream);
    } finally {
      await stream.close();
      await handle.close();
    }
  }
}

function missing(path: string): Refused {
  return new Refused(
    'damaged',
    `${path} is missing: the journal cannot be read from byte 0 of it on. Restore it, or run "signalbox doctor" on the data directory to see what can be saved.`,
  );
}

/** The numbered files of a directory, ascending. */
export async function segmentFiles(disk: Disk, directory: string): Promise<SegmentFile[]> {
  const files: SegmentFile[] = [];
  for (const name of await disk.list(directory)) {
    const number = segmentNumber(name);
    if (number === undefined) continue;
    const path = `${directory}/${name}`;
    const file = await disk.open(path);
    try {
      // What stands behind the most a segment may hold has no position.
      files.push({ number, path, sizeBytes: Math.min(SEGMENT_BYTES, await file.sizeBytes()) });
    } finally {
      await file.close();
    }
  }
  return files.sort((a, b) => a.number - b.number);
}

/** Past the padding of a block. */
export function endOf(header: BlockHeader): Position {
  return (header.position + align(header.sizeBytes)) as Position;
}

export function describeIdentity({ low, high }: Identity): string {
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}
