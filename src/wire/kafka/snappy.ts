/** Snappy, opened: plain blocks, and the framed stream that Java programs write around them. */

import { BytesError, Reader } from '../../bytes/reader.ts';
import { Output } from './output.ts';

/** `\x82SNAPPY\0`, then two version numbers, then blocks each after its length. */
const FRAMED: readonly number[] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0];
const FRAMED_HEAD_BYTES = 16;

/** Throws `BytesError`. */
export function openSnappy(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const out = new Output(bytes.length * 2, bytesMax);
  if (!FRAMED.every((byte, i) => bytes[i] === byte)) {
    openBlock(bytes, 0, bytes.length, out);
    return out.written();
  }
  const from = new Reader(bytes);
  from.skip(FRAMED_HEAD_BYTES);
  while (from.remaining > 0) {
    const length = from.u32();
    const at = from.at;
    from.skip(length);
    openBlock(bytes, at, at + length, out);
  }
  return out.written();
}

function openBlock(bytes: Uint8Array, start: number, end: number, out: Output): void {
  const from = new Reader(bytes.subarray(0, end));
  from.seek(start);
  const length = from.varint(5);
  const floor = out.at;
  while (from.remaining > 0) {
    const tag = from.u8();
    if ((tag & 3) === 0) {
      const count = literal(from, tag >> 2) + 1;
      const at = from.at;
      from.skip(count);
      out.copy(bytes, at, at + count);
      continue;
    }
    const kind = tag & 3;
    const count = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const back = kind === 1 ? ((tag >> 5) << 8) | from.u8() : kind === 2 ? little(from, 2) : little(from, 4);
    out.repeat(back, count, floor);
  }
  if (out.at - floor !== length) throw new BytesError('value', start, `A snappy block says ${length} bytes, and holds ${out.at - floor}.`);
}

/** One less than the length: in the tag itself, or in 1 to 4 bytes behind it. */
function literal(from: Reader, said: number): number {
  return said < 60 ? said : little(from, said - 59);
}

function little(from: Reader, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value += from.u8() * 2 ** (8 * i);
  return value;
}
