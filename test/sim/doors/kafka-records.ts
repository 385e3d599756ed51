/** Batches of records as a simulated client writes and reads them. */

import { batchOf } from '../../wire/kafka/batches.ts';
import type { Batch } from './kafka-ledger.ts';

const HEAD = 61;
const ATTRIBUTES_AT = 21;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

export function writeBatch(
  texts: readonly string[],
  producer: { readonly id: number; readonly epoch: number; readonly sequence: number },
  isTransactional: boolean,
): Uint8Array {
  return batchOf(
    texts.map((value) => ({ value })),
    { producer, attributes: isTransactional ? TRANSACTIONAL : 0 },
  );
}

/** Whole batches only: what breaks off at the end is for the next time. */
export function readBatches(bytes: Uint8Array): Batch[] {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const batches: Batch[] = [];
  for (let at = 0; at + HEAD <= from.length; ) {
    const end = at + 12 + from.readInt32BE(at + 8);
    if (end > from.length) break;
    batches.push(readBatch(from.subarray(at, end)));
    at = end;
  }
  return batches;
}

function readBatch(from: Buffer): Batch {
  const base = Number(from.readBigInt64BE(0));
  const attributes = from.readInt16BE(ATTRIBUTES_AT);
  const isControl = (attributes & CONTROL) !== 0;
  const records: { offset: number; text: string }[] = [];
  let at = HEAD;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = from[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
  };
  let controlType = -1;
  for (let left = from.readInt32BE(57); left > 0; left--) {
    const length = varint();
    const end = at + length;
    at += 1; // attributes of a record: none are in use
    varint();
    const offset = base + varint();
    const keyLength = varint();
    if (isControl) controlType = from.readInt16BE(at + 2);
    at += Math.max(0, keyLength);
    const valueLength = varint();
    records.push({ offset, text: from.toString('latin1', at, at + Math.max(0, valueLength)) });
    at = end;
  }
  return {
    base,
    last: base + from.readInt32BE(23),
    isControl,
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isAbort: isControl && controlType === 0,
    producerId: Number(from.readBigInt64BE(43)),
    records: isControl ? [] : records,
  };
}

/** What who wants only what is committed takes of it [KIP-98]: nothing of the producers named, from where they are named to their abort. */
export function committedOf(
  batches: readonly Batch[],
  aborted: readonly { readonly producerId: number; readonly firstOffset: number }[],
): Batch[] {
  const waiting = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const out = new Set<number>();
  const kept: Batch[] = [];
  for (const batch of batches) {
    for (let first = waiting[0]; first !== undefined && first.firstOffset <= batch.last; first = waiting[0]) {
      out.add(first.producerId);
      waiting.shift();
    }
    if (batch.isAbort) out.delete(batch.producerId);
    if (!batch.isControl && !(batch.isTransactional && out.has(batch.producerId))) kept.push(batch);
  }
  return kept;
}
