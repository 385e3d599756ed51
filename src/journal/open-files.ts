/** Which segment files are open, and who is using them. */

import type { Disk, File } from '../host/disk.ts';
import type { Segment } from './segment.ts';

/** Files that nobody uses are kept open for the next one who does, up to so many. */
const IDLE_MAX = 16;

export class OpenFiles {
  readonly #disk: Disk;
  readonly #dsync: boolean;
  readonly #onUnused: (segment: Segment) => void;
  #clock = 0;

  constructor(disk: Disk, dsync: boolean, onUnused: (segment: Segment) => void) {
    this.#disk = disk;
    this.#dsync = dsync;
    this.#onUnused = onUnused;
  }

  /** Opens the file, and leaves it open. */
  async open(segment: Segment): Promise<File> {
    const file = await this.#disk.open(segment.path, { dsync: this.#dsync });
    segment.file = file;
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
    if (segment.users === 0) this.#onUnused(segment);
  }

  async shut(segment: Segment): Promise<void> {
    const { file } = segment;
    segment.file = undefined;
    await file?.close();
  }

  /** Keeps the number of open files small; those used longest ago are closed first. */
  async shutIdle(segments: readonly Segment[]): Promise<void> {
    const idle = segments.filter((segment) => segment.file !== undefined && segment.users === 0).sort((a, b) => a.usedAt - b.usedAt);
    for (const segment of idle.slice(0, Math.max(0, idle.length - IDLE_MAX))) {
      // Somebody may have come while another was being closed.
      if (segment.users === 0) await this.shut(segment);
    }
  }
}
