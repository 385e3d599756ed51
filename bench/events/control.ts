/** The words by which the threads of a benchmark tell each other when to begin and when they are done. */

import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

/** The round that runs now; producers sleep on it. */
export const ROUND = 0;
/** How many events the round has, over all producers. */
export const EVENTS = 16;
/** Producers that have done their part, over all rounds. */
export const DONE = 32;
/** Callbacks that have run. */
export const CALLBACKS = 48;
/** Registrations answered `expired`: the producer ran the callback itself. */
export const EXPIRED = 64;
/** The next round is the last: producers go. */
export const OVER = 80;

const WORDS = 96;
const KEY = 'signalbox-bench-control';

/** New words, which every thread that is started from now on finds by `openControl`, until there are newer ones. */
export function createControl(): Int32Array {
  const shared = new SharedArrayBuffer(WORDS * 4);
  setEnvironmentData(KEY, shared);
  return new Int32Array(shared);
}

/** The words that there were when this thread was started. */
export function openControl(): Int32Array {
  const shared = getEnvironmentData(KEY);
  if (!(shared instanceof SharedArrayBuffer))
    throw new Error('This thread was not started by the benchmark, so there is no control for it.');
  return new Int32Array(shared);
}

/** Resolves when the word is at least `value`. */
export async function reaches(words: Int32Array, word: number, value: number): Promise<void> {
  for (let seen = Atomics.load(words, word); seen < value; seen = Atomics.load(words, word)) {
    const waiting = Atomics.waitAsync(words, word, seen, 1000);
    if (waiting.async) await waiting.value;
  }
}
