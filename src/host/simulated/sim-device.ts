/** What every operation of a simulated disk goes through: its number, its delay, its fault, and the room on the device. */

import { DiskError } from '../disk-error.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimInode } from './sim-inode.ts';
import type { SimRandom } from './sim-random.ts';

/**
 * `eio`: the operation rejects; a write may have taken part of its bytes, a sync has lost some for good, a change of a name or size may
 * have happened · `enospc`: a write rejects with nothing taken, a sync as with `eio` · `short`: a write takes only some bytes and says
 * so · `stall`: it takes 10 s · `crash`: neither this nor anything later completes; then call `SimDisk.crash`.
 * A fault that makes no sense for an operation leaves it alone.
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

export interface SimDeviceOptions {
  /** Default: no limit. */
  readonly capacityBytes?: number;
  /** Longest time of an ordinary operation, simulated milliseconds; some files may be slower than others. Default 1. */
  readonly delayMsMax?: number | ((path: string) => number);
  readonly faults?: FaultRates;
  /** One line per operation: compare two runs of a seed, or read how a failing one came about. */
  readonly trace?: (line: string) => void;
}

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
  | 'close';

export interface Work<T> {
  readonly kind: DiskOperation;
  readonly path: string;
  readonly detail?: string;
  /** A write that promises what a sync promises. */
  readonly dsync?: boolean;
  /** Always at the start: what a sync owes is settled here. */
  begin?(): void;
  /** The change itself, at the start or at the end of the operation's time. */
  run(fault: DiskFault | undefined): T;
  /** Always at the end: makes good what the answer promises, or does what is left of it after a fault. */
  end?(fault: DiskFault | undefined): void;
}

const STALL_MS = 10_000;
/** Syncs are slower than the rest, so several writes fit into one. */
const SYNC_DELAY_FACTOR = 4;
const SYNCS: ReadonlySet<DiskOperation> = new Set(['sync', 'syncDirectory']);
const CHANGES: ReadonlySet<DiskOperation> = new Set(['makeDirectory', 'rename', 'remove', 'truncate']);

export class SimDevice {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly trace: ((line: string) => void) | undefined;
  readonly delayMsMax: number | ((path: string) => number);
  faults: FaultRates;
  capacityBytes: number;
  usedBytes = 0;
  operations = 0;
  struck = 0;
  halted = false;
  readonly planned: Map<number, DiskFault> = new Map<number, DiskFault>();
  /** The fault that the so-many-eth write or sync of files under a path is to meet. */
  plannedUnder: { readonly path: string; left: number; readonly fault: DiskFault } | undefined;
  /** Changes begun and not made yet: a crash may find them made. */
  readonly #unmade = new Set<() => unknown>();

