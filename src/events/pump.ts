/** Runs what is handed to a thread that turns its event loop: never blocks it, and never holds it for long. */

import { MAIL } from './memory.ts';
import type { Pass } from './pass.ts';
import type { Post } from './post.ts';
import type { Thread } from './thread.ts';

/** Longest turn, milliseconds; one callback that takes longer ends it. */
const TURN_MS = 2;

export class Pump {
  readonly #thread: Thread;
  readonly #post: Post;
  readonly #pass: Pass;
  readonly #underWay: { add(pass: Promise<void> | undefined): void };
  #state: 'still' | 'running' | 'ended' = 'still';

  constructor(thread: Thread, post: Post, pass: Pass, underWay: { add(pass: Promise<void> | undefined): void }) {
    this.#thread = thread;
    this.#post = post;
    this.#pass = pass;
    this.#underWay = underWay;
  }

  /** From the first local callback on. */
  start(): void {
    if (this.#state !== 'still') return;
    this.#state = 'running';
    this.#listen();
  }

  stop(): void {
    this.#state = 'ended';
    const { words, block } = this.#thread;
    Atomics.add(words, block + MAIL, 1);
    Atomics.notify(words, block + MAIL);
  }

  /** Alone this does not keep the process alive. */
  #listen(): void {
    if (this.#state !== 'running') return;
    const { words, block, clock } = this.#thread;
    const seen = Atomics.load(words, block + MAIL);
    if (this.#turn()) {
      clock.soon(() => this.#listen());
      return;
    }
    const waiting = Atomics.waitAsync(words, block + MAIL, seen);
    if (waiting.async) void waiting.value.then(() => this.#listen());
    else clock.soon(() => this.#listen());
  }

  /** True when there is more than fits into a turn. */
  #turn(): boolean {
    const { clock } = this.#thread;
    const endMs = clock.monotonicMs() + TURN_MS;
    let isMore = false;
    for (let record = this.#post.next(); record !== 0; record = isMore ? 0 : this.#post.next()) {
      this.#underWay.add(this.#pass.run(record, true, undefined));
      isMore = clock.monotonicMs() >= endMs;
    }
    // Also when there was but a hint that came twice, as somebody may have seen it taken; and what may be more may be nothing.
    this.#thread.tellIdle();
    return isMore;
  }
}
