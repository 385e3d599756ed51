/**
 * Writes sealed blocks, one at a time and in order, and says what is safe. Nothing is safe before its write has come back whole; after
 * the first failure nothing is written, and nothing becomes safe, ever again.
 */

import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import { byteOf, type Position, segmentOf } from '../model/lines.ts';
import type { SealedBlock } from './appender.ts';
import { align, type BlockHeader, emptyHeader, type Identity, sealBlock } from './block.ts';
import { type Head, type HeadState, ShortWrite } from './head.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

/** When an entry is safe: on the device · in the hands of the operating system · at once, with the write following behind. */
export type Durability = 'fsync' | 'os' | 'memory';

/** In `memory` durability, most bytes that may be called safe without having been written. */
const AHEAD_BYTES_MAX = 64 * 1024 * 1024;

export interface WriterOptions {
  readonly durability: Durability;
  readonly head: Head;
  readonly opening: Identity;
  /** The block everything continues from; `undefined` in a new journal. */
  readonly last: BlockHeader | undefined;
  readonly journal: Identity;
  /** What has been appended and not been sealed is to be sealed now. */
  seal(): void;
  /** A write has come back, so a new turn has begun. */
  onTurn(): void;
  onSafe(safe: Position): void;
  onFailure(error: Error): void;
}

export class Writer {
  readonly #host: Host;
  readonly #options: WriterOptions;
  readonly #segments: Segments;
  /** Of the block written last; the next one continues from it. */
  readonly #header: BlockHeader;
  /** Sealed and not written, oldest first; the first one may be in flight. */
  readonly #queue: SealedBlock[] = [];
  #inFlight = false;
  #asked = false;
  #askedEnd: Position;
  #askedBytes = 0;
  #safe: Position;
  #safeBytes = 0;
  #writtenBytes = 0;
  /** Up to here all is written, or on the device too; and where the checkpoint begins that was stated by then. */
  #written: Position;
  #writtenCheckpoint: Position;
  #durable: Position;
  #durableCheckpoint: Position;
  #syncing = false;
  /** The last block that is written, as the head says it. Not that of `#header` while a block is in flight. */
  #reached: HeadState;
  #headDue: HeadState | undefined;
  #headBusy = false;
  #telling = false;
  #ended = false;
  #failed: Error | undefined;
  #idle: (() => void) | undefined;

  constructor(host: Host, segments: Segments, options: WriterOptions) {
    const { last } = options;
    this.#host = host;
    this.#segments = segments;
    this.#options = options;
    this.#header = { ...(last ?? { ...emptyHeader(), number: -1 }), journal: options.journal, opening: options.opening, opened: true };
    this.#safe = (this.#header.position + this.#header.sizeBytes) as Position;
    this.#askedEnd = this.#safe;
    this.#reached = { closed: false, blocks: this.#header.number + 1, position: this.#header.position };
    this.#written = (this.#header.position + align(this.#header.sizeBytes)) as Position;
    this.#durable = this.#written;
    this.#writtenCheckpoint = this.#header.checkpointBlock;
    this.#durableCheckpoint = this.#header.checkpointBlock;
  }

  get safe(): Position {
    return this.#safe;
  }

  /** Bytes of entries that are safe, of all appended since the journal was opened. */
  get safeBytes(): number {
    return this.#safeBytes;
  }

  get failed(): Error | undefined {
    return this.#failed;
  }

  add(block: SealedBlock): void {
    this.#queue.push(block);
    this.pump();
  }

