/** What readers of a partition get who ask only for what is committed: marks and what was aborted are left out. */

import type { PartitionEnds } from '../core/core.ts';
import type { LogSlice } from '../log/log.ts';
import { isMark } from '../model/mark.ts';

/** The slice without them: itself when there are none. A pack belongs to one transaction as a whole. */
export function committed(slice: LogSlice, { uncommitted }: PartitionEnds): LogSlice {
  if (uncommitted === undefined) return slice;
  const { records, offsets, timestamps, packs } = slice;
  const kept: number[] = [];
  let sizeBytes = 0;
  for (let i = 0; i < records.count; i++) {
    const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    if (isMark(records.bytes, at) || uncommitted.isAborted(offsets[i] ?? 0)) continue;
    kept.push(i);
    sizeBytes += (records.ends[i] ?? 0) - at;
  }
  if (kept.length === records.count) return slice;
  const bytes = new Uint8Array(sizeBytes);
  const ends = new Uint32Array(kept.length);
  let to = 0;
  for (const [k, i] of kept.entries()) {
    const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    bytes.set(records.bytes.subarray(at, records.ends[i]), to);
    to += (records.ends[i] ?? 0) - at;
    ends[k] = to;
  }
  return {
    ...slice,
    records: { bytes, start: 0, ends, count: kept.length },
    offsets: Float64Array.from(kept, (i) => offsets[i] ?? 0),
    timestamps: Float64Array.from(kept, (i) => timestamps[i] ?? 0),
    ...(packs && { packs: Uint32Array.from(kept, (i) => packs[i] ?? 1) }),
  };
}
