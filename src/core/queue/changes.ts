/** The changes of state of messages already in a queue: loops over runs of rows, and over nothing else. */

import type { Runs } from '../../model/engine.ts';
import {
  ATTEMPT_COLUMN,
  ATTEMPT_ONE,
  ATTEMPT_SHIFT,
  CHUNK,
  type Chunk,
  DELAYED,
  DIED,
  IN_FLIGHT,
  READY,
  RETURNED,
  SETTLED,
  STATE_MASK,
} from './chunk.ts';
import type { Contents } from './contents.ts';

/** Ready to in flight under a lease, one attempt more. What is not ready is passed over. Answers how many were leased. */
export function leaseRuns(contents: Contents, runs: Runs, id: number, untilMs: number): number {
  const { rows, leases } = contents;
  const slot = leases.part(id, untilMs);
  let leased = 0;
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] as number;
    const end = first + (runs[r + 1] as number);
    const before = leased;
    for (let chunk = rows.from(first); chunk !== undefined && chunk.base < end; chunk = rows.from(chunk.base + CHUNK)) {
      leased += leaseRows(chunk, chunk.rowFrom(first), chunk.rowFrom(end), slot);
    }
    if (leased > before) leases.hold(slot, leased - before, first, end - first);
  }
  contents.ready -= leased;
  contents.inFlight += leased;
  if (leases.countOf(slot) === 0) leases.release(slot, 0);
  return leased;
}

function leaseRows(chunk: Chunk, from: number, to: number, slot: number): number {
  const { flags } = chunk;
  const slots = chunk.leases();
  let leased = 0;
  for (let row = from; row < to; row++) {
    const flag = flags[row] as number;
    if ((flag & STATE_MASK) !== READY) continue;
    if (flag >> ATTEMPT_SHIFT < ATTEMPT_COLUMN - 1) flags[row] = flag + ATTEMPT_ONE + IN_FLIGHT - READY;
    else {
      chunk.setAttempts(row, chunk.attemptsAt(row) + 1);
      flags[row] = ((flags[row] as number) & ~STATE_MASK) | IN_FLIGHT;
    }
    slots[row] = slot;
    leased++;
  }
  return leased;
}

/** Any unsettled state to gone. Answers how many were settled now. */
export function settleRuns(contents: Contents, runs: Runs): number {
  const { rows } = contents;
  let settled = 0;
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] as number;
    const end = first + (runs[r + 1] as number);
    for (let chunk = rows.from(first); chunk !== undefined && chunk.base < end; chunk = rows.from(chunk.base + CHUNK)) {
      settled += settleRows(contents, chunk, chunk.rowFrom(first), chunk.rowFrom(end));
    }
  }
  return settled;
}

function settleRows(contents: Contents, chunk: Chunk, from: number, to: number): number {
  const { rows, leases, groups } = contents;
  const { flags, size, segment, lease: slots, group } = chunk;
  let ready = 0;
  let delayed = 0;
  let inFlight = 0;
  let sizeBytes = 0;
  let held = 0;
  let leased = 0;
  let low = -1;
  let inSegment = 0;
  let last = 0;
  for (let row = from; row < to; row++) {
    const flag = flags[row] as number;
    const state = flag & STATE_MASK;
    if (state === SETTLED) continue;
    flags[row] = SETTLED;
    sizeBytes += size[row] as number;
    if (segment[row] !== low) {
      if (inSegment > 0) rows.leaveSegment(chunk.segmentAt(last), inSegment);
      inSegment = 0;
      low = segment[row] as number;
    }
    inSegment++;
    last = row;
    if (state === READY) ready++;
    else if (state === DELAYED) delayed++;
    else {
      inFlight++;
      const slot = (slots as Uint32Array)[row] as number;
      if (slot !== held) {
        if (held !== 0) leases.release(held, leased);
        held = slot;
        leased = 0;
      }
      leased++;
    }
    if ((flag & DIED) !== 0) contents.deaths.delete(chunk.numberAt(row));
    if (group !== undefined && groups !== undefined) groups.leave(group[row] as number, chunk.numberAt(row));
  }
  const settled = ready + delayed + inFlight;
  if (settled === 0) return 0;
  if (held !== 0) leases.release(held, leased);
  rows.leaveSegment(chunk.segmentAt(last), inSegment);
  contents.ready -= ready;
  contents.delayed -= delayed;
  contents.inFlight -= inFlight;
  rows.settled(chunk, settled, sizeBytes);
  return settled;
}

