/** The names of a simulated disk: as they are now, as the device has them, and the changes between the two that no directory sync has covered. */

import { DiskError } from '../disk-error.ts';
import { directoryOf, nameOf } from '../paths.ts';
import type { SimInode } from './sim-inode.ts';
import type { SimRandom } from './sim-random.ts';

/** One create, rename or remove: after a crash it has happened whole or not at all. */
interface Change {
  readonly number: number;
  readonly names: readonly { readonly path: string; readonly inode: SimInode | undefined }[];
}

export class SimNames {
  #now = new Map<string, SimInode>();
  #device = new Map<string, SimInode>();
  readonly #directories = new Set<string>(['.', '/']);
  #pending: Change[] = [];
  #number = 0;

  isDirectory(path: string): boolean {
    return this.#directories.has(path);
  }

  get files(): ReadonlyMap<string, SimInode> {
    return this.#now;
  }

  /** Every inode that a name leads to, now or after some crash. */
  inodes(): Set<SimInode> {
    return new Set([...this.#now.values(), ...this.#device.values()]);
  }

  onDevice(path: string): SimInode | undefined {
    return this.#device.get(path);
  }

  list(directory: string): string[] {
    const names: string[] = [];
    for (const path of this.#now.keys()) if (directoryOf(path) === directory) names.push(nameOf(path));
    for (const path of this.#directories) if (directoryOf(path) === directory && path !== directory) names.push(nameOf(path));
    return names.sort();
  }

  /** Directories are safe at once, as `Disk.makeDirectory` promises. */
  makeDirectory(path: string): void {
    for (let at = path; !this.#directories.has(at); at = directoryOf(at)) this.#directories.add(at);
  }

  create(path: string, inode: SimInode): void {
    if (!this.#directories.has(directoryOf(path))) throw new DiskError('ENOENT', 'open', path);
    inode.holders++;
    this.#change([{ path, inode }]);
  }

  /** Answers what the target's name led to before, which has lost it. */
  rename(from: string, to: string): SimInode | undefined {
    const inode = this.#now.get(from);
    if (inode === undefined || !this.#directories.has(directoryOf(to))) throw new DiskError('ENOENT', 'rename', from);
    if (this.#directories.has(to)) throw new DiskError('EISDIR', 'rename', to);
    if (from === to) return undefined;
    const replaced = this.#now.get(to);
    this.#change([
      { path: from, inode: undefined },
      { path: to, inode },
    ]);
    return replaced;
  }

  /** Answers what has lost its name. */
  remove(path: string): SimInode | undefined {
    if (this.#directories.has(path)) throw new DiskError('EISDIR', 'unlink', path);
    const inode = this.#now.get(path);
    if (inode === undefined) return undefined;
    this.#change([{ path, inode: undefined }]);
    return inode;
  }

  /** What a directory sync that begins now owes. */
  beginSync(): number {
    return this.#number;
  }

  /** A rename from one directory to another is safe when either is synced, as on file systems with a journal. */
  endSync(directory: string, began: number): void {
    this.#pending = this.#pending.filter((change) => {
      if (change.number > began || !touches(change, directory)) return true;
      apply(change, this.#device);
      return false;
    });
  }

  /** The sync failed: some of what it owed reached the device, the rest is forgotten, though the names of now go on showing it. */
  failSync(directory: string, began: number, random: SimRandom): void {
    this.#pending = this.#pending.filter((change) => {
      if (change.number > began || !touches(change, directory)) return true;
      if (random.chance(0.5)) apply(change, this.#device);
      return false;
    });
  }

  /** The power goes: each change is kept or lost, but none without the earlier ones to the same names. */
  crash(random: SimRandom): void {
    const keep = random.pick([0, 0.5, 1, random.float()]);
    const lost = new Set<string>();
    for (const change of this.#pending) {
      const blocked = change.names.some(({ path }) => lost.has(path));
      if (!blocked && random.chance(keep)) apply(change, this.#device);
      else for (const { path } of change.names) lost.add(path);
    }
    this.#pending = [];
    this.#now = new Map(this.#device);
    this.kill();
  }

  /** The process is dead: no file is open any more, and no sync under way. */
  kill(): void {
    for (const inode of this.#now.values()) inode.letGo();
    for (const inode of this.#now.values()) inode.holders++;
  }

  #change(names: Change['names']): void {
    const change = { number: ++this.#number, names };
    apply(change, this.#now);
    this.#pending.push(change);
  }
}

function apply(change: Change, to: Map<string, SimInode>): void {
  for (const { path, inode } of change.names) {
    if (inode === undefined) to.delete(path);
    else to.set(path, inode);
  }
}

function touches(change: Change, directory: string): boolean {
  return change.names.some(({ path }) => directoryOf(path) === directory);
}
