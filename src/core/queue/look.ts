/** Questions about all rows of a queue: each looks through what is there, chunk by chunk. */

import type { Runs } from '../../model/engine.ts';
import { CHUNK, type Chunk, SETTLED, STATE_MASK } from './chunk.ts';
import type { Rows } from './rows.ts';
import { RunList } from './runs.ts';

/** Fills `into` with at most `countMax` unsettled numbers from `from` on, ascending; answers how many. */
export function browse(rows: Rows, from: number, countMax: number, into: Float64Array): number {
  const max = Math.min(countMax, into.length);
  let count = 0;
  for (let chunk = rows.from(from); chunk !== undefined && count < max; chunk = rows.from(chunk.base + CHUNK)) {
    for (let row = chunk.rowFrom(from); row < chunk.used && count < max; row++) {
      if (((chunk.flags[row] as number) & STATE_MASK) !== SETTLED) into[count++] = chunk.numberAt(row);
    }
  }
  return count;
}

/** All messages in this state. */
export function inState(rows: Rows, state: number): Runs {
  const found = new RunList();
  for (let chunk = rows.from(0); chunk !== undefined; chunk = rows.from(chunk.base + CHUNK)) {
    for (let row = 0; row < chunk.used; row++) {
      if (((chunk.flags[row] as number) & STATE_MASK) === state) found.add(chunk.numberAt(row), 1);
    }
  }
  return found.toRuns();
}

/** Visits all unsettled messages whose bytes stand in this journal segment. `visit` may relocate them. */
export function inSegment(rows: Rows, segment: number, visit: (number: number) => void): void {
  for (let chunk = rows.from(0); chunk !== undefined; chunk = rows.from(chunk.base + CHUNK)) {
    if (segment >= chunk.segmentMin && segment <= chunk.segmentMax) visitChunk(chunk, segment, visit);
  }
}

/** Also finds out which segments the chunk really spans, so that the next look may pass it by. */
function visitChunk(chunk: Chunk, segment: number, visit: (number: number) => void): void {
  let low = Number.POSITIVE_INFINITY;
  for (let row = 0; row < chunk.used; row++) {
    if (((chunk.flags[row] as number) & STATE_MASK) === SETTLED) continue;
    if (chunk.segmentAt(row) === segment) visit(chunk.numberAt(row));
    low = Math.min(low, chunk.segmentAt(row));
  }
  chunk.segmentMin = low;
}
