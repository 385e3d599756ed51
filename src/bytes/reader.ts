/** Reads numbers, texts and bytes one after another from bytes that somebody else wrote: nothing is read beyond the end, nothing is allocated on the word of a length. */

/** Byte order of fixed-size numbers: `big` on the network (Kafka, AMQP, MQTT), `little` in this project's own files. */
export type Order = 'big' | 'little';

/** `end`: the bytes break off before what was asked for · `value`: they are there, and mean nothing that is allowed. */
export class BytesError extends RangeError {
  override readonly name: string = 'BytesError';
  readonly kind: 'end' | 'value';
  /** Where in the bytes given to the reader. */
  readonly at: number;

  constructor(kind: 'end' | 'value', at: number, message: string) {
    super(message);
    this.kind = kind;
    this.at = at;
  }
}

/** With a byte order mark kept and wrong UTF-8 refused: what is read is what was sent. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Most bytes of a varint that holds a safe integer, zigzag included. */
const VARINT_BYTES_MAX = 8;

/** All methods throw `BytesError`, and leave the place where it was when the bytes break off. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  #at = 0;
  /** What the last varint held beyond its lowest 28 bits. */
  #high = 0;

  constructor(bytes: Uint8Array, order: Order = 'big') {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#little = order === 'little';
  }

  get at(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Goes to a place, 0 to the length of the bytes. */
  seek(at: number): void {
    if (!(at >= 0 && at <= this.#bytes.length)) throw new BytesError('end', at, `There is no byte ${at} in ${this.#bytes.length} bytes.`);
    this.#at = at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), this.#little);
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2), this.#little);
  }

  u24(): number {
    const at = this.#take(3);
    const [low, high] = this.#little ? [at, at + 2] : [at + 2, at];
    return this.#view.getUint8(low) | (this.#view.getUint8(at + 1) << 8) | (this.#view.getUint8(high) << 16);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), this.#little);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), this.#little);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), this.#little);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), this.#little);
  }

  /** 64 bits without sign, as a number; refuses what a number cannot hold exactly. */
  u64(): number {
    return this.#safe(this.#word(this.#take(8), 4) + this.#word(this.#at - 8, 0) * 2 ** 32);
  }

  /** 64 bits with sign, as a number; refuses what a number cannot hold exactly. */
  i64(): number {
    return this.#safe(this.#word(this.#take(8), 4) + (this.#word(this.#at - 8, 0) | 0) * 2 ** 32);
  }

  bigU64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.#little);
  }

  bigI64(): bigint {
    return this.#view.getBigInt64(this.#take(8), this.#little);
  }

  /** Seven bits a byte, lowest first (LEB128): protobuf, MQTT (`bytesMax` 4), Kafka's unsigned varints (5). */
  varint(bytesMax: number = VARINT_BYTES_MAX): number {
    const start = this.#at;
    const low = this.#varint(bytesMax);
    const value = this.#high * 2 ** 28 + low;
    if (value > Number.MAX_SAFE_INTEGER) this.#unsafe(start);
    return value;
  }

  /** A varint in which 0, 1, 2, 3 … mean 0, -1, 1, -2 …: protobuf's sint, Kafka's varints and varlongs. */
  zigzag(bytesMax: number = VARINT_BYTES_MAX): number {
    const start = this.#at;
    const low = this.#varint(bytesMax);
    const half = this.#high * 2 ** 27 + (low >>> 1);
    const value = (low & 1) === 0 ? half : -half - 1;
    if (!Number.isSafeInteger(value)) this.#unsafe(start);
    return value;
  }

  /** The next `length` bytes where they lie: good for as long as the bytes given to the reader. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** `length` bytes of UTF-8. */
  text(length: number): string {
    const at = this.#take(length);
    try {
      return decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw new BytesError('value', at, `The text of ${length} bytes at byte ${at} is not UTF-8.`);
    }
  }

  /** A text after its length in 8 bits. */
  text8(): string {
    return this.#prefixed(this.u8(), 1);
  }

  /** A text after its length in 16 bits. */
  text16(): string {
    return this.#prefixed(this.u16(), 2);
  }

  /** A text after its length in 32 bits. */
  text32(): string {
    return this.#prefixed(this.u32(), 4);
  }

  #prefixed(length: number, prefix: number): string {
    if (length > this.remaining) {
      this.#at -= prefix;
      this.#end(this.#at, prefix + length);
    }
    return this.text(length);
  }

  #take(count: number): number {
    const at = this.#at;
    // Written so that NaN and negative counts are refused too.
    if (!(count >= 0 && count <= this.#bytes.length - at)) this.#end(at, count);
    this.#at = at + count;
    return at;
  }

  /** Leaves the lowest 28 bits as the result and the rest in `#high`. */
  #varint(bytesMax: number): number {
    const start = this.#at;
    let low = 0;
    this.#high = 0;
    for (let i = 0; i < bytesMax; i++) {
      const byte = this.#bytes[start + i];
      if (byte === undefined) this.#end(start, i + 1);
      if (i < 4) low |= (byte & 0x7f) << (7 * i);
      else this.#high += (byte & 0x7f) * 2 ** (7 * (i - 4));
      if (byte < 0x80) {
        this.#at = start + i + 1;
        return low;
      }
    }
    throw new BytesError('value', start, `The varint at byte ${start} is longer than ${bytesMax} bytes.`);
  }

  #word(at: number, bigOffset: 0 | 4): number {
    return this.#view.getUint32(this.#little ? at + 4 - bigOffset : at + bigOffset, this.#little);
  }

  #safe(value: number): number {
    if (!Number.isSafeInteger(value)) this.#unsafe(this.#at - 8);
    return value;
  }

  #unsafe(at: number): never {
    this.#at = at;
    throw new BytesError('value', at, `The whole number at byte ${at} is beyond 2^53 and cannot be held exactly.`);
  }

  #end(at: number, wanted: number): never {
    throw new BytesError('end', at, `${wanted} bytes are needed at byte ${at}, and ${this.#bytes.length - at} are there.`);
  }
}
