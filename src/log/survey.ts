/** What of a log can be read, file by file, however damaged it is: runs of whole batches, and the holes between them. Changes nothing. */

import type { Disk, File } from '../host/disk.ts';
import { batchCrc, HEADER_BYTES, Header, isOtherVersion, MAGIC_BYTES } from './batch.ts';
import { type Block, newBlock } from './files.ts';
import { readEnding } from './footer.ts';
import { BATCH, END, MORE, Scan } from './scan.ts';
import { parseSegmentName, Segment } from './segment.ts';
import { beginsWithCut, findWitness } from './walk.ts';

/** Offsets that cannot be read, and why. */
export interface Hole {
  readonly path: string;
  readonly byte: number;
  readonly from: number;
  /** The first offset that can be read again, or the end of the log. */
  readonly to: number;
  readonly why: string;
}

/** Whole batches side by side: bytes of a file. */
export interface Run {
  readonly from: number;
  to: number;
}

export interface SurveyedFile {
  readonly segment: Segment;
  readonly runs: readonly Run[];
  readonly holes: readonly Hole[];
  /** The offset behind it; what the file holds from there on is dead. */
  readonly end: number;
}

export interface Survey {
  readonly files: readonly SurveyedFile[];
  readonly records: number;
  readonly start: number;
  readonly end: number;
  /** Where a crash cut short what had not been safe yet. */
  readonly cut: { readonly path: string; readonly byte: number } | undefined;
}

const BLOCK_BYTES = 256 * 1024;

export async function survey(disk: Disk, directory: string): Promise<Survey> {
  const waiting = await candidates(disk, directory);
  const files: SurveyedFile[] = [];
  let cut: Survey['cut'];
  let records = 0;
  for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
    const file = await disk.open(one.segment.path);
    try {
      const reading = new Reading(file, one, waiting.length === 0);
      await reading.run();
      if (reading.isCut) waiting.length = 0; // a truncation did not come to remove what it had made void
      // A compaction that made one file of several did not come to remove the others.
      while (reading.isCompacted && waiting[0] !== undefined && waiting[0].segment.base < reading.end) {
        if (await startsCut(disk, waiting[0])) break;
        waiting.shift();
      }
      const surveyed = reading.upTo(waiting[0]?.segment.base);
      files.push(surveyed);
      records += reading.records;
      cut = reading.cutAt === undefined ? undefined : { path: one.segment.path, byte: reading.cutAt };
    } finally {
      await file.close();
    }
  }
  return { files, records, start: files[0]?.segment.base ?? 0, end: files.at(-1)?.end ?? 0, cut };
}

interface Candidate {
  readonly segment: Segment;
  readonly fileBytes: number;
  /** What the segment knows of itself comes from its footer. */
  readonly footed: boolean;
}

/** The files that count, in order: of those that begin alike the one of the highest generation, without those on their way out. */
async function candidates(disk: Disk, directory: string): Promise<Candidate[]> {
  const all: Candidate[] = [];
  for (const name of await disk.list(directory)) {
    const parts = parseSegmentName(name);
    if (parts === undefined) continue;
    const segment = new Segment(directory, parts.base, parts.generation, 0);
    const file = await disk.open(segment.path);
    try {
      const fileBytes = await file.sizeBytes();
      const ending = await readEnding(file, fileBytes, segment);
      if (ending !== 'erased') all.push({ segment, fileBytes, footed: ending === 'footer' });
    } finally {
      await file.close();
    }
  }
  all.sort((a, b) => a.segment.base - b.segment.base || b.segment.generation - a.segment.generation);
  return all.filter(({ segment }, i) => all[i - 1]?.segment.base !== segment.base);
}

async function startsCut(disk: Disk, { segment }: Candidate): Promise<boolean> {
  const file = await disk.open(segment.path);
  try {
    return await beginsWithCut(file);
  } finally {
    await file.close();
  }
}

/** Reads one file from end to end. */
class Reading {
  records = 0;
  isCut = false;
  isCompacted = true;
  /** The last file ends torn here. */
  cutAt: number | undefined;
  readonly #file: File;
  readonly #segment: Segment;
  readonly #isLast: boolean;
  /** What a footer says; undefined without one. */
  readonly #footEnd: number | undefined;
  readonly #limit: number;
  readonly #fileBytes: number;
  readonly #runs: Run[] = [];
  readonly #holes: Hole[] = [];
  #salt: number | undefined;
  #end: number;
  /** What is unreadable from here on, to the end of the file. */
  #rest: { readonly byte: number; readonly why: string } | undefined;

  constructor(file: File, { segment, fileBytes, footed }: Candidate, isLast: boolean) {
    this.#file = file;
    this.#segment = segment;
    this.#isLast = isLast;
    this.#footEnd = footed ? segment.batchesEnd : undefined;
    this.#limit = footed ? segment.sizeBytes : fileBytes;
    this.#fileBytes = fileBytes;
    this.#salt = footed ? segment.salt : undefined;
    this.#end = segment.base;
  }

