/** A machine whose process can die in the middle of a test: nothing it had begun ever answers, what it wrote is there. Its clock is turned by hand. */

import type { Clock } from '../../src/host/clock.ts';
import type { Disk, File } from '../../src/host/disk.ts';
import type { HandClock } from '../../src/host/hand-clock.ts';
import type { Host } from '../../src/host/host.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { silentLogger } from '../../src/host/text-logger.ts';

export interface MortalHost {
  readonly host: Host;
  /** As kill -9: operations under way are done or not, and tell nobody; files and locks are let go of. */
  kill(): Promise<void>;
}

let lives = 0;

export function mortalHost(clock: HandClock, disk: Disk): MortalHost {
  const life = { alive: true };
  const open = new Set<File>();
  const locks = new Set<{ release(): Promise<void> }>();
  const underWay = new Set<Promise<unknown>>();
  const during = <T>(work: () => Promise<T>): Promise<T> => {
    if (!life.alive) return never();
    const done = work();
    underWay.add(done);
    return done.then(
      (value) => {
        underWay.delete(done);
        return life.alive ? value : never<T>();
      },
      (error: unknown) => {
        underWay.delete(done);
        return life.alive ? Promise.reject(error) : never<T>();
      },
    );
  };
  const guarded = (fn: () => void) => () => {
    if (life.alive) fn();
  };
  const mortalClock: Clock = {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, fn) => clock.after(delayMs, guarded(fn)),
    soon: (fn) => clock.soon(guarded(fn)),
    stay: () => clock.stay(),
  };
  return {
    host: { clock: mortalClock, disk: mortalDisk(disk, during, open, locks), random: new SimRandom(++lives), logger: silentLogger },
    kill: async () => {
      life.alive = false;
      await Promise.allSettled(underWay);
      for (const file of open) await file.close();
      for (const lock of locks) await lock.release();
    },
  };
}

type During = <T>(work: () => Promise<T>) => Promise<T>;

function mortalDisk(disk: Disk, during: During, open: Set<File>, locks: Set<{ release(): Promise<void> }>): Disk {
  return {
    open: (path, options) =>
      during(async () => {
        const file = await disk.open(path, options);
        open.add(file);
        return mortalFile(file, during, open);
      }),
    list: (directory) => during(() => disk.list(directory)),
    makeDirectory: (path) => during(() => disk.makeDirectory(path)),
    rename: (from, to) => during(() => disk.rename(from, to)),
    remove: (path) => during(() => disk.remove(path)),
    syncDirectory: (path) => during(() => disk.syncDirectory(path)),
    freeBytes: (path) => during(() => disk.freeBytes(path)),
    lock: (directory) =>
      during(async () => {
        const lock = await disk.lock(directory);
        locks.add(lock);
        return {
          release: () =>
            during(() => {
              locks.delete(lock);
              return lock.release();
            }),
        };
      }),
  };
}

function mortalFile(file: File, during: During, open: Set<File>): File {
  return {
    read: (into, position) => during(() => file.read(into, position)),
    write: (bytes, position) => during(() => file.write(bytes, position)),
    sync: () => during(() => file.sync()),
    sizeBytes: () => during(() => file.sizeBytes()),
    truncate: (sizeBytes) => during(() => file.truncate(sizeBytes)),
    close: () =>
      during(() => {
        open.delete(file);
        return file.close();
      }),
  };
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
