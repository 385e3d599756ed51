/**
 * The log: a topic partition on disk. Appending copies into memory and never waits; the files are written behind it, in large pieces,
 * and `sync` makes all of it safe. The journal is the truth: what a crash takes from the end of a log, replay appends again.
 */

import type { Host } from '../host/host.ts';
import { type Offset, offset } from '../model/lines.ts';
import { PACK_MAX, type RecordColumns } from '../model/packs.ts';
import type { Records } from '../model/record.ts';
import { Refused } from '../model/refusal.ts';
import { compact, type KeyOf } from './compact.ts';
import { outOfRange } from './damaged.ts';
import { LogFiles } from './files.ts';
import type { Parts } from './parts.ts';
import { LogReader } from './reader.ts';
import { recover } from './recovery.ts';
import { retainFrom } from './retention.ts';
import { Segments } from './segments.ts';
import { trim, truncate } from './shape.ts';
import type { LogSlice } from './slice.ts';
import { Tail } from './tail.ts';
import { LogWriter } from './writer.ts';

export { discard } from './discard.ts';
export { examineLog, type LogFinding, type LogReport, salvageLog } from './doctor.ts';
export { LogFiles } from './files.ts';
export type { LogSlice } from './slice.ts';

export interface LogOptions {
  /** Made when the first record is written. No other log may use it. */
  readonly directory: string;
  /** A segment is closed before it grows beyond this. Default 64 MiB, at most 1 GiB. */
  readonly segmentBytes?: number;
  /** So many appended and unwritten bytes start a write in the background. Default 1 MiB. */
  readonly bufferBytes?: number;
  /** The key of the record at `at`, for compaction; undefined = it has none. May be a view into `bytes`. It must not throw. */
  readonly keyOf?: KeyOf;
  /** How many keys a compaction keeps in memory, about; what is left over waits for the next one. Default 1,000,000. */
  readonly compactKeysMax?: number;
  /** Descriptors and buffers to share with other logs. Default: with all logs that are opened with the same host. */
  readonly files?: LogFiles;
  /** The caller knows that the log was synced up to here: one that ends before is damaged. Default 0. */
  readonly atLeast?: Offset;
  /** Called once: a write or sync failed for good, and nothing will be safe any more. A full disk is not a failure. */
  onFailure(error: Error): void;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024;
const BUFFER_BYTES = 1024 * 1024;
const KEYS_MAX = 1_000_000;

export class PartitionLog {
  readonly #options: LogOptions;
  readonly #parts: Parts;
  readonly #segments: Segments;
  readonly #tail: Tail;
  readonly #writer: LogWriter;
  readonly #reader: LogReader;
  #start: number;
  /** Where the log ended when it was opened: replay may append again what lies before. */
  #recovered: number;
  /** So many unwritten bytes start a write in the background; more while the disk is full. */
  #writeAtBytes: number;
  #writing = false;
  #truncating = false;
  #closed: Promise<void> | undefined;
  /** Trimming, truncating and compacting happen one after another. */
  #shaping: Promise<unknown> = DONE;

  private constructor(options: LogOptions, parts: Parts, tail: Tail) {
    this.#options = options;
    this.#parts = parts;
    this.#segments = parts.segments;
    this.#tail = tail;
    this.#writer = parts.writer;
    this.#reader = new LogReader(parts.segments, tail, parts.files);
    this.#start = parts.segments.first.base;
    this.#recovered = parts.segments.end;
    this.#writeAtBytes = bufferBytesOf(options);
  }

  /**
   * Opens the log, cutting off what a crash left unfinished at its end. Rejects with `Refused('damaged')` naming file and byte when
   * something that had been safe is not whole, and with `Refused('format')` when a newer version wrote it.
   */
  static async open(host: Host, options: LogOptions): Promise<PartitionLog> {
    const { directory, atLeast = 0 } = options;
    const files = options.files ?? LogFiles.of(host);
    const salt = () => host.random.u32();
    const { segments: items, found } = await recover(host, directory, files, salt, atLeast);
    const segments = new Segments(directory, items, salt);
    const tail = new Tail(segments, files, segmentBytesOf(options), bufferBytesOf(options));
    const writer = new LogWriter(host, segments, tail, files, (error) => options.onFailure(error), found);
    if (files.crowded) await writer.sync();
    return new PartitionLog(options, { host, files, segments, writer }, tail);
  }