  /** Everything up to `tip`, which is all there is, is to become safe. */
  sync(tip: Position, appendedBytes: number): void {
    if (this.#failed !== undefined) return;
    this.#asked = true;
    this.#askedEnd = tip;
    this.#askedBytes = appendedBytes;
    if (this.#options.durability === 'memory') this.#trust();
    this.pump();
  }

  /** Starts the next write if there is one to start. */
  pump(): void {
    if (this.#inFlight || this.#failed !== undefined || this.#ended) return;
    const block = this.#queue[0];
    if (block !== undefined) {
      const file = this.#reach(segmentOf(block.position));
      if (file !== undefined) this.#write(block, file);
    } else if (this.#asked) {
      this.#asked = false;
      // Comes back here through `add` if there is anything to write.
      this.#options.seal();
    }
    this.#settle();
  }

  /** Waits until nothing is under way any more: all is written, or the journal has failed, or is stuck without a segment. */
  drain(): Promise<void> {
    return new Promise((done) => {
      this.#idle = done;
      this.#settle();
    });
  }

  /** Starts no more writes. True: some of what was appended has found no room. */
  end(): boolean {
    this.#ended = true;
    return this.#queue.length > 0;
  }

  /** Makes what is written, which is all, survive a power cut, and says so in the head. After `drain`. */
  async finish(): Promise<void> {
    try {
      if (this.#options.durability !== 'fsync') await this.#segments.active.file?.sync();
      if (this.#reached.blocks > 0) await this.#options.head.write({ ...this.#reached, closed: true });
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Stops writing for good. */
  fail(error: unknown): void {
    if (this.#failed !== undefined) return;
    this.#failed = error instanceof Error ? error : new Error(String(error));
    this.#segments.stop();
    this.#host.logger.error('journal.failed', { error: this.#failed.message });
    this.#settle();
    this.#options.onFailure(this.#failed);
  }

  /** Whether the device knows all that was appended before `since`, and a checkpoint that begins behind this segment. */
  isFree(segment: number, since: Position): boolean {
    return this.#durable >= since && segmentOf(this.#durableCheckpoint) > segment;
  }

  /** Without O_DSYNC: has what is written reach the device, if a segment on its way out waits for nothing else. */
  helpLeaving(): void {
    if (this.#options.durability === 'fsync' || this.#syncing || this.#failed !== undefined || this.#ended) return;
    const segment = segmentOf(this.#writtenCheckpoint);
    const helps = (leaving: number, since: Position) => this.#written >= since && segment > leaving && !this.isFree(leaving, since);
    if (this.#segments.someLeaving(helps)) this.#syncDevice(this.#segments.active, this.#written, () => {});
  }

  /** Start of the block that holds this position, of those not written yet. */
  findWaiting(at: Position): Position | undefined {
    for (let i = this.#queue.length - 1; i >= 0; i--) {
      const block = this.#queue[i] as SealedBlock;
      if (block.position <= at) return block.position;
    }
    return undefined;
  }

  /** The file of the segment, when it is there; when it is not, `pump` is called once it may be. */
  #reach(segment: number): File | undefined {
    const { active } = this.#segments;
    if (active.number === segment) return active.file;
    // Without O_DSYNC a segment is on the device before the one after the next is begun.
    if (this.#syncing) return undefined;
    const next = this.#segments.roll();
    if (next === undefined) return undefined;
    if (this.#options.durability === 'fsync') this.#segments.files.done(active);
    else this.#syncDevice(active, this.#written, () => this.#segments.files.done(active));
    return next.file;
  }

  #write(block: SealedBlock, file: File): void {
    const header = this.#header;
    header.previousCrc = header.crc;
    header.number++;
    header.sizeBytes = block.sizeBytes;
    header.entries = block.entries;
    header.position = block.position;
    header.durable = this.#durable;
    header.checkpointBlock = block.checkpointBlock;
    header.checkpoint = block.checkpoint;
    sealBlock(block.arena.bytes, block.arena.view, block.at, header);
    header.opened = false;
    this.#inFlight = true;
    const bytes = block.arena.bytes.subarray(block.at, block.at + align(block.sizeBytes));
    const byte = byteOf(block.position);
    file.write(bytes, byte).then(
      (count) => {
        if (count === bytes.length) this.#wrote(block);
        else this.fail(new ShortWrite(this.#segments.active.path, byte, count, bytes.length));
      },
      (error: unknown) => this.fail(error),
    );
  }

  #wrote(block: SealedBlock): void {
    // The disk may have failed elsewhere meanwhile: then this block is not safe either.
    if (this.#failed !== undefined) return;
    this.#queue.shift();
    this.#inFlight = false;
    block.arena.unwritten--;
    this.#reached = { closed: false, blocks: this.#header.number + 1, position: block.position };
    this.#written = (block.position + align(block.sizeBytes)) as Position;
    this.#writtenCheckpoint = block.checkpointBlock;
    this.#writtenBytes = block.appendedBytes;
    const { active } = this.#segments;
    active.index.add(byteOf(block.position), block.sizeBytes);
    this.#segments.filled(active.index.endByte);
    if (this.#options.durability === 'memory') {
      this.#trust();
    } else {
      this.#safe = (block.position + block.sizeBytes) as Position;
      this.#safeBytes = block.appendedBytes;
    }
    if (this.#options.durability === 'fsync') {
      this.#reachDevice(this.#written, this.#writtenCheckpoint);
      if (byteOf(block.position) === 0) this.#writeHead(this.#reached);
    }
    this.helpLeaving();
    this.#options.onTurn();
    this.pump();
    if (this.#options.durability !== 'memory') this.#options.onSafe(this.#safe);
  }

  /** Of `memory` durability: what was asked for is safe as long as not too much of it waits to be written. */
  #trust(): void {
    if (this.#askedEnd <= this.#safe || this.#askedBytes - this.#writtenBytes > AHEAD_BYTES_MAX) return;
    this.#safe = this.#askedEnd;
    this.#safeBytes = this.#askedBytes;
    if (this.#telling) return;
    this.#telling = true;
    // Not from inside `sync`: whoever called it is in the middle of a turn.
    Promise.resolve().then(() => {
      this.#telling = false;
      if (this.#failed === undefined) this.#options.onSafe(this.#safe);
    });
  }

  /** Has all that is written to a segment reach the device; then all before `end` has. */
  #syncDevice(segment: Segment, end: Position, then: () => void): void {
    const checkpoint = this.#writtenCheckpoint;
    const reached = this.#reached;
    this.#syncing = true;
    (segment.file as File).sync().then(
      () => {
        this.#syncing = false;
        if (this.#failed !== undefined) return;
        this.#reachDevice(end, checkpoint);
        this.#writeHead(reached);
        then();
        this.pump();
        this.helpLeaving();
      },
      (error: unknown) => this.fail(error),
    );
  }

  #reachDevice(end: Position, checkpoint: Position): void {
    this.#durable = end;
    this.#durableCheckpoint = checkpoint;
    if (this.#segments.hasLeaving) this.#segments.work();
  }

  /** Raises the head's lower bound. It is only ever looked at to notice loss, so nobody waits for it. */
  #writeHead(state: HeadState): void {
    this.#headDue = state;
    if (this.#headBusy) return;
    this.#headBusy = true;
    this.#headDue = undefined;
    this.#options.head.write(state).then(
      () => {
        this.#headBusy = false;
        if (this.#headDue !== undefined && this.#failed === undefined) this.#writeHead(this.#headDue);
        this.#settle();
      },
      (error: unknown) => {
        this.#headBusy = false;
        this.fail(error);
      },
    );
  }

  #settle(): void {
    if (this.#idle === undefined || !this.#isIdle()) return;
    this.#idle();
    this.#idle = undefined;
  }

  /** Nothing is under way, and nothing will be without somebody's doing. */
  #isIdle(): boolean {
    if (this.#failed !== undefined) return true;
    if (this.#inFlight || this.#syncing || this.#headBusy) return false;
    return this.#queue.length > 0 ? this.#segments.tight : !this.#asked;
  }
}
