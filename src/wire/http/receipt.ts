/** Receipts: what `receive` gives with a message and `ack` takes back. Opaque to clients; here, the lease and the message's number. */

import { Refused } from '../../model/refusal.ts';
import { quoted } from './scalars.ts';

export interface Receipt {
  readonly lease: number;
  readonly number: number;
}

const RECEIPT = /^([0-9a-z]{1,11})-([0-9a-z]{1,11})$/;

export function encodeReceipt(lease: number, number: number): string {
  return `${lease.toString(36)}-${number.toString(36)}`;
}

export function decodeReceipt(text: string): Receipt {
  const match = RECEIPT.exec(text);
  const lease = Number.parseInt(match?.[1] ?? '', 36);
  const number = Number.parseInt(match?.[2] ?? '', 36);
  if (!Number.isSafeInteger(lease) || !Number.isSafeInteger(number)) {
    throw new Refused('invalid', `${quoted(text)} is not a receipt; give the "receipt" of a received message as it came.`);
  }
  return { lease, number };
}

/** Receipts sorted into one settlement for each lease, the numbers as runs (first, count, first, count …). */
export function runsByLease(receipts: readonly Receipt[]): Map<number, Float64Array> {
  const numbers = new Map<number, number[]>();
  for (const { lease, number } of receipts) {
    const of = numbers.get(lease);
    if (of === undefined) numbers.set(lease, [number]);
    else of.push(number);
  }
  return new Map([...numbers].map(([lease, of]) => [lease, runsOf(of)]));
}

/** Numbers in any order, repeats allowed, as runs. */
export function runsOf(numbers: readonly number[]): Float64Array {
  const sorted = [...numbers].sort((a, b) => a - b);
  const runs: number[] = [];
  let next = Number.NaN; // one past the current run
  for (const number of sorted) {
    if (number === next - 1) continue; // a repeat
    if (number === next) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
    else runs.push(number, 1);
    next = number + 1;
  }
  return Float64Array.from(runs);
}
