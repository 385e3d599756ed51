/** Walks through all batches of a segment's file and finds out what its footer would have said. */

import type { File } from '../host/disk.ts';
import { batchCrc, HEADER_BYTES, Header, isOtherVersion, MAGIC_BYTES } from './batch.ts';
import { type Block, newBlock } from './files.ts';
import { BATCH, END, MORE, Scan } from './scan.ts';
import type { Segment } from './segment.ts';

export interface Walked {
  /** Where the first batch that is not whole begins; undefined: the file ends with a whole one. */
  readonly faultAt: number | undefined;
  /** There, a batch of another version of the format begins. */
  readonly otherVersion: boolean;
  /** Bytes of the file that were synced at some time, as its own batches tell. */
  readonly syncedBytes: number;
}

/** Fills in `segment` with its longest run of whole batches from the start. */
export async function walk(file: File, fileBytes: number, segment: Segment, block: Block): Promise<Walked> {
  segment.reset();
  const scan = new Scan(file, block, 0, fileBytes);
  let syncedBytes = 0;
  for (;;) {
    const step = scan.step();
    if (step === MORE) {
      await scan.fill();
      continue;
    }
    if (step === END) return { faultAt: undefined, otherVersion: false, syncedBytes };
    const { header } = scan;
    if (step !== BATCH || header.base !== segment.batchesEnd || (header.salt !== segment.salt && scan.at > 0) || !scan.intact()) {
      return { faultAt: scan.at, otherVersion: await isNewer(file, fileBytes, scan.at), syncedBytes };
    }
    if (scan.at === 0) segment.salt = header.salt;
    syncedBytes = Math.min(Math.max(syncedBytes, header.synced), scan.at);
    segment.take(header, scan.view, scan.place);
  }
}

/** A truncation made this file: the one before it ends where this one begins, whatever it holds. */
export async function beginsWithCut(file: File): Promise<boolean> {
  const { bytes, view } = newBlock(HEADER_BYTES);
  const header = new Header();
  return (
    (await file.read(bytes, 0)) === HEADER_BYTES && header.read(view, 0) && header.cut && batchCrc(bytes, 0, HEADER_BYTES) === header.crc
  );
}

/**
 * Looks behind a fault for a batch that was sealed when the bytes at the fault had already been safe. Answers where it begins:
 * then the fault is damage, and not the end of a write that a crash cut short.
 */
export async function findWitness(
  file: File,
  fileBytes: number,
  segment: Segment,
  block: Block,
  faultAt: number,
): Promise<number | undefined> {
  const { bytes, view } = block;
  const magic = Buffer.from(MAGIC_BYTES);
  const header = new Header();
  /** A record may hold what looks like many batches; checking them all is not worth more than reading the file a few times. */
  let budgetBytes = 4 * fileBytes;
  for (let from = faultAt + 1; from + HEADER_BYTES <= fileBytes; ) {
    const got = await file.read(bytes.subarray(0, Math.min(bytes.length, fileBytes - from)), from);
    const window = Buffer.from(bytes.buffer, bytes.byteOffset, got);
    let searched = 0;
    for (let place = window.indexOf(magic); place >= 0 && place + HEADER_BYTES <= got; place = window.indexOf(magic, searched)) {
      searched = place + 1;
      const at = from + place;
      if (!header.read(view, place) || header.sizeBytes > fileBytes - at || header.base < segment.batchesEnd) continue;
      if (header.synced <= faultAt || header.synced > at || (faultAt > 0 && header.salt !== segment.salt)) continue;
      budgetBytes -= header.sizeBytes;
      if (budgetBytes < 0 || (await isWhole(file, at, header))) return at;
    }
    if (got <= HEADER_BYTES) return undefined;
    from += Math.max(searched, got - HEADER_BYTES + 1);
  }
  return undefined;
}

/** A whole batch of another version, by its CRC: three right letters alone may be what a torn write left. */
async function isNewer(file: File, fileBytes: number, at: number): Promise<boolean> {
  const { bytes, view } = newBlock(HEADER_BYTES);
  if ((await file.read(bytes, at)) < HEADER_BYTES || !isOtherVersion(view, 0)) return false;
  const header = new Header();
  header.crc = view.getUint32(4, true);
  header.sizeBytes = view.getUint32(8, true);
  return header.sizeBytes >= HEADER_BYTES && header.sizeBytes <= fileBytes - at && (await isWhole(file, at, header));
}

async function isWhole(file: File, at: number, header: Header): Promise<boolean> {
  const { bytes } = newBlock(header.sizeBytes);
  return (await file.read(bytes, at)) === bytes.length && batchCrc(bytes, 0, bytes.length) === header.crc;
}
