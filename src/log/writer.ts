/**
 * The one who writes a log's files: moves the tail to the active segment, syncs it, closes segments. All of it one after another.
 *
 * A failed write or sync is final. What a full disk refused is the exception: those bytes are in memory still, nothing was promised of
 * them, and they are written again from where the last write ended.
 */

import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import { Refused } from '../model/refusal.ts';
import { passing } from './damaged.ts';
import type { LogFiles } from './files.ts';
import { writeFooter } from './footer.ts';
import type { Segment } from './segment.ts';
import type { Segments } from './segments.ts';
import type { Chunk, Tail } from './tail.ts';
import { writeAll } from './write-all.ts';

/** What opening a log found out about its last segment. */
export interface Found {
  /** The file is there. */
  readonly exists: boolean;
  /** Its descriptor, pinned, when bytes were written to it that are not synced. */
  readonly file: File | undefined;
  readonly namesDirty: boolean;
  /** First offset that may be lost by a power cut now. */
  readonly synced: number;
}

export class LogWriter {
  readonly #host: Host;
  readonly #segments: Segments;
  readonly #tail: Tail;
  readonly #files: LogFiles;
  readonly #onFailure: (error: Error) => void;
  /** The segment written to; the active one may be ahead of it. */
  #segment: Segment;
  /** Open and pinned from the first write until the sync after it: the error of a lost write comes to this descriptor. */
  #file: File | undefined;
  #exists: boolean;
  #dirty: boolean;
  #namesDirty: boolean;
  /** Segments let go of, oldest first, whose files are still to be removed. */
  readonly leaving: Segment[] = [];
  /** Offset up to which the log is in its files, and how much of the segment written to that makes. */
  #written: number;
  #writtenBytes: number;
  #synced: number;
  #last: Promise<unknown> = DONE;
  #waiting: Promise<void> | undefined;
  #failure: Refused | undefined;

  constructor(host: Host, segments: Segments, tail: Tail, files: LogFiles, onFailure: (error: Error) => void, found: Found) {
    this.#host = host;
    this.#segments = segments;
    this.#tail = tail;
    this.#files = files;
    this.#onFailure = onFailure;
    this.#segment = segments.active;
    this.#file = found.file;
    this.#exists = found.exists;
    this.#dirty = found.file !== undefined;
    this.#namesDirty = found.namesDirty;
    this.#written = segments.end;
    this.#writtenBytes = segments.active.sizeBytes;
    this.#synced = found.synced;
  }

  get synced(): number {
    return this.#synced;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Runs when all that was asked for before is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.then(done, done);
    return result;
  }

