/** What is done with one tile, on whichever thread takes it: the handler, and the work itself. */

// In a program of your own: 'signalbox/events'.
import type { Context, EventQueue, QueuedEvent } from '../../src/events/events.ts';

/** A tile that is to be blurred: its upper left corner. */
export interface Tile {
  readonly left: number;
  readonly top: number;
}

/** What happens in the queue. */
export type Happenings = { tile: Tile; blurred: Uint8Array };

export const WIDTH = 1280;
export const HEIGHT = 960;
export const TILE = 64;
const RADIUS = 6;
const PASSES = 3;
const MARGIN: number = RADIUS * PASSES;

/** The handler: each worker loads this module and finds it by its name. */
export function blurTile({ id, data }: QueuedEvent<'tile', Tile>, { queue }: Context): void {
  const pixels = blur(data);
  // The answer is an event, too. There is room for it: there are fewer tiles than the queue holds events.
  const answer = (queue as EventQueue<Happenings>).add({ id: `blurred ${id}`, type: 'blurred', data: pixels });
  if (answer !== 'accepted') throw new Error(`The blurred tile ${id} was answered "${answer}".`);
}

/** The pixels of a tile after three box blurs, which is nearly a Gaussian one. */
export function blur({ left, top }: Tile): Uint8Array {
  const size = TILE + 2 * MARGIN;
  let from = new Float32Array(size * size);
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) from[y * size + x] = pixel(left + x - MARGIN, top + y - MARGIN);
  let to = new Float32Array(size * size);
  for (let pass = 0; pass < 2 * PASSES; pass++) {
    const [step, across] = pass % 2 === 0 ? [1, size] : [size, 1];
    for (let line = 0; line < size; line++) boxBlur(from, to, line * across, step, size);
    [from, to] = [to, from];
  }
  const pixels = new Uint8Array(TILE * TILE);
  for (let y = 0; y < TILE; y++)
    for (let x = 0; x < TILE; x++) pixels[y * TILE + x] = Math.round(from[(y + MARGIN) * size + x + MARGIN] ?? 0);
  return pixels;
}

/** Each value becomes the mean of those within the radius. */
function boxBlur(from: Float32Array, to: Float32Array, start: number, step: number, size: number): void {
  for (let at = 0; at < size; at++) {
    let sum = 0;
    let count = 0;
    for (let near = Math.max(0, at - RADIUS); near <= Math.min(size - 1, at + RADIUS); near++) {
      sum += from[start + near * step] ?? 0;
      count++;
    }
    to[start + at * step] = sum / count;
  }
}

/** The picture before: signal lamps in the dark, some lit. */
function pixel(x: number, y: number): number {
  const column = Math.floor(x / 40);
  const row = Math.floor(y / 40);
  const lit = (Math.imul(column * 31 + row, 0x9e3779b1) >>> 28) % 3 === 0;
  const distance = Math.hypot((x % 40) - 20, (y % 40) - 20);
  return distance < 12 ? (lit ? 255 : 90) : 20 + ((x ^ y) & 15);
}
