/** Checksums: CRC-32 (IEEE; the journal's, because Node has it built in) and CRC-32C (Castagnoli; Kafka's). */

import { crc32 as zlibCrc32 } from 'node:zlib';

/** CRC-32 (IEEE) as zlib has it. `seed`: the checksum of what came before. */
export function crc32(bytes: Uint8Array, seed: number = 0): number {
  return zlibCrc32(bytes, seed);
}

/** CRC-32C. `seed`: the checksum of what came before. 16 bytes a step, by as many tables. */
export function crc32c(bytes: Uint8Array, seed: number = 0): number {
  if (!areFilled) fillTables();
  let crc = ~seed;
  let at = 0;
  const length = bytes.length;
  if (length >= 32) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    for (; at + 16 <= length; at += 16) {
      const a = view.getInt32(at, true) ^ crc;
      const b = view.getInt32(at + 4, true);
      const c = view.getInt32(at + 8, true);
      const d = view.getInt32(at + 12, true);
      // biome-ignore format: four rows of four
      crc =
        entry(15, a) ^ entry(14, a >>> 8) ^ entry(13, a >>> 16) ^ entry(12, a >>> 24) ^
        entry(11, b) ^ entry(10, b >>> 8) ^ entry(9, b >>> 16) ^ entry(8, b >>> 24) ^
        entry(7, c) ^ entry(6, c >>> 8) ^ entry(5, c >>> 16) ^ entry(4, c >>> 24) ^
        entry(3, d) ^ entry(2, d >>> 8) ^ entry(1, d >>> 16) ^ entry(0, d >>> 24);
    }
  }
  for (; at < length; at++) crc = entry(0, crc ^ (bytes[at] as number)) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const CASTAGNOLI = 0x82f63b78;

/** 16 tables of 256: table k is what a byte does to the checksum with k more bytes behind it. Filled with the first checksum that is asked for. */
const tables: Int32Array = new Int32Array(16 * 256);
let areFilled = false;

function entry(table: number, byte: number): number {
  // The index is masked to the length of the table, so there is always an entry.
  return tables[(table << 8) | (byte & 0xff)] as number;
}

function fillTables(): void {
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ CASTAGNOLI : crc >>> 1;
    tables[byte] = crc;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256] as number;
    tables[i] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  areFilled = true;
}
