/**
 * The file `head`: which journal this directory holds, and a lower bound of what must be found in it. Segments alone cannot tell a
 * tail that was never written from one that has been lost; the head can. Two slots are written in turn, so that one is always whole.
 */

import { crc32 } from '../bytes/crc32.ts';
import type { Disk, File } from '../host/disk.ts';
import type { Position } from '../model/lines.ts';
import { Refused } from '../model/refusal.ts';
import { FORMAT, type Identity, NUMBER_MAX, readIdentity, readU64, writeIdentity, writeU64 } from './block.ts';
import { newerFormat } from './walk.ts';

/** "SBXH" as the bytes stand in the file. */
const MAGIC = 0x48584253;
const SLOT_BYTES = 4096;
const USED_BYTES = 48;
const NAME = 'head';

export interface HeadState {
  /** The journal was closed in order, and nothing has been written since. */
  readonly closed: boolean;
  /** So many blocks, from number 0 on, were on the device. 0: none may have been. */
  readonly blocks: number;
  /** Where the last of them begins. */
  readonly position: Position;
}

export interface SavedHead extends HeadState {
  readonly journal: Identity;
  /** Grows with each write; its parity is the slot. */
  readonly sequence: number;
}

export function headPath(directory: string): string {
  return `${directory}/${NAME}`;
}

/** The newer of the two slots; `undefined` when the file is not there. Rejects with `Refused('damaged')` when neither slot is whole. */
export async function readHead(disk: Disk, directory: string): Promise<SavedHead | undefined> {
  const names = await disk.list(directory);
  if (!names.includes(NAME)) return undefined;
  const file = await disk.open(headPath(directory));
  const bytes = new Uint8Array(2 * SLOT_BYTES);
  try {
    await file.read(bytes, 0);
  } finally {
    await file.close();
  }
  const first = decode(bytes, 0);
  const second = decode(bytes, 1);
  if (first === undefined && second === undefined) {
    throw new Refused(
      'damaged',
      `${headPath(directory)} is damaged at byte 0: neither of its two copies is whole. Nothing was changed; run "signalbox doctor" on the directory to see what can be saved.`,
    );
  }
  if (first === undefined || second === undefined) return first ?? second;
  return first.sequence > second.sequence ? first : second;
}

/** Makes the file anew, safe when answered. */
export async function createHead(disk: Disk, directory: string, journal: Identity): Promise<Head> {
  const temporary = `${headPath(directory)}.filling`;
  const file = await disk.open(temporary, { create: true });
  const state = { journal, sequence: 0, closed: false, blocks: 0, position: 0 as Position };
  try {
    const bytes = new Uint8Array(2 * SLOT_BYTES);
    bytes.set(encode(state));
    await writeWhole(file, bytes, 0, temporary);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, headPath(directory));
  await disk.syncDirectory(directory);
  return Head.open(disk, directory, state);
}

export class Head {
  #saved: SavedHead;
  readonly #file: File;
  readonly #path: string;

  private constructor(file: File, path: string, saved: SavedHead) {
    this.#file = file;
    this.#path = path;
    this.#saved = saved;
  }

  static async open(disk: Disk, directory: string, saved: SavedHead): Promise<Head> {
    const path = headPath(directory);
    return new Head(await disk.open(path, { dsync: true }), path, saved);
  }

  /** Safe when answered. One at a time. */
  async write(state: HeadState): Promise<void> {
    const saved = { ...state, journal: this.#saved.journal, sequence: this.#saved.sequence + 1 };
    await writeWhole(this.#file, encode(saved), (saved.sequence % 2) * SLOT_BYTES, this.#path);
    this.#saved = saved;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A short write is a failure like any other. */
export async function writeWhole(file: File, bytes: Uint8Array, byte: number, path: string): Promise<void> {
  const count = await file.write(bytes, byte);
  if (count !== bytes.length) throw new ShortWrite(path, byte, count, bytes.length);
}

/** The disk took fewer bytes than it was given and called it a success: it is full, or at a limit. */
export class ShortWrite extends Error {
  override readonly name: string = 'ShortWrite';
  readonly code: string = 'ENOSPC';

  constructor(path: string, byte: number, taken: number, given: number) {
    super(
      `Only ${taken} of ${given} bytes were written to ${path} at byte ${byte}: the disk is full, or a limit on file sizes was reached.`,
    );
  }
}

function encode(state: SavedHead): Uint8Array {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, USED_BYTES, true);
  view.setUint16(12, FORMAT, true);
  view.setUint16(14, state.closed ? 1 : 0, true);
  writeU64(view, 16, state.sequence);
  writeU64(view, 24, state.blocks);
  writeU64(view, 32, state.position);
  writeIdentity(view, 40, state.journal);
  view.setUint32(4, crc32(bytes.subarray(8, USED_BYTES)), true);
  return bytes;
}

/** `undefined`: that slot is not whole. */
function decode(both: Uint8Array, slot: number): SavedHead | undefined {
  const bytes = both.subarray(slot * SLOT_BYTES, (slot + 1) * SLOT_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizeBytes = view.getUint32(8, true);
  if (view.getUint32(0, true) !== MAGIC || sizeBytes < USED_BYTES || sizeBytes > SLOT_BYTES) return undefined;
  if (crc32(bytes.subarray(8, sizeBytes)) !== view.getUint32(4, true)) return undefined;
  if (view.getUint16(12, true) > FORMAT) throw new Refused('format', newerFormat(view.getUint16(12, true)));
  const sequence = readU64(view, 16);
  const blocks = readU64(view, 24);
  if (sequence > NUMBER_MAX || sequence % 2 !== slot || blocks > NUMBER_MAX) return undefined;
  return {
    closed: (view.getUint16(14, true) & 1) === 1,
    sequence,
    blocks,
    position: readU64(view, 32) as Position,
    journal: readIdentity(view, 40),
  };
}
