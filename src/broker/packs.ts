/** Packs taken apart for those who do not speak their language: what was kept as one record is read as the messages it stands for. */

import type { LogSlice } from '../log/log.ts';
import { type Offset, offset } from '../model/lines.ts';
import { packedIn, unpackRecord } from '../model/packs.ts';
import type { Language, Unpacked } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';

/** Packs of which readers have had only a part: they come back for the rest, and unpacking can be dear. One a partition, and few in all. */
export type Cuts = Map<Unpacker, { readonly first: number; readonly pack: Unpacked }>;

const CUTS_MAX = 8;

/** Takes packs of one partition apart. */
export class Unpacker {
  readonly #languages: ReadonlyMap<number, Language>;
  readonly #cuts: Cuts;

  /** `cuts`: shared by all partitions. */
  constructor(languages: ReadonlyMap<number, Language>, cuts: Cuts) {
    this.#languages = languages;
    this.#cuts = cuts;
  }

  /**
   * Every message from `from` on for itself: about `sizeBytesMax` of them, but always one if there is one. A pack that does not unpack is
   * given as it is, as one record at the first of its offsets: whoever reads it hears why.
   */
  singly(slice: LogSlice, from: number, sizeBytesMax: number): LogSlice {
    const { packs, records, offsets, timestamps } = slice;
    if (packs === undefined) return slice;
    const out = new Gathering(sizeBytesMax);
    for (let i = 0; i < records.count && out.next === undefined; i++) {
      const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
      const first = offsets[i] ?? 0;
      const timeMs = timestamps[i] ?? 0;
      const pack = this.#unpack(records.bytes, at, first, packs[i] ?? 1);
      if (pack !== undefined) {
        out.add(pack, Math.max(0, from - first), first, timeMs);
        this.#keep(first, out.next === undefined || out.next === first ? undefined : pack);
      } else {
        const whole = { bytes: records.bytes, start: at, ends: records.ends.subarray(i, i + 1), count: 1 };
        out.add(whole, 0, Math.max(first, from), timeMs);
      }
    }
    return out.take(slice.next);
  }

  /** The first message at or after `timeMs` of the slice's first record, which reaches to `at`; its last if none says so. */
  messageAt({ records, offsets, packs }: LogSlice, at: number, timeMs: number): Offset {
    const first = offsets[0] ?? at;
    const pack = packs && this.#unpack(records.bytes, records.start, first, packs[0] ?? 1);
    if (pack?.timesMs === undefined) return offset(at);
    const last = pack.count - 1;
    for (let k = Math.max(0, at - first); k < last; k++) if ((pack.timesMs[k] ?? 0) >= timeMs) return offset(first + k);
    return offset(Math.max(at, first + last));
  }

  #keep(first: number, pack: Unpacked | undefined): void {
    this.#cuts.delete(this);
    if (pack === undefined) return;
    this.#cuts.set(this, { first, pack });
    if (this.#cuts.size <= CUTS_MAX) return;
    const [oldest] = this.#cuts.keys();
    if (oldest !== undefined) this.#cuts.delete(oldest);
  }

  /** Undefined: it is a single message, or nobody can take it apart. */
  #unpack(bytes: Uint8Array, at: number, first: number, messages: number): Unpacked | undefined {
    const cut = this.#cuts.get(this);
    if (cut?.first === first) return cut.pack;
    if (packedIn(bytes, at, this.#languages) === 0) return undefined;
    try {
      const pack = unpackRecord(bytes, at, this.#languages);
      return pack.count === messages ? pack : undefined;
    } catch (error) {
      if (error instanceof Refused) return undefined;
      throw error;
    }
  }
}

/** Messages side by side, with their offsets and times. */
class Gathering {
  /** The first message that did not fit. */
  next: number | undefined;
  readonly #sizeBytesMax: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #sizeBytes = 0;
  #ends = new Uint32Array(0);
  #offsets = new Float64Array(0);
  #timestamps = new Float64Array(0);
  #count = 0;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
  }

  /** Adds messages from number `skip` on, as many as fit; message 0 has offset `first`. */
  add({ bytes, start, ends, count }: Unpacked, skip: number, first: number, timeMs: number): void {
    const from = skip === 0 ? start : (ends[skip - 1] ?? 0);
    this.#growRows(count - skip);
    const before = this.#sizeBytes;
    let to = from;
    for (let k = skip; k < count; k++) {
      const end = ends[k] ?? 0;
      if (this.#count > 0 && before + end - from > this.#sizeBytesMax) {
        this.next = first + k;
        break;
      }
      this.#ends[this.#count] = before + end - from;
      this.#offsets[this.#count] = first + k;
      this.#timestamps[this.#count++] = timeMs;
      to = end;
    }
    this.#copy(bytes, from, to);
  }

  take(next: Offset): LogSlice {
    const count = this.#count;
    return {
      records: { bytes: this.#bytes, start: 0, ends: this.#ends, count },
      offsets: this.#offsets.subarray(0, count),
      timestamps: this.#timestamps.subarray(0, count),
      next: offset(this.next ?? next),
    };
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    const sizeBytes = this.#sizeBytes + to - from;
    if (sizeBytes > this.#bytes.length) {
      const more = new Uint8Array(Math.max(sizeBytes, Math.min(2 * this.#bytes.length, this.#sizeBytesMax)));
      more.set(this.#bytes.subarray(0, this.#sizeBytes));
      this.#bytes = more;
    }
    this.#bytes.set(bytes.subarray(from, to), this.#sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  #growRows(more: number): void {
    const room = this.#count + more;
    if (room <= this.#ends.length) return;
    this.#ends = grown(this.#ends, new Uint32Array(Math.max(room, 2 * this.#count)));
    this.#offsets = grown(this.#offsets, new Float64Array(this.#ends.length));
    this.#timestamps = grown(this.#timestamps, new Float64Array(this.#ends.length));
  }
}

function grown<T extends Uint32Array | Float64Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
