/**
 * Opening a log: which files count, what in them is whole, where the log ends.
 *
 * A closed segment was synced before the next one was begun, so anything wrong in it is damage. The last one may end torn: its whole
 * batches are kept and the rest is cut off, unless a batch behind the fault tells that those bytes had once been safe. For that, every
 * batch says how much of its file was synced when it was sealed: unsynced batches may well reach the disk out of order.
 *
 * What is read back is not thereby known to be on the disk. After a failed sync the kernel goes on showing bytes, and names, that the
 * disk never got. So the end that may be unsynced is written once more, and its file gets a new name.
 */

import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import { HEADER_BYTES, Header } from './batch.ts';
import { damaged, newerFormat } from './damaged.ts';
import { erase } from './erase.ts';
import type { Block, LogFiles } from './files.ts';
import { readEnding, writeFooter } from './footer.ts';
import { parseSegmentName, Segment, UNFINISHED } from './segment.ts';
import { beginsWithCut, findWitness, type Walked, walk } from './walk.ts';
import { writeAll } from './write-all.ts';
import type { Found } from './writer.ts';

export interface Recovered {
  readonly segments: Segment[];
  readonly found: Found;
}

/** Rejects with `Refused('damaged')` or `Refused('format')`, naming the file and the byte. */
export function recover(host: Host, directory: string, files: LogFiles, salt: () => number, atLeast: number): Promise<Recovered> {
  return new Opening(host, directory, files, salt).run(atLeast);
}

interface Candidate {
  readonly segment: Segment;
  readonly fileBytes: number;
  /** Its footer told what is in it. */
  readonly footed: boolean;
}

class Opening {
  readonly #host: Host;
  readonly #directory: string;
  readonly #files: LogFiles;
  readonly #salt: () => number;
  /** Files that no longer count … */
  readonly #leftovers: Segment[] = [];
  /** … and the segments that took their place. */
  readonly #heirs = new Set<Segment>();

  constructor(host: Host, directory: string, files: LogFiles, salt: () => number) {
    this.#host = host;
    this.#directory = directory;
    this.#files = files;
    this.#salt = salt;
  }

  async run(atLeast: number): Promise<Recovered> {
    const waiting = await this.#chain();
    const segments: Segment[] = [];
    let found: Found = { exists: false, file: undefined, namesDirty: false, synced: 0 };
    try {
      for (let candidate = waiting.shift(); candidate !== undefined; candidate = waiting.shift()) {
        const { segment } = candidate;
        const walked = await this.#examine(candidate);
        segments.push(segment);
        if (await this.#follows(waiting, segment)) await this.#finishClosed(candidate);
        else {
          checkEnd(segment, atLeast);
          found = await this.#finishLast(candidate, walked);
        }
      }
      if (segments.length === 0) checkEnd(new Segment(this.#directory, 0, 0, 0), atLeast);
      await this.#clean();
    } catch (error) {
      const last = segments.at(-1);
      if (found.file !== undefined && last !== undefined) this.#files.unpin(last.handle);
      for (const segment of [...segments, ...waiting.map((candidate) => candidate.segment)]) await this.#files.forget(segment.handle);
      throw error;
    }
    return { segments, found };
  }

  /** The files that may make up the log, in order. */
  async #chain(): Promise<Candidate[]> {
    const all: Candidate[] = [];
    for (const name of await this.#host.disk.list(this.#directory)) {
      if (name.endsWith(UNFINISHED)) await this.#host.disk.remove(`${this.#directory}/${name}`);
      const parts = parseSegmentName(name);
      if (parts === undefined) continue;
      const segment = new Segment(this.#directory, parts.base, parts.generation, this.#salt());
      await this.#files.use(segment.handle, async (file) => {
        const fileBytes = await file.sizeBytes();
        const ending = await readEnding(file, fileBytes, segment);
        if (ending === 'erased') this.#leftovers.push(segment);
        else all.push({ segment, fileBytes, footed: ending === 'footer' });
      });
    }
    all.sort((a, b) => a.segment.base - b.segment.base || b.segment.generation - a.segment.generation);
    return all.filter(({ segment }, i) => {
      const heir = all[i - 1]?.segment;
      if (heir?.base !== segment.base) return true;
      this.#drop(segment, heir);
      return false;
    });
  }

  /** Finds out what is in a segment. Undefined: its footer told, and nothing was walked through. */
  async #examine({ segment, fileBytes, footed }: Candidate): Promise<Walked | undefined> {
    if (footed) return undefined;
    const block = this.#files.takeBlock();
    try {
      const walked = await this.#files.use(segment.handle, (file) => walk(file, fileBytes, segment, block));
      if (walked.otherVersion) throw newerFormat(segment.path, segment.sizeBytes);
      return walked;
    } finally {
      this.#files.giveBlock(block);
    }
  }

