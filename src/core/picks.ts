/** Records by index: picked out of a batch, and put side by side again. */

import type { Columns } from '../model/engine.ts';
import type { Records } from '../model/record.ts';

export function startOf(records: Records, i: number): number {
  return i === 0 ? records.start : (records.ends[i - 1] ?? 0);
}

export function recordAt(records: Records, i: number): Uint8Array {
  return records.bytes.subarray(startOf(records, i), records.ends[i]);
}

export function pick(count: number, wanted: (i: number) => boolean): Uint32Array {
  const picks = new Uint32Array(count);
  let n = 0;
  for (let i = 0; i < count; i++) if (wanted(i)) picks[n++] = i;
  return picks.slice(0, n);
}

export function pickColumns(columns: Columns, picks: Uint32Array): Columns {
  const out: Record<string, unknown> = {};
  for (const [name, column] of Object.entries(columns)) {
    if (Array.isArray(column)) out[name] = Array.from(picks, (i) => column[i]);
    else if (column !== undefined) {
      const from = column as Float64Array;
      const Column = from.constructor as Float64ArrayConstructor;
      out[name] = new Column(picks.length).map((_, k) => from[picks[k] ?? 0] ?? 0);
    }
  }
  return out as Columns;
}

/** The picked records side by side. */
export function gathered(records: Records, picks: Uint32Array): Records {
  return joined(Array.from(picks, (i) => recordAt(records, i)));
}

export function joined(parts: readonly Uint8Array[]): Records {
  const ends = new Uint32Array(parts.length);
  let size = 0;
  parts.forEach((part, i) => {
    size += part.length;
    ends[i] = size;
  });
  const bytes = new Uint8Array(size);
  parts.forEach((part, i) => {
    bytes.set(part, (ends[i] ?? 0) - part.length);
  });
  return { bytes, start: 0, ends, count: parts.length };
}
