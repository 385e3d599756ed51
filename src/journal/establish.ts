/** Between recovery and the first append: makes a new journal, or makes what was found safe to continue from. */

import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import { byteOf, type Position, position, segmentOf } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import type { BlockHeader, Identity } from './block.ts';
import { createHead, Head, writeWhole } from './head.ts';
import { endOf, type Found, segmentFiles } from './recover.ts';
import { isPassing, isTemporary, makeSegment, Segment, segmentPath, temporaryPath } from './segment.ts';
import { SPARES_MAX } from './segments.ts';
import type { SegmentFile } from './walk.ts';

/** A new journal's first segment is small, so that opening an empty directory takes milliseconds. */
const FIRST_SEGMENT_BYTES = 2 * 1024 * 1024;
const COPY_BYTES = 1024 * 1024;

export interface Ground {
  readonly head: Head;
  readonly journal: Identity;
  readonly last: BlockHeader | undefined;
  /** Where the next block goes. */
  readonly next: Position;
  readonly live: Segment[];
  readonly spares: Segment[];
}

export interface GroundOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly dsync: boolean;
}

/** A journal without a block. What an earlier attempt may have left is taken away. */
export async function createJournal(host: Host, options: GroundOptions): Promise<Ground> {
  const { disk, random } = host;
  const { directory, dsync } = options;
  try {
    const journal = randomIdentity(random.bytes(8));
    const head = await createHead(disk, directory, journal);
    const path = segmentPath(directory, 0);
    const sizeBytes = Math.min(FIRST_SEGMENT_BYTES, options.segmentBytes);
    const first = new Segment(0, path, sizeBytes);
    try {
      // Only now: under the new head nothing in old files counts, however many of them a crash leaves.
      for (const old of await segmentFiles(disk, directory)) await disk.remove(old.path);
      await makeSegment(disk, path, sizeBytes, () => false);
      await disk.syncDirectory(directory);
      first.file = await disk.open(path, { dsync });
    } catch (error) {
      await head.close();
      throw error;
    }
    return { head, journal, last: undefined, next: position(0, 0), live: [first], spares: [] };
  } catch (error) {
    if (!isPassing(error)) throw error;
    throw new Refused(
      'disk-full',
      `There is no room for a new journal in ${directory}: ${String(error)}. Free some space and open it again.`,
      {
        cause: error,
      },
    );
  }
}

/** Continues from what was found. */
export async function continueJournal(host: Host, options: GroundOptions, found: Found): Promise<Ground> {
  const { disk } = host;
  const { directory, dsync } = options;
  const { last } = found;
  const next = endOf(last);
  const active = segmentOf(last.position);
  const live: Segment[] = [];
  for (const file of found.files) {
    if (file.number <= active) live.push(liveSegment(file, found));
  }
  // There is one at least: the segment of the last block, which was read.
  const written = live[live.length - 1] as Segment;
  const opened: { close(): Promise<void> }[] = [];
  const open = async (path: string) => {
    const file = await disk.open(path, { dsync });
    opened.push(file);
    return file;
  };
  try {
    written.file = await open(written.path);
    if (!found.closed) await rewriteTail(host, options, found, next);
    for (const name of await disk.list(directory)) if (isTemporary(name)) await disk.remove(`${directory}/${name}`);
    const spares = await keepSpares(host, options, found, active);
    await disk.syncDirectory(directory);
    for (const spare of spares) spare.file = await open(spare.path);
    const head = await Head.open(disk, directory, found.head);
    opened.push(head);
    await head.write({ closed: false, blocks: last.number + 1, position: last.position });
    return { head, journal: found.head.journal, last, next, live, spares };
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}

function liveSegment(file: SegmentFile, found: Found): Segment {
  const segment = new Segment(file.number, file.path, file.sizeBytes);
  const index = found.indexes.get(file.number);
  if (index !== undefined) segment.index = index;
  else segment.index.knownFromByte = file.sizeBytes;
  return segment;
}

/**
 * A process that died after a failed sync may have left the end of the journal in the kernel's cache only, where it looks as if it were
 * on the disk. Everything that is not known to be on the device is written again, the same bytes to the same place, before anything
 * is built upon it.
 */
async function rewriteTail(host: Host, options: GroundOptions, found: Found, end: Position): Promise<void> {
  const from = found.last.durable;
  for (const { number, path, sizeBytes } of found.files) {
    if (number < segmentOf(from) || number > segmentOf(found.last.position)) continue;
    const firstByte = number === segmentOf(from) ? byteOf(from) : 0;
    const endByte = number === segmentOf(found.last.position) ? end - position(number, 0) : sizeBytes;
    const file = await host.disk.open(path);
    try {
      await rewrite(file, path, firstByte, Math.min(endByte, sizeBytes));
      await file.sync();
    } finally {
      await file.close();
    }
  }
  host.logger.info('journal.recovered', { directory: options.directory, blocks: found.last.number + 1 });
}

async function rewrite(file: File, path: string, firstByte: number, endByte: number): Promise<void> {
  const bytes = new Uint8Array(Math.max(0, Math.min(COPY_BYTES, endByte - firstByte)));
  for (let byte = firstByte; byte < endByte; ) {
    const part = bytes.subarray(0, Math.min(bytes.length, endByte - byte));
    const got = await file.read(part, byte);
    if (got === 0) return;
    await writeWhole(file, part.subarray(0, got), byte, path);
    byte += got;
  }
}

/** Files made ahead of their time are kept if they carry on the numbering; others would be in the way. */
async function keepSpares(host: Host, options: GroundOptions, found: Found, active: number): Promise<Segment[]> {
  const { disk } = host;
  const spares: Segment[] = [];
  for (const { number, path, sizeBytes } of found.files) {
    if (number <= active) continue;
    if (number === active + 1 + spares.length && spares.length < SPARES_MAX && sizeBytes === options.segmentBytes) {
      // The sync of this name may have failed in an earlier process, which the cache would not show: it is made once more.
      if (!found.closed) {
        await disk.rename(path, temporaryPath(path));
        await disk.rename(temporaryPath(path), path);
      }
      spares.push(new Segment(number, path, sizeBytes));
    } else {
      await disk.remove(path);
    }
  }
  return spares;
}

export function randomIdentity(bytes: Uint8Array): Identity {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return { low: view.getUint32(0, true), high: view.getUint32(4, true) };
}
