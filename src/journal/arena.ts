/** Memory for blocks: filled by `begin`, written from where it lies, and kept as the tail cache until newer blocks need the room. */

import type { Position } from '../model/lines.ts';

/** Bytes of the journal in memory: `bytes[i]` is position `base + i`. Borrowed until `release()`; a view of `view()` for this turn only. */
export interface View {
  readonly bytes: Uint8Array;
  readonly base: Position;
  /** Past the last byte that is there. */
  readonly end: Position;
  release(): void;
}

/** One stretch of positions in one segment. Reused as a whole. */
export class Arena implements View {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  base: Position = 0 as Position;
  /** Bytes taken by blocks, the open one included. */
  usedBytes = 0;
  /** Blocks not written yet, the open one included. */
  unwritten = 0;
  /** Views that outlive the turn. */
  pins = 0;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.view = new DataView(this.bytes.buffer);
  }

  get end(): Position {
    return (this.base + this.usedBytes) as Position;
  }

  get leftBytes(): number {
    return this.bytes.length - this.usedBytes;
  }

  /** A view of this turn needs no giving back. */
  release(): void {}
}

export class Tail {
  readonly #arenaBytes: number;
  readonly #cacheBytes: number;
  /** Ascending; the last one is being filled. */
  readonly #arenas: Arena[] = [];
  readonly #idle: Arena[] = [];
  #heldBytes = 0;

  constructor(arenaBytes: number, cacheBytes: number) {
    this.#arenaBytes = arenaBytes;
    this.#cacheBytes = cacheBytes;
  }

  /** An arena that begins at `base` with room for `sizeBytes`. */
  begin(base: Position, sizeBytes: number): Arena {
    const ordinary = sizeBytes <= this.#arenaBytes;
    const arena = (ordinary ? this.#idle.pop() : undefined) ?? new Arena(ordinary ? this.#arenaBytes : sizeBytes);
    arena.base = base;
    arena.usedBytes = 0;
    this.#arenas.push(arena);
    this.#heldBytes += arena.bytes.length;
    return arena;
  }

  /**
   * Lets the oldest written arenas go while there are more than the cache may hold. Only at the start of a turn (when a write has come
   * back): whoever looks at a view during a turn must not see it filled anew.
   */
  evict(): void {
    for (let oldest = this.#arenas[0]; oldest !== undefined && this.#heldBytes > this.#cacheBytes; oldest = this.#arenas[0]) {
      if (this.#arenas.length === 1 || oldest.unwritten > 0) return;
      this.#arenas.shift();
      this.#heldBytes -= oldest.bytes.length;
      if (oldest.pins === 0 && oldest.bytes.length === this.#arenaBytes && this.#idle.length < 2) this.#idle.push(oldest);
    }
  }

  find(at: Position): Arena | undefined {
    let low = 0;
    let high = this.#arenas.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#arenas[middle] as Arena).base <= at) low = middle + 1;
      else high = middle;
    }
    const arena = this.#arenas[low - 1];
    return arena !== undefined && at < arena.end ? arena : undefined;
  }
}