  get end(): number {
    return Math.max(this.#end, this.#footEnd ?? 0);
  }

  async run(): Promise<void> {
    let scan = new Scan(this.#file, newBlock(BLOCK_BYTES), 0, this.#limit);
    for (;;) {
      const step = scan.step();
      if (step === MORE) {
        await scan.fill();
        continue;
      }
      if (step === END) break;
      if (step === BATCH && this.#fits(scan)) {
        this.#take(scan);
        continue;
      }
      const next = await this.#resume(scan.at);
      if (next === undefined) break;
      scan = new Scan(this.#file, newBlock(BLOCK_BYTES), next, this.#limit);
    }
    this.isCut &&= this.#end === this.#segment.base;
  }

  /** `base`: where the next file begins. */
  upTo(base: number | undefined): SurveyedFile {
    const path = this.#segment.path;
    const reached = this.#end;
    const end = base ?? this.end;
    const holes = this.#holes.filter(({ from }) => from < end).map((hole) => ({ ...hole, to: Math.min(hole.to, end) }));
    if (reached < end) {
      const { byte = this.#limit, why = 'what follows is missing' } = this.#rest ?? {};
      holes.push({ path, byte, from: reached, to: end, why });
    }
    return { segment: this.#segment, runs: this.#runs, holes, end };
  }

  #fits(scan: Scan): boolean {
    const { header } = scan;
    return header.base === this.#end && (this.#salt === undefined || header.salt === this.#salt) && scan.intact();
  }

  #take(scan: Scan): void {
    const { header, at } = scan;
    this.#salt ??= header.salt;
    if (header.cut) this.isCut = true;
    if (!header.compacted && !header.cut) this.isCompacted = false;
    this.records += header.packed ? header.span : header.count;
    this.#end = header.end;
    const run = this.#runs.at(-1);
    if (run?.to === at) run.to = at + header.sizeBytes;
    else this.#runs.push({ from: at, to: at + header.sizeBytes });
  }

  /** Behind a fault: where to read on. Undefined when nothing that counts follows. */
  async #resume(byte: number): Promise<number | undefined> {
    const why = (await isOther(this.#file, byte)) ? 'a batch of another version of the format stands there' : 'no whole batch stands there';
    if (this.#isLast && this.#footEnd === undefined && !(await this.#wasSafe(byte))) {
      this.cutAt = byte;
      return undefined;
    }
    const next = await this.#findWhole(byte);
    if (next === undefined) {
      this.#rest = { byte, why };
      return undefined;
    }
    this.#holes.push({ path: this.#segment.path, byte, from: this.#end, to: next.base, why });
    this.#end = next.base;
    return next.at;
  }

  /** Does a batch behind the fault tell that the bytes there had been safe? */
  async #wasSafe(byte: number): Promise<boolean> {
    const segment = new Segment(this.#segment.directory, this.#segment.base, this.#segment.generation, this.#salt ?? 0);
    segment.batchesEnd = this.#end;
    return (await findWitness(this.#file, this.#fileBytes, segment, newBlock(BLOCK_BYTES), byte)) !== undefined;
  }

  async #findWhole(faultAt: number): Promise<{ at: number; base: number } | undefined> {
    const { bytes, view }: Block = newBlock(BLOCK_BYTES);
    const magic = Buffer.from(MAGIC_BYTES);
    const header = new Header();
    for (let from = faultAt + 1; from + HEADER_BYTES <= this.#limit; ) {
      const got = await this.#file.read(bytes.subarray(0, Math.min(bytes.length, this.#limit - from)), from);
      const window = Buffer.from(bytes.buffer, bytes.byteOffset, got);
      let searched = 0;
      for (let place = window.indexOf(magic); place >= 0 && place + HEADER_BYTES <= got; place = window.indexOf(magic, searched)) {
        searched = place + 1;
        const at = from + place;
        if (!header.read(view, place) || header.sizeBytes > this.#limit - at || header.base < this.#end) continue;
        if (this.#salt !== undefined && header.salt !== this.#salt) continue;
        if (await isWhole(this.#file, at, header)) return { at, base: header.base };
      }
      if (got <= HEADER_BYTES) return undefined;
      from += Math.max(searched, got - HEADER_BYTES + 1);
    }
    return undefined;
  }
}

async function isWhole(file: File, at: number, header: Header): Promise<boolean> {
  const { bytes } = newBlock(header.sizeBytes);
  return (await file.read(bytes, at)) === bytes.length && batchCrc(bytes, 0, bytes.length) === header.crc;
}

async function isOther(file: File, at: number): Promise<boolean> {
  const { bytes, view } = newBlock(HEADER_BYTES);
  return (await file.read(bytes, at)) === HEADER_BYTES && isOtherVersion(view, 0);
}
