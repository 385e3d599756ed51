/** The loads that both servers are put under, what is compared of each, and the table of it. */

import type { Printed } from './kafka.ts';
import { median } from './load.ts';
import type { Figures } from './run.ts';

export interface KafkaRow {
  readonly name: string;
  readonly args: readonly string[];
  /** Fills the topic first. */
  readonly before?: readonly string[];
  /** Which of ours: each write on the disk before it is answered, or handed to the operating system. Theirs is set alike. */
  readonly ours: 'fsync' | 'os';
  /** By what they are compared: records a second, CPU per record, the median from sending to receiving. */
  readonly judge: 'rate' | 'cpu' | 'p50';
  /** Times better than theirs. */
  readonly atLeast: number;
  readonly aim: number;
}

export interface Against {
  readonly ours: Printed;
  readonly theirs: Printed | undefined;
}

const BATCHES = [
  ['16 KiB', 16_384, 64],
  ['1 MiB', 1_048_576, 8],
] as const;
const SIZES = [
  ['100 B', 100],
  ['1 KiB', 1024],
] as const;

function each(make: (what: string, load: readonly string[]) => KafkaRow): KafkaRow[] {
  return BATCHES.flatMap(([batch, bytes, window]) =>
    SIZES.map(([name, size]) =>
      make(`${name}, batches of ${batch}`, ['--size', String(size), '--bytes', String(bytes), '--window', String(window)]),
    ),
  );
}

const AT_RATE = ['--wl', 'tail', '--rate', '1000', '--size', '100'];

export const ROWS: readonly KafkaRow[] = [
  ...each(
    (what, load): KafkaRow => ({
      name: `produce, synced: ${what}`,
      args: ['--wl', 'produce', ...load],
      ours: 'fsync',
      judge: 'rate',
      atLeast: 3,
      aim: 10,
    }),
  ),
  ...each(
    (what, load): KafkaRow => ({
      name: `produce: ${what}`,
      args: ['--wl', 'produce', ...load],
      ours: 'os',
      judge: 'cpu',
      atLeast: 1,
      aim: 2,
    }),
  ),
  ...each(
    (what, load): KafkaRow => ({
      name: `consume from start: ${what}`,
      args: ['--wl', 'consume', ...load],
      before: ['--wl', 'produce', ...load, '--upto', '1000000000'],
      ours: 'os',
      judge: 'cpu',
      atLeast: 1,
      aim: 2,
    }),
  ),
  ...each(
    (what, load): KafkaRow => ({
      name: `produce and consume at the end: ${what}`,
      args: ['--wl', 'tail', ...load],
      ours: 'os',
      judge: 'cpu',
      atLeast: 1,
      aim: 2,
    }),
  ),
  { name: 'produce to consume at 1,000/s', args: AT_RATE, ours: 'os', judge: 'p50', atLeast: 1, aim: 2 },
  { name: 'produce to consume at 1,000/s, synced', args: AT_RATE, ours: 'fsync', judge: 'p50', atLeast: 1, aim: 2 },
  // The same bytes in few records and in many: what a batch costs by the records in it.
  {
    name: 'one batch of 16 KiB: 1 record in it',
    args: ['--wl', 'produce', '--size', '16300', '--window', '64'],
    ours: 'os',
    judge: 'cpu',
    atLeast: 1,
    aim: 2,
  },
  {
    name: 'one batch of 16 KiB: 1,800 records in it',
    args: ['--wl', 'produce', '--size', '1', '--window', '64'],
    ours: 'os',
    judge: 'cpu',
    atLeast: 1,
    aim: 2,
  },
];

const SHOWN = {
  'CPU us/record': 'srv_us_record',
  'CPU us/batch': 'srv_us_batch',
  'records/s': 'records_s',
  'MB/s': 'mb_s',
} as const;

/** Medians of all rounds. */
export function figuresOf({ name, judge, atLeast, aim }: KafkaRow, pairs: readonly Against[]): Figures {
  const figures: Record<string, number> = {};
  const ours = (what: string) => median(pairs.map((pair) => pair.ours[what] ?? 0));
  const theirs = (what: string) => median(pairs.map((pair) => pair.theirs?.[what] ?? 0));
  const paired = pairs.every((pair) => pair.theirs !== undefined);
  const shown = judge === 'p50' ? { 'p50 us': 'e2e_p50', 'CPU us/record': 'srv_us_record' } : SHOWN;
  for (const [label, what] of Object.entries(shown)) {
    figures[`${name} | ours ${label}`] = ours(what);
    if (paired) figures[`${name} | theirs ${label}`] = theirs(what);
  }
  if (!paired) return figures;
  const times = {
    rate: () => ours('records_s') / theirs('records_s'),
    cpu: () => theirs('srv_us_record') / ours('srv_us_record'),
    p50: () => theirs('e2e_p50') / ours('e2e_p50'),
  };
  return { ...figures, [`${name} | times`]: times[judge](), [`${name} | at least`]: atLeast, [`${name} | aim`]: aim };
}

/** One line a load: theirs and ours, how many times better ours is, and what was aimed at. */
export function kafkaTable(figures: Figures): string {
  const rows = new Map<string, Map<string, number | string>>();
  for (const [what, figure] of Object.entries(figures)) {
    const [name = '', label = ''] = what.split(' | ');
    const row = rows.get(name) ?? new Map<string, number | string>();
    row.set(label, figure);
    rows.set(name, row);
  }
  const lines = [['', 'ours', 'theirs', 'times', 'at least', 'aim', '']];
  for (const [name, row] of rows) {
    const labels = [...row.keys()].filter((label) => label.startsWith('ours')).map((label) => label.slice(4));
    const sides = (side: string) => labels.map((label) => `${shown(row.get(`${side}${label}`))}${label}`).join(' · ');
    const [times, atLeast, aim] = ['times', 'at least', 'aim'].map((label) => row.get(label));
    const verdict =
      typeof times !== 'number' || typeof atLeast !== 'number' ? '' : times < atLeast ? 'BELOW' : times >= Number(aim) ? 'aim' : 'ok';
    lines.push([
      name,
      labels.length === 0 ? String(row.get('') ?? '') : sides('ours'),
      sides('theirs'),
      shown(times),
      shown(atLeast),
      shown(aim),
      verdict,
    ]);
  }
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function shown(figure: number | string | undefined): string {
  if (typeof figure !== 'number') return figure ?? '';
  return Math.abs(figure) >= 100 ? Math.round(figure).toLocaleString('en') : figure.toPrecision(3);
}
