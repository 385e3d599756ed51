/**
 * A disk that behaves as badly as real ones may, and the same way for the same seed: operations take time and overtake each other,
 * what was not synced survives a crash in part, writes come up short, space runs out, and a failed sync loses bytes for good while the
 * cache goes on showing them.
 */

import { Refused } from '../../model/refusal.ts';
import type { Disk, File } from '../disk.ts';
import { DiskError, type DiskErrorCode } from '../disk-error.ts';
import { normalPath } from '../paths.ts';
import type { SimClock } from './sim-clock.ts';
import { SimInode } from './sim-inode.ts';
import { SimNames } from './sim-names.ts';
import type { SimRandom } from './sim-random.ts';

/**
 * `eio`: the operation rejects; a write may have taken part of its bytes, a sync has lost some for good · `enospc`: a write rejects
 * with nothing taken, a sync as with `eio` · `short`: a write takes only some bytes and says so · `stall`: it takes 10 s · `crash`:
 * neither this nor anything later completes; then call `crash()`. A fault that makes no sense for an operation leaves it alone.
 */
export type DiskFault = 'eio' | 'enospc' | 'short' | 'stall' | 'crash';

/** How likely each fault is, 0 to 1, for every operation it can strike. Absent: never. */
export interface FaultRates {
  shortWrite?: number;
  writeError?: number;
  readError?: number;
  /** Of `sync`, `syncDirectory` and writes to a file opened with `dsync`. */
  syncError?: number;
  stall?: number;
}

export interface SimDiskOptions {
  /** Default: no limit. */
  readonly capacityBytes?: number;
  /** Longest time of an ordinary operation, simulated milliseconds. Default 1. */
  readonly delayMsMax?: number;
  readonly faults?: FaultRates;
  /** One line per operation: compare two runs of a seed, or read how a failing one came about. */
  readonly trace?: (line: string) => void;
}

const STALL_MS = 10_000;

export type DiskOperation =
  | 'open'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'freeBytes'
  | 'lock'
  | 'read'
  | 'write'
  | 'sync'
  | 'sizeBytes'
  | 'truncate'
  | 'close'; // prettier-ignore

interface Work<T> {
  readonly kind: DiskOperation;
  readonly path: string;
  readonly detail?: string;
  /** The change itself, at the start or at the end of the operation's time. */
  run(fault: DiskFault | undefined): T;
  /** Always at the start, before `run`: what a sync owes is settled here. */
  begin?(): void;
  /** Always at the end: what the answer promises, or what is left of it after `fault`. */
  end?(fault: DiskFault | undefined): void;
}

export class SimDisk implements Disk {
  /** May be changed at any time; `heal` empties it. */
  faults: FaultRates;
  capacityBytes: number;
  /** Operations begun. The first is number 1. */
  operations = 0;
  readonly #clock: SimClock;
  readonly #random: SimRandom;
  readonly #options: SimDiskOptions;
  readonly #names: SimNames;
  readonly #planned = new Map<number, DiskFault>();
  /** Changes begun and not made yet: a crash may find them made. */
  readonly #unmade = new Set<Work<unknown>>();
  readonly #locked = new Set<string>();
  #usedBytes = 0;
  #halted = false;
  #struck = 0;

