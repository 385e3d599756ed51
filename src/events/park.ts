/**
 * Sleeping and waking without a lost wake-up: a signal word to sleep on and a count of tokens.
 *
 * - The sleeper reads the signal, adds a token, **then** looks once more whether there is something; only then it sleeps on the signal as read.
 * - The waker makes its thing visible, **then** looks at the tokens; it takes as many as it may wake, changes the signal, notifies.
 *
 * One of the two sees the other. A token is never taken back by the sleeper: tokens and notifies under way are never fewer than sleepers,
 * and a thread that is woken but does not run yet costs no second notify. A token too many costs one notify that wakes nobody.
 *
 * One thread may keep watch: it looks for things without sleeping, for a while, and meanwhile `wakeOne` wakes nobody. So whoever kept
 * watch or was woken, and has taken something, looks whether there is more, and if there is wakes the next; and who gives the watch up
 * looks once more after that, as every sleeper does.
 */

export class Park {
  readonly #words: Int32Array;
  readonly #signal: number;
  readonly #tokens: number;
  readonly #watch: number;
  /** Waits of this thread that do not block and have not been woken, those among them that it has turned its back on. */
  #waits = 0;

  /** `watch`: the word for who keeps watch. */
  constructor(words: Int32Array, signal: number, tokens: number, watch: number) {
    this.#words = words;
    this.#signal = signal;
    this.#tokens = tokens;
    this.#watch = watch;
  }

  /** False when another keeps watch. */
  beginWatch(me: number): boolean {
    return Atomics.compareExchange(this.#words, this.#watch, 0, me) === 0;
  }

  /** For who keeps watch; or for a dead thread, which may have. */
  endWatch(me: number): void {
    Atomics.compareExchange(this.#words, this.#watch, me, 0);
  }

  /** Wakes a sleeper if there is one and nobody keeps watch. Call after making visible what there is to do. */
  wakeOne(): void {
    const words = this.#words;
    if (Atomics.load(words, this.#tokens) > 0 && Atomics.load(words, this.#watch) === 0) this.wake(1);
  }

  /** First step of going to sleep. What follows: look for work again, and if there is none `sleep` or `sleepAsync` with the key. */
  enter(): number {
    const words = this.#words;
    const key = Atomics.load(words, this.#signal);
    Atomics.add(words, this.#tokens, 1);
    return key;
  }

  /** Blocks the thread until woken. False when `timeoutMs` passed instead. */
  sleep(key: number, timeoutMs: number): boolean {
    return Atomics.wait(this.#words, this.#signal, key, timeoutMs) !== 'timed-out';
  }

  /**
   * Waits without blocking until woken, or until one of `others` settles; a wake-up that comes after that is passed on. Alone it does not
   * keep the process alive.
   */
  async doze(key: number, others: readonly Promise<unknown>[]): Promise<void> {
    const waiting = Atomics.waitAsync(this.#words, this.#signal, key);
    if (!waiting.async) return;
    let dozing = true;
    this.#waits++;
    const woken = waiting.value.then(() => {
      this.#waits--;
      if (!dozing) this.wake(1);
    });
    await (others.length === 0 ? woken : Promise.race([woken, ...others]));
    dozing = false;
  }

  /** True when this thread may be woken without blocking. While it blocks, such a wake-up would be lost on it and on everybody. */
  get isWaiting(): boolean {
    return this.#waits > 0;
  }

  /** True when somebody sleeps or is about to. Call after making visible what there is to do. */
  hasSleepers(): boolean {
    return Atomics.load(this.#words, this.#tokens) > 0;
  }

  /** Wakes up to `count` sleepers. Answers whether there was one. */
  wake(count: number): boolean {
    const words = this.#words;
    let tokens = Atomics.load(words, this.#tokens);
    while (tokens > 0) {
      const taken = tokens < count ? tokens : count;
      const seen = Atomics.compareExchange(words, this.#tokens, tokens, tokens - taken);
      if (seen === tokens) {
        Atomics.add(words, this.#signal, 1);
        Atomics.notify(words, this.#signal, taken);
        return true;
      }
      tokens = seen;
    }
    return false;
  }

  /** Wakes all, whatever the tokens say: after a death, as the dead may have taken a token and woken nobody; and at the end. */
  wakeAll(): void {
    const words = this.#words;
    Atomics.store(words, this.#tokens, 0);
    Atomics.add(words, this.#signal, 1);
    Atomics.notify(words, this.#signal);
  }
}
