/** The pool of workers: started and watched over by one thread, told to go by any. */

import { availableParallelism } from 'node:os';
import { MessageChannel, type ResourceLimits, Worker } from 'node:worker_threads';
import { Refused } from '../model/refusal.ts';
import { type FailureReport, unpackFailure } from './failures.ts';
import type { Member } from './member.ts';
import { BEAT, BUSY } from './memory.ts';
import { ROLE_BLOCKING } from './post.ts';
import { recoverBlock } from './recovery.ts';
import { CREW_DRAINING, CREW_LEAVING, CREW_NONE, CREW_RUNNING } from './serving.ts';
import type { Settings } from './settings.ts';
import { blockOf, joinThreads } from './thread.ts';

export interface StartOptions {
  /** Default: one for each processor. */
  readonly workers?: number;
  /** Events whose callbacks may be waiting for promises at the same time, per worker. Default 1. */
  readonly lanes?: number;
  /** Memory limits of each worker, as node:worker_threads has them. */
  readonly resourceLimits?: ResourceLimits;
}

/** What a worker is given to start with. */
export interface WorkerStart {
  readonly shared: SharedArrayBuffer;
  readonly settings: Settings;
  /** Its block, taken for it. */
  readonly me: number;
  readonly lanes: number;
}

/** What a worker says of itself, beside the failures it reports. */
export const WORKER_UP = 'up';
export const WORKER_LEFT = 'left';

/** The end of a worker that was not told to go. */
export interface WorkerDeath {
  readonly threadId: number;
  readonly exitCode: number;
  /** What it did not catch, if that was it. */
  readonly cause: unknown;
  /** True when the watchdog ended it. */
  readonly hung: boolean;
  /** Events whose callbacks go on elsewhere, and callbacks that had begun and not ended. */
  readonly resumed: number;
  readonly inFlight: number;
  /** From the report of its end until its events could be taken up by others. */
  readonly recoveryMs: number;
}

export interface CrewHooks {
  readonly settings: Settings;
  /** Failures on the workers. */
  readonly report: (failure: FailureReport) => void;
  readonly onDeath: (death: WorkerDeath) => void;
}

interface Hand {
  readonly worker: Worker;
  readonly me: number;
  readonly threadId: number;
  up: boolean;
  left: boolean;
  hung: boolean;
  cause: unknown;
  beat: number;
  sinceMs: number;
}

/** Workers that end before they are up, one after the other, before it is given up. */
const FAILED_STARTS_MAX = 3;

export class Crew {
  readonly #member: Member;
  readonly #hooks: CrewHooks;
  readonly #hands = new Set<Hand>();
  #options: StartOptions = {};
  #failedStarts = 0;
  #stopWatching: (() => void) | undefined;

  constructor(member: Member, hooks: CrewHooks) {
    this.#member = member;
    this.#hooks = hooks;
  }

  /** True when it works, wherever it was started. */
  get isRunning(): boolean {
    return this.#state() === CREW_RUNNING;
  }

