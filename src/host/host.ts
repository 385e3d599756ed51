/** The machine as a parameter: what a broker may ask of the world. Each port has a real, and a simulated or memory twin in this room. */

import type { Clock } from './clock.ts';
import type { Disk } from './disk.ts';
import type { Logger } from './logger.ts';
import type { Random } from './random.ts';

export interface Host {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
}