  /** Another segment comes behind this one, which then was closed when that one was begun. */
  async #follows(waiting: Candidate[], heir: Segment): Promise<boolean> {
    const { path, sizeBytes, end, compacted } = heir;
    // A truncation did not come to remove what it had made void.
    if (heir.isCut) for (const { segment } of waiting.splice(0)) this.#drop(segment, heir);
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const { base, handle } = next.segment;
      if (base > end) throw damaged(path, sizeBytes, `what is whole ends with offset ${end}, but the next file begins with ${base}`);
      // Overlapping, it was truncated there; but if a compaction made it of several, it did not come to remove the others.
      if (base === end || !compacted || (await this.#files.use(handle, beginsWithCut))) {
        heir.cap = base;
        return true;
      }
      this.#drop(next.segment, heir);
      waiting.shift();
    }
    return false;
  }

  async #finishClosed({ segment, fileBytes }: Candidate): Promise<void> {
    segment.settled = true;
    segment.syncedBytes = segment.sizeBytes;
    if (segment.footed) return;
    await this.#files.use(segment.handle, async (file) => {
      if (fileBytes > segment.sizeBytes) await file.truncate(segment.sizeBytes);
      await writeFooter(this.#host, file, segment);
    });
  }

  async #finishLast(candidate: Candidate, walked: Walked | undefined): Promise<Found> {
    const { segment } = candidate;
    if (walked === undefined) return { exists: true, file: undefined, namesDirty: false, synced: segment.end };
    const file = await this.#files.pin(segment.handle);
    const block = this.#files.takeBlock();
    try {
      if (walked.faultAt !== undefined) await this.#cut(candidate, file, block, walked.faultAt);
      segment.syncedBytes = walked.syncedBytes;
      const synced = await this.#rewrite(file, segment, block);
      await this.#rename(segment);
      return { exists: true, file, namesDirty: true, synced };
    } catch (error) {
      this.#files.unpin(segment.handle);
      throw error;
    } finally {
      this.#files.giveBlock(block);
    }
  }

  /** Cuts off a torn end for good, before anything is written in its place: mixed with that, it could become valid again. */
  async #cut({ segment, fileBytes }: Candidate, file: File, block: Block, faultAt: number): Promise<void> {
    const witness = await findWitness(file, fileBytes, segment, block, faultAt);
    if (witness !== undefined)
      throw damaged(segment.path, faultAt, `no whole batch stands there, but one at byte ${witness} was written later`);
    this.#host.logger.warn('log.end-cut', { file: segment.path, byte: faultAt, bytes: fileBytes - faultAt, offset: segment.end });
    await file.truncate(faultAt);
    await file.sync();
  }

  /** Writes what may be unsynced in its place again; answers the offset it begins with. */
  async #rewrite(file: File, segment: Segment, block: Block): Promise<number> {
    let synced = segment.end;
    for (let at = segment.syncedBytes; at < segment.sizeBytes; ) {
      const bytes = block.bytes.subarray(0, Math.min(block.bytes.length, segment.sizeBytes - at));
      if ((await file.read(bytes, at)) < bytes.length) throw damaged(segment.path, at, 'the file has become shorter while it was read');
      if (at === segment.syncedBytes) synced = baseOf(block, segment);
      await writeAll(file, segment.path, bytes, at);
      at += bytes.length;
    }
    return synced;
  }

  async #rename(segment: Segment): Promise<void> {
    const from = segment.path;
    segment.rename(segment.generation + 1);
    await this.#host.disk.rename(from, segment.path);
  }

  #drop(leftover: Segment, heir: Segment): void {
    this.#leftovers.push(leftover);
    this.#heirs.add(heir);
  }

  /** Leftovers go once it is certain that what took their place stays. */
  async #clean(): Promise<void> {
    if (this.#leftovers.length === 0) return;
    for (const heir of this.#heirs) await this.#rename(heir);
    await this.#host.disk.syncDirectory(this.#directory);
    for (const leftover of this.#leftovers) await erase(this.#host, this.#files, leftover);
    await this.#host.disk.syncDirectory(this.#directory);
  }
}

function checkEnd({ path, sizeBytes, end }: Segment, atLeast: number): void {
  if (end < atLeast) throw damaged(path, sizeBytes, `what is whole ends with offset ${end}, but the log was safe up to ${atLeast}`);
}

/** The offset of the batch at the start of the block. If none is there, the mark that led here was wrong: then nothing counts as safe. */
function baseOf(block: Block, segment: Segment): number {
  const header = new Header();
  const found = segment.sizeBytes - segment.syncedBytes >= HEADER_BYTES && header.read(block.view, 0);
  return found ? header.base : segment.base;
}
