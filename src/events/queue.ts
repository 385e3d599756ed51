/** The event queue as its users see it, on one thread. */

import { isMainThread, threadId, type Worker } from 'node:worker_threads';
import { threadClock } from '../host/thread-clock.ts';
import { Refused } from '../model/refusal.ts';
import type { AddOptions, Answer } from './answer.ts';
import type { Callback, Portable } from './callbacks.ts';
import { Crew, type StartOptions, type WorkerDeath } from './crew.ts';
import type { AnyNew, AnyQueued, EventTypes, QueuedEvent } from './event.ts';
import type { FailureReport } from './failures.ts';
import type { EventId } from './keys.ts';
import { createMemory, leave, type Member, openMember } from './member.ts';
import { openMemory, THREAD_ID } from './memory.ts';
import { type Metrics, metricsOf, sizeOf, unsettledOf } from './metrics.ts';
import type { NodeContent } from './nodes.ts';
import { ROLE_BLOCKING, ROLE_TURNING } from './post.ts';
import { abortable, Processing } from './processing.ts';
import { recoverThread } from './recovery.ts';
import type { Result } from './result.ts';
import { type QueueOptions, type Settings, settingsOf } from './settings.ts';
import { type Pending, type Stopped, Stopping } from './stopping.ts';
import { type Registration, type Selector, type SubscribeOptions, Subscribing } from './subscribing.ts';
import { blockOf, joinThreads } from './thread.ts';
import { watchWorker, watchWorkers } from './watch.ts';

/** What other threads attach by. Plain data around shared memory: post it, or give it as `workerData`. */
export interface Handle {
  readonly shared: SharedArrayBuffer;
  readonly settings: Settings;
}

/** What a thread wants to hear of. */
export interface Listeners {
  /** Every attempt of a callback that failed on this thread, or on a worker it started. Default: a warning of the process. */
  readonly onError?: (failure: FailureReport) => void;
  /** A worker of the pool ended that was not told to. Its events go on on others. */
  readonly onWorkerDeath?: (death: WorkerDeath) => void;
}

