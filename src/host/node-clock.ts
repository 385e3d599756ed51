/** The real clock. */

import type { Clock } from './clock.ts';

/** Longer delays overflow in `setTimeout`, which then fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export function nodeClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after,
    soon: (fn) => {
      setImmediate(fn);
    },
    stay,
  };
}

function after(delayMs: number, fn: () => void): () => void {
  const dueMs = performance.now() + Math.max(0, delayMs);
  let timer: NodeJS.Timeout;
  const arm = (restMs: number) => {
    timer = setTimeout(fire, Math.min(Math.ceil(restMs), TIMER_MS_MAX));
    timer.unref();
  };
  const fire = () => {
    // A timer may fire a fraction of a millisecond early, and a long wait comes in several parts.
    const restMs = dueMs - performance.now();
    if (restMs > 0) arm(restMs);
    else fn();
  };
  arm(Math.max(0, delayMs));
  return () => clearTimeout(timer);
}

/** A timer that counts as work to do is what Node stays for. */
function stay(): () => void {
  const timer = setInterval(() => {}, TIMER_MS_MAX);
  return () => clearInterval(timer);
}
