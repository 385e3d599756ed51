/** The parts of one open log, for the jobs that change its files as a whole. */

import type { Host } from '../host/host.ts';
import type { LogFiles } from './files.ts';
import type { Segments } from './segments.ts';
import type { LogWriter } from './writer.ts';

export interface Parts {
  readonly host: Host;
  readonly files: LogFiles;
  readonly segments: Segments;
  readonly writer: LogWriter;
}
