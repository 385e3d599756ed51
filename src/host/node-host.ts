/** The machine this process runs on. */

import type { Host } from './host.ts';
import type { Logger } from './logger.ts';
import { nodeClock } from './node-clock.ts';
import { NodeDisk } from './node-disk.ts';
import { nodeRandom } from './node-random.ts';
import { type TextLoggerOptions, textLogger } from './text-logger.ts';

export interface NodeHostOptions extends TextLoggerOptions {
  /** Instead of lines on stderr. */
  readonly logger?: Logger;
}

export function nodeHost(options: NodeHostOptions = {}): Host {
  const clock = nodeClock();
  return { clock, disk: new NodeDisk(), random: nodeRandom(), logger: options.logger ?? textLogger(clock, options) };
}
