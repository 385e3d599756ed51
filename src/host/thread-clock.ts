/** The real clock for code that runs on several threads of one process: its monotonic line is the same for all of them. */

import type { Clock } from './clock.ts';
import { nodeClock } from './node-clock.ts';

export function threadClock(): Clock {
  return { ...nodeClock(), monotonicMs };
}

/** `performance.now` counts from the start of its own thread; this counts from the start of the machine. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}
