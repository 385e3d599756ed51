/** What the workers of the benchmarked queue run: as little as the callbacks of the C++ counterparts do. */

import type { QueuedEvent } from '../../src/events/events.ts';
import { CALLBACKS, openControl } from './control.ts';

const control = openControl();
let sum = 0;

/** Counts in a word of all threads, as the C++ callbacks do in an atomic. */
export function count(): void {
  Atomics.add(control, CALLBACKS, 1);
}

/** Takes the payload out, and looks at it. */
export function takeBytes(event: QueuedEvent): void {
  sum += (event.data as Uint8Array)[7] as number;
}

export function takeText(event: QueuedEvent): void {
  sum += (event.data as string).length;
}

export function takeObject(event: QueuedEvent): void {
  sum += (event.data as { user: number }).user;
}

/** So that no compiler leaves the looking out. */
export function seen(): number {
  return sum;
}
