/** Processing without end: take the next event, run its callbacks, sleep while there is nothing. Blocks its thread where it may. */

import { MessageChannel } from 'node:worker_threads';
import type { Claiming } from './claiming.ts';
import type { Member, UnderWay } from './member.ts';
import type { Pass } from './pass.ts';
import type { Post } from './post.ts';
import type { Settler } from './settle.ts';
import { LATE_WAKES, type Thread, WAITS } from './thread.ts';

/** What a pool of workers is doing. */
export const CREW_NONE = 0;
export const CREW_RUNNING = 1;
/** They go when nothing is left to do. */
export const CREW_DRAINING = 2;
/** They go after the event in hand. */
export const CREW_LEAVING = 3;

export interface ServingOptions {
  /** Events whose callbacks may be waiting for a promise at the same time. */
  readonly lanes: number;
  /** True when the thread may block. */
  readonly blocks: boolean;
  /** Longest sleep. `Infinity` but in tests, where a sleep that ends by itself while there is work is a lost wake-up, and counted. */
  readonly sleepMs: number;
}

/** Looks for work this often before sleeping; the one that keeps watch for all looks longer. */
const SPINS = 40;
const WATCH_SPINS = 400;
/** What another thread has taken and not begun after so long is taken over. */
const TAKE_OVER_MS = 1;
/** The hints a thread takes at once should last it about so long: one by one while events are long. */
const BATCH_MS = 0.2;
/** So many events are timed together. */
const TIMED = 16;
/** A busy thread lets its event loop turn this often. */
const TURN_MS = 50;

export class Serving {
  readonly #thread: Thread;
  readonly #claiming: Claiming;
  readonly #post: Post;
  readonly #pass: Pass;
  readonly #options: ServingOptions;
  readonly #underWay: UnderWay;
  readonly #settler: Settler;
  /** True when it has looked for work for a while, or slept, and begun nothing since. */
  #rested = true;
  /** True when another thread does not come to what it has taken from the line. */
  #takesOver = true;

  constructor({ thread, claiming, post, pass, underWay, settler }: Member, options: ServingOptions) {
    this.#thread = thread;
    this.#claiming = claiming;
    this.#post = post;
    this.#pass = pass;
    this.#underWay = underWay;
    this.#settler = settler;
    this.#options = options;
  }

  /** Serves until `isOver` (asked with whether there is nothing left to do) says so. */
  async serve(isOver: (isEmpty: boolean) => boolean): Promise<void> {
    const { clock } = this.#thread;
    while (!isOver(false)) {
      this.#settler.gathers = true;
      const isMore = this.#run(isOver);
      this.#settler.gathers = false;
      this.#settler.flush();
      if (isMore) {
        if (this.#underWay.size >= this.#options.lanes) await Promise.race(this.#underWay.all);
        else await new Promise<void>((resolve) => clock.soon(resolve));
      } else {
        if (this.#underWay.size === 0 && isOver(true)) break;
        await this.#rest(isOver);
      }
    }
    // It may have been woken, or have kept watch, for what it does not take any more.
    if (!this.#claiming.isEmpty()) this.#thread.work.wake(1);
    await Promise.all(this.#underWay.all);
    // The last event may have been one of its own.
    this.#thread.tellIdle();
  }

  /** Runs event after event. False when there is none left; true when the event loop should turn. */
  #run(isOver: (isEmpty: boolean) => boolean): boolean {
    const { clock } = this.#thread;
    const startMs = clock.monotonicMs();
    let fromMs = startMs;
    let timed = 0;
    for (;;) {
      const mail = this.#post.next();
      const record = mail === 0 ? this.#claiming.next(this.#takesOver) : mail;
      if (record === 0) return false;
      if (this.#rested) this.#passOn();
      const later = this.#pass.run(record, false, undefined);
      if (later !== undefined && this.#isFull(later)) return true;
      if (isOver(false)) return true;
      if (++timed < TIMED) continue;
      const nowMs = clock.monotonicMs();
      this.#claiming.batch = Math.floor((BATCH_MS * timed) / Math.max(nowMs - fromMs, 1e-3));
      if (this.#underWay.size > 0 || nowMs - startMs > TURN_MS) return true;
      fromMs = nowMs;
      timed = 0;
    }
  }

  /** The first event after a rest: what came with it may have woken nobody else. */
  #passOn(): void {
    this.#rested = false;
    if (!this.#claiming.isEmpty()) this.#thread.work.wakeOne();
  }

  #isFull(later: Promise<void>): boolean {
    this.#underWay.add(later);
    return this.#underWay.size >= this.#options.lanes;
  }

  /** There is nothing to do: looks a little longer, then sleeps until woken. */
  async #rest(isOver: (isEmpty: boolean) => boolean): Promise<void> {
    const thread = this.#thread;
    this.#rested = true;
    this.#takesOver = false;
    // One at a time at first, so that there is something for the others.
    this.#claiming.batch = 1;
    const watches = thread.work.beginWatch(thread.me);
    let idle = true;
    for (let spin = watches ? WATCH_SPINS : SPINS; spin > 0 && idle; spin--) {
      pause();
      idle = this.#isIdle();
    }
    if (watches) thread.work.endWatch(thread.me);
    if (!idle) return;
    thread.tellIdle();
    // Nothing of its own between the key and the sleep may change the signal: it would go round and round.
    const key = thread.work.enter();
    if (!this.#isIdle() || isOver(true)) return;
    const held = this.#claiming.held();
    if (held !== 0 && this.#underWay.size === 0 && this.#options.blocks) {
      thread.work.sleep(key, TAKE_OVER_MS);
      this.#takesOver = this.#claiming.held() === held;
      return;
    }
    this.#takesOver = held !== 0;
    if (this.#takesOver) return;
    if (this.#underWay.size > 0 || !this.#options.blocks) return thread.work.doze(key, this.#underWay.all);
    if (thread.work.isWaiting) return this.#dozeAlone(key);
    thread.count(WAITS, 1);
    if (!thread.work.sleep(key, this.#options.sleepMs) && !this.#isIdle()) thread.count(LATE_WAKES, 1);
  }

  /** Like `doze`, with nothing under way that would keep the thread. */
  async #dozeAlone(key: number): Promise<void> {
    const { port1 } = new MessageChannel();
    port1.ref();
    await this.#thread.work.doze(key, []);
    port1.close();
  }

  #isIdle(): boolean {
    return this.#claiming.isEmpty() && !this.#post.hasMail();
  }
}

/** Lets the processor's other thread have it for a moment; not there before Node 24. */
const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});
