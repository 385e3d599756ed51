/** Records of queue messages gathered into a buffer of their own: for those who keep what they are given. */

import type { Queue } from '../core/core.ts';
import type { View } from '../journal/journal.ts';
import type { Death, Deliveries } from '../model/engine.ts';
import type { Reader } from './reader.ts';

/**
 * Copies the records of these messages, in order. Reads from disk what is not in memory. Left out are those settled meanwhile and, when
 * `lease` is not 0, those no longer held under it.
 */
export async function copyMessages(reader: Reader, queue: Queue, numbers: ArrayLike<number>, lease: number): Promise<Deliveries> {
  const kept: number[] = [];
  const at: number[] = [];
  // Looked up message by message: while later ones are read from disk, an earlier one may be settled.
  const attempts: number[] = [];
  const deaths: (readonly Death[] | undefined)[] = [];
  let returned: Uint8Array | undefined;
  let bytes = new Uint8Array(0);
  let used = 0;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    if (!isThere(queue, number, lease)) continue;
    const size = queue.sizeOf(number);
    const view = reader.view(queue.position(number)) ?? (await loadUnlessGone(reader, queue, number));
    if (view === undefined || !isThere(queue, number, lease)) continue;
    if (used + size > bytes.length) {
      const bigger = new Uint8Array(Math.max(bytes.length * 2, used + size, Math.min(numbers.length, 64) * size));
      bigger.set(bytes.subarray(0, used));
      bytes = bigger;
    }
    const from = queue.position(number) - view.base;
    bytes.set(view.bytes.subarray(from, from + size), used);
    kept.push(number);
    at.push(used);
    attempts.push(queue.attempts(number));
    deaths.push(queue.deaths(number));
    if (queue.hasReturned && queue.wasReturned(number)) returned = withBit(returned, kept.length - 1, numbers.length);
    used += size;
  }
  return {
    queue: queue.spec.name,
    count: kept.length,
    numbers: Float64Array.from(kept),
    lease,
    bytes: bytes.subarray(0, used),
    at: Uint32Array.from(at),
    attempts: Uint16Array.from(attempts),
    ...(returned && { returned }),
    ...(deaths.some((died) => died !== undefined) && { deaths }),
  };
}

/** One bit per message; made when the first is set. */
function withBit(bits: Uint8Array | undefined, i: number, count: number): Uint8Array {
  const all = bits ?? new Uint8Array((count + 7) >> 3);
  all[i >> 3] = (all[i >> 3] ?? 0) | (1 << (i & 7));
  return all;
}

/** True while the queue has the message and, when `lease` is not 0, holds it under that lease. */
export function isThere(queue: Queue, number: number, lease: number): boolean {
  return lease === 0 ? queue.state(number) !== undefined : queue.leaseOf(number) === lease;
}

/** Those of the deliveries that are still held under their lease. */
export function stillHeld(queue: Queue, deliveries: Deliveries): Deliveries {
  return only(deliveries, (number) => queue.leaseOf(number) === deliveries.lease);
}

/** Those of the deliveries whose number is wanted. */
export function only(deliveries: Deliveries, wanted: (number: number) => boolean): Deliveries {
  const { numbers, at, attempts, deaths, returned } = deliveries;
  const kept = Array.from(numbers.keys()).filter((i) => wanted(numbers[i] ?? 0));
  if (kept.length === numbers.length) return deliveries;
  return {
    ...deliveries,
    count: kept.length,
    numbers: Float64Array.from(kept, (i) => numbers[i] ?? 0),
    at: Uint32Array.from(kept, (i) => at[i] ?? 0),
    attempts: Uint16Array.from(kept, (i) => attempts[i] ?? 0),
    ...(returned && { returned: pickBits(returned, kept) }),
    ...(deaths && { deaths: kept.map((i) => deaths[i]) }),
  };
}

function pickBits(bits: Uint8Array, kept: readonly number[]): Uint8Array {
  const out = new Uint8Array((kept.length + 7) >> 3);
  kept.forEach((i, k) => {
    if (((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0) out[k >> 3] = (out[k >> 3] ?? 0) | (1 << (k & 7));
  });
  return out;
}

/** Undefined when the message was settled during the read: then its segment may be gone. Follows a message that was carried forward. */
export async function loadUnlessGone(reader: Reader, queue: Queue, number: number): Promise<View | undefined> {
  for (;;) {
    const position = queue.position(number);
    try {
      const view = await reader.load(position);
      if (queue.state(number) === undefined) return undefined;
      if (queue.position(number) === position) return view;
    } catch (error) {
      if (queue.state(number) === undefined) return undefined;
      if (queue.position(number) === position) throw error;
    }
  }
}

/** A delivery of these messages with what the queue knows of each. */
export function describeMessages(queue: Queue, numbers: Float64Array, lease: number, bytes: Uint8Array, at: Uint32Array): Deliveries {
  const attempts = new Uint16Array(numbers.length);
  let deaths: (readonly Death[] | undefined)[] | undefined;
  let returned: Uint8Array | undefined;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i] ?? 0;
    attempts[i] = queue.attempts(number);
    if (queue.hasReturned && queue.wasReturned(number)) returned = withBit(returned, i, numbers.length);
    const died = queue.deaths(number);
    if (died === undefined) continue;
    deaths ??= Array.from({ length: numbers.length }, () => undefined);
    deaths[i] = died;
  }
  const delivery = { queue: queue.spec.name, count: numbers.length, numbers, lease, bytes, at, attempts };
  return deaths === undefined && returned === undefined
    ? delivery
    : { ...delivery, ...(returned && { returned }), ...(deaths && { deaths }) };
}
