/** A thread beside the pool that adds, or registers, or has closures that events are handed to; and that dies sooner or later. */

import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventQueue, portable, type QueuedEvent } from '../../../src/events/events.ts';
import { ballastOf, type Work } from './handlers.ts';
import { ledger } from './ledger.ts';
import { ADDED, ADDS, MATE_STATE, MATES, type MateStart, REGISTERED, REGISTERS, ROWS_EACH } from './mates.ts';
import { steps } from './yields.ts';

const { handle, role, number, seed } = workerData as MateStart;
const HANDLERS = new URL('./handlers.ts', import.meta.url);
const book = ledger();
const { plain, endAfter } = steps();
let random = seed;
let isLeaving = false;
parentPort?.once('message', () => {
  isLeaving = true;
});

const queue = EventQueue.attach(handle);
decideOnEnd();
if (role === 'adds') await addOn();
else if (role === 'registers') await registerOn();
else await serveHome();
endAfter(0);
await queue.leave();
parentPort?.close();

function draw(below: number): number {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
  return Math.floor(((random >>> 0) / 2 ** 32) * below);
}

/** After so many atomic steps, or by an error that nobody catches, or by its own exit; or only from outside. */
function decideOnEnd(): void {
  const how = draw(10);
  if (how < 6) endAfter(1 + draw(how < 3 ? 400 : 8000));
  else if (how === 6) setTimeout(() => process.exit(3), draw(300)).unref();
  else if (how === 7) {
    setTimeout(() => {
      throw new Error(MATES.planted);
    }, draw(300)).unref();
  }
}

/** The next row of this thread's; -1 when all have been used. */
function nextRow(): number {
  const row = plain.add(book.marks, MATES.next + number, 1);
  return row < ROWS_EACH ? number * ROWS_EACH + row : -1;
}

function mark(row: number, bit: number): void {
  book.mark(row, MATE_STATE, bit);
}

/** Texts as ids, some too long for a record. */
function idOf(row: number): string {
  return `${'i'.repeat(row % 7 === 0 ? 300 : 10)} ${row}`;
}

function add(row: number): boolean {
  mark(row, ADDS);
  const data: Work = { row, fate: 'none', ballast: ballastOf(row) };
  const answer = queue.addBlocking({ id: idOf(row), type: role === 'adds' ? 'noted' : 'quiet', data }, { timeoutMs: 10_000 });
  if (answer === 'full') book.fault('lateRoom');
  if (answer === 'accepted') mark(row, ADDED);
  return answer === 'accepted';
}

async function addOn(): Promise<void> {
  for (let row = nextRow(); row >= 0 && !isLeaving; row = nextRow()) {
    add(row);
    if (row % 16 === 0) await sleep(1);
  }
}

async function registerOn(): Promise<void> {
  for (let row = nextRow(); row >= 0 && !isLeaving; row = nextRow()) {
    if (draw(2) === 0) add(row);
    mark(row, REGISTERS);
    const { answer } = queue.once({ id: idOf(row) }, portable(HANDLERS, 'noted'));
    if (answer !== 'expired') mark(row, REGISTERED);
    if ((book.get(row, MATE_STATE) & ADDED) === 0) add(row);
    // Some that come and go, and some that are never needed.
    using _standing = queue.on({ type: 'never' }, portable(HANDLERS, 'nothing'));
    queue.once({ id: `never ${row}` }, portable(HANDLERS, 'nothing')).dispose();
    if (row % 4 === 0) await sleep(1);
  }
}

async function serveHome(): Promise<void> {
  const seen = new Set<unknown>();
  queue.on({ type: 'home' }, (event) => {
    const { row } = (event as QueuedEvent<string, Work>).data;
    if (seen.has(row)) book.fault('homeTwice');
    seen.add(row);
  });
  while (!isLeaving) await sleep(5);
}