  constructor(clock: SimClock, random: SimRandom, options: SimDeviceOptions) {
    this.clock = clock;
    this.random = random;
    this.trace = options.trace;
    this.delayMsMax = options.delayMsMax ?? 1;
    this.faults = { ...options.faults };
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Begins an operation. The promise never settles once the device has halted. */
  submit<T>(work: Work<T>): Promise<T> {
    return new Promise((done, fail) => {
      if (this.halted) return;
      const drawn = this.#fault(++this.operations, work);
      this.trace?.(`${this.operations} ${work.kind} ${work.path} ${work.detail ?? ''}${drawn === undefined ? '' : ` !${drawn}`}`);
      work.begin?.();
      const fault = drawn === 'stall' || drawn === 'crash' ? undefined : drawn;
      let made: Outcome<T> | undefined;
      const make = (): Outcome<T> => {
        this.#unmade.delete(make);
        made = this.#make(work, fault);
        return made;
      };
      this.#unmade.add(make);
      if (drawn === 'crash') {
        this.halted = true;
        return;
      }
      const delayMsMax = typeof this.delayMsMax === 'number' ? this.delayMsMax : this.delayMsMax(work.path);
      const delayMs = this.random.float() * delayMsMax * (SYNCS.has(work.kind) ? SYNC_DELAY_FACTOR : 1);
      if (this.random.chance(0.5)) make();
      this.clock.after(drawn === 'stall' ? STALL_MS : delayMs, () => {
        if (this.halted) return;
        const outcome = made ?? make();
        if ('error' in outcome) return fail(outcome.error);
        work.end?.(fault);
        if (fails(work.kind, fault)) fail(new DiskError(fault === 'enospc' ? 'ENOSPC' : 'EIO', work.kind, work.path));
        else done(outcome.value);
      });
    });
  }

  /** Nothing answers any more; each change that was under way is made now or never. */
  halt(): void {
    this.halted = true;
    for (const make of this.#unmade) if (this.random.chance(0.5)) make();
    this.#unmade.clear();
  }

  /** Takes room for a write; answers how many of its bytes fit. */
  reserve(inode: SimInode, position: number, length: number): number {
    const before = inode.roomBytes;
    const count = inode.reserve(position, length, this.capacityBytes - this.usedBytes);
    this.usedBytes += inode.roomBytes - before;
    return count;
  }

  truncate(inode: SimInode, sizeBytes: number): void {
    const before = inode.roomBytes;
    inode.truncate(sizeBytes, this.random);
    this.usedBytes += inode.roomBytes - before;
  }

  /** One name or open file less holds it; without any, its room is free. */
  letGo(inode: SimInode): void {
    if (--inode.holders === 0) this.usedBytes -= inode.roomBytes;
  }

  #make<T>(work: Work<T>, fault: DiskFault | undefined): Outcome<T> {
    // Writes and syncs fail in part, and changes of names and sizes may have happened all the same; the rest does nothing.
    const dropped =
      fault === 'eio' && work.kind !== 'write' && !SYNCS.has(work.kind) && !(CHANGES.has(work.kind) && this.random.chance(0.5));
    if (dropped) return { error: new DiskError('EIO', work.kind, work.path) };
    try {
      return { value: work.run(fault) };
    } catch (error) {
      return { error };
    }
  }

  #fault(number: number, work: Work<unknown>): DiskFault | undefined {
    const planned = this.planned.get(number) ?? this.#plannedFor(work);
    const fault = planned === undefined ? this.#drawn(work) : suits(planned, work.kind) ? planned : undefined;
    if (fault !== undefined) this.struck++;
    return fault;
  }

  #plannedFor({ kind, path }: Work<unknown>): DiskFault | undefined {
    const { plannedUnder } = this;
    if (plannedUnder === undefined || !path.includes(plannedUnder.path) || !(kind === 'write' || SYNCS.has(kind))) return undefined;
    if (--plannedUnder.left > 0) return undefined;
    this.plannedUnder = undefined;
    return plannedUnder.fault;
  }

  #drawn({ kind, dsync }: Work<unknown>): DiskFault | undefined {
    const { shortWrite = 0, writeError = 0, readError = 0, syncError = 0, stall = 0 } = this.faults;
    if (shortWrite + writeError + readError + syncError + stall === 0) return undefined;
    if (this.random.chance(stall)) return 'stall';
    if (kind === 'write' && this.random.chance(shortWrite)) return 'short';
    let rate = 0;
    if (kind === 'read') rate = readError;
    else if (kind === 'write') rate = dsync === true ? writeError + syncError : writeError;
    else if (SYNCS.has(kind)) rate = syncError;
    return this.random.chance(rate) ? 'eio' : undefined;
  }
}

type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/** Whether the answer is an error although the operation ran. */
function fails(kind: DiskOperation, fault: DiskFault | undefined): boolean {
  return fault === 'eio' || (fault === 'enospc' && SYNCS.has(kind));
}

function suits(fault: DiskFault, kind: DiskOperation): boolean {
  if (fault === 'short') return kind === 'write';
  if (fault === 'enospc') return kind === 'write' || SYNCS.has(kind);
  return true;
}
