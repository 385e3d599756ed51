/** One simulated file: what the cache shows, what the device holds, and which sectors differ because nothing has synced them. */

import { isZero, SparseBytes } from '../sparse-bytes.ts';
import type { SimRandom } from './sim-random.ts';

export const SECTOR_BYTES = 512;
/** The unit in which files take room on the device. */
export const BLOCK_BYTES = 4096;
const PAGE_BYTES = 16 * 1024;
const sector = new Uint8Array(SECTOR_BYTES);
/** Bytes on their way from cache to device; grows to the largest write. */
let scratch = new Uint8Array(16 * SECTOR_BYTES);

/**
 * What can happen to bytes at rest: a `flip`ped bit · a sector that is `zero`, `old` (as it was when remembered) or `misplaced` (another
 * sector's bytes) · a file that is cut short (`truncate`).
 */
export type Damage = 'flip' | 'zero' | 'old' | 'misplaced' | 'truncate';

/** A sync under way: it owes the sectors that were dirty when it began, with the bytes they had then. */
export interface InodeSync {
  readonly turn: number;
  readonly sectors: Set<number>;
  /** What a sector was before it was written again while the sync ran. */
  readonly frozen: Map<number, Uint8Array>;
}

export class SimInode {
  sizeBytes = 0;
  /** Names and open files; at 0 the room is given back. */
  holders = 0;
  #cache = new SparseBytes(PAGE_BYTES);
  #device = new SparseBytes(PAGE_BYTES);
  #deviceSizeBytes = 0;
  #past = new SparseBytes(PAGE_BYTES);
  /** Truncated to this since the last sync; the device does not know yet. */
  #cutAt = Number.POSITIVE_INFINITY;
  readonly #dirty = new Set<number>();
  readonly #syncs = new Set<InodeSync>();
  #turn = 0;
  #blocks = new Uint8Array(16);
  #blockCount = 0;

