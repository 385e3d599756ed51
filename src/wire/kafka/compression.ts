/** Compressed records opened, for those who need to see each: gzip, snappy, lz4, zstd. Bounded by what the caller allows. */

import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { BytesError } from '../../bytes/reader.ts';
import { openLz4 } from './lz4.ts';
import { openSnappy } from './snappy.ts';

export const CODEC_NAMES: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** Opens `bytes`, compressed with this codec, to at most `bytesMax`. Throws `BytesError` for what is damaged or would become larger. */
export function decompress(codec: number, bytes: Uint8Array, bytesMax: number): Uint8Array {
  switch (codec) {
    case 0:
      return bytes;
    case 1:
      return opened('gzip', () => gunzipSync(bytes, { maxOutputLength: bytesMax }));
    case 2:
      return openSnappy(bytes, bytesMax);
    case 3:
      return openLz4(bytes, bytesMax);
    case 4:
      return opened('zstd', () => zstdDecompressSync(bytes, { maxOutputLength: bytesMax }));
    default:
      throw new BytesError('value', 0, `There is no compression ${codec}.`);
  }
}

function opened(name: string, open: () => Uint8Array): Uint8Array {
  try {
    return open();
  } catch (error) {
    throw new BytesError('value', 0, `The records say they are compressed with ${name}, and cannot be opened: ${(error as Error).message}`);
  }
}
