/**
 * The journal: the one append-only truth on disk. Entries go into blocks, blocks into segments; what arrives while one block is being
 * written is the next one. Opening replays the entries since the last checkpoint. The bytes are described in docs/format.md.
 */

import type { Host } from '../host/host.ts';
import { byteOf, type Position, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import { Appender, checkedSizes, type Room } from './appender.ts';
import type { View } from './arena.ts';
import { continueJournal, createJournal, type Ground, randomIdentity } from './establish.ts';
import { Reader } from './reader.ts';
import { type Replay, recover } from './recover.ts';
import { Segments } from './segments.ts';
import { type Durability, Writer } from './writer.ts';

export type { Room } from './appender.ts';
export type { View } from './arena.ts';
export type { Finding, JournalState, Report, SegmentReport } from './doctor.ts';
export { examine } from './doctor.ts';
export { openHome } from './home.ts';
export type { Replay } from './recover.ts';
export type { Salvage } from './salvage.ts';
export { salvage } from './salvage.ts';
export type { Durability } from './writer.ts';

export interface JournalOptions {
  /** Files live here; made if missing. Nobody else may have the journal open: see `Disk.lock`. */
  readonly directory: string;
  readonly durability: Durability;
  /** Most bytes of a block, but for a larger entry alone. A multiple of 4096. Default 1 MiB. */
  readonly blockBytesMax?: number;
  /** A multiple of 4096, at most and by default `SEGMENT_BYTES`. Positions always use the factor `SEGMENT_BYTES`. */
  readonly segmentBytes?: number;
  /** Written blocks kept in memory. Default 32 MiB. */
  readonly cacheBytes?: number;
  /** After each completed write that moved `safe`; in `memory` durability soon after `sync`. Never from inside a call to the journal. */
  onSafe(safe: Position): void;
  /** Once; from then on nothing ever becomes safe again in this process. */
  onFailure(error: Error): void;
}

const CHUNK_BYTES = 1024 * 1024;

export class Journal {
  readonly #appender: Appender;
  readonly #writer: Writer;
  readonly #segments: Segments;
  readonly #reader: Reader;
  readonly #ground: Ground;
  #closed: Promise<void> | undefined;

  /**
   * Opens the journal in a directory, or makes it, and calls `replay` for every entry since the last complete checkpoint. Rejects with
   * `Refused`: `damaged` (naming file and byte), `format` (written by a newer version), `disk-full`, `invalid` (an option).
   */
  static async open(host: Host, options: JournalOptions, replay: Replay): Promise<Journal> {
    const { directory } = options;
    const sizes = checkedSizes(options);
    await host.disk.makeDirectory(directory);
    const chunkBytes = Math.min(CHUNK_BYTES, sizes.segmentBytes);
    const found = await recover(host.disk, host.logger, { directory, chunkBytes }, replay);
    const dsync = options.durability === 'fsync';
    const ground = { directory, segmentBytes: sizes.segmentBytes, dsync };
    return new Journal(
      host,
      options,
      sizes,
      found === undefined ? await createJournal(host, ground) : await continueJournal(host, ground, found),
    );
  }

  private constructor(host: Host, options: JournalOptions, sizes: ReturnType<typeof checkedSizes>, ground: Ground) {
    const { last, next, live, spares } = ground;
    this.#ground = ground;
    this.#segments = new Segments(
      host,
      {
        directory: options.directory,
        segmentBytes: sizes.segmentBytes,
        dsync: options.durability === 'fsync',
        onChange: () => this.#writer.pump(),
        onFatal: (error) => this.#writer.fail(error),
        isFree: (segment, since) => this.#writer.isFree(segment, since),
      },
      live,
      spares,
    );
    this.#writer = new Writer(host, this.#segments, {
      durability: options.durability,
      head: ground.head,
      journal: ground.journal,
      opening: randomIdentity(host.random.bytes(8)),
      last,
      seal: () => this.#appender.seal(),
      onTurn: () => this.#appender.evict(),
      onSafe: (safe) => options.onSafe(safe),
      onFailure: (error) => options.onFailure(error),
    });
    this.#appender = new Appender({ ...sizes, onSealed: (block) => this.#writer.add(block) }, next, this.#segments.active.sizeBytes, last);
    this.#reader = new Reader(this.#segments, ground.journal);
    this.#segments.look();
  }

  /**
   * Room for one entry of up to `sizeMax` bytes. The answer is one object, used again by the next call. What is written into it counts
   * once `end` is called, in the same turn. Throws `Refused('too-large')` when no segment could hold it, `Refused('closed')` after `close`.
   */
  begin(sizeMax: number): Room {
    if (this.#closed !== undefined) throw new Refused('closed', 'The journal has been closed; open it again to append.');
    return this.#appender.begin(sizeMax);
  }

  /** The entry written at `room.at` has this many bytes. */
  end(sizeBytes: number): void {
    this.#appender.end(sizeBytes);
  }

  /** Position after everything appended. */
  get tip(): Position {
    return this.#appender.tip;
  }

  /** Entries that begin before it are as safe as `durability` demands. */
  get safe(): Position {
    return this.#writer.safe;
  }

  /** Makes all that has been appended safe: starts a write now, or right after the one in flight. */
  sync(): void {
    this.#writer.sync(this.#appender.tip, this.#appender.appendedBytes);
  }

  /** Bytes of entries appended and not yet safe. */
  get pendingBytes(): number {
    return this.#appender.appendedBytes - this.#writer.safeBytes;
  }

  /** The largest entry it takes. */
  get entryBytesMax(): number {
    return this.#appender.entryBytesMax;
  }

  get failed(): Error | undefined {
    return this.#writer.failed;
  }

  /** The disk is too full for another segment: publishes are to be refused. What is prepared still takes acks and deletes. Ends by itself. */
  get tight(): boolean {
    return this.#segments.tight;
  }

  /**
   * Call right after appending the last entry of a checkpoint. `start`: the tip when it began, or its first entry's position. The block
   * being filled and all later ones carry it, and replay begins there.
   */
  checkpointed(start: Position): void {
    if (this.#closed !== undefined) throw new Refused('closed', 'The journal has been closed; open it again to write a checkpoint.');
    if (start > this.#appender.tip) throw new RangeError(`A checkpoint cannot begin at ${start}, behind the journal's tip.`);
    this.#appender.checkpointed(start, this.#blockOf(start));
  }

  /** The stretch of the journal that holds this position, if it is in memory. Borrowed until the caller returns or awaits. */
  view(position: Position): View | undefined {
    return this.#appender.find(position);
  }

  /**
   * The block that holds this position, and perhaps what follows it, read from the disk and checked. Release it after use. Rejects with
   * `Refused('damaged')` naming file and byte.
   */
  async fetch(position: Position): Promise<View> {
    return this.#appender.pin(position) ?? (await this.#reader.fetch(position));
  }

  /** Oldest first, the one being written included; without those given to `recycle`. */
  segments(): readonly { readonly number: number; readonly sizeBytes: number }[] {
    const here = this.#segments.live.filter((segment) => !this.#segments.isLeaving(segment));
    return here.map(({ number, sizeBytes }) => ({ number, sizeBytes }));
  }

  /**
   * Nothing in this segment is needed any more. Its file becomes a spare, or is removed, as soon as everything appended so far is on the
   * device and a checkpoint that begins behind the segment too; until then it stays, and can still be read. Numbers of segments that are gone are ignored.
   */
  recycle(segment: number): void {
    if (segment >= segmentOf(this.#appender.position)) throw new RangeError(`Segment ${segment} is being filled and cannot be recycled.`);
    this.#segments.recycle(segment, this.#appender.tip);
    this.#writer.helpLeaving();
  }

  /** Bytes of all files, spares included. */
  get sizeBytes(): number {
    return this.#segments.sizeBytes;
  }

  /**
   * Makes everything appended safe, unless the journal has failed, and closes the files. Rejects with `Refused('disk-full')` when what
   * was appended last found no room; it was never called safe.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.sync();
    await this.#writer.drain();
    const lost = this.#writer.end() && this.#writer.failed === undefined;
    // Before the last sync: files must not change names meanwhile.
    await this.#segments.quiet();
    try {
      if (this.#writer.failed === undefined && !lost) await this.#writer.finish();
    } finally {
      await this.#segments.close();
      await this.#ground.head.close();
    }
    if (lost)
      throw new Refused(
        'disk-full',
        `The journal was closed without its last ${this.pendingBytes} bytes, which were never safe: the disk is full.`,
      );
  }

  /** Where the block begins that holds this position, or the one that will. */
  #blockOf(start: Position): Position {
    if (start >= this.#appender.position) return this.#appender.position;
    const waiting = this.#writer.findWaiting(start);
    if (waiting !== undefined) return waiting;
    const index = this.#segments.find(segmentOf(start))?.index;
    let byte = index?.floor(byteOf(start)) ?? -1;
    // The tip may be the very end of a block without padding, which is in no block.
    if (byte < 0) byte = index?.floor(byteOf(start) - 1) ?? -1;
    if (byte < 0) throw new RangeError(`No block of this journal holds the position ${start} at which a checkpoint is said to begin.`);
    return (start - byteOf(start) + byte) as Position;
  }
}
