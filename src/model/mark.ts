/**
 * Marks: records that the broker itself puts where a transaction ends in a partition. A mark takes an offset, and only who reads what is
 * uncommitted meets it.
 *
 *     head:  0  f64 producer      8  u32 epoch      12  u8  1: committed, 0: aborted       (little-endian; there is no body)
 */

import { LANGUAGES } from './message.ts';
import { languageOf, RECORD_HEAD_BYTES, type Records, sizeOf } from './record.ts';
import { Refused } from './refusal.ts';

export interface Mark {
  readonly producer: number;
  readonly epoch: number;
  readonly committed: boolean;
}

const HEAD_BYTES = 13;

/** The mark as the one record of a batch. */
export function markRecord({ producer, epoch, committed }: Mark): Records {
  const bytes = new Uint8Array(RECORD_HEAD_BYTES + HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, LANGUAGES.mark | (HEAD_BYTES << 8), true);
  view.setFloat64(RECORD_HEAD_BYTES, producer, true);
  view.setUint32(RECORD_HEAD_BYTES + 8, epoch, true);
  bytes[RECORD_HEAD_BYTES + 12] = committed ? 1 : 0;
  return { bytes, start: 0, ends: Uint32Array.of(bytes.length), count: 1 };
}

export function isMark(bytes: Uint8Array, at: number): boolean {
  return languageOf(bytes, at) === LANGUAGES.mark;
}

/** The mark at `at`. Throws `Refused('invalid')` when it is not whole. */
export function readMark(bytes: Uint8Array, at: number): Mark {
  if (!isMark(bytes, at) || sizeOf(bytes, at) < RECORD_HEAD_BYTES + HEAD_BYTES)
    throw new Refused('invalid', `No whole mark of a transaction at byte ${at}.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at + RECORD_HEAD_BYTES, HEAD_BYTES);
  return { producer: view.getFloat64(0, true), epoch: view.getUint32(8, true), committed: view.getUint8(12) === 1 };
}
