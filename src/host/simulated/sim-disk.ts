/**
 * A disk that behaves as badly as real ones may, and the same way for the same seed: operations take time and overtake each other,
 * what was not synced survives a crash in part, writes come up short, space runs out, and a failed sync loses bytes for good while the
 * cache goes on showing them.
 */

import { Refused } from '../../model/refusal.ts';
import type { Disk, File } from '../disk.ts';
import { DiskError } from '../disk-error.ts';
import { normalPath } from '../paths.ts';
import type { SimClock } from './sim-clock.ts';
import { type DiskFault, type FaultRates, SimDevice, type SimDeviceOptions } from './sim-device.ts';
import { SimFile } from './sim-file.ts';
import { type Damage, SimInode } from './sim-inode.ts';
import { SimNames } from './sim-names.ts';
import type { SimRandom } from './sim-random.ts';

export type SimDiskOptions = SimDeviceOptions;

export class SimDisk implements Disk {
  readonly #device: SimDevice;
  readonly #names: SimNames;
  readonly #locked = new Set<string>();

  constructor(clock: SimClock, random: SimRandom, options: SimDiskOptions = {}, names: SimNames = new SimNames()) {
    this.#device = new SimDevice(clock, random, options);
    this.#names = names;
    for (const inode of new Set(names.files.values())) this.#device.usedBytes += inode.roomBytes;
  }

  /** Operations begun. The first is number 1; counted anew after a crash. */
  get operations(): number {
    return this.#device.operations;
  }

  /** How many faults have struck. */
  get struck(): number {
    return this.#device.struck;
  }

  /** Nothing completes any more: a planned `crash` was reached, or `crash` or `kill` was called. */
  get halted(): boolean {
    return this.#device.halted;
  }

  /** Operation number `operation` meets this fault, whatever the rates say. */
  failAt(operation: number, fault: DiskFault): void {
    this.#device.planned.set(operation, fault);
  }

  /** The so-many-eth write or sync from now on, counted from 1, of a file with this in its path meets this fault. */
  failUnder(path: string, count: number, fault: DiskFault): void {
    this.#device.plannedUnder = { path, left: count, fault };
  }

  /** From now on. */
  setFaults(rates: FaultRates): void {
    this.#device.faults = { ...rates };
  }

  setCapacity(capacityBytes: number): void {
    this.#device.capacityBytes = capacityBytes;
  }

  /** No more faults, neither by rate nor planned. What they destroyed stays destroyed. */
  heal(): void {
    this.#device.faults = {};
    this.#device.planned.clear();
    this.#device.plannedUnder = undefined;
  }

