/** What an operator wants to know of a log that cannot be read, or not all of it: what is there, what is damaged; and a copy of what is whole. */

import type { Disk, File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import { Refused } from '../model/refusal.ts';
import { HEADER_BYTES, Header, sealBatch } from './batch.ts';
import { newBlock } from './files.ts';
import { END, MORE, Scan } from './scan.ts';
import { segmentName } from './segment.ts';
import { type Hole, type SurveyedFile, survey } from './survey.ts';
import { writeAll } from './write-all.ts';

export interface LogReport {
  readonly directory: string;
  readonly files: number;
  readonly records: number;
  /** The first offset, and the one behind the last. */
  readonly start: number;
  readonly end: number;
  /** Where a crash cut short what had not been safe yet; that is no damage. */
  readonly cut: { readonly path: string; readonly byte: number } | undefined;
  readonly findings: readonly LogFinding[];
}

export interface LogFinding {
  readonly path: string;
  readonly byte: number;
  /** Offsets from here … */
  readonly from: number;
  /** … up to, and without, here cannot be read. */
  readonly to: number;
  /** One sentence. */
  readonly says: string;
}

/** Reads every byte of a log that nobody has open, and changes nothing. */
export async function examineLog(disk: Disk, directory: string): Promise<LogReport> {
  const { files, records, start, end, cut } = await survey(disk, directory);
  const findings = files.flatMap(({ holes }) => holes.map(findingOf));
  return { directory, files: files.length, records, start, end, cut, findings };
}

function findingOf({ path, byte, from, to, why }: Hole): LogFinding {
  return { path, byte, from, to, says: `${path}, byte ${byte}: ${why}; offsets ${from} to ${to - 1} are lost.` };
}

/**
 * Copies what is whole into a new directory, under the same offsets. What is missing becomes batches that cover offsets and hold nothing,
 * as a compaction leaves them; so does what the log lacks of `start` to `end`, which the journal knows to have been there. Rejects with
 * `Refused('conflict')` when the target holds anything.
 */
export async function salvageLog(
  host: Host,
  directory: string,
  target: string,
  known: { readonly start: number; readonly end: number },
): Promise<readonly LogFinding[]> {
  const { disk, random } = host;
  if ((await disk.list(target)).length > 0) {
    throw new Refused('conflict', `${target} is not empty; name a directory that is, or that does not exist.`);
  }
  const { files, start, end } = await survey(disk, directory);
  const lost = files.flatMap(({ holes }) => holes);
  await disk.makeDirectory(target);
  const path = `${target}/${segmentName(known.start, 1)}`;
  const first = files.length === 0 ? known.end : start;
  if (first > known.start) {
    const hole = { path: directory, byte: 0, from: known.start, to: first, why: 'there is no file for it' };
    await copyFile(disk, path, undefined, [hole], random.u32());
    lost.unshift(hole);
  }
  for (const [i, file] of files.entries()) {
    const holes = [...file.holes];
    if (i === files.length - 1 && end < known.end) {
      holes.push({ path: file.segment.path, byte: 0, from: end, to: known.end, why: 'the journal knows of more than is there' });
      lost.push(...holes.slice(-1));
    }
    await copyFile(disk, `${target}/${segmentName(file.segment.base, 1)}`, file, holes, random.u32());
  }
  await disk.syncDirectory(target);
  return lost.map(findingOf);
}

async function copyFile(disk: Disk, path: string, from: SurveyedFile | undefined, holes: readonly Hole[], salt: number): Promise<void> {
  const file = await disk.open(path, { create: true });
  try {
    const copy = new Copy(file, path, salt, holes);
    if (from !== undefined) {
      const source = await disk.open(from.segment.path);
      try {
        for (const run of from.runs) await copy.run(source, run.from, run.to, from.end);
      } finally {
        await source.close();
      }
    }
    await copy.fill(Number.POSITIVE_INFINITY);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A span is a 32-bit number. */
const SPAN_MAX = 0xffff_ffff;

class Copy {
  readonly #file: File;
  readonly #path: string;
  readonly #salt: number;
  readonly #holes: Hole[];
  #at = 0;
  #timeMs = 0;

  constructor(file: File, path: string, salt: number, holes: readonly Hole[]) {
    this.#file = file;
    this.#path = path;
    this.#salt = salt;
    this.#holes = [...holes].sort((a, b) => a.from - b.from);
  }

  /** The batches between two bytes of a file, but for those that begin at `end` or later, which are dead. */
  async run(source: File, from: number, to: number, end: number): Promise<void> {
    const scan = new Scan(source, newBlock(1024 * 1024), from, to);
    for (let step = scan.step(); step !== END; step = scan.step()) {
      if (step === MORE) {
        await scan.fill();
        continue;
      }
      const { header, bytes, view, place } = scan;
      if (header.base >= end && !header.cut) continue;
      await this.fill(header.base);
      this.#timeMs = header.timeMs;
      await this.#write(bytes, view, place);
    }
  }

  /** Puts what is missing up to this offset. */
  async fill(before: number): Promise<void> {
    for (let hole = this.#holes[0]; hole !== undefined && hole.from < before; hole = this.#holes[0]) {
      this.#holes.shift();
      for (let base = hole.from; base < hole.to; base += SPAN_MAX) await this.#nothing(base, Math.min(SPAN_MAX, hole.to - base));
    }
  }

  async #nothing(base: number, span: number): Promise<void> {
    const { bytes, view } = newBlock(HEADER_BYTES);
    const header = new Header();
    header.sizeBytes = HEADER_BYTES;
    header.base = base;
    header.span = span;
    header.timeMs = this.#timeMs;
    header.compacted = true;
    header.write(view, 0);
    await this.#write(bytes, view, 0);
  }

  /** All of a copy is safe before it counts, so any later batch is a witness for every earlier one. */
  async #write(bytes: Uint8Array, view: DataView, place: number): Promise<void> {
    view.setUint32(place + 40, this.#salt, true);
    const sizeBytes = sealBatch(bytes, view, place, this.#at);
    await writeAll(this.#file, this.#path, bytes.subarray(place, place + sizeBytes), this.#at);
    this.#at += sizeBytes;
  }
}
