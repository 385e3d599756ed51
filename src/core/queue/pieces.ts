/** Numbers and texts as bytes, small when they are near what came before: for restating a queue. */

/** What did not fit is not lost: the buffer grows. */
export class PieceWriter {
  #bytes: Uint8Array = new Uint8Array(64 * 1024);
  #view: DataView = new DataView(this.#bytes.buffer);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** A copy of all that was written since the last `take`. */
  take(): Uint8Array {
    const piece = this.#bytes.slice(0, this.#size);
    this.#size = 0;
    return piece;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#size++] = value;
  }

  /** A whole number from 0 to 2^53: seven bits a byte, the lowest first. */
  whole(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#size++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#size++] = rest;
  }

  /** Any number, exactly; a byte or two when its distance to `former` is whole and small. */
  near(value: number, former: number): void {
    const distance = value - former;
    if (Number.isInteger(distance) && Math.abs(distance) < 2 ** 51 && former + distance === value) {
      this.whole(distance < 0 ? -2 * distance : 2 * distance + 1);
      return;
    }
    this.#room(9);
    this.#bytes[this.#size++] = 0;
    this.#view.setFloat64(this.#size, value, true);
    this.#size += 8;
  }

  /** Any string, exactly: its UTF-16 units. */
  text(text: string): void {
    this.whole(text.length);
    for (let i = 0; i < text.length; i++) this.whole(text.charCodeAt(i));
  }

  #room(more: number): void {
    if (this.#size + more <= this.#bytes.length) return;
    const bigger = new Uint8Array(this.#bytes.length * 2);
    bigger.set(this.#bytes);
    this.#bytes = bigger;
    this.#view = new DataView(bigger.buffer);
  }
}

/** Reads what a `PieceWriter` wrote. Throws a RangeError where the piece ends too early. */
export class PieceReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    if (this.isAtEnd)
      throw new RangeError(`A restated queue breaks off at byte ${this.#at} of a piece. The checkpoint is damaged: run the doctor.`);
    return this.#bytes[this.#at++] as number;
  }

  whole(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  }

  near(former: number): number {
    const code = this.whole();
    if (code > 0) return former + (code % 2 === 1 ? (code - 1) / 2 : -code / 2);
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  text(): string {
    const length = this.whole();
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.whole());
    return text;
  }
}

/** Two lanes of FNV-1a: 64 bits that tell one state from another, not meant to withstand an adversary. */
export class Fingerprint {
  #a = 0x811c9dc5;
  #b = 0x01000193;

  add(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    for (let i = 0; i < bytes.length; i++) {
      a = Math.imul(a ^ (bytes[i] as number), 0x01000193);
      b = Math.imul(b + (bytes[i] as number), 0x85ebca6b) ^ (b >>> 13);
    }
    this.#a = a;
    this.#b = b;
  }

  toString(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0');
  }
}
