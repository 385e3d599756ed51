/** Cutting a log at either end. */

import type { File } from '../host/disk.ts';
import { sizeOf } from '../model/record.ts';
import { HEADER_BYTES } from './batch.ts';
import { damaged } from './damaged.ts';
import { eraseFormer } from './erase.ts';
import { BLOCK_BYTES, newBlock } from './files.ts';
import type { Parts } from './parts.ts';
import { Replacement } from './replacement.ts';
import { BATCH, END, MORE, Scan } from './scan.ts';
import { Segment } from './segment.ts';
import { walk } from './walk.ts';

/** The log begins at `start`: segments that lie wholly before it are removed, oldest first, so that a crash leaves no gap. */
export async function trim(parts: Parts, start: number): Promise<void> {
  const { segments, writer } = parts;
  writer.check();
  if (start >= segments.end && segments.active.sizeBytes > 0) segments.roll();
  if (segments.count === 1 || segments.first.end > start) return;
  // The name of the active segment may be all that tells where the log ends.
  await writer.exclusive(() => writer.anchor());
  while (segments.count > 1 && segments.first.end <= start && segments.first.settled) {
    for (const segment of segments.replace(0, 1, [])) await eraseFormer(parts, segment);
  }
}

/** Drops all records from `end` on. Nothing else may happen to the log meanwhile. */
export function truncate(parts: Parts, end: number): Promise<void> {
  const { segments, writer } = parts;
  return writer.exclusive(async () => {
    await writer.flush();
    await writer.settle();
    // Newest first, for the same reason.
    while (segments.count > 1 && segments.active.base >= end) {
      for (const segment of segments.replace(segments.count - 1, 1, [])) await eraseFormer(parts, segment);
    }
    if (segments.end > end) await cut(parts, segments.active, end);
    segments.active.settled = false;
    writer.restart();
  });
}

async function cut(parts: Parts, segment: Segment, end: number): Promise<void> {
  const { files, writer, segments } = parts;
  const block = files.takeBlock();
  try {
    const file = await files.pin(segment.handle);
    try {
      const scan = new Scan(file, block, segment.index.byOffset(end - segment.base), segment.sizeBytes);
      await findBatch(segment, scan, end);
      const { at, header } = scan;
      if (header.base < end) return await cutWithin(parts, segment, scan, end);
      await writer.final(async () => {
        await file.truncate(at);
        await file.sync();
      });
      const left = new Segment(segment.directory, segment.base, segment.generation, segment.salt);
      await walk(file, at, left, block);
      left.syncedBytes = left.sizeBytes;
      segments.replace(segments.count - 1, 1, [left]);
    } finally {
      files.unpin(segment.handle);
    }
    await files.forget(segment.handle);
  } finally {
    files.giveBlock(block);
  }
}

/** Steps to the batch that holds the record with offset `end`, or its place. */
async function findBatch(segment: Segment, scan: Scan, end: number): Promise<void> {
  for (let step = scan.step(); step !== BATCH || scan.header.end <= end; step = scan.step()) {
    if (step === MORE) await scan.fill();
    else if (step !== BATCH) throw damaged(segment.path, scan.at, `no whole batch stands there, and offset ${end} was to be found`);
  }
  if (!scan.intact()) throw damaged(segment.path, scan.at, 'the checksum of the batch there is wrong');
}

/** Records before `end` share a batch with some behind it. They may be safe already, so they are never without a whole file: a new one is made. */
async function cutWithin(parts: Parts, segment: Segment, scan: Scan, end: number): Promise<void> {
  const next = await Replacement.begin(parts, segment);
  await next.fill(async () => {
    await parts.files.use(segment.handle, (file) => copyBefore(file, segment, scan.at, next));
    const { header, bytes, view, place } = scan;
    let count = 0;
    let to = place + header.recordsAt;
    for (; count < header.count; count++) {
      const number = header.compacted ? view.getUint32(place + HEADER_BYTES + 4 * count, true) : count;
      if (header.base + number >= end) break;
      to += sizeOf(bytes, to);
    }
    if (to > place + header.sizeBytes) throw damaged(segment.path, scan.at, 'the records of a batch do not add up');
    if (!next.fits(header.sizeBytes)) await next.makeRoom(header.sizeBytes);
    const { block, at } = next;
    const from = place + header.recordsAt;
    header.count = count;
    header.span = end - header.base;
    header.sizeBytes = header.recordsAt + to - from;
    block.bytes.set(bytes.subarray(place + HEADER_BYTES, place + header.recordsAt), at + HEADER_BYTES);
    block.bytes.set(bytes.subarray(from, to), at + header.recordsAt);
    next.put(header);
  });
  await next.install(parts.segments.count - 1, 1);
}

async function copyBefore(file: File, segment: Segment, limit: number, next: Replacement): Promise<void> {
  const scan = new Scan(file, newBlock(BLOCK_BYTES), 0, limit);
  for (let step = scan.step(); step !== END; step = scan.step()) {
    if (step === MORE) await scan.fill();
    else if (step !== BATCH || !scan.intact()) throw damaged(segment.path, scan.at, 'no whole batch stands there');
    else {
      const { header, bytes, place } = scan;
      if (!next.fits(header.sizeBytes)) await next.makeRoom(header.sizeBytes);
      const { block, at } = next;
      block.bytes.set(bytes.subarray(place + HEADER_BYTES, place + header.sizeBytes), at + HEADER_BYTES);
      next.put(header);
    }
  }
}
