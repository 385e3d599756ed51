/** Pools of workers that are wrong in the ways such pools easily are. Their threads are loops that wait for promises, but where the processor's time is looked at. */

import { Worker } from 'node:worker_threads';
import type { Call, Seen } from './face.ts';

interface Work {
  readonly event: Seen;
  readonly call: Call;
}

export class NaivePool {
  readonly #line: Work[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;
  #isOver = false;
  /** Loops that have begun. */
  spawned = 0;

  get size(): number {
    return this.#line.length;
  }

  /** Looks whether it runs, and sees to it a moment later. */
  async start(workers: number): Promise<void> {
    if (this.#isRunning) return;
    await Promise.resolve();
    this.#isRunning = true;
    for (let index = 0; index < workers; index++) {
      this.spawned++;
      this.#loops.push(this.#loop());
    }
  }

  /** Waits for all threads, the one that calls it among them. */
  async stop(): Promise<void> {
    this.#signalEnd();
    await Promise.all(this.#loops.splice(0));
  }

  /** Signals the end and is gone. */
  destroy(): void {
    this.#signalEnd();
  }

  /** Accepts whatever comes, whether or not there is anybody to process it. */
  add(event: Seen, call: Call): void {
    this.#line.push({ event, call });
    this.#waiting.shift()?.();
  }

  /** Over when nothing is in line. */
  async drain(): Promise<void> {
    while (this.#line.length > 0) await new Promise((resolve) => void setImmediate(resolve));
  }

  #signalEnd(): void {
    this.#isRunning = false;
    this.#isOver = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #loop(): Promise<void> {
    while (this.#isRunning || this.#line.length > 0) {
      const next = await this.#next();
      if (next !== undefined) await next.call(next.event);
    }
  }

  async #next(): Promise<Work | undefined> {
    while (this.#line.length === 0 && !this.#isOver) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    return this.#line.shift();
  }
}

const RUNNING = 0;
const OVER = 1;
const SIGNAL = 2;

const LOOP = `
  const words = require('node:worker_threads').workerData;
  while (Atomics.load(words, ${RUNNING}) === 1) {
    while (Atomics.load(words, ${OVER}) === 0) Atomics.wait(words, ${SIGNAL}, Atomics.load(words, ${SIGNAL}));
  }`;

/** Real threads, with nothing to do: what tells them of the end stays as it is when they are started again. */
export class SpinningPool {
  readonly #words = new Int32Array(new SharedArrayBuffer(16));
  #workers: Worker[] = [];

  async start(workers: number): Promise<void> {
    this.#words[RUNNING] = 1;
    this.#workers = Array.from({ length: workers }, () => new Worker(LOOP, { eval: true, workerData: this.#words }));
    await Promise.all(this.#workers.map((worker) => new Promise((resolve) => void worker.once('online', resolve))));
  }

  async stop(): Promise<void> {
    Atomics.store(this.#words, RUNNING, 0);
    Atomics.store(this.#words, OVER, 1);
    Atomics.add(this.#words, SIGNAL, 1);
    Atomics.notify(this.#words, SIGNAL);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** Gathers events and hands them over when there are enough; what is too few stays with it for good. */
export class NaiveBatches {
  readonly #gathered: Work[] = [];
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
  }

  add(event: Seen, call: Call): void {
    this.#gathered.push({ event, call });
    if (this.#gathered.length < this.#size) return;
    for (const { event, call } of this.#gathered.splice(0)) void call(event);
  }

  async close(): Promise<void> {}
}
