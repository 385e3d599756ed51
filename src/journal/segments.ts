/**
 * The segment files of an open journal: the live ones, the spares made ahead, and the change from one to the other. A spare is zero-filled
 * (or recycled), synced and under its final name in a synced directory before anything is written to it.
 */

import type { Host } from '../host/host.ts';
import type { Position } from '../model/lines.ts';
import { OpenFiles } from './open-files.ts';
import { isPassing, makeSegment, Segment, segmentPath, temporaryPath } from './segment.ts';

/** A second spare takes what is recycled, so that steady work fills no file with zeros ever again. */
export const SPARES_MAX = 2;
const RETRY_MS = 1000;
/** A spare is begun when an eighth of the segment being written is used: a journal that stays tiny never costs a whole segment. */
const PREPARE_AT = 1 / 8;

export interface SegmentsOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  /** Whether a write is answered only from the device. */
  readonly dsync: boolean;
  /** A spare has been made, or could not be. */
  onChange(): void;
  /** The disk has failed for good. */
  onFatal(error: Error): void;
  /** Whether all that made the segment free is on the device. */
  isFree(segment: number, since: Position): boolean;
}

export class Segments {
  /** Oldest first; the last one is being written. */
  readonly live: Segment[];
  readonly spares: Segment[];
  readonly files: OpenFiles;
  readonly #host: Host;
  readonly #options: SegmentsOptions;
  /** Given to `recycle`; `since`: the tip at that time. */
  readonly #leaving: { segment: Segment; since: Position }[] = [];
  #tight = false;
  #stopped = false;
  #working: Promise<void> | undefined;
  #again = false;
  #cancelRetry: (() => void) | undefined;
  #wanted = false;
  #unlooked = false;
  /** Under its final name, and not open yet because the process has too many open files. */
  #unopened: Segment | undefined;

  constructor(host: Host, options: SegmentsOptions, live: Segment[], spares: Segment[]) {
    this.#host = host;
    this.#options = options;
    this.live = live;
    this.spares = spares;
    const open = [...live, ...spares].filter(({ file }) => file !== undefined).length;
    this.files = new OpenFiles(host.disk, options.dsync, open, () => {
      if (this.hasLeaving || this.files.tooMany) this.work();
    });
    this.files.hold(this.active);
  }

  get active(): Segment {
    // A journal always has a segment being written: it is opened with one, and `roll` only adds.
    return this.live[this.live.length - 1] as Segment;
  }

  get tight(): boolean {
    return this.#tight;
  }

  /** Segments are on their way out. */
  get hasLeaving(): boolean {
    return this.#leaving.length > 0;
  }

  /** Whether any segment on its way out is like that; `since`: the tip when it was given to `recycle`. */
  someLeaving(is: (segment: number, since: Position) => boolean): boolean {
    return this.#leaving.some(({ segment, since }) => is(segment.number, since));
  }

