/** Names that nobody else gives, not another process or thread on the same engine either. */

import { threadId } from 'node:worker_threads';

let given = 0;

/** `nowMs`: the engine's time, which tells this process from an earlier one of the same number. */
export function uniqueName(what: string, nowMs: number): string {
  return [what, ...[nowMs, process.pid, threadId, given++].map((part) => part.toString(36))].join('-');
}