  /** Resolves when all workers are up. Fine when the pool runs already. */
  async start(options: StartOptions): Promise<void> {
    const { words } = this.#member.thread;
    const count = options.workers ?? availableParallelism();
    if (!Number.isInteger(count) || count < 1)
      throw new Refused('invalid', `A pool of ${count} workers cannot be started. Use a whole number from 1.`);
    for (;;) {
      const state = Atomics.compareExchange(words, this.#word('crew'), CREW_NONE, CREW_RUNNING);
      if (state === CREW_RUNNING) return;
      if (state === CREW_NONE) break;
      await this.gone();
    }
    this.#options = options;
    this.#failedStarts = 0;
    words[this.#word('crewOwner')] = this.#member.thread.me;
    process.on('beforeExit', this.#stay);
    this.#watch();
    try {
      await Promise.all(Array.from({ length: count }, () => this.#spawn()));
    } catch (cause) {
      this.tell(CREW_LEAVING);
      if (this.#hands.size === 0) this.#leaves();
      throw cause;
    }
  }

  /** Tells the workers to go: `DRAINING` when nothing is left to do, `LEAVING` after the event in hand. */
  tell(state: typeof CREW_DRAINING | typeof CREW_LEAVING): void {
    const { words, work } = this.#member.thread;
    const at = this.#word('crew');
    Atomics.compareExchange(words, at, CREW_RUNNING, state);
    if (state === CREW_LEAVING) Atomics.compareExchange(words, at, CREW_DRAINING, CREW_LEAVING);
    work.wakeAll();
  }

  /** Resolves when all workers have ended. The process stays for it. */
  async gone(): Promise<void> {
    const { words } = this.#member.thread;
    const { port1 } = new MessageChannel();
    port1.ref();
    for (;;) {
      const signal = Atomics.load(words, this.#word('crewSignal'));
      if (this.#state() === CREW_NONE) break;
      const waiting = Atomics.waitAsync(words, this.#word('crewSignal'), signal);
      if (waiting.async) await waiting.value;
    }
    port1.close();
  }

  /** Starts one worker. Resolves when it is up, or when it is given up. */
  #spawn(): Promise<void> {
    const { thread } = this.#member;
    const me = joinThreads(thread.memory, thread.me, ROLE_BLOCKING);
    Atomics.add(thread.words, this.#word('crewSize'), 1);
    const start: WorkerStart = { shared: thread.memory.shared, settings: this.#hooks.settings, me, lanes: this.#options.lanes ?? 1 };
    const { resourceLimits } = this.#options;
    const worker = new Worker(WORKER, { workerData: start, ...(resourceLimits === undefined ? {} : { resourceLimits }) });
    const hand: Hand = {
      worker,
      me,
      threadId: worker.threadId,
      up: false,
      left: false,
      hung: false,
      cause: undefined,
      beat: 0,
      sinceMs: 0,
    };
    this.#hands.add(hand);
    return new Promise((resolve, reject) => {
      worker.on('message', (message: unknown) => {
        if (message === WORKER_LEFT) hand.left = true;
        else if (message !== WORKER_UP) this.#report(message as { failure: unknown; event: FailureReport['event'] });
        else {
          hand.up = true;
          this.#failedStarts = 0;
          worker.unref();
          resolve();
        }
      });
      worker.on('error', (cause) => {
        hand.cause = cause;
      });
      worker.on('exit', (exitCode) => this.#onExit(hand, exitCode).then(resolve, reject));
    });
  }

  #report({ failure, event }: { failure: unknown; event: FailureReport['event'] }): void {
    this.#hooks.report({ ...unpackFailure(failure), event });
  }

  async #onExit(hand: Hand, exitCode: number): Promise<void> {
    const { words } = this.#member.thread;
    if (!hand.left) this.#recover(hand, exitCode);
    this.#hands.delete(hand);
    Atomics.sub(words, this.#word('crewSize'), 1);
    if (!hand.left && this.#state() !== CREW_LEAVING) {
      if (this.#failedStarts < FAILED_STARTS_MAX) return this.#spawn();
      this.tell(CREW_LEAVING);
    }
    this.#leaves();
    if (!hand.left && !hand.up) {
      const advice = 'Look at the cause, and at the memory limits.';
      throw new Error(`The workers of the event queue end before they are up. ${advice}`, { cause: hand.cause });
    }
  }

  #recover(hand: Hand, exitCode: number): void {
    const { clock } = this.#member.thread;
    if (!hand.up) this.#failedStarts++;
    const startMs = clock.monotonicMs();
    const recovered = recoverBlock(this.#member, hand.me);
    const recoveryMs = recovered.reduce((latestMs, { resumedAtMs }) => Math.max(latestMs, resumedAtMs), startMs) - startMs;
    const sum = (of: 'resumed' | 'inFlight') => recovered.reduce((total, one) => total + one[of], 0);
    const { threadId, cause, hung } = hand;
    this.#hooks.onDeath({ threadId, exitCode, cause, hung, resumed: sum('resumed'), inFlight: sum('inFlight'), recoveryMs });
  }

  /** A worker has gone for good. The last one ends the pool. */
  #leaves(): void {
    const { words } = this.#member.thread;
    if (this.#hands.size === 0) {
      process.off('beforeExit', this.#stay);
      this.#stopWatching?.();
      Atomics.store(words, this.#word('crew'), CREW_NONE);
    }
    Atomics.add(words, this.#word('crewSignal'), 1);
    Atomics.notify(words, this.#word('crewSignal'));
  }

  /** The process is about to end. It stays while there are events that the workers are at. */
  readonly #stay = (): void => {
    const { thread } = this.#member;
    this.#member.adding.flush();
    if (this.#hands.size === 0 || thread.isDrained()) return;
    for (const { worker } of this.#hands) worker.ref();
    const wait = (): void => {
      const key = thread.idle.enter();
      if (thread.isDrained() || this.#hands.size === 0) for (const { worker } of this.#hands) worker.unref();
      else void thread.idle.doze(key, []).then(wait);
    };
    wait();
  };

  /** Ends a worker in whose callback nothing happens for `hangMs`. */
  #watch(): void {
    const { hangMs } = this.#hooks.settings;
    const { clock, words, memory } = this.#member.thread;
    if (hangMs === 0) return;
    const look = (): void => {
      const nowMs = clock.monotonicMs();
      for (const hand of this.#hands) {
        const block = blockOf(memory, hand.me);
        const beat = words[block + BEAT] as number;
        if (words[block + BUSY] === 0 || beat !== hand.beat) {
          hand.beat = beat;
          hand.sinceMs = nowMs;
        } else if (nowMs - hand.sinceMs >= hangMs && !hand.hung) {
          hand.hung = true;
          void hand.worker.terminate();
        }
      }
      this.#stopWatching = clock.after(Math.max(1, hangMs / 4), look);
    };
    this.#stopWatching = clock.after(Math.max(1, hangMs / 4), look);
  }

  #state(): number {
    return Atomics.load(this.#member.thread.words, this.#word('crew'));
  }

  #word(name: 'crew' | 'crewOwner' | 'crewSize' | 'crewSignal'): number {
    return this.#member.thread.global(name);
  }
}

/** Beside this file, with its ending: there is no TypeScript in the build. */
const WORKER: URL = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
