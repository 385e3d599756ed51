/** Lines out of a stream of chunks: newline-delimited JSON, however the network cuts it. */

import { isUtf8 } from 'node:buffer';
import { Refused } from '../../model/refusal.ts';
import { faultSentence, findJsonFault } from './json.ts';

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** Takes chunks, gives whole lines of JSON that have been checked. Blank lines are skipped. */
export class LineReader {
  readonly #lineBytesMax: number;
  readonly #line: (body: Uint8Array) => void;
  #carry: Uint8Array = new Uint8Array(0);
  #carried = 0;
  #number = 0;

  /** `line` gets each line's bytes, borrowed: they are good until it returns. */
  constructor(lineBytesMax: number, line: (body: Uint8Array) => void) {
    this.#lineBytesMax = lineBytesMax;
    this.#line = line;
  }

  /** Lines begun so far; the one in hand is the last of them, counted from 1. */
  get number(): number {
    return this.#number;
  }

  /** Throws `Refused` (`invalid`, `too-large`) naming the line. Nothing may follow that. */
  push(chunk: Uint8Array): void {
    let from = 0;
    if (this.#carried > 0) {
      const end = chunk.indexOf(NEWLINE);
      this.#keep(chunk.subarray(0, end < 0 ? chunk.length : end));
      if (end < 0) return;
      from = end + 1;
      this.#takeCarry();
    }
    // One look at the whole chunk instead of one per line; what is cut off at its end is looked at again with its line.
    const last = chunk.lastIndexOf(NEWLINE);
    const plain = last >= from && isUtf8(chunk.subarray(from, last));
    for (let end = chunk.indexOf(NEWLINE, from); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#take(chunk, from, end, plain);
      from = end + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  /** The last line need not end in a newline. */
  end(): void {
    if (this.#carried > 0) this.#takeCarry();
  }

  #takeCarry(): void {
    const length = this.#carried;
    this.#carried = 0;
    this.#take(this.#carry, 0, length, false);
  }

  #take(bytes: Uint8Array, from: number, end: number, utf8: boolean): void {
    this.#number += 1;
    const to = end > from && bytes[end - 1] === RETURN ? end - 1 : end;
    if (to === from) return;
    if (to - from > this.#lineBytesMax) this.#tooLong();
    const body = bytes.subarray(from, to);
    const fault = findJsonFault(bytes, from, to);
    if (fault >= 0) {
      if (body.every((c) => c === 0x20 || c === 0x09 || c === RETURN)) return;
      throw new Refused('invalid', faultSentence(body, fault - from, `Line ${this.#number}`));
    }
    if (!utf8 && !isUtf8(body)) throw new Refused('invalid', `Line ${this.#number} is not UTF-8.`);
    this.#line(body);
  }

  #keep(part: Uint8Array): void {
    if (this.#carried + part.length > this.#lineBytesMax + 1) {
      this.#number += 1;
      this.#tooLong();
    }
    if (this.#carry.length < this.#carried + part.length) {
      const bigger = new Uint8Array(Math.max(4096, this.#carry.length * 2, this.#carried + part.length));
      bigger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = bigger;
    }
    this.#carry.set(part, this.#carried);
    this.#carried += part.length;
  }

  #tooLong(): never {
    throw new Refused('too-large', `Line ${this.#number} is longer than ${this.#lineBytesMax} bytes, the most one message may be.`);
  }
}
