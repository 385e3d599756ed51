/** Which segment files are open, and who is using them. */

import type { Disk, File } from '../host/disk.ts';
import type { Segment } from './segment.ts';

/** So many files are kept open for the next one who uses them; more only while they are being used. */
const OPEN_MAX = 16;

export class OpenFiles {
  readonly #disk: Disk;
  readonly #dsync: boolean;
  readonly #onUnused: () => void;
  #clock = 0;
  #count: number;

  /** `open`: how many are open already. */
  constructor(disk: Disk, dsync: boolean, open: number, onUnused: () => void) {
    this.#disk = disk;
    this.#dsync = dsync;
    this.#count = open;
    this.#onUnused = onUnused;
  }

  get tooMany(): boolean {
    return this.#count > OPEN_MAX;
  }

  /** Opens the file, and leaves it open. */
  async open(segment: Segment): Promise<File> {
    const file = await this.#disk.open(segment.path, { dsync: this.#dsync });
    segment.file = file;
    this.#count++;
    return file;
  }

  /** Keeps the file from being closed, renamed or removed until `done`. */
  hold(segment: Segment): void {
    segment.users++;
    segment.usedAt = ++this.#clock;
  }

  /** The open file. Give it back with `done`. */
  async use(segment: Segment): Promise<File> {
    this.hold(segment);
    if (segment.file !== undefined) return segment.file;
    try {
      segment.opening ??= this.open(segment);
      return await segment.opening;
    } catch (error) {
      this.done(segment);
      throw error;
    } finally {
      segment.opening = undefined;
    }
  }

  done(segment: Segment): void {
    segment.users--;
    if (segment.users === 0) this.#onUnused();
  }

  async shut(segment: Segment): Promise<void> {
    const { file } = segment;
    if (file === undefined) return;
    segment.file = undefined;
    this.#count--;
    await file.close();
  }

  /** Closes the file that nobody has used for longest. False: all are in use. */
  async shutIdle(segments: readonly Segment[]): Promise<boolean> {
    let idlest: Segment | undefined;
    for (const segment of segments) {
      if (segment.file === undefined || segment.users > 0) continue;
      if (idlest === undefined || segment.usedAt < idlest.usedAt) idlest = segment;
    }
    if (idlest !== undefined) await this.shut(idlest);
    return idlest !== undefined;
  }
}
