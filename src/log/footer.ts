/**
 * A footer: written behind the batches of a segment once it is closed and synced, so that opening it again need not walk through it.
 * It is a hint: one that is missing, torn or wrong costs a walk, nothing else.
 *
 *      0  "sbf1", "sbf2"    40  f64 latest time              72  u32 entries of the index
 *      4  u32 CRC-32 of     48  f64 oldest tombstone         76  f64 latest time to find a record by, only in "sbf2"
 *             8 .. size     56  u32 where the last batch     ..  entries: u32 offset - base · u32 byte · f64 latest of those before
 *      8  u32 size              begins                       ..  u32 size
 *     12  u32 batch bytes   60  u32 its CRC                  ..  "sbf1", "sbf2"
 *     16  u64 base offset   64  u32 salt
 *     24  u64 end offset    68  u32 flags: 1 = compacted, 2 = begins with a cut, 4 = holds packs
 *     32  f64 first time
 *
 * The second version stands behind batches of the second version: who knows only the first walks through the file, and finds them.
 */

import { crc32 } from '../bytes/crc32.ts';
import type { File } from '../host/disk.ts';
import type { Host } from '../host/host.ts';
import { HEADER_BYTES, Header } from './batch.ts';
import { type Block, newBlock } from './files.ts';
import type { Segment } from './segment.ts';
import { SparseIndex } from './sparse-index.ts';
import { writeAll } from './write-all.ts';

const MAGIC = 0x31666273;
const MAGIC_2 = 0x32666273;
const FIXED_BYTES = 76;
const FIXED_BYTES_2 = 84;
const ENTRY_BYTES = 16;
const TRAILER_BYTES = 8;
const COMPACTED = 1;
const CUT = 2;
const PACKED = 4;
const ERASED_MAGIC = 0x31786273;
const ERASED_BYTES = 20;
/** One read of this much usually brings the footer and the last batch's header. */
const GLANCE_BYTES = 8 * 1024;

/** Writes the footer behind the batches. It is not synced: a lost one costs a walk. So does one that could not be written. */
export async function writeFooter(host: Host, file: File, segment: Segment): Promise<void> {
  try {
    await writeAll(file, segment.path, encodeFooter(segment), segment.sizeBytes);
    segment.footed = true;
  } catch (error) {
    host.logger.warn('log.footer-failed', { file: segment.path, error: String(error) });
  }
}

export function encodeFooter(segment: Segment): Uint8Array {
  const { index } = segment;
  const magic = segment.version === 1 ? MAGIC : MAGIC_2;
  const fixedBytes = fixedBytesOf(magic);
  const sizeBytes = fixedBytes + index.count * ENTRY_BYTES + TRAILER_BYTES;
  const { bytes, view } = newBlock(sizeBytes);
  view.setUint32(0, magic, true);
  view.setUint32(8, sizeBytes, true);
  view.setUint32(12, segment.sizeBytes, true);
  view.setBigUint64(16, BigInt(segment.base), true);
  view.setBigUint64(24, BigInt(segment.batchesEnd), true);
  view.setFloat64(32, segment.firstMs, true);
  view.setFloat64(40, segment.lastMs, true);
  view.setFloat64(48, segment.tombstoneMs, true);
  view.setUint32(56, segment.tailAt, true);
  view.setUint32(60, segment.tailCrc, true);
  view.setUint32(64, segment.salt, true);
  view.setUint32(68, (segment.compacted ? COMPACTED : 0) | (segment.cut ? CUT : 0) | (segment.packed ? PACKED : 0), true);
  view.setUint32(72, index.count, true);
  if (magic === MAGIC_2) view.setFloat64(76, segment.latestMs, true);
  for (let i = 0; i < index.count; i++) {
    const { delta, at, beforeMs } = index.row(i);
    view.setUint32(fixedBytes + i * ENTRY_BYTES, delta, true);
    view.setUint32(fixedBytes + i * ENTRY_BYTES + 4, at, true);
    view.setFloat64(fixedBytes + i * ENTRY_BYTES + 8, beforeMs, true);
  }
  view.setUint32(sizeBytes - 8, sizeBytes, true);
  view.setUint32(sizeBytes - 4, magic, true);
  view.setUint32(4, crc32(bytes.subarray(8)), true);
  return bytes;
}

function fixedBytesOf(magic: number): number {
  return magic === MAGIC ? FIXED_BYTES : FIXED_BYTES_2;
}

/** What the end of a segment's file says. `erased`: it was on its way out, and must not come back as a part of the log. */
export type Ending = 'footer' | 'erased' | 'unknown';

/** Looks at the end of a segment's file. With `footer`, the segment is filled in; else it is as it was. */
export async function readEnding(file: File, fileBytes: number, segment: Segment): Promise<Ending> {
  let block = newBlock(Math.min(GLANCE_BYTES, fileBytes));
  if (fileBytes < ERASED_BYTES || (await file.read(block.bytes, fileBytes - block.bytes.length)) < block.bytes.length) return 'unknown';
  segment.erased = await isErased(file, block, segment);
  if (segment.erased) return 'erased';
  const sizeBytes = trailerSize(block.view, fileBytes);
  if (sizeBytes === 0) return 'unknown';
  if (sizeBytes > block.bytes.length) {
    block = newBlock(sizeBytes);
    if ((await file.read(block.bytes, fileBytes - sizeBytes)) < sizeBytes) return 'unknown';
  }
  const footer = footerOf(block, sizeBytes);
  if (footer === undefined || !fits(footer, fileBytes, segment)) return 'unknown';
  if (!(await tailMatches(file, block, fileBytes, footer))) return 'unknown';
  fillIn(segment, footer);
  return 'footer';
}