/** How a delivery ended that was not settled: as a failure that counts, given back without one, or before anybody had seen it. */
export type ReturnedAs = 'failed' | 'requeued' | 'unseen';

/** In flight to ready, or to delayed until `dueMs` when that is not 0. What is not in flight is passed over. */
export function returnRuns(contents: Contents, runs: Runs, dueMs: number, as: ReturnedAs): number {
  const { rows } = contents;
  let returned = 0;
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] as number;
    const end = first + (runs[r + 1] as number);
    for (let chunk = rows.from(first); chunk !== undefined && chunk.base < end; chunk = rows.from(chunk.base + CHUNK)) {
      const to = chunk.rowFrom(end);
      for (let row = chunk.rowFrom(first); row < to; row++) {
        if (((chunk.flags[row] as number) & STATE_MASK) !== IN_FLIGHT) continue;
        returnRow(contents, chunk, row, dueMs, as);
        returned++;
      }
    }
  }
  contents.inFlight -= returned;
  if (dueMs > 0) contents.delayed += returned;
  else contents.ready += returned;
  return returned;
}

function returnRow(contents: Contents, chunk: Chunk, row: number, dueMs: number, as: ReturnedAs): void {
  const number = chunk.numberAt(row);
  contents.leases.release(chunk.leases()[row] as number, 1);
  if (as !== 'failed') chunk.setAttempts(row, Math.max(0, chunk.attemptsAt(row) - 1));
  const mark = as === 'unseen' ? 0 : RETURNED;
  if (mark !== 0) contents.hasReturned = true;
  chunk.flags[row] = ((chunk.flags[row] as number) & ~STATE_MASK) | mark | (dueMs > 0 ? DELAYED : READY);
  contents.expiry.mark(number, chunk, row);
  if (dueMs > 0) contents.delays.add(number, dueMs);
  else contents.enlist(number, chunk, row);
}

/** Those in flight among the runs are held under this lease until `untilMs` from now on. Answers how many. */
export function extendRuns(contents: Contents, runs: Runs, id: number, untilMs: number): number {
  const whole = wholePart(contents, runs);
  const { rows, leases } = contents;
  if (whole !== 0 && leases.idOf(whole) === id && leases.moveEnd(whole, untilMs)) return leases.countOf(whole);
  const slot = leases.part(id, untilMs);
  let extended = 0;
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] as number;
    const end = first + (runs[r + 1] as number);
    for (let chunk = rows.from(first); chunk !== undefined && chunk.base < end; chunk = rows.from(chunk.base + CHUNK)) {
      const slots = chunk.leases();
      const to = chunk.rowFrom(end);
      for (let row = chunk.rowFrom(first); row < to; row++) {
        if (((chunk.flags[row] as number) & STATE_MASK) !== IN_FLIGHT) continue;
        extended++;
        const former = slots[row] as number;
        if (former === slot) continue;
        slots[row] = slot;
        leases.hold(slot, 1, chunk.numberAt(row), 1);
        leases.release(former, 1);
      }
    }
  }
  if (leases.countOf(slot) === 0) leases.release(slot, 0);
  return extended;
}

/** Slot of the one part of a lease whose messages, all of them and no others, are in flight among the runs; 0 = there is none. */
function wholePart(contents: Contents, runs: Runs): number {
  const { rows, leases } = contents;
  let part = 0;
  let count = 0;
  let former = 0;
  for (let r = 0; r + 1 < runs.length; r += 2) {
    const first = runs[r] as number;
    const end = first + (runs[r + 1] as number);
    // What is named twice would be counted twice.
    if (first < former) return 0;
    former = end;
    for (let chunk = rows.from(first); chunk !== undefined && chunk.base < end; chunk = rows.from(chunk.base + CHUNK)) {
      const slots = chunk.lease;
      const to = chunk.rowFrom(end);
      for (let row = chunk.rowFrom(first); row < to; row++) {
        if (((chunk.flags[row] as number) & STATE_MASK) !== IN_FLIGHT || slots === undefined) continue;
        const slot = slots[row] as number;
        if (part === 0) part = slot;
        else if (part !== slot) return 0;
        count++;
      }
    }
  }
  return part !== 0 && leases.countOf(part) === count ? part : 0;
}
