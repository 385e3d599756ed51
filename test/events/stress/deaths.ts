/**
 * Threads that die, of all kinds and everywhere: workers of the pool in callbacks and between any two atomic steps, threads that add,
 * threads that register and unregister, threads whose closures events are handed to. Nothing may be lost, and no more than the one
 * callback in flight be repeated.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { EventQueue, type Order, portable, type QueueOptions, type WorkerDeath } from '../../../src/events/events.ts';
import { watchProgress } from './events.ts';
import { BEGUN, ballastOf, COLUMNS, DONE, type Fate, type Work } from './handlers.ts';
import { Ledger } from './ledger.ts';
import { checkMates, MATE_ROWS, MATES, type MateStart, ROLES } from './mates.ts';
import { missingFrom } from './stock.ts';

const HANDLERS = new URL('./handlers.ts', import.meta.url);
const MATE = new URL('./mate.worker.ts', import.meta.url);

export interface DeathsOptions {
  readonly deaths: number;
  readonly seed: number;
  readonly afterDeath: NonNullable<QueueOptions['afterDeath']>;
  readonly order: Order;
}

export interface DeathsFigures {
  readonly deaths: number;
  /** By how the thread ended, and by what it was there for. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly events: number;
  readonly lost: number;
  /** Callbacks run once more than they should. */
  readonly repeated: number;
  /** More than one for a death: a callback that was not in flight was repeated. */
  readonly repeatedTooOften: number;
  /** Callbacks that were in flight, as the queue saw it. */
  readonly inFlight: number;
  /** Failures for the death of a thread that were reported, instead of being repeated. */
  readonly givenUp: number;
  readonly hungEnded: number;
  readonly hungPlanted: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly outOfOrder: number;
  readonly payloadWrong: number;
  /** Faults of what the other threads added and registered. */
  readonly mateFaults: number;
  readonly timedOut: number;
  /** What was missing from the stock at the end. */
  readonly leaked: readonly string[];
  readonly seconds: number;
}

/** Events added at once, and the pause before the next. */
const BURST = 48;
const PAUSE_MS = 2;
const WORKERS = 3;
/** Longer than a callback takes to use up its memory. */
const HANG_MS = 2000;
const FATES: readonly Fate[] = [
  ...Array<Fate>(16).fill('step'),
  ...Array<Fate>(7).fill('throw'),
  ...Array<Fate>(7).fill('exit'),
  'memory',
  'hang',
];

export async function runDeaths({ deaths, seed, afterDeath, order }: DeathsOptions): Promise<DeathsFigures> {
  const rows = MATE_ROWS + 200_000 + deaths * 4000;
  const ledger = Ledger.make(rows, COLUMNS);
  const fromMs = performance.now();
  const run = new Run(ledger, seed, afterDeath, order);
  await run.go(deaths, rows);
  return { ...run.figures(), seconds: (performance.now() - fromMs) / 1000 };
}

class Run {
  readonly #ledger: Ledger;
  readonly #repeats: boolean;
  readonly #isOrdered: boolean;
  readonly #queue: EventQueue;
  readonly #kinds: Record<string, number> = {};
  readonly #crewDeaths: WorkerDeath[] = [];
  readonly #recoveriesMs: number[] = [];
  /** Workers of the pool that are up, for killing. */
  readonly #up = new Set<Worker>();
  readonly #mates = new Set<Worker>();
  #deaths = 0;
  #givenUp = 0;
  #hungPlanted = 0;
  #next = MATE_ROWS;
  #random: number;
  #isOver = false;
  #leaked: string[] = [];
  #timedOut = 0;
  #mateFaults = 0;
  #events = 0;