  get roomBytes(): number {
    return this.#blockCount * BLOCK_BYTES;
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - position));
    this.#cache.read(count === into.length ? into : into.subarray(0, count), position);
    return count;
  }

  contents(): Uint8Array {
    return dense(this.#cache, this.sizeBytes);
  }

  deviceContents(): Uint8Array {
    return dense(this.#device, this.#deviceSizeBytes);
  }

  /** Takes room for as many of `length` bytes as `freeBytes` allows; answers how many that is. */
  reserve(position: number, length: number, freeBytes: number): number {
    const last = Math.floor((position + length - 1) / BLOCK_BYTES);
    if (last >= this.#blocks.length) {
      const more = new Uint8Array(Math.max(this.#blocks.length * 2, last + 1));
      more.set(this.#blocks);
      this.#blocks = more;
    }
    for (let block = Math.floor(position / BLOCK_BYTES); block <= last; block++) {
      if (this.#blocks[block] === 1) continue;
      if (freeBytes < BLOCK_BYTES) return Math.max(0, block * BLOCK_BYTES - position);
      freeBytes -= BLOCK_BYTES;
      this.#blocks[block] = 1;
      this.#blockCount++;
    }
    return length;
  }

  write(bytes: Uint8Array, position: number, random: SimRandom): void {
    if (bytes.length === 0) return;
    for (let s = Math.floor(position / SECTOR_BYTES); s * SECTOR_BYTES < position + bytes.length; s++) this.#touch(s, random);
    this.#cache.write(bytes, position);
    this.sizeBytes = Math.max(this.sizeBytes, position + bytes.length);
  }

  truncate(sizeBytes: number, random: SimRandom): void {
    if (sizeBytes < this.sizeBytes) {
      if (sizeBytes % SECTOR_BYTES !== 0) this.#touch(Math.floor(sizeBytes / SECTOR_BYTES), random);
      this.#cache.cut(sizeBytes);
      this.#cutAt = Math.min(this.#cutAt, sizeBytes);
      for (const s of this.#dirty) if (s * SECTOR_BYTES >= sizeBytes) this.#dirty.delete(s);
      for (const sync of this.#syncs) for (const s of sync.frozen.keys()) if (s * SECTOR_BYTES >= sizeBytes) sync.frozen.delete(s);
      for (let block = Math.ceil(sizeBytes / BLOCK_BYTES); block < this.#blocks.length; block++) {
        this.#blockCount -= this.#blocks[block] ?? 0;
        this.#blocks[block] = 0;
      }
    }
    this.sizeBytes = sizeBytes;
  }

  /** What an O_DSYNC write owes at its end: its own bytes and the size, nothing else of the file. */
  persist(position: number, length: number): void {
    this.#persistCut();
    if (length > 0) {
      const first = Math.floor(position / SECTOR_BYTES);
      const end = Math.ceil((position + length) / SECTOR_BYTES);
      this.#copyToDevice(first, end - first);
      for (let s = first; s < end; s++) {
        this.#dirty.delete(s);
        for (const sync of this.#syncs) forget(sync, s);
      }
    }
    this.#deviceSizeBytes = this.sizeBytes;
  }

  beginSync(): InodeSync {
    const sync: InodeSync = { turn: this.#turn++, sectors: new Set(this.#dirty), frozen: new Map() };
    this.#syncs.add(sync);
    return sync;
  }

  endSync(sync: InodeSync, random: SimRandom): void {
    this.#syncs.delete(sync);
    this.#persistCut();
    for (const s of sync.sectors) {
      if (!this.#dirty.has(s)) continue;
      const then = sync.frozen.get(s);
      if (then === undefined) {
        this.#copyToDevice(s);
        this.#dirty.delete(s);
      } else if (random.chance(0.5)) {
        // Written again meanwhile: the newer bytes are owed to the next sync, and may be there already.
        this.#device.write(then, s * SECTOR_BYTES);
      } else {
        this.#copyToDevice(s);
      }
    }
    // A sync that began earlier owes older bytes; they must not come back over these.
    for (const other of this.#syncs) if (other.turn < sync.turn) for (const s of sync.sectors) forget(other, s);
    this.#deviceSizeBytes = this.sizeBytes;
  }

  /** The sync failed: some sectors reached the device, the others never will, and the cache goes on showing the new bytes. */
  failSync(sync: InodeSync, random: SimRandom): void {
    this.#syncs.delete(sync);
    this.#lose(sync.sectors, random);
  }

  /** As `failSync`, for an O_DSYNC write. */
  failPersist(position: number, length: number, random: SimRandom): void {
    const sectors = new Set<number>();
    for (let s = Math.floor(position / SECTOR_BYTES); s * SECTOR_BYTES < position + length; s++) sectors.add(s);
    this.#lose(sectors, random);
  }

  /** Whoever had it open is dead. */
  letGo(): void {
    this.holders = 0;
    this.#syncs.clear();
  }

  /** The power goes. Each unsynced sector is on the device or not, and so is the size; then the cache is what the device holds. */
  crash(random: SimRandom): void {
    const survive = random.pick([0, 0.5, 1, random.float()]);
    if (this.#cutAt !== Number.POSITIVE_INFINITY && random.chance(0.5)) this.#persistCut();
    for (const s of this.#dirty) {
      if (!random.chance(survive)) continue;
      const versions = [...this.#syncs].flatMap((sync) => sync.frozen.get(s) ?? []);
      if (versions.length > 0 && random.chance(0.5)) this.#device.write(random.pick(versions), s * SECTOR_BYTES);
      else this.#copyToDevice(s);
    }
    if (this.sizeBytes !== this.#deviceSizeBytes) {
      const low = Math.min(this.sizeBytes, this.#deviceSizeBytes);
      const span = Math.abs(this.sizeBytes - this.#deviceSizeBytes);
      this.#deviceSizeBytes = random.pick([this.sizeBytes, this.#deviceSizeBytes, low + random.int(span)]);
    }
    this.#device.cut(this.#deviceSizeBytes);
    this.#restart();
  }

  /** Keeps what the device holds, for `damage('old')`. */
  remember(): void {
    this.#past = this.#device.clone();
  }

  /** See `SimDisk.damage`. */
  damage(kind: Damage, random: SimRandom, at: number | undefined): string | undefined {
    if (this.#deviceSizeBytes === 0) return undefined;
    const position = at ?? this.#somewhere(random);
    if (kind === 'truncate') {
      this.#device.cut(position);
      this.#deviceSizeBytes = position;
      this.#restart();
      return `cut to ${position} bytes`;
    }
    const start = position - (position % SECTOR_BYTES);
    const before = new Uint8Array(Math.min(SECTOR_BYTES, this.#deviceSizeBytes - start));
    this.#device.read(before, start);
    const after = this.#damaged(kind, before, position, random);
    if (Buffer.compare(before, after) === 0) return undefined;
    this.#device.write(after, start);
    this.#restart();
    return kind === 'flip' ? `a bit of byte ${position} flipped` : `bytes ${start} to ${start + after.length} are ${kind}`;
  }

  #damaged(kind: Exclude<Damage, 'truncate'>, before: Uint8Array, position: number, random: SimRandom): Uint8Array {
    const after = new Uint8Array(before.length);
    const within = position % SECTOR_BYTES;
    const start = position - within;
    if (kind === 'flip') {
      after.set(before);
      after[within] = (before[within] ?? 0) ^ (1 << random.int(8));
    } else if (kind === 'old') {
      this.#past.read(after, start);
    } else if (kind === 'misplaced') {
      const from = this.#somewhere(random);
      this.#device.read(after, from - (from % SECTOR_BYTES));
    }
    return after;
  }

  /** A byte of a sector that is not all zeros, if there is one. */
  #somewhere(random: SimRandom): number {
    const inData: number[] = [];
    for (let at = 0; at < this.#deviceSizeBytes; at += SECTOR_BYTES) {
      this.#device.read(sector, at);
      if (!isZero(sector)) inData.push(at);
    }
    const start = inData.length > 0 ? random.pick(inData) : 0;
    return start + random.int(Math.min(SECTOR_BYTES, this.#deviceSizeBytes - start));
  }

  #restart(): void {
    this.#dirty.clear();
    this.#syncs.clear();
    this.#cutAt = Number.POSITIVE_INFINITY;
    this.#cache = this.#device.clone();
    this.sizeBytes = this.#deviceSizeBytes;
    const blocks = Math.ceil(this.sizeBytes / BLOCK_BYTES);
    this.#blocks.fill(0, blocks);
    this.#blockCount = 0;
    for (const block of this.#blocks) this.#blockCount += block;
  }

  #touch(s: number, random: SimRandom): void {
    if (!this.#dirty.has(s)) {
      this.#dirty.add(s);
      return;
    }
    for (const sync of this.#syncs) {
      if (sync.sectors.has(s) && !sync.frozen.has(s)) {
        const then = new Uint8Array(SECTOR_BYTES);
        this.#cache.read(then, s * SECTOR_BYTES);
        sync.frozen.set(s, then);
      }
    }
    // The kernel may have written the sector back on its own before this second write.
    if (random.chance(0.125)) this.#copyToDevice(s);
  }

  #lose(sectors: Set<number>, random: SimRandom): void {
    const survive = random.pick([0, 0.5, random.float()]);
    for (const s of sectors) {
      if (!this.#dirty.delete(s)) continue;
      if (random.chance(survive)) this.#copyToDevice(s);
    }
    if (random.chance(0.5)) {
      this.#persistCut();
      this.#deviceSizeBytes = this.sizeBytes;
    }
    this.#device.cut(this.#deviceSizeBytes);
  }

  #persistCut(): void {
    if (this.#cutAt === Number.POSITIVE_INFINITY) return;
    this.#device.cut(this.#cutAt);
    this.#deviceSizeBytes = Math.min(this.#deviceSizeBytes, this.#cutAt);
    this.#cutAt = Number.POSITIVE_INFINITY;
  }

  #copyToDevice(s: number, count: number = 1): void {
    if (scratch.length < count * SECTOR_BYTES) scratch = new Uint8Array(count * SECTOR_BYTES);
    const bytes = scratch.subarray(0, count * SECTOR_BYTES);
    this.#cache.read(bytes, s * SECTOR_BYTES);
    this.#device.write(bytes, s * SECTOR_BYTES);
  }
}

function forget(sync: InodeSync, s: number): void {
  sync.sectors.delete(s);
  sync.frozen.delete(s);
}

function dense(bytes: SparseBytes, sizeBytes: number): Uint8Array {
  const all = new Uint8Array(sizeBytes);
  bytes.read(all, 0);
  return all;
}
