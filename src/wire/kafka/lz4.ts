/** LZ4 frames, opened. Checksums inside are passed over: the batch around them has its own. */

import { BytesError, Reader } from '../../bytes/reader.ts';
import { Output } from './output.ts';

const MAGIC = 0x184d2204;
const INDEPENDENT = 0x20;
const BLOCK_CHECKSUM = 0x10;
const CONTENT_SIZE = 0x08;
const CONTENT_CHECKSUM = 0x04;
const DICTIONARY = 0x01;
const STORED = 0x8000_0000;
const COPY_MIN = 4;

/** Throws `BytesError`. */
export function openLz4(bytes: Uint8Array, bytesMax: number): Uint8Array {
  const out = new Output(bytes.length * 3, bytesMax);
  const from = new Reader(bytes, 'little');
  while (from.remaining > 0) openFrame(bytes, from, out);
  return out.written();
}

function openFrame(bytes: Uint8Array, from: Reader, out: Output): void {
  const at = from.at;
  if (from.u32() !== MAGIC) throw new BytesError('value', at, `No lz4 frame begins at byte ${at}.`);
  const flags = from.u8();
  if (flags >> 6 !== 1 || (flags & DICTIONARY) !== 0)
    throw new BytesError('value', at, `The lz4 frame at byte ${at} is of a kind not read here.`);
  from.skip(1 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8) + 1);
  const frameFloor = out.at;
  for (let size = from.u32(); size !== 0; size = from.u32()) {
    const length = size % STORED;
    const start = from.at;
    from.skip(length);
    if (size >= STORED) out.copy(bytes, start, start + length);
    else openBlock(bytes, start, start + length, out, (flags & INDEPENDENT) === 0 ? frameFloor : out.at);
    if ((flags & BLOCK_CHECKSUM) !== 0) from.skip(4);
  }
  if ((flags & CONTENT_CHECKSUM) !== 0) from.skip(4);
}

/** Sequences of literals and a copy; the last has literals only. */
function openBlock(bytes: Uint8Array, start: number, end: number, out: Output, floor: number): void {
  const from = new Reader(bytes.subarray(0, end), 'little');
  from.seek(start);
  while (from.remaining > 0) {
    const token = from.u8();
    const literals = lengthOf(from, token >> 4);
    const at = from.at;
    from.skip(literals);
    out.copy(bytes, at, at + literals);
    if (from.remaining === 0) return;
    const back = from.u16();
    out.repeat(back, lengthOf(from, token & 15) + COPY_MIN, floor);
  }
}

/** 15 goes on in further bytes, each up to 255. */
function lengthOf(from: Reader, said: number): number {
  let length = said;
  if (said === 15) for (let more = 255; more === 255; length += more) more = from.u8();
  return length;
}
