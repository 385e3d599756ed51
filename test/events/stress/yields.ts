/**
 * Loaded before all else in every thread of a stress run: between two atomic steps a thread may now be held up, for a moment or until
 * others have run, so that orders of steps come about that are rare otherwise. A thread can also be told to end after so many steps,
 * in the middle of whatever it is doing then.
 */

import { isMainThread, threadId } from 'node:worker_threads';

/** What a thread of a stress run can do beside its work. */
export interface Steps {
  /** The atomic operations as they are, for counting, which is not to be disturbed. */
  readonly plain: typeof Atomics;
  /** This thread ends after so many more atomic steps. */
  endAfter(steps: number): void;
}

const KEY = Symbol.for('signalbox.stress');

/** The atomic steps of this thread; those of the language when nothing was loaded before. */
export function steps(): Steps {
  return (globalThis as { [KEY]?: Steps })[KEY] ?? { plain: Atomics, endAfter: () => {} };
}

/** One in so many steps is held up, on the main thread and on others; 0: none. */
const rare = Number((isMainThread ? process.env.SIGNALBOX_YIELDS_MAIN : undefined) ?? process.env.SIGNALBOX_YIELDS ?? 0);
const NAMES = ['load', 'store', 'add', 'sub', 'compareExchange', 'exchange', 'notify', 'wait', 'waitAsync'] as const;

if (process.env.SIGNALBOX_YIELDS !== undefined) install();

function install(): void {
  const plain = Object.fromEntries(
    Object.getOwnPropertyNames(Atomics).map((name) => [name, Atomics[name as 'load']]),
  ) as unknown as typeof Atomics;
  const bed = new Int32Array(new SharedArrayBuffer(4));
  let random = (Number(process.env.SIGNALBOX_SEED ?? 1) * 7919 + threadId * 104_729 + 1) | 0;
  let left = 0;
  const step = (): void => {
    if (left > 0 && --left === 0) {
      process.exit(4);
      // Nothing more is done, until the thread has been ended from outside.
      for (;;);
    }
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    if (rare === 0 || (random >>> 0) % rare !== 0) return;
    if ((random & 0x600) === 0) plain.wait(bed, 0, 0, 0.02);
    else for (let turns = (random >>> 12) & 0x3ff; turns > 0; turns--) plain.load(bed, 0);
  };
  for (const name of NAMES) {
    const original = plain[name] as (...values: unknown[]) => unknown;
    const stepped = (a: unknown, b: unknown, c: unknown, d: unknown): unknown => {
      step();
      return original(a, b, c, d);
    };
    Object.defineProperty(Atomics, name, { value: name === 'notify' ? notify : name.startsWith('wait') ? waiting(original) : stepped });
  }
  // These make a difference between what is not given and what is given as undefined.
  function notify(words: Int32Array, at: number, count?: number): number {
    step();
    return count === undefined ? plain.notify(words, at) : plain.notify(words, at, count);
  }
  function waiting(original: (...values: unknown[]) => unknown): (...values: unknown[]) => unknown {
    return (...values) => {
      step();
      return original(...values);
    };
  }
  const installed: Steps = {
    plain,
    endAfter: (steps) => {
      left = steps;
    },
  };
  Object.defineProperty(globalThis, KEY, { value: installed });
}
