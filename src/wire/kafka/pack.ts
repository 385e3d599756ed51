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

/** The batch, to be published to this address: copied. */
export function packOf(address: string, batch: Uint8Array): Records {
  const name = Buffer.from(address);
  const ahead = RECORD_HEAD_BYTES + HEAD_BYTES + name.length;
  const bytes = new Uint8Array(ahead + batch.length);
  bytes.set(batch, ahead);
  return headed(bytes, name);
}

/**
 * The same without a copy: the bytes in front of the batch, in the same memory, are written over. Of a Produce request for one partition
 * that was read these are its own, and nobody needs them any more: there are at least 26 besides the address, and 20 are taken.
 */
export function packInPlace(address: string, batch: Uint8Array): Records {
  const name = Buffer.from(address);
  const ahead = RECORD_HEAD_BYTES + HEAD_BYTES + name.length;
  return batch.byteOffset < ahead
    ? packOf(address, batch)
    : headed(new Uint8Array(batch.buffer, batch.byteOffset - ahead, ahead + batch.length), name);
}

/** Writes the head in front of the batch, which stands already where it belongs. */
function headed(bytes: Uint8Array, name: Uint8Array): Records {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, LANGUAGES.kafka | ((HEAD_BYTES + name.length) << 8), true);
  view.setUint32(RECORD_HEAD_BYTES, PACK | (name.length << 16), true);
  view.setFloat64(RECORD_HEAD_BYTES + 4, 0, true);
  bytes.set(name, RECORD_HEAD_BYTES + HEAD_BYTES);
  return { bytes, start: 0, ends: Uint32Array.of(bytes.length), count: 1 };
}

export function isPack(head: Uint8Array): boolean {
  return head[0] === PACK && head.length >= HEAD_BYTES;
}

/** Where the messages of a pack were published to. */
export function addressOfPack(head: Uint8Array): string {
  return Buffer.from(head.buffer, head.byteOffset + HEAD_BYTES, head.length - HEAD_BYTES).toString('utf8');
}