  /**
   * The power goes. Handles and operations of this disk never answer again; the returned disk holds what survived: all that was
   * promised, and of the rest each sector, size and name at random. Rates, capacity and delays carry over, planned faults do not.
   */
  crash(): SimDisk {
    this.#device.halt();
    for (const inode of this.#names.inodes()) inode.crash(this.#device.random);
    this.#names.crash(this.#device.random);
    return this.#next('crash');
  }

  /** As `crash`, but only the process has died (kill -9): what it wrote stays in the cache, unsynced as it was. */
  kill(): SimDisk {
    this.#device.halt();
    this.#names.kill();
    return this.#next('kill');
  }

  #next(end: string): SimDisk {
    const { clock, random, trace, delayMsMax, capacityBytes, faults, operations } = this.#device;
    trace?.(`${end} at ${clock.monotonicMs().toFixed(3)} ms after ${operations} operations`);
    const options = { delayMsMax, capacityBytes, faults, ...(trace === undefined ? {} : { trace }) };
    return new SimDisk(clock, random, options, this.#names);
  }

  open(path: string, options: { create?: boolean; dsync?: boolean } = {}): Promise<File> {
    const name = normalPath(path);
    return this.#device.submit({
      kind: 'open',
      path,
      run: () => {
        if (this.#names.isDirectory(name)) throw new DiskError('EISDIR', 'open', path);
        let inode = this.#names.files.get(name);
        if (inode === undefined) {
          if (options.create !== true) throw new DiskError('ENOENT', 'open', path);
          inode = new SimInode();
          this.#names.create(name, inode);
        }
        return new SimFile(this.#device, path, inode, options.dsync === true);
      },
    });
  }

  list(directory: string): Promise<string[]> {
    return this.#device.submit({ kind: 'list', path: directory, run: () => this.#names.list(normalPath(directory)) });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#device.submit({ kind: 'makeDirectory', path, run: () => this.#names.makeDirectory(normalPath(path)) });
  }

  rename(from: string, to: string): Promise<void> {
    const run = () => this.#letGo(this.#names.rename(normalPath(from), normalPath(to)));
    return this.#device.submit({ kind: 'rename', path: from, detail: to, run });
  }

  remove(path: string): Promise<void> {
    return this.#device.submit({ kind: 'remove', path, run: () => this.#letGo(this.#names.remove(normalPath(path))) });
  }

  syncDirectory(path: string): Promise<void> {
    const directory = normalPath(path);
    let began = 0;
    return this.#device.submit({
      kind: 'syncDirectory',
      path,
      begin: () => {
        began = this.#names.beginSync();
      },
      run: () => {
        if (!this.#names.isDirectory(directory)) throw new DiskError('ENOENT', 'open', path);
      },
      end: (fault) => {
        if (fault === undefined) this.#names.endSync(directory, began);
        else this.#names.failSync(directory, began, this.#device.random);
      },
    });
  }

  freeBytes(path: string): Promise<number> {
    const run = () => Math.max(0, this.#device.capacityBytes - this.#device.usedBytes);
    return this.#device.submit({ kind: 'freeBytes', path, run });
  }

  /** Held by this disk, which all simulated processes of one machine share; a crash or kill frees it. */
  lock(directory: string): Promise<{ release(): Promise<void> }> {
    const at = normalPath(directory);
    const unlock = () => void this.#locked.delete(at);
    return this.#device.submit({
      kind: 'lock',
      path: directory,
      run: () => {
        if (!this.#names.isDirectory(at)) throw new DiskError('ENOENT', 'lock', directory);
        if (this.#locked.has(at)) throw new Refused('locked', `${directory} is open in another simulated process; close it there first.`);
        this.#locked.add(at);
        return { release: () => this.#device.submit({ kind: 'lock', path: directory, detail: 'release', run: unlock }) };
      },
    });
  }

  /** Paths of all files, sorted. At once and without being an operation, as all below: for tests and checkers. */
  files(): string[] {
    return [...this.#names.files.keys()].sort();
  }

  /** What the cache shows of a file; `undefined` when there is none. */
  contents(path: string): Uint8Array | undefined {
    return this.#names.files.get(normalPath(path))?.contents();
  }

  /** What the device holds of a file; `undefined` when the device does not know its name. */
  deviceContents(path: string): Uint8Array | undefined {
    return this.#names.onDevice(normalPath(path))?.deviceContents();
  }

  /** Remembers what the device holds of every file now, as the past that `damage('old', …)` brings back. */
  remember(): void {
    for (const inode of this.#names.inodes()) inode.remember();
  }

  /**
   * Damages a file at rest, around byte `at` (default: somewhere in it, rather where data is than in zeros). Answers what was done, or
   * `undefined` when that would have changed nothing. Only for a disk that nobody has open.
   */
  damage(kind: Damage, path: string, at?: number): string | undefined {
    const done = this.#names.files.get(normalPath(path))?.damage(kind, this.#device.random, at);
    if (done !== undefined) this.#device.trace?.(`damage ${path}: ${done}`);
    return done === undefined ? undefined : `${path}: ${done}`;
  }

  /** `inode` is what has lost its name, if anything has. */
  #letGo(inode: SimInode | undefined): void {
    if (inode !== undefined) this.#device.letGo(inode);
  }
}
