/** Puts entries into blocks: where the next one goes, when a block is full, and the memory they are written into and read from. */

import { byteOf, type Position, position, SEGMENT_BYTES, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import { type Arena, Tail, type View } from './arena.ts';
import { align, type BlockHeader, FRAME_BYTES, HEADER_BYTES } from './block.ts';

/** Room for one entry; one object, used again by every `begin`. */
export interface Room {
  bytes: Uint8Array;
  view: DataView;
  /** The entry's first byte in `bytes`. */
  at: number;
  /** The entry's first byte in the journal. */
  position: Position;
}

/** A block that takes no more entries. Its header is written when its turn to be written comes. */
export interface SealedBlock {
  readonly arena: Arena;
  /** Its first byte in the arena. */
  readonly at: number;
  readonly position: Position;
  /** Without the padding. */
  readonly sizeBytes: number;
  readonly entries: number;
  /** Bytes ever appended, up to the end of this block. */
  readonly appendedBytes: number;
  readonly checkpointBlock: Position;
  readonly checkpoint: Position;
}

export interface AppenderOptions {
  readonly blockBytesMax: number;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  onSealed(block: SealedBlock): void;
}

/** Arenas hold this many full blocks. */
const ARENA_BLOCKS = 4;

export class Appender {
  readonly #options: AppenderOptions;
  readonly #tail: Tail;
  readonly #room: Room;
  #arena: Arena;
  /** The open block's first byte in the arena, and where its next entry's frame goes; `#limit` is where it must end. 0: no block is open. */
  #at = 0;
  #next = 0;
  #limit = 0;
  #entries = 0;
  /** What `begin` was promised; -1: nothing is begun. */
  #sizeMax = -1;
  /** Where the open block stands, or the next one would. */
  #position: Position;
  /** Bytes of the segment that `#position` is in. */
  #segmentBytes: number;
  #tip: Position;
  #appendedBytes = 0;
  #checkpointBlock: Position;
  #checkpoint: Position;
  /** A checkpoint was completed that no sealed block speaks of yet. */
  #unstated = false;

  /** `next`: where the first block goes, in a segment of `segmentBytes`; `last`: the block before it. */
  constructor(options: AppenderOptions, next: Position, segmentBytes: number, last: BlockHeader | undefined) {
    this.#options = options;
    this.#tail = new Tail(ARENA_BLOCKS * options.blockBytesMax, options.cacheBytes);
    this.#position = next;
    // The last block may have ended with its segment.
    this.#segmentBytes = byteOf(next) === 0 && last !== undefined ? options.segmentBytes : segmentBytes;
    this.#tip = last === undefined ? next : ((last.position + last.sizeBytes) as Position);
    this.#checkpointBlock = last?.checkpointBlock ?? next;
    this.#checkpoint = last?.checkpoint ?? next;
    this.#arena = this.#tail.begin(next, options.blockBytesMax);
    this.#room = { bytes: this.#arena.bytes, view: this.#arena.view, at: 0, position: next };
  }

  get tip(): Position {
    return this.#tip;
  }

  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  /** Where the open block begins, or the next one would. */
  get position(): Position {
    return this.#position;
  }

  /** Entries or a checkpoint wait in the open block. */
  get hasUnsealed(): boolean {
    return this.#entries > 0 || this.#unstated;
  }

  begin(sizeMax: number): Room {
    if (!(this.#next + FRAME_BYTES + sizeMax <= this.#limit)) this.#turn(sizeMax);
    const room = this.#room;
    room.at = this.#next + FRAME_BYTES;
    room.position = (this.#arena.base + room.at) as Position;
    this.#sizeMax = sizeMax;
    return room;
  }

  end(sizeBytes: number): void {
    if (!(sizeBytes >= 0 && sizeBytes <= this.#sizeMax)) throw this.#misused(sizeBytes);
    this.#sizeMax = -1;
    this.#arena.view.setUint32(this.#next, sizeBytes, true);
    this.#next += FRAME_BYTES + sizeBytes;
    this.#arena.usedBytes = this.#next;
    this.#entries++;
    this.#appendedBytes += FRAME_BYTES + sizeBytes;
    this.#tip = (this.#arena.base + this.#next) as Position;
  }

  /** The open block, and all later ones, say that replay begins at `start`, which lies in the block at `block`. */
  checkpointed(start: Position, block: Position): void {
    this.#checkpoint = start;
    this.#checkpointBlock = block;
    this.#unstated = true;
  }

  /** Closes the open block, an empty one too if a checkpoint has to be stated. */
  seal(): void {
    if (!this.hasUnsealed) return;
    if (this.#limit === 0) this.#open(0);
    const arena = this.#arena;
    const sizeBytes = this.#next - this.#at;
    const end = this.#at + align(sizeBytes);
    arena.bytes.fill(0, this.#next, end);
    arena.usedBytes = end;
    const block: SealedBlock = {
      arena,
      at: this.#at,
      position: this.#position,
      sizeBytes,
      entries: this.#entries,
      appendedBytes: this.#appendedBytes,
      checkpointBlock: this.#checkpointBlock,
      checkpoint: this.#checkpoint,
    };
    this.#tip = (this.#position + sizeBytes) as Position;
    this.#position = (this.#position + align(sizeBytes)) as Position;
    if (byteOf(this.#position) === 0) this.#segmentBytes = this.#options.segmentBytes;
    this.#limit = 0;
    this.#next = 0;
    this.#entries = 0;
    this.#sizeMax = -1;
    this.#unstated = false;
    this.#options.onSealed(block);
  }

  /** The stretch in memory that holds this position. */
  find(at: Position): View | undefined {
    return this.#tail.find(at);
  }

  /** As `find`, to be kept beyond the turn until released. */
  pin(at: Position): View | undefined {
    const arena = this.#tail.find(at);
    return arena === undefined ? undefined : new PinnedView(arena);
  }

  /** See `Tail.evict`. */
  evict(): void {
    this.#tail.evict();
  }

  /** The largest entry, bytes: it has to fit a segment. */
  get entryBytesMax(): number {
    return this.#options.segmentBytes - HEADER_BYTES - FRAME_BYTES;
  }

  /** The entry does not fit the open block: the next one. */
  #turn(sizeMax: number): void {
    if (!(sizeMax >= 0)) throw new RangeError(`An entry cannot have ${sizeMax} bytes.`);
    const need = align(HEADER_BYTES + FRAME_BYTES + sizeMax);
    if (need > this.#options.segmentBytes) {
      throw new Refused(
        'too-large',
        `An entry of ${sizeMax} bytes does not fit a journal segment, which takes ${this.entryBytesMax}. Send less at once.`,
      );
    }
    if (this.#entries > 0) this.seal();
    this.#open(need);
  }

  /** Opens a block with room for `need` bytes, its header included; one open and empty gives up its place. */
  #open(need: number): void {
    const size = Math.max(need, this.#options.blockBytesMax);
    if (this.#limit === 0) {
      this.#arena.unwritten++;
    } else {
      this.#arena.usedBytes = this.#at;
    }
    this.#place(size);
    const arena = this.#arena;
    this.#at = arena.usedBytes;
    this.#next = this.#at + HEADER_BYTES;
    this.#limit = this.#at + size;
    arena.usedBytes = this.#next;
  }

  #place(sizeBytes: number): void {
    if (byteOf(this.#position) + sizeBytes > this.#segmentBytes) this.#nextSegment();
    const arena = this.#arena;
    if (arena.end === this.#position && arena.leftBytes >= sizeBytes) return;
    arena.unwritten--;
    this.#arena = this.#tail.begin(this.#position, sizeBytes);
    this.#arena.unwritten = 1;
    this.#room.bytes = this.#arena.bytes;
    this.#room.view = this.#arena.view;
  }

  #nextSegment(): void {
    const next = position(segmentOf(this.#position) + 1, 0);
    if (this.#checkpointBlock === this.#position) {
      // The checkpoint was to begin with the block that would have been here; nothing lies between.
      this.#checkpointBlock = next;
      this.#checkpoint = Math.max(this.#checkpoint, next) as Position;
    }
    this.#position = next;
    this.#segmentBytes = this.#options.segmentBytes;
  }

  #misused(sizeBytes: number): RangeError {
    if (this.#sizeMax < 0) return new RangeError('end() without begin() in the same turn: nothing was appended.');
    return new RangeError(`An entry of ${sizeBytes} bytes was written into room for ${this.#sizeMax}: nothing was appended.`);
  }
}

class PinnedView implements View {
  readonly bytes: Uint8Array;
  readonly base: Position;
  readonly end: Position;
  #arena: Arena | undefined;

  constructor(arena: Arena) {
    this.bytes = arena.bytes;
    this.base = arena.base;
    this.end = arena.end;
    this.#arena = arena;
    arena.pins++;
  }

  release(): void {
    if (this.#arena !== undefined) this.#arena.pins--;
    this.#arena = undefined;
  }
}

/** Checks what a caller may choose; answers it with the defaults filled in. */
export function checkedSizes(options: { blockBytesMax?: number; segmentBytes?: number; cacheBytes?: number }): {
  blockBytesMax: number;
  segmentBytes: number;
  cacheBytes: number;
} {
  const { segmentBytes = SEGMENT_BYTES, cacheBytes = 32 * 1024 * 1024 } = options;
  const blockBytesMax = options.blockBytesMax ?? Math.min(1024 * 1024, align(segmentBytes / 4));
  if (!isAligned(segmentBytes) || segmentBytes > SEGMENT_BYTES) throw invalid('segmentBytes', segmentBytes, SEGMENT_BYTES);
  if (!isAligned(blockBytesMax) || blockBytesMax > segmentBytes) throw invalid('blockBytesMax', blockBytesMax, segmentBytes);
  if (!(cacheBytes >= 0)) throw new Refused('invalid', `cacheBytes is ${cacheBytes}; give 0 or more.`);
  return { blockBytesMax, segmentBytes, cacheBytes };
}

function isAligned(bytes: number): boolean {
  return bytes > 0 && align(bytes) === bytes;
}

function invalid(name: string, value: number, most: number): Refused {
  return new Refused('invalid', `${name} is ${value}; give a multiple of 4096, at most ${most}.`);
}
