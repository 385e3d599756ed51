/** Short texts in and out of bytes, faster than the general way: ASCII letter by letter, and each text made only once while it keeps coming. */

import type { TextBytes } from './memory.ts';

const SHORT_MAX = 24;
const KNOWN = 2048;

export class ShortTexts {
  readonly #known: (string | undefined)[] = new Array(KNOWN).fill(undefined);

  /** Writes `value` as UTF-8. Answers the number of bytes, or -1 when it does not fit between `at` and `end`. */
  write(bytes: Uint8Array, text: TextBytes, at: number, end: number, value: string): number {
    const length = value.length;
    if (length > end - at) return -1;
    if (length <= SHORT_MAX) {
      let done = 0;
      for (; done < length; done++) {
        const code = value.charCodeAt(done);
        if (code > 127) break;
        bytes[at + done] = code;
      }
      if (done === length) return length;
    }
    const room = end - at;
    const written = text.utf8Write(value, at, room);
    // A letter that did not fit is left out whole, so it is sure to be complete only with room for one more.
    if (written + 4 <= room || Buffer.byteLength(value) <= room) return written;
    return -1;
  }

  read(bytes: Uint8Array, text: TextBytes, from: number, length: number): string {
    if (length > SHORT_MAX) return text.utf8Slice(from, from + length);
    let hash = length;
    for (let at = 0; at < length; at++) hash = (Math.imul(hash, 31) + (bytes[from + at] as number)) | 0;
    const place = (hash ^ (hash >>> 11)) & (KNOWN - 1);
    const known = this.#known[place];
    if (known !== undefined && isSame(known, bytes, from, length)) return known;
    const value = text.utf8Slice(from, from + length);
    this.#known[place] = value;
    return value;
  }
}

function isSame(known: string, bytes: Uint8Array, from: number, length: number): boolean {
  if (known.length !== length) return false;
  // Only ASCII passes, where letters and bytes are the same.
  for (let at = 0; at < length; at++) if (known.charCodeAt(at) !== bytes[from + at] || known.charCodeAt(at) > 127) return false;
  return true;
}
