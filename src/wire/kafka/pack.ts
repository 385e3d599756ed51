/**
 * A whole batch as one record of this house: kept as it came, opened only for those who need to see each message.
 *
 *     head:  0  u8  1: a batch
 *            2  u16 bytes of the address, little-endian
 *           12  address
 *     body:  the batch, its offset not yet said
 */

import { LANGUAGES } from '../../model/message.ts';
import { RECORD_HEAD_BYTES, type Records } from '../../model/record.ts';
import { HEAD_BYTES } from './single.ts';

export const PACK = 1;

/** The batch, to be published to this address. */
export function packOf(address: string, batch: Uint8Array): Records {
  const name = Buffer.from(address);
  const head = HEAD_BYTES + name.length;
  const size = RECORD_HEAD_BYTES + head + batch.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint32(4, LANGUAGES.kafka | (head << 8), true);
  bytes[RECORD_HEAD_BYTES] = PACK;
  view.setUint16(RECORD_HEAD_BYTES + 2, name.length, true);
  bytes.set(name, RECORD_HEAD_BYTES + HEAD_BYTES);
  bytes.set(batch, RECORD_HEAD_BYTES + head);
  return { bytes, start: 0, ends: Uint32Array.of(size), count: 1 };
}

export function isPack(head: Uint8Array): boolean {
  return head[0] === PACK && head.length >= HEAD_BYTES;
}

/** Where the messages of a pack were published to. */
export function addressOfPack(head: Uint8Array): string {
  return Buffer.from(head.buffer, head.byteOffset + HEAD_BYTES, head.length - HEAD_BYTES).toString('utf8');
}