  /** The first offset that can be read. */
  get start(): Offset {
    return offset(this.#start);
  }

  /** The next offset to be appended. */
  get end(): Offset {
    return offset(this.#segments.end);
  }

  /** Everything below survives a power cut. */
  get synced(): Offset {
    return offset(this.#writer.synced);
  }

  /** There may be packs in it. */
  get packed(): boolean {
    return this.#segments.packed;
  }

  /** Bytes of all segments, the unwritten ones included. */
  get sizeBytes(): number {
    return this.#segments.sizeBytes;
  }

  /** Bytes in memory that wait to be written: what grows when the disk does not keep up. */
  get unwrittenBytes(): number {
    return this.#tail.unwrittenBytes;
  }

  /**
   * Appends records, copying them at once; `picks` are the numbers of those to take, in order. `base` has to be `end`; a replay may also
   * append again what was there when the log was opened, which is passed over. Anything else throws: it is the caller's mistake.
   */
  append(base: Offset, timeMs: number, records: Records, picks?: Uint32Array, columns?: RecordColumns): void {
    this.#checkOpen();
    if (Number.isNaN(timeMs) || this.#truncating)
      throw new Error('A batch needs a time, and cannot be appended while the log is truncated.');
    if (columns !== undefined) checkColumns(columns, records.count);
    const count = picks === undefined ? records.count : picks.length;
    const known = this.#known(base, count, picks, columns?.packs);
    if (known === count) return;
    if (picks === undefined) this.#copy(records, known, count - 1, timeMs, columns);
    else {
      for (let i = known; i < count; ) {
        const first = picks[i] ?? 0;
        let last = first;
        for (i++; i < count && picks[i] === last + 1; i++) last++;
        this.#copy(records, first, last, timeMs, columns);
      }
    }
    if (this.#tail.unwrittenBytes >= this.#writeAtBytes && !this.#writing) void this.#write();
  }

  /**
   * Reads from offset `from` on, records below `before` only, about `sizeBytesMax` of them, but always one if there is one. A pack comes
   * whole: from an offset inside of one, reading begins with it; one that reaches beyond `before` is not there yet. Rejects with
   * `Refused('out-of-range')`, or `Refused('damaged')` naming file and byte. `room`: the caller's memory for the records, used if they fit.
   */
  async fetch(from: Offset, before: Offset, sizeBytesMax: number, room?: Uint8Array): Promise<LogSlice> {
    this.#checkOpen();
    if (!(from >= this.#start && from <= this.#segments.end))
      throw outOfRange(this.#options.directory, from, this.#start, this.#segments.end);
    return this.#reader.fetch(from, before, sizeBytesMax, room);
  }

  /**
   * The first record not earlier than `timeMs`; of a pack its first message that is there, though its latest is meant. `before`, or `end` if
   * that is less, when there is none. Later times give no lower offsets.
   */
  async offsetAt(timeMs: number, before: Offset): Promise<Offset> {
    this.#checkOpen();
    const found = await this.#reader.offsetAt(timeMs, this.#start);
    return offset(Math.min(found, before, this.#segments.end));
  }

  /**
   * Everything appended before this call survives a power cut once it resolves. Rejects with `Refused('disk-full')`, after which it may be
   * tried again; any other failure is final: `onFailure` hears of it, and all later syncs reject.
   */
  async sync(): Promise<void> {
    this.#checkOpen();
    await this.#writer.sync();
    this.#writeAtBytes = bufferBytesOf(this.#options);
  }

  /**
   * After replay: drops records from `end` on, which the journal does not know, and a pack that reaches beyond it. Safe when it resolves.
   * Nothing may be appended meanwhile.
   */
  truncate(end: Offset): Promise<void> {
    return this.#shape(async () => {
      if (end >= this.#segments.end) return;
      const { first } = this.#segments;
      if (end < first.base) throw outOfRange(this.#options.directory, end, first.base, this.#segments.end);
      this.#truncating = true;
      try {
        await truncate(this.#parts, end);
      } finally {
        this.#truncating = false;
      }
      this.#recovered = this.#segments.end;
      this.#start = Math.min(this.#start, end);
    });
  }

  /**
   * Where retention would let the log begin: whole closed segments go, and the active one once all of it is too old. Give it to `trim`.
   * Absent limits: none.
   */
  retainFrom(nowMs: number, retentionMs: number | undefined, retentionBytes: number | undefined): Offset {
    return offset(Math.max(this.#start, retainFrom(this.#segments, nowMs, retentionMs, retentionBytes)));
  }

  /**
   * The log begins at `start`, at once; segments before it are then removed. The caller remembers `start` and gives it again after opening.
   * Rejects with `Refused('out-of-range')` beyond the end.
   */
  trim(start: Offset): Promise<void> {
    if (start > this.#segments.end) return Promise.reject(outOfRange(this.#options.directory, start, this.#start, this.#segments.end));
    if (start > this.#start) this.#start = start;
    return this.#shape(() => trim(this.#parts, start));
  }

  /**
   * Keeps the last record of each key in the closed segments wholly below `before`; records without a key stay. A record with an empty body
   * removes its key, and goes itself once it is older than `tombstoneMs`. Offsets do not change. Answers how many records were removed; 0
   * without `keyOf`. Packs have no keys: nothing up to the last of them is touched, and behind it no tombstone goes.
   */
  compact(nowMs: number, before: Offset, tombstoneMs: number): Promise<{ readonly removed: number }> {
    const { keyOf, compactKeysMax: keysMax = KEYS_MAX } = this.#options;
    return this.#shape(async () => {
      if (keyOf === undefined) return { removed: 0 };
      const segmentBytes = segmentBytesOf(this.#options);
      return { removed: await compact(this.#parts, { keyOf, before, tombstonesBeforeMs: nowMs - tombstoneMs, segmentBytes, keysMax }) };
    });
  }

  /** Syncs, then closes. Rejects when the sync does; the log is closed all the same. */
  close(): Promise<void> {
    this.#closed ??= this.#shaping.then(() => this.#writer.close());
    return this.#closed;
  }

  #copy(records: Records, first: number, last: number, timeMs: number, columns: RecordColumns | undefined): void {
    if (columns?.packs === undefined && columns?.timesMs === undefined) this.#tail.append(records, first, last, timeMs);
    else this.#tail.appendTold(records, first, last, timeMs, columns);
  }

  /** How many records of a batch that begins with `base` are in the log already. */
  #known(base: number, count: number, picks: Uint32Array | undefined, packs: Uint32Array | undefined): number {
    const { end } = this.#segments;
    if (base === end) return 0;
    let known = 0;
    let next = base;
    for (; known < count && next < end; known++) next += packs?.[picks?.[known] ?? known] ?? 1;
    if (known === count && next <= this.#recovered) return count;
    if (base < end && next === end && end === this.#recovered) return known;
    throw new Error(`The log ${this.#options.directory} ends with offset ${end}; a batch that begins with ${base} cannot follow it.`);
  }

  /** In the background. A failure is told by `onFailure`; a full disk is tried again when as much has come once more. */
  async #write(): Promise<void> {
    this.#writing = true;
    const { host, files } = this.#parts;
    try {
      // What came meanwhile would have to wait for the next append, which need not come.
      do {
        await this.#writer.exclusive(async () => {
          await this.#writer.flush();
          if (files.crowded) await this.#writer.settle();
        });
        this.#writeAtBytes = bufferBytesOf(this.#options);
      } while (this.#tail.unwrittenBytes >= this.#writeAtBytes);
    } catch (error) {
      this.#writeAtBytes = this.#tail.unwrittenBytes + bufferBytesOf(this.#options);
      host.logger.warn('log.write-failed', {
        directory: this.#options.directory,
        unwrittenBytes: this.#tail.unwrittenBytes,
        error: String(error),
      });
    } finally {
      this.#writing = false;
    }
  }

  #shape<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#shaping.then(() => {
      this.#checkOpen();
      return work();
    });
    this.#shaping = result.then(done, done);
    return result;
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new Refused('closed', `The log ${this.#options.directory} has been closed; open it again.`);
  }
}

const DONE = Promise.resolve();

function done(): void {}

function checkColumns({ packs, timesMs }: RecordColumns, count: number): void {
  for (let i = 0; packs !== undefined && i < count; i++) {
    const messages = packs[i] ?? 0;
    if (messages < 1 || messages > PACK_MAX) throw new Error(`Record ${i} of a batch is said to stand for ${messages} messages.`);
  }
  for (let i = 0; timesMs !== undefined && i < count; i++) {
    if (Number.isNaN(timesMs[i] ?? Number.NaN)) throw new Error(`Record ${i} of a batch has no time.`);
  }
}

function bufferBytesOf({ bufferBytes = BUFFER_BYTES }: LogOptions): number {
  return bufferBytes;
}

function segmentBytesOf({ segmentBytes = SEGMENT_BYTES }: LogOptions): number {
  return Math.min(segmentBytes, SEGMENT_BYTES_MAX);
}
