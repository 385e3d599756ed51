/** Many events from several threads to several threads, with all threads held up now and then: each callback runs once, in order, and nobody sleeps through his work. */

import { Worker } from 'node:worker_threads';
import { EventQueue, type Handle, type Order, portable } from '../../../src/events/events.ts';
import { Ledger } from './ledger.ts';
import { underWay } from './stock.ts';

const HANDLERS = new URL('./handlers.ts', import.meta.url);
const ADDER = new URL('./adder.worker.ts', import.meta.url);

export interface EventsOptions {
  readonly events: number;
  readonly adders: number;
  readonly workers: number;
  readonly order: Order;
  readonly capacity: number;
}

export interface EventsFigures {
  readonly events: number;
  readonly seconds: number;
  /** Callbacks that ran more than once, and that did not run, among all. */
  readonly double: number;
  readonly missed: number;
  /** Sleeps that ended by themselves although there was work or room. */
  readonly timedOut: number;
  readonly sleeps: number;
  readonly outOfOrder: number;
  /** Callbacks registered while, before and after their events were processed; and those of them that ran too often or not at all. */
  readonly late: number;
  readonly lateAnswers: Readonly<Record<string, number>>;
  readonly lateWrong: number;
  readonly failed: number;
}

export interface AdderStart {
  readonly handle: Handle;
  readonly adder: number;
  readonly adders: number;
}

/** The next row of each adder stands in the ledger's counters from here on. */
export const PROGRESS = 16;
/** So many rows on, another event has a callback of its own. */
export const EVERY = 16;

/** No event ends in so long: something has been lost. */
const STALL_MS = Number(process.env.SIGNALBOX_STALL_MS ?? 20_000);

export async function runEvents({ events, adders, workers, order, capacity }: EventsOptions): Promise<EventsFigures> {
  const ledger = Ledger.make(events, 4);
  let failed = 0;
  const queue = new EventQueue({
    capacity,
    retain: { count: 8_000, expired: 300_000 },
    sleepMs: 1000,
    order,
    onError: () => {
      failed++;
    },
  });
  for (const name of ['one', 'two', 'three']) queue.on('all', portable(HANDLERS, name));
  const fromMs = performance.now();
  await queue.start({ workers });
  const over = new AbortController();
  const serving = queue.serve({ signal: over.signal });
  const late = new Latecomer(queue, ledger, adders);
  const threads = Array.from({ length: adders }, (_, adder) => run({ handle: queue.handle, adder, adders }));
  const watch = watchProgress(queue);
  await Promise.all(threads);
  await queue.drain();
  watch();
  over.abort();
  await serving;
  late.stop();
  await queue.drain();
  const { threads: counts } = queue.metrics();
  await queue.close();
  const { double, missed } = lookAt(ledger);
  return {
    events,
    seconds: (performance.now() - fromMs) / 1000,
    double,
    missed,
    timedOut: counts.reduce((sum, { lateWakes }) => sum + lateWakes, 0) + ledger.faults('lateRoom'),
    sleeps: counts.reduce((sum, { waits }) => sum + waits, 0),
    outOfOrder: order === 'parallel' ? 0 : ledger.faults('order'),
    late: late.count,
    lateAnswers: late.answers,
    lateWrong: late.wrong(),
    failed,
  };
}

function run(start: AdderStart): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(ADDER, { workerData: start });
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
}

/** Registers callbacks for ids around those that are being added now. */
class Latecomer {
  count = 0;
  readonly answers: Record<string, number> = {};
  readonly #ran: number[] = [];
  readonly #wanted: number[] = [];
  readonly #ledger: Ledger;
  readonly #timer: NodeJS.Timeout;

  constructor(queue: EventQueue, ledger: Ledger, adders: number) {
    this.#ledger = ledger;
    let random = 1;
    this.#timer = setInterval(() => {
      for (let burst = 0; burst < 8; burst++) {
        random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fffffff;
        // One of the same adder's: another may be so far ahead, or behind, that its events are no longer known to be over.
        const adder = random % adders;
        const near = (ledger.marks[PROGRESS + adder] as number) + adders * (((random >>> 8) % 1200) - 600);
        if (near >= 0 && near < ledger.events) this.#register(queue, near);
      }
    }, 1);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  wrong(): number {
    return this.#ran.filter((ran, index) => ran !== this.#wanted[index]).length;
  }

  #register(queue: EventQueue, id: number): void {
    const index = this.count++;
    this.#ran[index] = 0;
    const wasThere = this.#ledger.get(id, 0) > 0;
    const { answer } = queue.once({ id }, () => {
      this.#ran[index] = (this.#ran[index] as number) + 1;
    });
    // An adder that was held up for so long that its last events are beyond what is kept: the queue knows nothing of them any more.
    const told = answer === 'waiting' && wasThere ? 'forgotten' : answer;
    this.#wanted[index] = told === 'expired' || told === 'forgotten' ? 0 : 1;
    this.answers[told] = (this.answers[told] ?? 0) + 1;
  }
}

/** Ends the process with the state of things when nothing goes on any more. Answers what ends the watch. */
export function watchProgress(queue: EventQueue): () => void {
  let before = -1;
  let sinceMs = performance.now();
  const timer = setInterval(() => {
    const { threads, ...metrics } = queue.metrics();
    if (metrics.processed !== before) {
      before = metrics.processed;
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs > STALL_MS) {
      console.error('Nothing goes on any more.', metrics, threads, underWay(queue.handle));
      process.exit(2);
    }
  }, 1000);
  return () => clearInterval(timer);
}

function lookAt(ledger: Ledger): { double: number; missed: number } {
  let double = 0;
  let missed = 0;
  for (let row = 0; row < ledger.events; row++) {
    for (let column = 0; column < 4; column++) {
      const wanted = column < 3 || row % EVERY === 0 ? 1 : 0;
      const ran = ledger.get(row, column);
      if (ran > wanted) double++;
      if (ran < wanted) missed++;
    }
  }
  return { double, missed };
}