export class EventQueue<Events extends EventTypes = EventTypes> implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #member: Member;
  readonly #subscribing: Subscribing;
  readonly #processing: Processing;
  readonly #stopping: Stopping;
  readonly #crew: Crew;
  readonly #unwatch: () => void;
  readonly #isOfCrew: boolean;
  #lingering: (() => void) | undefined;

  /** A new queue, with this thread taking part in it. `joined` is for `attach`. */
  constructor(options: QueueOptions & Listeners = {}, joined?: Joined) {
    this.#settings = joined?.settings ?? settingsOf(options);
    const memory = joined === undefined ? createMemory(this.#settings) : openMemory(joined.shared, this.#settings.shape);
    const me = joined?.me ?? joinThreads(memory, 0, isMainThread ? ROLE_TURNING : ROLE_BLOCKING);
    this.#isOfCrew = joined?.me !== undefined;
    memory.words[blockOf(memory, me) + THREAD_ID] = threadId;
    const report = options.onError ?? warn;
    this.#member = openMember(memory, this.#settings, threadClock(), me, { report, queue: () => this });
    this.#subscribing = new Subscribing(this.#member, this.#settings.duplicates !== 'unchecked');
    this.#processing = new Processing(this.#member, () => this.isClosed);
    this.#crew = new Crew(this.#member, { settings: this.#settings, report, onDeath: options.onWorkerDeath ?? (() => {}) });
    this.#stopping = new Stopping(this.#member, this.#crew, this.#processing);
    this.#unwatch = watchWorkers((ended) => recoverThread(this.#member, ended));
  }

  /** Takes part in a queue from another thread, by the handle of any thread that does. */
  static attach<Events extends EventTypes = EventTypes>(handle: Handle, listeners: Listeners = {}): EventQueue<Events> {
    return new EventQueue<Events>(listeners, handle);
  }

  /** What `attach` wants: post it to a worker, or give it as `workerData`. */
  get handle(): Handle {
    return { shared: this.#member.thread.memory.shared, settings: this.#settings };
  }

  /**
   * Adds an event and answers at once. `accepted`: no death of a thread loses it. `duplicate`: its id is pending. `full`: there is no
   * room now. `closed`: nothing is added any more. Throws `Refused` for what is no event, or does not fit its schema.
   */
  add(event: AnyNew<Events>, options: AddOptions = {}): Answer {
    const answer = this.#addOne(event, this.#levelOf(options), options);
    if (this.#settings.batchSize > 1) this.#lingerOn();
    return answer;
  }

  /** Adds events together, which costs less than one by one. Answers for each. */
  addMany(events: Iterable<AnyNew<Events>>, options: AddOptions = {}): Answer[] {
    const { adding } = this.#member;
    const level = this.#levelOf(options);
    const answers: Answer[] = [];
    adding.gather();
    try {
      for (const event of events) answers.push(this.#addOne(event, level, options));
    } finally {
      adding.flush();
    }
    return answers;
  }

  /** Adds an event as soon as there is room, without blocking. Never answers `full`. */
  async addWaiting(event: AnyNew<Events>, options: AddOptions & { readonly signal?: AbortSignal } = {}): Promise<Exclude<Answer, 'full'>> {
    const { room } = this.#member.thread;
    for (;;) {
      options.signal?.throwIfAborted();
      this.flush();
      let answer = this.add(event, options);
      if (answer !== 'full') return answer;
      const key = room.enter();
      answer = this.add(event, options);
      if (answer !== 'full') return answer;
      await abortable(options.signal, (others) => room.doze(key, others));
    }
  }

  /** Adds an event as soon as there is room, blocking this thread, which must not be the main one. `full` only after `timeoutMs`. */
  addBlocking(event: AnyNew<Events>, options: AddOptions & { readonly timeoutMs?: number } = {}): Answer {
    if (isMainThread) throw new Refused('unsupported', 'The main thread must not block. Use addWaiting there.');
    const { room, work, clock } = this.#member.thread;
    const endMs = clock.monotonicMs() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
    for (;;) {
      this.flush();
      let answer = this.add(event, options);
      if (answer !== 'full') return answer;
      // This thread may have been woken, or be the next to be woken, and will not come to it: everybody else is.
      for (const park of [room, work]) if (park.isWaiting) park.wakeAll();
      const key = room.enter();
      answer = this.add(event, options);
      const restMs = endMs - clock.monotonicMs();
      if (answer !== 'full' || restMs <= 0) return answer;
      room.sleep(key, restMs);
    }
  }

  /** Hands over the events gathered on this thread (see `batch`). */
  flush(): void {
    this.#lingering?.();
    this.#lingering = undefined;
    this.#member.adding.flush();
  }

  /** Registers a callback for every event of a type, an id, or all, until it is disposed of. */
  on<Type extends keyof Events & string>(
    selector: { readonly type: Type },
    callback: Callback<QueuedEvent<Type, Events[Type]>> | Portable,
    options?: SubscribeOptions,
  ): Registration;
  on(
    selector: 'all' | { readonly id: EventId },
    callback: Callback<AnyQueued<Events>> | Portable,
    options?: SubscribeOptions,
  ): Registration;
  on(selector: Selector, callback: Callback<never> | Portable, options: SubscribeOptions = {}): Registration {
    this.#refuseClosed('register a callback');
    return this.#subscribing.subscribe(selector, callback, false, options);
  }

  /** Registers a callback for one event: the one of this id, or the next of this type, or the next of all. */
  once<Type extends keyof Events & string>(
    selector: { readonly type: Type },
    callback: Callback<QueuedEvent<Type, Events[Type]>> | Portable,
    options?: SubscribeOptions,
  ): Registration;
  once(
    selector: 'all' | { readonly id: EventId },
    callback: Callback<AnyQueued<Events>> | Portable,
    options?: SubscribeOptions,
  ): Registration;
  once(selector: Selector, callback: Callback<never> | Portable, options: SubscribeOptions = {}): Registration {
    this.#refuseClosed('register a callback');
    return this.#subscribing.subscribe(selector, callback, true, options);
  }

  /** The result of the event of this id, also of one to come. `undefined`: it was processed and is retained no longer. */
  settled(id: EventId): Promise<Result | undefined> {
    this.#refuseClosed('wait for a result');
    return this.#subscribing.settled(id);
  }

  /** Waits for an event, runs its callbacks, answers the result. `undefined`: the queue is closed and empty. */
  processNext(options: { readonly signal?: AbortSignal } = {}): Promise<Result | undefined> {
    return this.#processing.next(options.signal);
  }

  /** Waits for an event and processes up to `count` of those that are there, one after the other. Empty: the queue is closed and empty. */
  async processBatch(count: number, options: { readonly signal?: AbortSignal } = {}): Promise<Result[]> {
    if (!Number.isInteger(count) || count < 1) throw new Refused('invalid', `processBatch takes a whole number from 1, and not ${count}.`);
    const results: Result[] = [];
    for (let next = await this.#processing.next(options.signal); next !== undefined; next = await this.#processing.tryNext()) {
      results.push(next);
      if (results.length >= count) break;
    }
    return results;
  }

  /** Processes an event if there is one, without waiting for one. */
  async tryProcess(): Promise<Result | undefined> {
    return this.#processing.tryNext();
  }

  /** Processes events on this thread until the queue is closed and empty (a worker of the pool: until that is stopped). A thread that is not the main one blocks while there is nothing to do. */
  async serve(options: { readonly lanes?: number; readonly signal?: AbortSignal } = {}): Promise<void> {
    await this.#stopping.serve(options.lanes ?? 1, this.#settings.sleepMs, options.signal, this.#isOfCrew);
  }

  /** Starts workers that process events. Resolves when they are up; fine when they are already. */
  async start(options: StartOptions = {}): Promise<void> {
    this.#refuseClosed('start workers');
    await this.#crew.start(options);
  }

  /**
   * Stops the workers, on whatever thread they were started: `drain` (default) when all events have ended, `abandon` after the event in
   * hand, dropping the rest, `keep` likewise, leaving the rest in line. Called from a callback it does not wait for the end.
   */
  stop(pending: Pending = 'drain'): Promise<Stopped> {
    this.flush();
    return this.#stopping.stop(pending);
  }

  /** Resolves when every event that was added has ended, its callbacks on all threads included. */
  async drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.flush();
    await this.#stopping.drained(options.signal);
  }

  /** Ends the queue for all threads: `add` answers `closed` from now on. What is in line is processed first (by default), or dropped. */
  async close(pending: Exclude<Pending, 'keep'> = 'drain'): Promise<Stopped> {
    this.flush();
    const stopped = await this.#stopping.close(pending);
    if (!this.#stopping.isInCallback) await this.leave();
    return stopped;
  }

  /** This thread takes part no longer; the queue goes on. Closures registered here are not called any more. */
  async leave(): Promise<void> {
    if (this.#stopping.hasLeft) return;
    this.#stopping.hasLeft = true;
    this.flush();
    this.#unwatch();
    await leave(this.#member);
  }

  /** Hears of the end of a worker that was started before this queue was made or attached to; others are heard of anyway. */
  watch(worker: Worker): void {
    watchWorker(worker, (ended) => recoverThread(this.#member, ended));
  }

  get isClosed(): boolean {
    const { words } = this.#member.thread;
    return Atomics.load(words, this.#member.thread.global('closed')) !== 0;
  }

  /** Events in line. */
  get size(): number {
    return sizeOf(this.#member.thread);
  }

  /** Events begun and not ended. */
  get inFlight(): number {
    return Math.max(0, unsettledOf(this.#member.thread) - this.size);
  }

  /** Callbacks that are to run for the event of this id, or are waiting for it. */
  callbackCount(id: EventId): number {
    return this.#subscribing.count(id);
  }

  /** All counts. Looks at every record: for now and then. */
  metrics(): Metrics {
    return metricsOf(this.#member.thread);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(() => undefined);
  }

  #levelOf({ priority }: AddOptions): number {
    const level = priority ?? 0;
    const { levels } = this.#settings.shape;
    if (Number.isInteger(level) && level >= 0 && level < levels) return level;
    throw new Refused('invalid', `Priority ${level} is not one of this queue, which has 0 to ${levels - 1}. Set levels, or use another.`);
  }

  #addOne(event: AnyNew<Events>, level: number, { callbacks }: AddOptions): Answer {
    const { adding } = this.#member;
    if (callbacks === undefined) return adding.add(event, level, NO_CONTENTS);
    const contents = this.#subscribing.contentsOf(callbacks);
    let answer: Answer | undefined;
    try {
      answer = adding.add(event, level, contents);
      return answer;
    } finally {
      if (answer !== 'accepted') this.#subscribing.dropContents(contents);
    }
  }

  /** The first event gathered starts the time after which all are handed over. */
  #lingerOn(): void {
    const { adding, thread } = this.#member;
    if (adding.gathered === 0) {
      this.#lingering?.();
      this.#lingering = undefined;
    } else {
      this.#lingering ??= thread.clock.after(this.#settings.lingerMs, () => this.flush());
    }
  }

  #refuseClosed(what: string): void {
    if (this.isClosed) throw new Refused('closed', `The event queue is closed, so nothing can ${what}. Make a new one.`);
  }
}

const NO_CONTENTS: readonly NodeContent[] = [];

/** A handle, and the block that was taken for this thread if it is a worker of the pool. */
export interface Joined extends Handle {
  readonly me?: number;
}

function warn({ callback, attempt, cause, event }: FailureReport): void {
  process.emitWarning(
    `${callback} failed on event ${event.id} of type "${event.type}" (attempt ${attempt}): ${String(cause)}`,
    'EventQueueWarning',
  );
}