  /** All files, spares and leaving ones included. */
  get sizeBytes(): number {
    let sum = 0;
    for (const { sizeBytes } of this.#all()) sum += sizeBytes;
    return sum;
  }

  find(number: number): Segment | undefined {
    const live = this.live.find((segment) => segment.number === number);
    return live ?? this.#leaving.find(({ segment }) => segment.number === number && !segment.gone)?.segment;
  }

  /** The next segment becomes the one being written; `undefined` when there is no spare yet: wait for `onSpare`. */
  roll(): Segment | undefined {
    const next = this.spares.shift();
    if (next === undefined) {
      this.#wanted = true;
      this.work();
      return undefined;
    }
    this.#wanted = false;
    this.files.hold(next);
    // What is appended is ahead of what is written: the segment left here may have been given to `recycle` already.
    if (this.isLeaving(this.active)) this.live.pop();
    this.live.push(next);
    this.work();
    return next;
  }

  /** Says how far the active segment is written: a spare is made in time. */
  filled(byte: number): void {
    if (this.#wanted || this.spares.length > 0 || byte < this.active.sizeBytes * PREPARE_AT) return;
    this.#wanted = true;
    this.work();
  }

  /** A full disk is better known before the first publish than after. */
  look(): void {
    this.#unlooked = true;
    this.work();
  }

  /** Takes a segment out of the live ones; its file goes when `isFree` says so and nobody uses it. */
  recycle(number: number, since: Position): void {
    const segment = this.live.find((live) => live.number === number);
    if (segment === undefined || this.isLeaving(segment)) return;
    this.#leaving.push({ segment, since });
    if (segment !== this.active) this.live.splice(this.live.indexOf(segment), 1);
    this.work();
  }

  isLeaving(segment: Segment): boolean {
    return this.#leaving.some((leaving) => leaving.segment === segment);
  }

  /** Does what is due: lets go of what is free, makes a spare where one is wanted. */
  work(): void {
    if (this.#stopped) return;
    if (this.#working !== undefined) {
      this.#again = true;
      return;
    }
    this.#working = this.#chores()
      .catch((error: unknown) => this.#failed(error))
      .then(() => {
        this.#working = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.work();
      });
  }

  /** No file is made, renamed or removed any more. */
  async quiet(): Promise<void> {
    this.stop();
    await this.#working;
  }

  async close(): Promise<void> {
    await this.quiet();
    for (const segment of this.#all()) await this.files.shut(segment);
  }

  /** Nothing is written any more. */
  stop(): void {
    this.#stopped = true;
    this.#calm();
  }

  #all(): Set<Segment> {
    return new Set([...this.live, ...this.spares, ...this.#leaving.map(({ segment }) => segment)]);
  }

  get #reserveBytes(): number {
    return 2 * this.#options.segmentBytes;
  }

  #failed(error: unknown): void {
    if (this.#stopped) return this.#host.logger.warn('journal.stopping', { error: String(error) });
    this.stop();
    this.#options.onFatal(error instanceof Error ? error : new Error(String(error)));
  }

  /** One thing after the other, so that names and numbers cannot cross. */
  async #chores(): Promise<void> {
    while (!this.#stopped) {
      const free = this.#leaving.find(({ segment, since }) => segment.users === 0 && this.#options.isFree(segment.number, since));
      if (free !== undefined) await this.#leave(free.segment);
      else if (this.#unlooked) await this.#lookAround();
      else if (this.files.tooMany && (await this.files.shutIdle(this.live))) continue;
      else if (this.#cancelRetry !== undefined) return;
      else if (this.#unopened !== undefined) await this.#openSpare(this.#unopened);
      else if (this.spares.length === 0 && this.#wanted) await this.#prepare();
      else return;
    }
  }

  async #lookAround(): Promise<void> {
    this.#unlooked = false;
    const free = await this.#host.disk.freeBytes(this.#options.directory);
    if (free < this.#reserveBytes && this.spares.length === 0) this.#tighten(`${free} bytes are free`);
  }

  async #leave(segment: Segment): Promise<void> {
    const { disk, logger } = this.#host;
    const { directory, segmentBytes } = this.#options;
    // From here on nobody is given it to read any more.
    segment.gone = true;
    const keep = await this.#isReusable(segment);
    await this.files.shut(segment);
    if (this.#stopped) return;
    if (keep) {
      const next = new Segment(this.#nextNumber, segmentPath(directory, this.#nextNumber), segmentBytes);
      await disk.rename(segment.path, next.path);
      if (this.#stopped) return;
      await disk.syncDirectory(directory);
      this.#forget(segment);
      await this.#openSpare(next);
    } else {
      await disk.remove(segment.path);
      if (this.#stopped) return;
      await disk.syncDirectory(directory);
      this.#forget(segment);
      this.#retryNow();
    }
    logger.info('journal.recycled', { segment: segment.number, kept: keep });
  }

  async #isReusable(segment: Segment): Promise<boolean> {
    if (this.#unopened !== undefined || this.spares.length >= SPARES_MAX || segment.sizeBytes !== this.#options.segmentBytes) return false;
    try {
      return await segment.isItself(await this.files.use(segment));
    } finally {
      this.files.done(segment);
    }
  }

  #forget(segment: Segment): void {
    this.#leaving.splice(
      this.#leaving.findIndex((leaving) => leaving.segment === segment),
      1,
    );
  }

  get #nextNumber(): number {
    return (this.#unopened ?? this.spares[this.spares.length - 1] ?? this.active).number + 1;
  }

  async #openSpare(segment: Segment): Promise<void> {
    this.#unopened = segment;
    try {
      await this.files.open(segment);
    } catch (error) {
      if (!isPassing(error)) throw error;
      return this.#tighten(String(error));
    }
    this.#unopened = undefined;
    this.#spare(segment);
  }

  #spare(segment: Segment): void {
    this.spares.push(segment);
    this.#wanted = false;
    this.#calm();
    if (this.#tight) {
      this.#tight = false;
      this.#host.logger.info('journal.roomy', { segment: segment.number });
    }
    this.#options.onChange();
  }

  async #prepare(): Promise<void> {
    const { disk } = this.#host;
    const { directory, segmentBytes } = this.#options;
    const number = this.#nextNumber;
    const path = segmentPath(directory, number);
    try {
      const free = await disk.freeBytes(directory);
      if (free < this.#reserveBytes) return this.#tighten(`${free} bytes are free`);
      if (!(await makeSegment(disk, path, segmentBytes, () => this.#stopped))) return;
    } catch (error) {
      if (!isPassing(error) || this.#stopped) throw error;
      await disk.remove(temporaryPath(path));
      return this.#tighten(String(error));
    }
    if (this.#stopped) return;
    await disk.syncDirectory(directory);
    await this.#openSpare(new Segment(number, path, segmentBytes));
  }

  #tighten(why: string): void {
    if (!this.#tight) this.#host.logger.warn('journal.tight', { directory: this.#options.directory, why });
    this.#tight = true;
    if (this.#stopped) return;
    this.#calm();
    this.#cancelRetry = this.#host.clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined;
      this.#wanted = true;
      this.work();
    });
    this.#options.onChange();
  }

  /** Room was given back: no need to wait for the second to pass. */
  #retryNow(): void {
    if (!this.#tight) return;
    this.#calm();
    this.#wanted = true;
  }

  #calm(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
