/** Time as a parameter. Only this room may touch `Date.now`, `performance.now`, timers and `setImmediate`. */

export interface Clock {
  /** Wall time, milliseconds since 1970. May jump either way. */
  wallMs(): number;
  /** Milliseconds on a line that never jumps or runs backwards; its zero means nothing. */
  monotonicMs(): number;
  /** Calls `fn` once after at least `delayMs`. The timer alone does not keep the process alive. Returns what cancels it. */
  after(delayMs: number, fn: () => void): () => void;
  /** Calls `fn` once at the end of this turn, after the sockets that are readable now (Node: `setImmediate`). */
  soon(fn: () => void): void;
  /** Keeps the process alive until the returned function is called: for whoever waits for something that only others can bring. */
  stay(): () => void;
}
