/**
 * A block, the unit in which the journal writes, checks and reads: a header, entries framed by their length, zeros up to the next 4 KiB.
 * Every block says where it stands, what stood before it, and up to where all was on the device when it was written, so that zeros,
 * torn ends, stale bytes and moved files never pass for the journal. The bytes are drawn in docs/format.md, "The journal".
 */

import { crc32 } from '../bytes/crc32.ts';
import type { Position } from '../model/lines.ts';

/** "SBXJ" as the bytes stand in the file. */
const MAGIC = 0x4a584253;
/** The newest layout this build knows. Magic, checksum, size, format, position and journal stand at the same place in every layout to come. */
export const FORMAT = 1;
export const HEADER_BYTES = 80;
/** The length before each entry. */
export const FRAME_BYTES = 4;
/** Blocks begin at multiples of this. */
export const ALIGN_BYTES = 4096;

/** Far beyond what can be written, and far enough from where numbers stop being exact. */
export const NUMBER_MAX: number = 2 ** 52;

/** 64 random bits: a whole number to 2^32 - 1 each. */
export interface Identity {
  readonly low: number;
  readonly high: number;
}

export interface BlockHeader {
  crc: number;
  /** Header and entries, without the padding. */
  sizeBytes: number;
  format: number;
  /** The first block that a process wrote after opening the journal. */
  opened: boolean;
  /** CRC of the block before; 0 for block 0. */
  previousCrc: number;
  entries: number;
  /** Counted from 0 for the life of the journal. */
  number: number;
  /** Where the block begins. */
  position: Position;
  /** The end of a block, padding included: everything before it was on the device when this block was written. */
  durable: Position;
  /** Where the block that holds `checkpoint` begins. */
  checkpointBlock: Position;
  /** Replay begins with the first entry at or after this position. */
  checkpoint: Position;
  journal: Identity;
  /** Random, new whenever the journal is opened. */
  opening: Identity;
}

/** Why some bytes are not the block that was looked for. */
export type Fault = 'absent' | 'moved' | 'foreign' | 'malformed' | 'truncated' | 'checksum' | 'format' | 'unlinked';

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGN_BYTES) * ALIGN_BYTES;
}

export function emptyHeader(): BlockHeader {
  const nothing = { low: 0, high: 0 };
  const start = 0 as Position;
  return {
    crc: 0,
    sizeBytes: 0,
    format: FORMAT,
    opened: false,
    previousCrc: 0,
    entries: 0,
    number: 0,
    position: start,
    durable: start,
    checkpointBlock: start,
    checkpoint: start,
    journal: nothing,
    opening: nothing,
  };
}

/** Writes the header over the first bytes of a block whose entries stand already, checksum included; sets and answers `header.crc`. */
export function sealBlock(bytes: Uint8Array, view: DataView, at: number, header: BlockHeader): number {
  view.setUint32(at, MAGIC, true);
  view.setUint32(at + 8, header.sizeBytes, true);
  view.setUint16(at + 12, header.format, true);
  view.setUint16(at + 14, header.opened ? 1 : 0, true);
  view.setUint32(at + 16, header.previousCrc, true);
  view.setUint32(at + 20, header.entries, true);
  writeU64(view, at + 24, header.number);
  writeU64(view, at + 32, header.position);
  writeU64(view, at + 40, header.durable);
  writeU64(view, at + 48, header.checkpointBlock);
  writeU64(view, at + 56, header.checkpoint);
  writeIdentity(view, at + 64, header.journal);
  writeIdentity(view, at + 72, header.opening);
  header.crc = crcOf(bytes, at, header.sizeBytes);
  view.setUint32(at + 4, header.crc, true);
  return header.crc;
}

/**
 * Reads a header of which all `HEADER_BYTES` are there into `header`, and says why it cannot be that of a block of `journal` at
 * `position`. The checksum is not looked at: that is `checkBlock`, once `header.sizeBytes` bytes are there.
 */
export function readHeader(view: DataView, at: number, position: Position, journal: Identity, header: BlockHeader): Fault | undefined {
  if (view.getUint32(at, true) !== MAGIC) return 'absent';
  header.crc = view.getUint32(at + 4, true);
  header.sizeBytes = view.getUint32(at + 8, true);
  header.format = view.getUint16(at + 12, true);
  header.position = readU64(view, at + 32) as Position;
  header.journal = readIdentity(view, at + 64);
  if (!sameIdentity(header.journal, journal)) return 'foreign';
  if (header.position !== position) return 'moved';
  if (header.sizeBytes < HEADER_BYTES) return 'malformed';
  // Of a layout not known only the checksum can still be judged.
  if (header.format > FORMAT) return undefined;
  const flags = view.getUint16(at + 14, true);
  header.opened = flags === 1;
  header.previousCrc = view.getUint32(at + 16, true);
  header.entries = view.getUint32(at + 20, true);
  header.number = readU64(view, at + 24);
  header.durable = readU64(view, at + 40) as Position;
  header.checkpointBlock = readU64(view, at + 48) as Position;
  header.checkpoint = readU64(view, at + 56) as Position;
  header.opening = readIdentity(view, at + 72);
  if (flags > 1 || header.format === 0 || header.number > NUMBER_MAX) return 'malformed';
  if (header.durable > header.position || header.checkpointBlock > header.position) return 'malformed';
  const { checkpoint } = header;
  return header.checkpointBlock > checkpoint || checkpoint > header.position + header.sizeBytes ? 'malformed' : undefined;
}

/** The rest of the check, with the whole block there: the checksum, whether this build knows the layout, and that the entries fill the block. */
export function checkBlock(bytes: Uint8Array, view: DataView, at: number, header: BlockHeader): Fault | undefined {
  if (crcOf(bytes, at, header.sizeBytes) !== header.crc) return 'checksum';
  if (header.format > FORMAT) return 'format';
  let next = at + HEADER_BYTES;
  const end = at + header.sizeBytes;
  for (let entry = 0; entry < header.entries; entry++) {
    if (next + FRAME_BYTES > end) return 'malformed';
    next += FRAME_BYTES + view.getUint32(next, true);
  }
  return next === end ? undefined : 'malformed';
}

/** Whether a header here claims to stand at `position`; it may still be damaged. */
export function standsAt(view: DataView, at: number, position: Position): boolean {
  return view.getUint32(at, true) === MAGIC && readU64(view, at + 32) === position;
}

/** Whether `next` is what was written right after `before`. */
export function isLinked(before: BlockHeader, next: BlockHeader): boolean {
  if (next.number !== before.number + 1 || next.previousCrc !== before.crc) return false;
  return next.opened || sameIdentity(next.opening, before.opening);
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return a.low === b.low && a.high === b.high;
}

/** A number to 2^53 - 1 as the eight bytes of a u64. */
export function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** May be beyond 2^53 - 1, and then inexact: for the caller to refuse. */
export function readU64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export function writeIdentity(view: DataView, at: number, identity: Identity): void {
  view.setUint32(at, identity.low, true);
  view.setUint32(at + 4, identity.high, true);
}

export function readIdentity(view: DataView, at: number): Identity {
  return { low: view.getUint32(at, true), high: view.getUint32(at + 4, true) };
}

function crcOf(bytes: Uint8Array, at: number, sizeBytes: number): number {
  return crc32(bytes.subarray(at + 8, at + sizeBytes));
}
