/**
 * The event queue beside what does its work today: threads in C++, messages and a task pool in Node; and the event bus beside EventEmitter.
 *
 * Each counterpart and each of our ways run in turns, so that a machine that is busy for a while is so for both. A ratio is that of two
 * runs that followed each other; the table has the median of them.
 *
 * `--cpp DIR`: the folder with the C++ counterparts of the source document's classes. `--events N`, `--rounds N`, `--workers N`,
 * `--producers 1,4`, `--only TEXT`: part of the table, or smaller.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { busSides } from './events/bus-sides.ts';
import { type Contest, contests, type Way } from './events/contests.ts';
import { type Counterparts, compile } from './events/cpp.ts';
import type { Side } from './events/ours.ts';
import { median } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';

/** One line of the table. */
export interface Row {
  readonly against: string;
  readonly says: string;
  readonly theirs: number;
  readonly ours: number;
  readonly ratio: number;
  /** The lowest and the highest of the ratios that the median is of. */
  readonly lowest: number;
  readonly highest: number;
  readonly least: number;
  readonly aim: number;
}

export async function events({ args }: BenchOptions): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    options: {
      cpp: { type: 'string' },
      events: { type: 'string' },
      rounds: { type: 'string' },
      workers: { type: 'string' },
      producers: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const text = (name: string, otherwise: string): string => {
    const value = values[name];
    return typeof value === 'string' ? value : otherwise;
  };
  const only = text('only', '');
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
  const figures: Record<string, number | string> = {};
  try {
    let built: Counterparts | undefined;
    const counterparts = (): Counterparts => {
      built ??= compile(directory, text('cpp', '') || undefined);
      return built;
    };
    const wish = {
      events: Number(text('events', '200000')),
      workers: Number(text('workers', '4')),
      producers: text('producers', '1,4').split(',').map(Number),
    };
    for (const contest of contests(wish, counterparts, busSides())) {
      if (!contest.against.includes(only)) continue;
      const theirs = await contest.open();
      if (typeof theirs === 'string') figures[`${contest.against}: not compared`] = theirs;
      else for (const row of await run(contest, theirs, Number(text('rounds', '5')))) enter(figures, row);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return figures;
}

/** Plays a contest: one round to warm up, then `rounds` that count, in each theirs first and then our ways. */
async function run({ against, ways, theirEvents, ourEvents }: Contest, theirs: Side, rounds: number): Promise<Row[]> {
  const ours: Side[] = [];
  for (const way of ways) ours.push(await way.open());
  const rates: number[] = [];
  const ourRates = ways.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    const rate = await theirs.round(Math.ceil(theirEvents));
    if (round > 0) rates.push(rate);
    for (const [index, side] of ours.entries()) {
      const rate = await side.round(ourEvents);
      if (round > 0) ourRates[index]?.push(rate);
    }
  }
  for (const side of [theirs, ...ours]) await side.end();
  return ways.map((way, index) => rowOf(against, way, rates, ourRates[index] ?? []));
}

function rowOf(against: string, { says, least, aim }: Way, theirs: readonly number[], ours: readonly number[]): Row {
  const ratios = ours.map((rate, round) => rate / (theirs[round] ?? Number.NaN)).sort((a, b) => a - b);
  return {
    against,
    says,
    theirs: median(theirs),
    ours: median(ours),
    ratio: median(ratios),
    lowest: ratios[0] ?? 0,
    highest: ratios.at(-1) ?? 0,
    least,
    aim,
  };
}

function enter(figures: Record<string, number | string>, row: Row): void {
  const name = `${row.against} | ${row.says}`;
  figures[`${name} | theirs/s`] = Math.round(row.theirs);
  figures[`${name} | ours/s`] = Math.round(row.ours);
  figures[`${name} | ratio`] = round(row.ratio);
  figures[`${name} | ratio lowest`] = round(row.lowest);
  figures[`${name} | ratio highest`] = round(row.highest);
  if (row.least === 0) return;
  figures[`${name} | at least`] = row.least;
  figures[`${name} | aim`] = row.aim;
}

function round(ratio: number): number {
  return Math.round(ratio * 100) / 100;
}

/** The figures as a table, for people. */
export function tableOf(figures: Figures): string {
  const rows = Object.keys(figures)
    .filter((key) => key.endsWith(' | ratio'))
    .map((key) => {
      const name = key.slice(0, -' | ratio'.length);
      const of = (what: string): number => Number(figures[`${name} | ${what}`] ?? 0);
      const [against = '', says = ''] = name.split(' | ');
      return { against, says, of };
    });
  const lines: string[] = [];
  let last = '';
  for (const { against, says, of } of rows) {
    if (against !== last) lines.push('', `${against}   ${thousands(of('theirs/s'))}/s`);
    last = against;
    const spread = `${of('ratio lowest').toFixed(2)}–${of('ratio highest').toFixed(2)}`;
    const verdict = of('at least') === 0 ? 'for comparison' : verdictOf(of('ratio'), of('at least'), of('aim'));
    lines.push(
      `  ${says.padEnd(26)}${thousands(of('ours/s')).padStart(9)}/s   ${of('ratio').toFixed(2).padStart(6)} times  (${spread})   ${verdict}`,
    );
  }
  const missing = Object.entries(figures).filter(([key]) => key.endsWith(': not compared'));
  return [...lines, '', ...missing.map(([key, why]) => `${key}: ${why}`)].join('\n');
}

function verdictOf(ratio: number, least: number, aim: number): string {
  const wanted = `at least ${least}, aim ${aim}`;
  return ratio >= aim ? `${wanted}: reached` : ratio >= least ? `${wanted}: above the least` : `${wanted}: MISSED`;
}

function thousands(figure: number): string {
  return figure >= 1e6 ? `${(figure / 1e6).toFixed(2)} M` : `${Math.round(figure / 1000)} k`;
}
