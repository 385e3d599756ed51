/**
 * `npm run test:stress -- [--events N] [--deaths N] [--ids N] [--idle SECONDS] [--seed S]`: the event queue under load, with its threads held
 * up between atomic steps, with threads that die, over many ids, and with nothing to do. The last line tells all; ends with 1 when something
 * is not as it must be.
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Order } from '../../../src/events/events.ts';
import type { DeathsFigures } from './deaths.ts';
import type { EventsFigures } from './events.ts';
import type { IdleFigures, IdsFigures } from './quiet.ts';
import type { SparseFigures } from './sparse.ts';

const PHASE = fileURLToPath(new URL('./phase.ts', import.meta.url));
const YIELDS = new URL('./yields.ts', import.meta.url).href;

/** One atomic step in so many is held up. */
const RARE = 100;
/** Resident memory may grow so much after the first fifth of the ids: less than a byte for ten of them. */
const GROWTH_MIB = 24;
/** Over fewer ids nothing is seen but the engine warming up. */
const MANY_IDS = 1_000_000;
/** Share of one processor that an idle pool may take. */
const IDLE_SHARE = 0.02;
const RECOVERY_MS = 10;
const TIMED_DEATHS = 50;
/** The engine lets the part of its heap for new things grow as it likes, which would be all that is seen. */
const SMALL_NURSERY = ['--max-semi-space-size=4'];
/** A part that takes longer than this does not end. */
const LIMIT_MS = 30 * 60_000;

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    deaths: { type: 'string', default: '1000' },
    ids: { type: 'string', default: '10000000' },
    idle: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
  },
});

const violations: string[] = [];
const told: string[] = [];

/** Each figure that is to be `limit` at most. */
function atMost(part: string, figures: Readonly<Record<string, number>>, limit = 0): void {
  for (const [name, value] of Object.entries(figures)) if (!(value <= limit)) violations.push(`${part}: ${name} is ${value}`);
}

/** Figures of one part; undefined when it broke off, which is a violation by itself. */
function run<Figures>(
  name: string,
  count: number,
  order: Order,
  environment: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Figures | undefined> {
  return new Promise((resolve) => {
    const preload = Object.keys(environment).length > 0 ? ['--import', YIELDS] : [];
    const child = spawn(
      process.execPath,
      ['--no-warnings', ...process.execArgv, ...flags, ...preload, PHASE, name, String(count), values.seed, order],
      {
        env: { ...process.env, ...environment },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      const line = out.trim().split('\n').at(-1) ?? '';
      console.log(`${name}, ${order}: ${line}`);
      if (code === 0) resolve(JSON.parse(line) as Figures);
      else {
        violations.push(`${name} ended with ${code ?? signal}`);
        resolve(undefined);
      }
    });
  });
}

async function events(name: 'events' | 'tight', count: number, order: Order): Promise<void> {
  const figures = await run<EventsFigures>(name, count, order, { SIGNALBOX_YIELDS: String(RARE), SIGNALBOX_SEED: values.seed });
  if (figures === undefined) return;
  const { double, missed, timedOut, outOfOrder, lateWrong, failed, late, seconds } = figures;
  atMost(`${name}, ${order}`, { double, missed, timedOut, outOfOrder, lateWrong, failed });
  told.push(
    `${count} events (${order}${name === 'tight' ? ', room for two' : ''}) in ${seconds.toFixed(0)} s (${late} callbacks registered late): double ${double}, missed ${missed}, timed-out waits ${timedOut}`,
  );
}

async function sparse(count: number): Promise<void> {
  const figures = await run<SparseFigures>('sparse', count, 'registration', {
    SIGNALBOX_YIELDS: String(RARE),
    SIGNALBOX_SEED: values.seed,
  });
  if (figures === undefined) return;
  const { timedOut, missed, sleeps } = figures;
  atMost('sparse', { timedOut, missed });
  told.push(`${count} events one by one: ${sleeps} sleeps, timed-out ${timedOut}`);
}

async function ids(count: number): Promise<void> {
  const figures = await run<IdsFigures>('ids', count, 'registration', {}, SMALL_NURSERY);
  if (figures === undefined) return;
  const { rssMiB, growthMiB, seconds } = figures;
  if (count >= MANY_IDS) atMost('ids', { growthMiB }, GROWTH_MIB);
  told.push(`${count} ids in ${seconds.toFixed(0)} s: resident ${rssMiB[1]} MiB after a fifth, ${rssMiB.at(-1)} at the end`);
}

async function idle(seconds: number): Promise<void> {
  const figures = await run<IdleFigures>('idle', seconds, 'registration', {});
  if (figures === undefined) return;
  atMost('idle', { cpuMs: figures.cpuMs }, Math.max(10, IDLE_SHARE * seconds * 1000));
  told.push(`${figures.workers} idle workers: ${figures.cpuMs.toFixed(1)} ms of the processor in ${seconds} s`);
}

async function deaths(count: number, name: 'repeat' | 'report', order: Order): Promise<void> {
  if (count === 0) return;
  const figures = await run<DeathsFigures>(name, count, order, {
    SIGNALBOX_YIELDS: '200',
    SIGNALBOX_YIELDS_MAIN: '0',
    SIGNALBOX_SEED: values.seed,
  });
  if (figures === undefined) return;
  const { lost, repeatedTooOften, outOfOrder, payloadWrong, mateFaults, timedOut, leaked, medianMs, p99Ms, repeated, hungEnded } = figures;
  atMost(`${name}, ${order}`, { lost, repeatedTooOften, outOfOrder, payloadWrong, mateFaults, timedOut, leaked: leaked.length });
  // Of a few the time says more of the machine than of the queue.
  if (figures.deaths >= TIMED_DEATHS) atMost(`${name}, ${order}`, { medianMs }, RECOVERY_MS);
  const times = `recovery ${medianMs.toFixed(1)} ms (median), ${p99Ms.toFixed(1)} ms (99 %)`;
  told.push(
    `${figures.deaths} deaths (${name}, ${order}): lost ${lost}, repeated ${repeated} of ${figures.inFlight} in flight, ${hungEnded} hung ended, ${times}`,
  );
}

const [eventCount, idCount, idleSeconds, deathCount] = [values.events, values.ids, values.idle, values.deaths].map(Number) as [
  number,
  number,
  number,
  number,
];
// 0: not this time.
if (eventCount > 0) {
  await events('events', Math.ceil(0.8 * eventCount), 'registration');
  await events('events', Math.ceil(0.2 * eventCount), 'parallel');
  await events('tight', Math.ceil(0.01 * eventCount) + 2000, 'registration');
  await sparse(Math.ceil(0.002 * eventCount) + 1000);
}
if (idCount > 0) await ids(idCount);
if (idleSeconds > 0) await idle(idleSeconds);
for (const order of ['registration', 'priority', 'parallel'] as const) await deaths(Math.ceil((0.7 * deathCount) / 3), 'repeat', order);
for (const order of ['registration', 'parallel'] as const) await deaths(Math.ceil((0.3 * deathCount) / 2), 'report', order);
console.log(`${violations.length === 0 ? 'all as it must be' : `VIOLATED: ${violations.join('; ')}`} — ${told.join(' · ')}`);
process.exitCode = violations.length === 0 ? 0 : 1;
