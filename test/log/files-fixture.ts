/** The files of a log as bytes: taken from one disk, changed, and put on another. */

import type { Disk } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { DIRECTORY } from './fixture.ts';

export type Files = Map<string, Uint8Array>;

/** What the disk shows of a log now: with an open log, what a killed process leaves. */
export async function takeFiles(disk: Disk, directory: string = DIRECTORY): Promise<Files> {
  const files: Files = new Map();
  for (const name of await disk.list(directory)) {
    const file = await disk.open(`${directory}/${name}`);
    const bytes = new Uint8Array(await file.sizeBytes());
    await file.read(bytes, 0);
    await file.close();
    files.set(name, bytes);
  }
  return files;
}

export async function diskWith(files: Files, directory: string = DIRECTORY): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(directory);
  for (const [name, bytes] of files) {
    const file = await disk.open(`${directory}/${name}`, { create: true });
    await file.write(bytes, 0);
    // A memory disk need not keep zeros at the end of a write as such, but it keeps the size.
    await file.truncate(bytes.length);
    await file.close();
  }
  return disk;
}

/** The same files, with one of them replaced. */
export function changed(files: Files, name: string, change: (bytes: Uint8Array) => Uint8Array | undefined): Files {
  const copy: Files = new Map();
  for (const [one, bytes] of files) copy.set(one, one === name ? (change(bytes.slice()) ?? bytes) : bytes);
  return copy;
}

/** Where batches begin in a file whose batches are whole. */
export function batchesOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places: number[] = [];
  const begins = (at: number) => at + 48 <= bytes.length && [0x316c6273, 0x326c6273].includes(view.getUint32(at, true));
  for (let at = 0; begins(at); at += view.getUint32(at + 8, true)) places.push(at);
  return places;
}
