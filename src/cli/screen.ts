/** What `start` shows when it serves: where the data is, where the doors are, and a line to copy for a first publish. */

import { basename, resolve } from 'node:path';
import { packageVersion } from './package-version.ts';
import { DATA_DEFAULT } from './settings.ts';
import { counted, grouped, type Terminal } from './terminal.ts';

export interface Shown {
  readonly data: string;
  readonly durability: 'fsync' | 'os' | 'memory';
  readonly addresses: readonly { readonly name: string; readonly address: string }[];
  /** As `Engine.metrics` has them. */
  readonly figures: ReadonlyMap<string, number>;
}

const DURABILITY_ABOUT = {
  fsync: 'confirmed means: on the disk',
  os: 'confirmed means: with the operating system; a power cut may take it',
  memory: 'confirmed means: in memory; a crash takes it',
} as const;

export function screen({ data, durability, addresses, figures }: Shown, terminal: Pick<Terminal, 'style'>): string {
  const http = addresses.find(({ name }) => name === 'http')?.address;
  const width = Math.max(...['data', ...addresses.map(({ name }) => name)].map((name) => name.length));
  const row = (name: string, text: string): string => `  ${terminal.style('dim', name.padEnd(width))}  ${text}`;
  const lines = [
    terminal.style('bold', `signalbox ${packageVersion()} serves.`),
    '',
    row('data', `${data}  ${terminal.style('dim', `(${DURABILITY_ABOUT[durability]})`)}`),
    row('', holding(figures)),
    ...addresses.map(({ name, address }) => row(name, terminal.style('bold', address))),
    '',
  ];
  if (http !== undefined) {
    const run = invocation();
    const where = data === resolve(DATA_DEFAULT) ? '' : ` --data ${data}`;
    lines.push(
      'Watch from a second terminal, publish from a third:',
      '',
      `  ${run} subscribe greetings${where}`,
      `  curl -d '{"hello":"world"}' ${http}/v1/publish/greetings`,
      '',
      `To keep events: ${run} publish --topic NAME --declare FILE${where}. All commands: ${run} help.`,
    );
  }
  lines.push('Ctrl-C stops it.', '');
  return lines.join('\n');
}

function holding(figures: ReadonlyMap<string, number>): string {
  const topics = figures.get('topics') ?? 0;
  const queues = figures.get('queues') ?? 0;
  const waiting = (figures.get('messages_ready') ?? 0) + (figures.get('messages_delayed') ?? 0) + (figures.get('messages_in_flight') ?? 0);
  if (topics === 0 && queues === 0) return 'empty so far';
  return `${counted(topics, 'topic')}, ${counted(queues, 'queue')} with ${grouped(waiting)} waiting`;
}

/** `http://127.0.0.1:7465`; an IPv6 address in brackets. */
export function addressOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** How this command is called from where the reader sits: npm puts it on the path only for its own children. */
function invocation(): string {
  const byName = process.env.npm_lifecycle_event === undefined && basename(process.argv[1] ?? '') === 'signalbox';
  return byName ? 'signalbox' : 'npx signalbox';
}
