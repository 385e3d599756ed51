/** Blurs a picture on all processors by the event queue: tiles go to the workers, blurred ones come back to this thread. */

import { writeFileSync } from 'node:fs';
// In a program of your own: 'signalbox/events'.
import { EventQueue, portable } from '../../src/events/events.ts';
import { blur, type Happenings, HEIGHT, TILE, type Tile, WIDTH } from './tile.ts';

const tiles: Tile[] = [];
for (let top = 0; top < HEIGHT; top += TILE) for (let left = 0; left < WIDTH; left += TILE) tiles.push({ left, top });

const picture = new Uint8Array(WIDTH * HEIGHT);
const arrived = new Map<number, number>();
await using queue = new EventQueue<Happenings>({ schemas: { tile: { left: 'int32', top: 'int32' } } });

// A portable handler runs on whichever worker takes the event …
queue.on({ type: 'tile' }, portable(new URL('./tile.ts', import.meta.url), 'blurTile'));
// … and a closure here, where the picture is.
queue.on({ type: 'blurred' }, ({ id, data }) => {
  const index = Number(String(id).slice('blurred '.length));
  arrived.set(index, (arrived.get(index) ?? 0) + 1);
  put(picture, tiles[index] as Tile, data);
  progress(arrived.size, tiles.length);
});

await queue.start();
const workers = queue.metrics().threads.length - 1;
console.log(`${tiles.length} tiles of ${TILE} × ${TILE} pixels, ${workers} workers:`);
const startMs = performance.now();
queue.addMany(tiles.map((data, id) => ({ id, type: 'tile', data })));
await queue.drain();
const tookMs = performance.now() - startMs;

const { threads, callbacksFailed } = queue.metrics();
const shares = threads.map(({ callbacksRun }) => callbacksRun).filter((share) => share > 0);
console.log(`Done in ${tookMs.toFixed(0)} ms. Callbacks run by each thread, the first of them this one: ${shares.join(', ')}.`);
check(callbacksFailed === 0, 'Some callbacks failed.');
check(arrived.size === tiles.length && [...arrived.values()].every((count) => count === 1), 'Not every tile was blurred exactly once.');

const aloneMs = performance.now();
const alone = new Uint8Array(WIDTH * HEIGHT);
for (const tile of tiles) put(alone, tile, blur(tile));
console.log(`One thread alone takes ${(performance.now() - aloneMs).toFixed(0)} ms.`);
check(Buffer.compare(picture, alone) === 0, 'The pictures differ.');
console.log('Every tile was blurred exactly once, and the picture is the same, byte for byte.');

const [file] = process.argv.slice(2);
if (file !== undefined) writeFileSync(file, Buffer.concat([Buffer.from(`P5 ${WIDTH} ${HEIGHT} 255\n`), picture]));

function put(into: Uint8Array, { left, top }: Tile, pixels: Uint8Array): void {
  for (let y = 0; y < TILE; y++) into.set(pixels.subarray(y * TILE, (y + 1) * TILE), (top + y) * WIDTH + left);
}

/** On a terminal one bar that grows; elsewhere a line for every quarter. */
function progress(done: number, all: number): void {
  const width = 40;
  const filled = Math.floor((done / all) * width);
  const bar = `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${done} of ${all}`;
  if (process.stdout.isTTY) process.stdout.write(`\r${bar}${done === all ? '\n' : ''}`);
  else if (done === all || Math.floor((4 * done) / all) > Math.floor((4 * (done - 1)) / all)) console.log(bar);
}

function check(holds: boolean, otherwise: string): void {
  if (holds) return;
  console.error(otherwise);
  process.exit(1);
}