/**
 * `"sbx1" · u32 salt · u64 base · u32 generation`: what is written at the end of a file before its name is removed; in the same place if it
 * is there already. A file with a later generation in its name was not meant: after a lost rename, two names may lead to one file.
 */
export async function markErased(file: File, segment: Segment): Promise<void> {
  const { bytes, view } = newBlock(ERASED_BYTES);
  view.setUint32(0, ERASED_MAGIC, true);
  view.setUint32(4, (await firstSalt(file)) ?? 0, true);
  view.setBigUint64(8, BigInt(segment.base), true);
  view.setUint32(16, segment.generation, true);
  const fileBytes = await file.sizeBytes();
  await writeAll(file, segment.path, bytes, segment.erased ? fileBytes - ERASED_BYTES : fileBytes);
}

/** Only with the salt of the file's own batches: the end of a torn write may look like anything. */
async function isErased(file: File, { view }: Block, segment: Segment): Promise<boolean> {
  const at = view.byteLength - ERASED_BYTES;
  if (view.getUint32(at, true) !== ERASED_MAGIC || Number(view.getBigUint64(at + 8, true)) !== segment.base) return false;
  return view.getUint32(at + 16, true) >= segment.generation && view.getUint32(at + 4, true) === ((await firstSalt(file)) ?? 0);
}

async function firstSalt(file: File): Promise<number | undefined> {
  const { bytes, view } = newBlock(HEADER_BYTES);
  const header = new Header();
  return (await file.read(bytes, 0)) === HEADER_BYTES && header.read(view, 0) ? header.salt : undefined;
}

function trailerSize(view: DataView, fileBytes: number): number {
  const end = view.byteLength;
  if (end < FIXED_BYTES + TRAILER_BYTES) return 0;
  const magic = view.getUint32(end - 4, true);
  if (magic !== MAGIC && magic !== MAGIC_2) return 0;
  const sizeBytes = view.getUint32(end - 8, true);
  return sizeBytes >= fixedBytesOf(magic) + TRAILER_BYTES && sizeBytes <= fileBytes ? sizeBytes : 0;
}

/** The footer alone, if its CRC is right. */
function footerOf(block: Block, sizeBytes: number): DataView | undefined {
  const from = block.bytes.length - sizeBytes;
  const view = new DataView(block.bytes.buffer, from, sizeBytes);
  const whole = view.getUint32(0, true) === view.getUint32(sizeBytes - 4, true) && view.getUint32(8, true) === sizeBytes;
  return whole && view.getUint32(4, true) === crc32(block.bytes.subarray(from + 8)) ? view : undefined;
}

function fits(footer: DataView, fileBytes: number, segment: Segment): boolean {
  const magic = footer.getUint32(0, true);
  const entries = footer.getUint32(72, true);
  return (
    footer.getUint32(12, true) + footer.byteLength === fileBytes &&
    footer.byteLength === fixedBytesOf(magic) + entries * ENTRY_BYTES + TRAILER_BYTES &&
    Number(footer.getBigUint64(16, true)) === segment.base &&
    footer.getUint32(68, true) <= (magic === MAGIC ? COMPACTED | CUT : COMPACTED | CUT | PACKED)
  );
}

/** The last batch is where the footer says it is, and the file's batches end with it. */
async function tailMatches(file: File, block: Block, fileBytes: number, footer: DataView): Promise<boolean> {
  const at = footer.getUint32(56, true);
  const batchBytes = footer.getUint32(12, true);
  if (at + HEADER_BYTES > batchBytes) return false;
  const blockAt = fileBytes - block.bytes.length;
  let view = block.view;
  let place = at - blockAt;
  if (place < 0) {
    const alone = newBlock(HEADER_BYTES);
    if ((await file.read(alone.bytes, at)) < HEADER_BYTES) return false;
    view = alone.view;
    place = 0;
  }
  const header = new Header();
  if (!header.read(view, place)) return false;
  const same = header.crc === footer.getUint32(60, true) && header.salt === footer.getUint32(64, true);
  return same && at + header.sizeBytes === batchBytes && header.end === Number(footer.getBigUint64(24, true));
}

function fillIn(segment: Segment, footer: DataView): void {
  segment.sizeBytes = footer.getUint32(12, true);
  segment.syncedBytes = segment.sizeBytes;
  segment.batchesEnd = Number(footer.getBigUint64(24, true));
  segment.firstMs = footer.getFloat64(32, true);
  segment.lastMs = footer.getFloat64(40, true);
  const magic = footer.getUint32(0, true);
  segment.version = magic === MAGIC ? 1 : 2;
  segment.latestMs = magic === MAGIC ? segment.lastMs : footer.getFloat64(76, true);
  segment.tombstoneMs = footer.getFloat64(48, true);
  segment.sealed(footer.getUint32(56, true), footer.getUint32(60, true));
  segment.salt = footer.getUint32(64, true);
  segment.compacted = (footer.getUint32(68, true) & COMPACTED) !== 0;
  segment.cut = (footer.getUint32(68, true) & CUT) !== 0;
  segment.packed = (footer.getUint32(68, true) & PACKED) !== 0;
  segment.footed = true;
  segment.hinted = true;
  segment.index = new SparseIndex();
  for (let at = fixedBytesOf(magic); at < footer.byteLength - TRAILER_BYTES; at += ENTRY_BYTES) {
    segment.index.add(footer.getUint32(at, true), footer.getUint32(at + 4, true), footer.getFloat64(at + 8, true));
  }
}
