/** The files of a journal as plain bytes, to be damaged and put onto a disk again. */

import type { Disk } from '../../src/host/disk.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';

export type Image = ReadonlyMap<string, Uint8Array>;

export async function imageOf(disk: Disk, directory: string): Promise<Map<string, Uint8Array>> {
  const image = new Map<string, Uint8Array>();
  for (const name of await disk.list(directory)) {
    const file = await disk.open(`${directory}/${name}`);
    const bytes = new Uint8Array(await file.sizeBytes());
    await file.read(bytes, 0);
    await file.close();
    image.set(name, bytes);
  }
  return image;
}

export async function diskOf(image: Image, directory: string): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await putOn(disk, image, directory);
  return disk;
}

export async function putOn(disk: Disk, image: Image, directory: string): Promise<void> {
  await disk.makeDirectory(directory);
  for (const [name, bytes] of image) {
    const file = await disk.open(`${directory}/${name}`, { create: true });
    await file.truncate(bytes.length);
    await file.write(bytes, 0);
    await file.close();
  }
}

/** With one file changed, taken away (`undefined`) or added. */
export function changed(image: Image, name: string, bytes: Uint8Array | undefined): Map<string, Uint8Array> {
  const copy = new Map(image);
  if (bytes === undefined) copy.delete(name);
  else copy.set(name, bytes);
  return copy;
}

export function same(a: Image, b: Image): boolean {
  if (a.size !== b.size) return false;
  for (const [name, bytes] of a) {
    const other = b.get(name);
    if (other === undefined || Buffer.compare(bytes, other) !== 0) return false;
  }
  return true;
}