  /** Everything appended before this call survives a power cut once it resolves. */
  sync(): Promise<void> {
    this.#waiting ??= this.exclusive(async () => {
      this.#waiting = undefined;
      await this.flush();
      await this.settle();
    });
    return this.#waiting;
  }

  /** Within `exclusive`: writes what is appended now, without a sync. What comes meanwhile waits for the next time. */
  async flush(): Promise<void> {
    this.check();
    const until = this.#segments.end;
    for (let chunk = this.#tail.unwritten; chunk !== undefined && this.#written < until; chunk = this.#tail.unwritten) {
      await this.#write(chunk);
    }
  }

  async #write(chunk: Chunk): Promise<void> {
    const file = await this.#turnTo(chunk.segment);
    this.#tail.seal(chunk);
    const { segment, block, at, writtenBytes, usedBytes, end } = chunk;
    this.#dirty = true;
    await this.#try(() => writeAll(file, segment.path, block.bytes.subarray(writtenBytes, usedBytes), at + writtenBytes));
    this.#tail.wrote(chunk, usedBytes);
    this.#written = end;
    this.#writtenBytes = at + usedBytes;
  }

  /** Within `exclusive`: makes safe what was written. */
  async settle(): Promise<void> {
    this.check();
    if (this.#dirty) {
      const file = await this.#pinned();
      await this.final(() => file.sync());
      this.#segment.syncedBytes = this.#writtenBytes;
      this.#dirty = false;
    }
    if (this.#namesDirty) {
      await this.syncNames();
      this.#namesDirty = false;
    }
    this.#synced = this.#written;
    this.#tail.release();
    this.#unpin();
  }

  /** Makes the names of this log's files survive a power cut. */
  async syncNames(): Promise<void> {
    await this.final(() => this.#host.disk.syncDirectory(this.#segments.directory));
  }

  /** Within `exclusive`: the file of the segment that is active now is there, and its name is safe. */
  async anchor(): Promise<void> {
    const { active } = this.#segments;
    await this.flush();
    // Nothing was flushed to it if it is empty.
    if (this.#segment !== active || !this.#exists) await this.#turnTo(active);
    if (this.#namesDirty) await this.settle();
  }

  /** Within `exclusive`, after `flush`: writes go on in this segment, whose file somebody else has made. */
  restart(segment: Segment): void {
    this.#segment = segment;
    this.#exists = true;
    this.#written = segment.end;
    this.#writtenBytes = segment.sizeBytes;
    this.#synced = Math.min(this.#synced, segment.end);
  }

  /** Writes and syncs everything, and leaves a footer. Afterwards no file is open. */
  close(): Promise<void> {
    return this.exclusive(async () => {
      try {
        await this.flush();
        await this.settle();
        await this.#writeFooter();
      } finally {
        this.#unpin();
        for (let i = 0; i < this.#segments.count; i++) await this.#files.forget(this.#segments.at(i).handle);
      }
    });
  }

  /** A sync or a write failed that cannot be asked for again: from now on this log promises nothing. Answers what to throw. */
  fail(cause: unknown): Refused {
    if (this.#failure !== undefined) return this.#failure;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new Refused(
      'closed',
      `The log ${this.#segments.directory} stopped after a disk error (${why}). Restart to go on from what is safe.`,
      {
        cause,
      },
    );
    this.#onFailure(this.#failure);
    return this.#failure;
  }

  /** Throws when it has failed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #turnTo(segment: Segment): Promise<File> {
    if (segment !== this.#segment) {
      await this.finish();
      this.#segment = segment;
      this.#exists = false;
      this.#writtenBytes = 0;
    }
    return this.#pinned();
  }

  /** The file of the segment written to, ready for more batches. */
  async #pinned(): Promise<File> {
    const segment = this.#segment;
    if (this.#file !== undefined && !segment.footed) return this.#file;
    return this.#try(async () => {
      if (!this.#exists) await this.#host.disk.makeDirectory(this.#segments.directory);
      this.#file ??= await this.#files.pin(segment.handle, !this.#exists);
      if (!this.#exists) this.#namesDirty = true;
      this.#exists = true;
      if (segment.footed) {
        this.#dirty = true;
        await this.#file.truncate(this.#writtenBytes);
        segment.footed = false;
      }
      return this.#file;
    });
  }

  /** Within `exclusive`: the segment gets no more batches. Only when it is safe may the next one's file be made. */
  async finish(): Promise<void> {
    await this.settle();
    await this.#writeFooter();
    this.#segment.settled = true;
  }

  async #writeFooter(): Promise<void> {
    const segment = this.#segment;
    if (segment.sizeBytes === 0 || segment.footed) return;
    await this.#files.use(segment.handle, (file) => writeFooter(this.#host, file, segment));
  }

  #unpin(): void {
    if (this.#file === undefined) return;
    this.#file = undefined;
    this.#files.unpin(this.#segment.handle);
  }

  /** Does what cannot be asked for again when it fails. */
  async final(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw this.fail(error);
    }
    // Another sync that failed meanwhile may have lost what this one was asked to make safe.
    this.check();
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw passing(error, this.#segment.path) ?? this.fail(error);
    }
  }
}

const DONE = Promise.resolve();

function done(): void {}
