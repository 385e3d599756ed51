/** What an operator wants to know of a journal that does not open: what is there, what is damaged, what would be lost. Changes nothing. */

import type { Disk } from '../host/disk.ts';
import { byteOf, type Position, position, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import type { BlockHeader, Fault } from './block.ts';
import { headPath, readHead, type SavedHead } from './head.ts';
import { describeFault } from './reader.ts';
import { describeIdentity } from './recover.ts';
import { type Gap, scan } from './scan.ts';
import { segmentPath } from './segment.ts';

/** Findings beyond this many are only counted. */
const FINDINGS_MAX = 1000;
const GAPS_MAX = 10_000;

/**
 * `empty`: no journal is here · `sound`: it opens, and nothing is missing · `cut`: it opens; its end was being written when the process or
 * the machine died, and is left away · `damaged`: it does not open, or something older than the last checkpoint cannot be read ·
 * `format`: written by a newer version.
 */
export type JournalState = 'empty' | 'sound' | 'cut' | 'damaged' | 'format';

export interface SegmentReport {
  readonly number: number;
  readonly path: string;
  readonly sizeBytes: number;
  /** That can be read. */
  readonly blocks: number;
  readonly entries: number;
  readonly entryBytes: number;
}

export interface Finding {
  readonly path: string;
  readonly byte: number;
  /** Past the last damaged byte, and in which file, if anything readable follows. */
  readonly end: { readonly path: string; readonly byte: number } | undefined;
  /** Blocks lost; `undefined` when nobody can know. */
  readonly blocks: number | undefined;
  /** Recovery needs it: the journal does not open. */
  readonly needed: boolean;
  /** One sentence. */
  readonly says: string;
}

export interface Report {
  readonly directory: string;
  readonly state: JournalState;
  /** One sentence. */
  readonly says: string;
  /** 16 hexadecimal digits. */
  readonly journal: string | undefined;
  readonly closed: boolean;
  readonly segments: readonly SegmentReport[];
  readonly blocks: number;
  readonly entries: number;
  /** Where replay would begin and the journal end. */
  readonly checkpoint: Position | undefined;
  readonly end: Position | undefined;
  /** What is damaged, and what would be lost with it. */
  readonly findings: readonly Finding[];
  /** Found, and not listed because there are too many. */
  readonly findingsMore: number;
}

export async function examine(disk: Disk, directory: string): Promise<Report> {
  const examination = new Examination(disk, directory);
  try {
    return await examination.run();
  } catch (error) {
    if (error instanceof Refused && error.code === 'format') return examination.report('format', error.message);
    throw error;
  }
}

class Examination {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segments: { number: number; path: string; sizeBytes: number; blocks: number; entries: number; entryBytes: number }[] = [];
  readonly #gaps: Gap[] = [];
  readonly #findings: Finding[] = [];
  #more = 0;
  #head: SavedHead | undefined;
  #journal: string | undefined;
  #last: BlockHeader | undefined;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  async run(): Promise<Report> {
    await this.#readHead();
    const { files, journal, last, next, fault, cut } = await scan(this.#disk, this.#directory, this.#head?.journal, {
      segment: ({ number, path, sizeBytes }) => {
        this.#segments.push({ number, path, sizeBytes, blocks: 0, entries: 0, entryBytes: 0 });
      },
      block: (_stream, header) => this.#count(header),
      gap: (gap) => {
        if (this.#gaps.length < GAPS_MAX) this.#gaps.push(gap);
        else this.#more++;
      },
    });
    const kept = cut === undefined ? last : cut.before;
    this.#last = kept;
    this.#journal = journal === undefined ? undefined : describeIdentity(journal);
    if (this.#head === undefined && this.#findings.length === 0) {
      if (files.length === 0) return this.report('empty', `There is no journal in ${this.#directory}.`);
      this.#find(headPath(this.#directory), 0, undefined, 0, true, 'it is missing');
    }
    const replayFrom = kept?.checkpointBlock ?? (0 as Position);
    const neededFrom = this.#neededFrom(kept, replayFrom);
    for (const gap of this.#gaps) if (cut === undefined || gap.from < cut.from) this.#judge(gap, replayFrom, neededFrom);
    this.#checkStart(replayFrom);
    const end = cut?.from ?? next;
    this.#checkBound(end, cut?.fault ?? fault, kept);
    if (this.#findings.length > 0) return this.report('damaged', this.#sum());
    const torn = cut !== undefined || !['absent', 'moved'].includes(fault);
    const at = `byte ${byteOf(end)} of ${segmentPath(this.#directory, segmentOf(end))}`;
    if (torn) return this.report('cut', `The journal is sound up to ${at}; what was being written there was never safe and is left away.`);
    return this.report('sound', `The journal is sound; it ends at ${at}.`);
  }

  report(state: JournalState, says: string): Report {
    const last = this.#last;
    return {
      directory: this.#directory,
      state,
      says,
      journal: this.#journal,
      closed: this.#head?.closed ?? false,
      segments: this.#segments,
      blocks: this.#segments.reduce((sum, segment) => sum + segment.blocks, 0),
      entries: this.#segments.reduce((sum, segment) => sum + segment.entries, 0),
      checkpoint: last?.checkpoint,
      end: last === undefined ? undefined : ((last.position + last.sizeBytes) as Position),
      findings: this.#findings,
      findingsMore: this.#more,
    };
  }

  async #readHead(): Promise<void> {
    try {
      this.#head = await readHead(this.#disk, this.#directory);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'damaged') throw error;
      this.#find(headPath(this.#directory), 0, undefined, 0, true, 'neither of its two copies is whole');
    }
  }

  #count(header: BlockHeader): void {
    const segment = this.#segments[this.#segments.length - 1];
    if (segment === undefined) return;
    segment.blocks++;
    segment.entries += header.entries;
    segment.entryBytes += header.sizeBytes;
  }

  /** Recovery reads the last segment whole, to find the end, unless the head names it. */
  #neededFrom(last: BlockHeader | undefined, replayFrom: Position): Position {
    if (last === undefined || (this.#head?.closed === true && this.#head.blocks === last.number + 1)) return replayFrom;
    let segment = segmentOf(last.position);
    const isThere = (number: number) => this.#segments.some((file) => file.number === number);
    while (last.durable <= position(segment, 0) && isThere(segment - 1)) segment--;
    return Math.min(replayFrom, position(segment, 0)) as Position;
  }

  /** A gap that recycling explains is none. */
  #judge(gap: Gap, replayFrom: Position, neededFrom: Position): void {
    const from = gap.to <= replayFrom ? gap.fromIfRecycled : gap.from;
    if (from === gap.to) return;
    const recycled = from !== gap.from;
    const what = recycled ? 'no block begins there' : describeFault(gap.fault);
    this.#findBetween(from, gap.to, recycled ? undefined : gap.blocks, gap.to > neededFrom, what);
  }

  /** The block that replay begins with may lie before everything that is left. */
  #checkStart(replayFrom: Position): void {
    const number = segmentOf(replayFrom);
    if (this.#last === undefined || this.#segments.some((segment) => segment.number === number)) return;
    this.#find(segmentPath(this.#directory, number), 0, undefined, undefined, true, 'it is missing');
  }

  /** The head knows how many blocks there were at least. */
  #checkBound(end: Position, fault: Fault, last: BlockHeader | undefined): void {
    const missing = (this.#head?.blocks ?? 0) - ((last?.number ?? -1) + 1);
    if (missing <= 0) return;
    this.#find(segmentPath(this.#directory, segmentOf(end)), byteOf(end), undefined, missing, true, describeFault(fault));
  }

  #findBetween(from: Position, to: Position, blocks: number | undefined, needed: boolean, what: string): void {
    const end = { path: segmentPath(this.#directory, segmentOf(to)), byte: byteOf(to) };
    this.#find(segmentPath(this.#directory, segmentOf(from)), byteOf(from), end, blocks, needed, what);
  }

  #find(path: string, byte: number, end: Finding['end'], blocks: number | undefined, needed: boolean, what: string): void {
    if (this.#findings.length === FINDINGS_MAX) {
      this.#more++;
      return;
    }
    const lost = blocks === undefined ? 'an unknown number of blocks is' : blocks === 1 ? '1 block is' : `${blocks} blocks are`;
    const until =
      end === undefined ? 'nothing that can be read follows' : `what follows can be read again from byte ${end.byte} of ${end.path}`;
    const says = blocks === 0 ? `${path}: ${what}.` : `${path}, byte ${byte}: ${what}; ${lost} lost, and ${until}.`;
    this.#findings.push({ path, byte, end, blocks, needed, says });
  }

  #sum(): string {
    const count = this.#findings.length + this.#more;
    const places = count === 1 ? 'one place' : `${count} places`;
    const opens = this.#findings.some((finding) => finding.needed) ? 'does not open' : 'opens, but not all of it can be read';
    return `The journal in ${this.#directory} is damaged in ${places} and ${opens}. What can be read can be salvaged into another directory.`;
  }
}
