/** Messages on their way in, as records side by side: each is copied once out of what the socket brought. */

import type { Columns } from '../../model/engine.ts';
import { LANGUAGES } from '../../model/message.ts';
import { RECORD_HEAD_BYTES, type Records } from '../../model/record.ts';
import { TIME_BYTES } from './record.ts';

const BYTES_FIRST = 1024;
const COUNT_FIRST = 8;

export class RecordBatch {
  #bytes: Buffer = Buffer.allocUnsafeSlow(BYTES_FIRST);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** The same memory, for others: `slice` of a Buffer copies nothing, and who keeps records relies on that it does. */
  #plain: Uint8Array = new Uint8Array(this.#bytes.buffer);
  #at = 0;
  #start = 0;
  #ends: Uint32Array = new Uint32Array(COUNT_FIRST);
  #priority: Uint8Array | undefined;
  #ttlMs: Float64Array | undefined;
  #dueMs: Float64Array | undefined;
  #keyHash: Int32Array | undefined;
  count = 0;

  /** Bytes so far, those of a record that has begun included. */
  get sizeBytes(): number {
    return this.#at;
  }

  /** What it could take without growing. */
  get capacity(): number {
    return this.#bytes.length;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Begins a record. `names`: exchange and routing key as they stand in the publish. */
  begin(nowMs: number, names: Buffer): void {
    this.#start = this.#at;
    const count = names.length;
    const at = this.#room(RECORD_HEAD_BYTES + TIME_BYTES + count) + RECORD_HEAD_BYTES;
    this.#view.setFloat64(at, nowMs, true);
    const bytes = this.#bytes;
    for (let i = 0; i < count; i++) bytes[at + TIME_BYTES + i] = names[i] as number;
  }

  /** Its properties. */
  properties(from: Uint8Array, start: number, end: number): void {
    const at = this.#room(end - start);
    const bytes = this.#bytes;
    for (let i = start; i < end; i++) bytes[at + i - start] = from[i] as number;
    this.#view.setUint32(this.#start + 4, LANGUAGES.amqp | ((this.#at - this.#start - RECORD_HEAD_BYTES) << 8), true);
  }

  /** A further part of its body. */
  body(bytes: Buffer, from: number, to: number): void {
    const at = this.#room(to - from);
    bytes.copy(this.#bytes, at, from, to);
  }

  end(): void {
    this.#view.setUint32(this.#start, this.#at - this.#start, true);
    if (this.count === this.#ends.length) {
      const more = new Uint32Array(this.#ends.length * 2);
      more.set(this.#ends);
      this.#ends = more;
    }
    this.#ends[this.count++] = this.#at;
  }

  /** Moves the record that has begun to the end of another batch, so that the finished ones need not wait for it. */
  moveBegun(to: RecordBatch): void {
    to.#start = to.#at;
    const size = this.#at - this.#start;
    const at = to.#room(size);
    this.#bytes.copy(to.#bytes, at, this.#start, this.#at);
    this.#at = this.#start;
    const { count } = this;
    const priority = this.#priority?.[count] ?? 0;
    if (priority !== 0) to.setPriority(priority);
    const ttlMs = this.#ttlMs?.[count] ?? Number.POSITIVE_INFINITY;
    if (ttlMs !== Number.POSITIVE_INFINITY) to.setTtlMs(ttlMs);
    const keyHash = this.#keyHash?.[count] ?? -1;
    if (keyHash !== -1) to.setKeyHash(keyHash);
  }

  /** Takes back the record that has begun. */
  abandon(): void {
    this.#at = this.#start;
  }

  /** Of the record that has begun: what the core acts on. */
  setPriority(value: number): void {
    this.#priority = grown(this.#priority, this.count, Uint8Array, 0);
    this.#priority[this.count] = value;
  }

  setTtlMs(value: number): void {
    this.#ttlMs = grown(this.#ttlMs, this.count, Float64Array, Number.POSITIVE_INFINITY);
    this.#ttlMs[this.count] = value;
  }

  /** Of any record: when it may be delivered, milliseconds since 1970. */
  setDueMs(index: number, value: number): void {
    this.#dueMs = grown(this.#dueMs, index, Float64Array, 0);
    this.#dueMs[index] = value;
  }

  setKeyHash(value: number): void {
    this.#keyHash = grown(this.#keyHash, this.count, Int32Array, -1);
    this.#keyHash[this.count] = value;
  }

  /** The finished records from `from` to `to`. Borrowed: until `clear`. */
  records(from: number, to: number): Records {
    // The array may be longer than what is meant: no view is made of the beginning.
    if (from === 0) return { bytes: this.#plain, start: 0, ends: this.#ends, count: to };
    return { bytes: this.#plain, start: this.#ends[from - 1] ?? 0, ends: this.#ends.subarray(from, to), count: to - from };
  }

  /** What the core acts on, of the records from `from` to `to`. */
  columns(from: number, to: number): Columns | undefined {
    if (this.#priority === undefined && this.#ttlMs === undefined && this.#dueMs === undefined && this.#keyHash === undefined)
      return undefined;
    return {
      ...(this.#priority !== undefined && { priority: fitted(this.#priority, from, to, 0) }),
      ...(this.#ttlMs !== undefined && { ttlMs: fitted(this.#ttlMs, from, to, Number.POSITIVE_INFINITY) }),
      ...(this.#dueMs !== undefined && { dueMs: fitted(this.#dueMs, from, to, 0) }),
      ...(this.#keyHash !== undefined && { keyHash: fitted(this.#keyHash, from, to, -1) }),
    };
  }

  clear(): void {
    this.#at = 0;
    this.#start = 0;
    this.count = 0;
    this.#priority = undefined;
    this.#ttlMs = undefined;
    this.#dueMs = undefined;
    this.#keyHash = undefined;
  }

  #room(count: number): number {
    const at = this.#at;
    if (at + count > this.#bytes.length) {
      const bigger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, at + count));
      this.#bytes.copy(bigger, 0, 0, at);
      this.#bytes = bigger;
      this.#view = new DataView(bigger.buffer);
      this.#plain = new Uint8Array(bigger.buffer);
    }
    this.#at = at + count;
    return at;
  }
}

type Column = Uint8Array | Float64Array | Int32Array;

type Made<T extends Column> = new (length: number) => T;

/** With room for the element `index`; those not set say `none`. */
function grown<T extends Column>(column: T | undefined, index: number, Kind: Made<T>, none: number): T {
  if (column !== undefined && index < column.length) return column;
  const bigger = new Kind(Math.max(64, index * 2));
  bigger.fill(none);
  if (column !== undefined) bigger.set(column);
  return bigger;
}

/** One element per record, however far the column was written. */
function fitted<T extends Column>(column: T, from: number, to: number, none: number): T {
  if (to <= column.length) return column.subarray(from, to) as T;
  return grown(column, to - 1, column.constructor as Made<T>, none).subarray(from, to) as T;
}

/** Batches given back, for all connections of a door: a publisher of many small ones finds them again, and large ones are not kept for ever. */
export class BatchPool {
  readonly #spare: RecordBatch[] = [];
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  take(): RecordBatch {
    const batch = this.#spare.pop();
    if (batch === undefined) return new RecordBatch();
    this.#bytes -= batch.capacity;
    return batch;
  }

  /** Only once nobody looks at its records any more. */
  give(batch: RecordBatch): void {
    batch.clear();
    if (this.#bytes + batch.capacity > this.#bytesMax) return;
    this.#bytes += batch.capacity;
    this.#spare.push(batch);
  }
}
