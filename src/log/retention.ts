/** Where age and size would let a log begin. */

import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';

/**
 * Only whole segments go. The active one counts as closed once everything in it is too old; and as soon as its oldest batch is, the next
 * batch begins another, so that a quiet partition does not keep what it was told to forget until its segment is full.
 */
export function retainFrom(segments: Segments, nowMs: number, retentionMs: number | undefined, retentionBytes: number | undefined): number {
  const { active } = segments;
  if (retentionMs !== undefined && nowMs - active.firstMs > retentionMs) active.full = true;
  let start = segments.first.base;
  let leftBytes = 0;
  for (let i = 0; i < segments.count; i++) leftBytes += livingBytes(segments.at(i));
  for (let i = 0; i < segments.count; i++) {
    const segment = segments.at(i);
    leftBytes -= livingBytes(segment);
    const tooOld = retentionMs !== undefined && nowMs - segment.lastMs > retentionMs;
    const tooMuch = retentionBytes !== undefined && segment !== active && leftBytes >= retentionBytes;
    if (segment.isEmpty || !(tooOld || tooMuch)) break;
    start = segment.end;
  }
  return start;
}

/** Without what a truncation left dead in its file, about. */
function livingBytes({ base, end, batchesEnd, sizeBytes }: Segment): number {
  return end < batchesEnd ? (sizeBytes * (end - base)) / (batchesEnd - base) : sizeBytes;
}
