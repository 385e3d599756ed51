/** One segment file: its name, how it is made, and what the journal knows of it. */

import type { Disk, File } from '../host/disk.ts';
import { position, SEGMENT_BYTES } from '../model/lines.ts';
import { HEADER_BYTES, standsAt } from './block.ts';
import { BlockIndex } from './block-index.ts';
import { ShortWrite, writeWhole } from './head.ts';
import type { SegmentFile } from './walk.ts';

const NAME = /^(\d{10})\.journal$/;
/** Past the last segment that positions to 2^53 - 1 can name. */
const NUMBER_END = 2 ** 53 / SEGMENT_BYTES;
const TEMPORARY = '.filling';
const FILL_BYTES = 1024 * 1024;
/** While a spare is filled its bytes are synced so often, so that the journal's own writes never queue behind a whole segment. */
const FILL_SYNC_BYTES = 8 * 1024 * 1024;
/** What a full disk or a limit of the process says; it passes. Anything else the disk says about its own files is final. */
const PASSING: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE', 'ENOMEM']);

export class Segment implements SegmentFile {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  index: BlockIndex;
  file: File | undefined;
  opening: Promise<File> | undefined;
  /** Reads under way; and one more while it is written, or written and not yet on the device. */
  users = 0;
  usedAt = 0;
  /** Its file is about to become another segment, or to be removed. */
  gone = false;

  constructor(number: number, path: string, sizeBytes: number, index: BlockIndex = new BlockIndex()) {
    this.number = number;
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.index = index;
  }

  /**
   * Whether the file begins with a block of this segment. After a failed directory sync and a power cut two names may lead to one file:
   * the name it does not belong to may be removed, which harms no one, but never be written to.
   */
  async isItself(file: File): Promise<boolean> {
    const header = new Uint8Array(HEADER_BYTES);
    await file.read(header, 0);
    return standsAt(new DataView(header.buffer), 0, position(this.number, 0));
  }
}

/**
 * Makes a file of zeros: written in full, synced, and only then given its name. Safe once the directory has been synced. False:
 * `isStopped` said so.
 */
export async function makeSegment(disk: Disk, path: string, sizeBytes: number, isStopped: () => boolean): Promise<boolean> {
  const temporary = temporaryPath(path);
  const file = await disk.open(temporary, { create: true });
  try {
    if (!(await fill(file, temporary, sizeBytes, isStopped))) return false;
  } finally {
    await file.close();
  }
  if (isStopped()) return false;
  await disk.rename(temporary, path);
  return true;
}

async function fill(file: File, path: string, sizeBytes: number, isStopped: () => boolean): Promise<boolean> {
  const zeros = new Uint8Array(Math.min(FILL_BYTES, sizeBytes));
  if (isStopped()) return false;
  await file.truncate(0);
  for (let byte = 0; byte < sizeBytes; ) {
    if (isStopped()) return false;
    const count = Math.min(zeros.length, sizeBytes - byte);
    await writeWhole(file, count === zeros.length ? zeros : zeros.subarray(0, count), byte, path);
    byte += count;
    if (isStopped()) return false;
    if (byte === sizeBytes || byte % FILL_SYNC_BYTES === 0) await file.sync();
  }
  return true;
}

export function isPassing(error: unknown): boolean {
  return error instanceof ShortWrite || (error instanceof Error && 'code' in error && PASSING.has(error.code));
}

export function segmentPath(directory: string, number: number): string {
  return `${directory}/${String(number).padStart(10, '0')}.journal`;
}

/** The number in a segment's name; `undefined` for other files, and for numbers whose positions would not be exact. */
export function segmentNumber(name: string): number | undefined {
  const number = Number(NAME.exec(name)?.[1]);
  return number < NUMBER_END ? number : undefined;
}

/** The name of a file that is being made. */
export function temporaryPath(path: string): string {
  return path + TEMPORARY;
}

export function isTemporary(name: string): boolean {
  return name.endsWith(TEMPORARY);
}