  constructor(clock: SimClock, random: SimRandom, options: SimDiskOptions = {}, names: SimNames = new SimNames()) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#names = names;
    this.faults = { ...options.faults };
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    for (const inode of new Set(names.files.values())) this.#usedBytes += inode.roomBytes;
  }

  /** Nothing completes any more: a planned `crash` was reached, or `crash()` was called. */
  get halted(): boolean {
    return this.#halted;
  }

  /** How many faults have struck. */
  get struck(): number {
    return this.#struck;
  }

  /** Operation number `operation` (see `operations`) meets this fault, whatever the rates say. */
  failAt(operation: number, fault: DiskFault): void {
    this.#planned.set(operation, fault);
  }

  /** No more faults, neither by rate nor planned. What they destroyed stays destroyed. */
  heal(): void {
    this.faults = {};
    this.#planned.clear();
  }

  /**
   * The power goes. Handles and operations of this disk never answer again; the returned disk holds what survived: all that was
   * promised, and of the rest each sector, size and name at random. Rates, capacity and delays carry over, planned faults do not.
   */
  crash(): SimDisk {
    this.#halt();
    for (const inode of this.#names.inodes()) inode.crash(this.#random);
    this.#names.crash(this.#random);
    return this.#next('crash');
  }

  /** As `crash`, but only the process has died (kill -9): what it wrote stays in the cache, unsynced as it was. */
  kill(): SimDisk {
    this.#halt();
    this.#names.kill();
    return this.#next('kill');
  }

  #halt(): void {
    this.#halted = true;
    for (const work of this.#unmade) {
      if (this.#random.chance(0.5)) attempt(() => work.run(undefined));
    }
    this.#unmade.clear();
  }

  #next(end: string): SimDisk {
    this.#options.trace?.(`${end} at ${this.#clock.monotonicMs().toFixed(3)} ms after ${this.operations} operations`);
    const next = new SimDisk(this.#clock, this.#random, { ...this.#options, capacityBytes: this.capacityBytes }, this.#names);
    next.faults = this.faults;
    return next;
  }

  open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const name = normalPath(path);
    return this.submit({
      kind: 'open',
      path,
      run: () => {
        if (this.#names.isDirectory(name)) throw new DiskError('EISDIR', 'open', path);
        let inode = this.#names.get(name);
        if (inode === undefined) {
          if (options.create !== true) throw new DiskError('ENOENT', 'open', path);
          inode = new SimInode();
          this.#names.create(name, inode);
        }
        inode.holders++;
        return new SimFile(this, path, inode, options.dsync === true);
      },
    });
  }

  list(directory: string): Promise<string[]> {
    return this.submit({ kind: 'list', path: directory, run: () => this.#names.list(normalPath(directory)) });
  }

  makeDirectory(path: string): Promise<void> {
    return this.submit({ kind: 'makeDirectory', path, run: () => this.#names.makeDirectory(normalPath(path)) });
  }

  rename(from: string, to: string): Promise<void> {
    const run = () => this.#free(this.#names.rename(normalPath(from), normalPath(to)));
    return this.submit({ kind: 'rename', path: from, detail: to, run });
  }

  remove(path: string): Promise<void> {
    return this.submit({ kind: 'remove', path, run: () => this.#free(this.#names.remove(normalPath(path))) });
  }

  syncDirectory(path: string): Promise<void> {
    const directory = normalPath(path);
    let began = 0;
    return this.submit({
      kind: 'syncDirectory',
      path,
      begin: () => {
        began = this.#names.beginSync();
      },
      run: () => {
        if (!this.#names.isDirectory(directory)) throw new DiskError('ENOENT', 'open', path);
      },
      end: (fault) => (fault === undefined ? this.#names.endSync(directory, began) : this.#names.failSync(directory, began, this.#random)),
    });
  }

  freeBytes(path: string): Promise<number> {
    return this.submit({ kind: 'freeBytes', path, run: () => Math.max(0, this.capacityBytes - this.#usedBytes) });
  }

  /** Held by this disk, which all simulated processes of one machine share; a crash frees it. */
  lock(directory: string): Promise<{ release(): Promise<void> }> {
    const at = normalPath(directory);
    const release = () => this.submit<void>({ kind: 'lock', path: directory, detail: 'release', run: () => void this.#locked.delete(at) });
    return this.submit({
      kind: 'lock',
      path: directory,
      run: () => {
        if (!this.#names.isDirectory(at)) throw new DiskError('ENOENT', 'lock', directory);
        if (this.#locked.has(at)) throw new Refused('locked', `${directory} is open in another simulated process; close it there first.`);
        this.#locked.add(at);
        return { release };
      },
    });
  }

  /** What the cache shows of a file, at once and without being an operation; `undefined` when there is none. For tests and checkers. */
  contents(path: string): Uint8Array | undefined {
    const inode = this.#names.get(normalPath(path));
    const bytes = inode && new Uint8Array(inode.sizeBytes);
    if (bytes !== undefined) inode?.read(bytes, 0);
    return bytes;
  }

  /** What a crash is certain to leave of a file; `undefined` when its name may be lost. For tests and checkers. */
  deviceContents(path: string): Uint8Array | undefined {
    const inode = this.#names.onDevice(normalPath(path));
    const bytes = inode && new Uint8Array(inode.deviceSizeBytes);
    if (bytes !== undefined) inode?.readDevice(bytes, 0);
    return bytes;
  }

  /** Paths of all files, sorted. */
  files(): string[] {
    return [...this.#names.files.keys()].sort();
  }

  /** The inode of a file, for `damage`. */
  inode(path: string): SimInode | undefined {
    return this.#names.get(normalPath(path));
  }

  /** For the files of this disk: runs one operation. */
  submit<T>(work: Work<T>): Promise<T> {
    return new Promise((done, fail) => {
      if (this.#halted) return;
      const number = ++this.operations;
      const fault = this.#fault(number, work.kind, work.detail);
      this.#options.trace?.(`${number} ${work.kind} ${work.path} ${work.detail ?? ''}${fault === undefined ? '' : ` !${fault}`}`);
      work.begin?.();
      this.#unmade.add(work as Work<unknown>);
      if (fault === 'crash') {
        this.#halted = true;
        return;
      }
      const delayMs = fault === 'stall' ? STALL_MS : this.#random.float() * (this.#options.delayMsMax ?? 1);
      const failure = fault === 'stall' ? undefined : fault;
      let made: { value: T } | { error: unknown } | undefined;
      const make = () => {
        this.#unmade.delete(work as Work<unknown>);
        made =
          failure === 'eio' && !this.#runsInPart(work.kind)
            ? { error: new DiskError('EIO', work.kind, work.path) }
            : attempt(() => work.run(failure));
        return made;
      };
      if (this.#random.chance(0.5)) make();
      this.#clock.after(delayMs, () => {
        if (this.#halted) return;
        const outcome = made ?? make();
        if ('error' in outcome) return fail(outcome.error);
        work.end?.(failure);
        if (failure === 'eio' || (failure === 'enospc' && SYNCS.has(work.kind))) fail(this.#error(failure, work));
        else done(outcome.value);
      });
    });
  }

  /** Room for a write: how many of its bytes fit. */
  reserve(inode: SimInode, position: number, length: number): number {
    const before = inode.roomBytes;
    const count = inode.reserve(position, length, this.capacityBytes - this.#usedBytes);
    this.#usedBytes += inode.roomBytes - before;
    return count;
  }

  /** Runs what may give room back, and counts it. */
  recount(inode: SimInode, change: () => void): void {
    const before = inode.roomBytes;
    change();
    this.#usedBytes += inode.roomBytes - before;
  }

  get random(): SimRandom {
    return this.#random;
  }

  #free(inode: SimInode | undefined): void {
    if (inode !== undefined && inode.holders === 0) this.letGo(inode);
  }

  /** Neither a name nor an open file holds it. */
  letGo(inode: SimInode): void {
    this.#usedBytes -= inode.roomBytes;
  }

  #fault(number: number, kind: DiskOperation, detail: string | undefined): DiskFault | undefined {
    const planned = this.#planned.get(number);
    const fault = planned === undefined ? this.#drawn(kind, detail) : suits(planned, kind) ? planned : undefined;
    if (fault !== undefined) this.#struck++;
    return fault;
  }

  #drawn(kind: DiskOperation, detail: string | undefined): DiskFault | undefined {
    const { shortWrite = 0, writeError = 0, readError = 0, syncError = 0, stall = 0 } = this.faults;
    if (shortWrite + writeError + readError + syncError + stall === 0) return undefined;
    if (this.#random.chance(stall)) return 'stall';
    if (kind === 'read') return this.#random.chance(readError) ? 'eio' : undefined;
    if (kind === 'sync' || kind === 'syncDirectory') return this.#random.chance(syncError) ? 'eio' : undefined;
    if (kind !== 'write') return undefined;
    if (this.#random.chance(shortWrite)) return 'short';
    const rate = detail?.endsWith('dsync') === true ? Math.max(writeError, syncError) : writeError;
    return this.#random.chance(rate) ? 'eio' : undefined;
  }

  /** Whether an operation that answers EIO does something all the same: writes and syncs in part, changes of names and sizes perhaps. */
  #runsInPart(kind: DiskOperation): boolean {
    if (kind === 'write' || SYNCS.has(kind)) return true;
    return CHANGES.has(kind) && this.#random.chance(0.5);
  }

  #error(fault: DiskFault, work: Work<unknown>): DiskError {
    const code: DiskErrorCode = fault === 'enospc' ? 'ENOSPC' : 'EIO';
    return new DiskError(code, work.kind, work.path);
  }
}

const CHANGES: ReadonlySet<DiskOperation> = new Set(['makeDirectory', 'rename', 'remove', 'truncate']);
const SYNCS: ReadonlySet<DiskOperation> = new Set(['sync', 'syncDirectory']);

function suits(fault: DiskFault, kind: DiskOperation): boolean {
  if (fault === 'short') return kind === 'write';
  if (fault === 'enospc') return kind === 'write' || SYNCS.has(kind);
  return true;
}

function attempt<T>(run: () => T): { value: T } | { error: unknown } {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}

class SimFile implements File {
  readonly #disk: SimDisk;
  readonly #path: string;
  readonly #inode: SimInode;
  readonly #dsync: boolean;
  #open = true;

  constructor(disk: SimDisk, path: string, inode: SimInode, dsync: boolean) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
    this.#dsync = dsync;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    const detail = `${into.length} at ${position}`;
    return this.#submit({ kind: 'read', path: this.#path, detail, run: () => this.#inode.read(into, position) });
  }

  write(bytes: Uint8Array, position: number): Promise<number> {
    const disk = this.#disk;
    let count = 0;
    return this.#submit({
      kind: 'write',
      path: this.#path,
      detail: `${bytes.length} at ${position}${this.#dsync ? ' dsync' : ''}`,
      run: (fault) => {
        if (fault === 'enospc') throw new DiskError('ENOSPC', 'write', this.#path);
        count = disk.reserve(this.#inode, position, bytes.length);
        if (count === 0 && bytes.length > 0) throw new DiskError('ENOSPC', 'write', this.#path);
        if (fault === 'short' && count > 1) count = 1 + disk.random.int(count - 1);
        if (fault === 'eio') count = disk.random.int(count + 1);
        this.#inode.write(count === bytes.length ? bytes : bytes.subarray(0, count), position, disk.random);
        return count;
      },
      end: (fault) => {
        if (!this.#dsync) return;
        if (fault === 'eio') this.#inode.failPersist(position, count, disk.random);
        else this.#inode.persist(position, count);
      },
    });
  }

  sync(): Promise<void> {
    const inode = this.#inode;
    let sync: ReturnType<SimInode['beginSync']> | undefined;
    return this.#submit({
      kind: 'sync',
      path: this.#path,
      begin: () => {
        sync = inode.beginSync();
      },
      run: () => {},
      end: (fault) => {
        if (sync === undefined) return;
        if (fault === undefined) inode.endSync(sync, this.#disk.random);
        else inode.failSync(sync, this.#disk.random);
      },
    });
  }

  sizeBytes(): Promise<number> {
    return this.#submit({ kind: 'sizeBytes', path: this.#path, run: () => this.#inode.sizeBytes });
  }

  truncate(sizeBytes: number): Promise<void> {
    const run = () => this.#disk.recount(this.#inode, () => this.#inode.truncate(sizeBytes, this.#disk.random));
    return this.#submit({ kind: 'truncate', path: this.#path, detail: String(sizeBytes), run });
  }

  close(): Promise<void> {
    if (!this.#open) return Promise.resolve();
    this.#open = false;
    const run = () => {
      if (--this.#inode.holders === 0) this.#disk.letGo(this.#inode);
    };
    return this.#disk.submit({ kind: 'close', path: this.#path, run });
  }

  #submit<T>(work: Work<T>): Promise<T> {
    if (this.#open) return this.#disk.submit(work);
    return Promise.reject(new DiskError('EBADF', work.kind, this.#path));
  }
}
