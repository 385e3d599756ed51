/** A whole machine from one seed: time, disk and chance that repeat exactly. */

import type { Clock } from '../clock.ts';
import type { Host } from '../host.ts';
import type { Logger } from '../logger.ts';
import { silentLogger } from '../text-logger.ts';
import { SimClock, type SimClockOptions } from './sim-clock.ts';
import { SimDisk, type SimDiskOptions } from './sim-disk.ts';
import { SimRandom } from './sim-random.ts';

export interface SimHostOptions extends SimDiskOptions, SimClockOptions {
  /** Default: silent. */
  readonly logger?: Logger;
}

export interface SimHost {
  /** What the broker under test is given. Its timers end with `crash`. */
  readonly host: Host;
  /** Turns time, for every process of the simulation. */
  readonly clock: SimClock;
  readonly disk: SimDisk;
  /** The sequence of the test's own choices; the host's and the disk's are separate ones. */
  readonly random: SimRandom;
  /**
   * Power cut: the process of `host` is dead, none of its timers or disk operations ever calls back. Answers the machine after it,
   * with what the disk kept, on the same clock.
   */
  crash(): SimHost;
  /** kill -9: the process is dead as in `crash`, but the machine runs on, and the disk's cache with it. */
  kill(): SimHost;
}

export function simHost(seed: number, options: SimHostOptions = {}): SimHost {
  const clock = new SimClock(options);
  const random = new SimRandom(seed);
  return machine(clock, new SimDisk(clock, random.fork(), options), random, random.fork(), options.logger ?? silentLogger);
}

function machine(clock: SimClock, disk: SimDisk, random: SimRandom, hostRandom: SimRandom, logger: Logger): SimHost {
  const life = clock.process();
  const die = (next: SimDisk) => {
    life.kill();
    return machine(clock, next, random, hostRandom, logger);
  };
  const clockOfHost: Clock = life.clock;
  return {
    host: { clock: clockOfHost, disk, random: hostRandom, logger },
    clock,
    disk,
    random,
    crash: () => die(disk.crash()),
    kill: () => die(disk.kill()),
  };
}