  constructor(ledger: Ledger, seed: number, afterDeath: DeathsOptions['afterDeath'], order: Order) {
    this.#ledger = ledger;
    this.#random = seed;
    this.#repeats = afterDeath === 'repeat';
    this.#isOrdered = order !== 'parallel';
    process.on('worker', this.#onWorker);
    this.#queue = new EventQueue({
      capacity: 2048,
      retain: { count: 500, expired: 1000 },
      threadsMax: 24,
      spillBytes: 16 * 2 ** 20,
      sleepMs: 1000,
      hangMs: HANG_MS,
      afterDeath,
      order,
      onError: ({ cause }) => {
        if ((cause as { code?: string }).code === 'died') this.#givenUp++;
      },
      onWorkerDeath: (death) => this.#onCrewDeath(death),
    });
  }

  async go(deaths: number, rows: number): Promise<void> {
    const queue = this.#queue;
    // Where callbacks run by priority these run in the same order as they are registered in.
    for (const [index, name] of ['first', 'deadly', 'last'].entries()) {
      queue.on({ type: 'work' }, portable(HANDLERS, name), { priority: 3 - index });
      if (index < 2) queue.on({ type: 'home' }, portable(HANDLERS, name), { priority: 3 - index });
    }
    queue.on({ type: 'noted' }, portable(HANDLERS, 'noted'));
    await queue.start({ workers: WORKERS, resourceLimits: { maxOldGenerationSizeMb: 40, maxYoungGenerationSizeMb: 8 } });
    const watch = watchProgress(queue);
    for (const [number, role] of ROLES.entries()) this.#startMate(role, number, 0);
    while (this.#deaths < deaths) {
      await this.#addSome(rows);
      if (this.#chance(0.02)) this.#killOne();
      await sleep(PAUSE_MS);
    }
    this.#isOver = true;
    for (const mate of this.#mates) mate.postMessage('leave');
    while (this.#mates.size > 0) await sleep(5);
    await queue.drain();
    watch();
    const { threads, added, processed, size, inFlight } = queue.metrics();
    this.#events = processed;
    if (added !== processed || size !== 0 || inFlight !== 0) this.#leaked.push(`${added - processed} events of ${added}`);
    this.#timedOut = threads.reduce((sum, { lateWakes }) => sum + lateWakes, 0);
    process.off('worker', this.#onWorker);
    const { handle } = queue;
    await queue.close();
    this.#leaked.push(...missingFrom(handle));
    this.#mateFaults = checkMates(this.#ledger, this.#repeats, this.#deaths);
  }

  figures(): Omit<DeathsFigures, 'seconds'> {
    const { lost, repeated } = this.#lookAtRows();
    const sorted = [...this.#recoveriesMs].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    const inFlight = this.#crewDeaths.reduce((sum, death) => sum + death.inFlight, 0);
    return {
      deaths: this.#deaths,
      kinds: this.#kinds,
      events: this.#events,
      lost,
      repeated,
      repeatedTooOften: Math.max(0, repeated - (this.#repeats ? inFlight : 0)),
      inFlight,
      givenUp: this.#givenUp,
      hungEnded: this.#crewDeaths.filter(({ hung }) => hung).length,
      hungPlanted: this.#hungPlanted,
      medianMs: at(0.5),
      p99Ms: at(0.99),
      // One that died just when it was to begin is passed over where such are reported: the next sees that it has not begun.
      outOfOrder: this.#isOrdered ? Math.max(0, this.#ledger.faults('order') - (this.#repeats ? 0 : inFlight)) : 0,
      payloadWrong: this.#ledger.faults('payload'),
      mateFaults: this.#mateFaults + this.#ledger.faults('homeTwice'),
      timedOut: this.#timedOut,
      leaked: this.#leaked,
    };
  }

  /** Hears of every worker before the queue does, and once more after it. */
  readonly #onWorker = (worker: Worker): void => {
    let diedMs = 0;
    worker.prependOnceListener('exit', () => {
      diedMs = performance.now();
    });
    worker.once('exit', () => {
      this.#up.delete(worker);
      if (this.#mates.has(worker)) setImmediate(() => this.#recoveriesMs.push(performance.now() - diedMs));
    });
    worker.on('message', (message) => {
      if (message === 'up') this.#up.add(worker);
    });
  };

  #onCrewDeath(death: WorkerDeath): void {
    this.#crewDeaths.push(death);
    this.#recoveriesMs.push(death.recoveryMs);
    const code = (death.cause as { code?: string } | undefined)?.code;
    const how = death.hung
      ? 'hung'
      : code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? 'memory'
        : death.cause !== undefined
          ? 'throw'
          : exitName(death.exitCode);
    this.#count(`pool ${how}`);
  }

  #count(kind: string): void {
    this.#deaths++;
    this.#kinds[kind] = (this.#kinds[kind] ?? 0) + 1;
  }

  async #addSome(rows: number): Promise<void> {
    for (let count = 0; count < BURST && this.#next < rows; count++) {
      const row = this.#next++;
      const fate = this.#chance(0.006) ? (FATES[Math.floor(this.#draw() * FATES.length)] as Fate) : 'none';
      if (fate === 'hang') this.#hungPlanted++;
      const data: Work = { row, fate, ballast: ballastOf(row) };
      await this.#queue.addWaiting({ id: row, type: row % 8 === 0 ? 'home' : 'work', data });
    }
  }

  #killOne(): void {
    const all = [...this.#up, ...this.#mates];
    const worker = all[Math.floor(this.#draw() * all.length)];
    this.#up.delete(worker as Worker);
    void worker?.terminate();
  }

  #startMate(role: MateStart['role'], number: number, incarnation: number): void {
    const start: MateStart = { handle: this.#queue.handle, role, number, incarnation, seed: Math.floor(this.#draw() * 2 ** 31) };
    const worker = new Worker(MATE, { workerData: start });
    this.#mates.add(worker);
    let cause: { message?: string } | undefined;
    worker.once('error', (error: { message?: string }) => {
      cause = error;
      if (error.message !== MATES.planted) throw error;
    });
    worker.once('exit', (code) => {
      this.#mates.delete(worker);
      if (code === 0 && cause === undefined) return;
      this.#count(`${role} ${cause === undefined ? exitName(code) : 'throw'}`);
      if (!this.#isOver) this.#startMate(role, number, incarnation + 1);
    });
  }

  #lookAtRows(): { lost: number; repeated: number } {
    let lost = 0;
    let repeated = 0;
    let notBegun = 0;
    for (let row = MATE_ROWS; row < this.#next; row++) {
      for (const place of row % 8 === 0 ? ([0, 1] as const) : ([0, 1, 2] as const)) {
        const begun = this.#ledger.get(row, BEGUN[place]);
        const done = this.#ledger.get(row, DONE[place]);
        if (begun > 1) repeated += begun - 1;
        if (begun === 0) notBegun++;
        else if (done === 0 && this.#repeats && begun < 3) lost++;
      }
    }
    // A thread may die after the queue has written down that a callback begins, and before that has counted it.
    if (!this.#repeats) notBegun = Math.max(0, notBegun - this.#givenUpOf());
    return { lost: lost + notBegun, repeated };
  }

  #givenUpOf(): number {
    return this.#crewDeaths.reduce((sum, death) => sum + death.inFlight, 0);
  }

  #chance(share: number): boolean {
    return this.#draw() < share;
  }

  #draw(): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) | 0;
    return (this.#random >>> 0) / 2 ** 32;
  }
}

function exitName(code: number): string {
  return code === 3 ? 'exit' : code === 4 ? 'between steps' : 'terminated';
}
