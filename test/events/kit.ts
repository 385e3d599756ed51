/** What the tests of the event queue share: queues that are closed when the test ends, and counters that all threads see. */

import type { TestContext } from 'node:test';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { EventQueue, type Listeners, type Portable, portable, type QueueOptions } from '../../src/events/events.ts';

const KEY = 'signalbox.test.counters';
const COUNTERS = 64;

/** Words that the handlers below count in: workers started from here see the same ones. */
export const counters: Int32Array = countersOf();

function countersOf(): Int32Array {
  const known = getEnvironmentData(KEY) as SharedArrayBuffer | undefined;
  const shared = known ?? new SharedArrayBuffer(COUNTERS * 4);
  if (known === undefined) setEnvironmentData(KEY, shared as unknown as Parameters<typeof setEnvironmentData>[1]);
  return new Int32Array(shared);
}

/** The handler `name` of `handlers.ts`. */
export function handler(name: string, options: Parameters<typeof portable>[2] = {}): Portable {
  return portable(new URL('./handlers.ts', import.meta.url), name, options);
}

/** A queue for one test. Failures of callbacks are not warnings of the process unless the test wants them. */
export function open(t: TestContext, options: QueueOptions & Listeners = {}): EventQueue {
  counters.fill(0);
  const queue = new EventQueue({ onError: () => {}, sleepMs: 2000, ...options });
  t.after(() => queue.close('abandon'));
  return queue;
}

/** Lets everything run that is due on this thread. */
export function turn(ms = 0): Promise<void> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)));
}

/** Waits until something is so. The limit is far beyond what a busy machine needs: it is there to fail by. */
export async function until(isSo: () => boolean, limitMs = 60_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`It did not come about within ${limitMs} ms: ${isSo}`);
    await turn(1);
  }
}
