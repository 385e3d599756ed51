/** The AMQP door beside RabbitMQ: the same raw-frame generator drives both in turns, and what counts is the server's CPU per message. */

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median, pause } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';
import { memoryMiB, rabbitmq, type Served, signalbox } from './servers.ts';

const ROUNDS = 3;
/** Each row is driven so long before it counts, on both: a figure of one compiling its code tells nothing of a server that runs for days. */
const WARM_SECONDS = 1;
const BACKLOG = 1_000_000;
const run = promisify(execFile);

/** What the generator prints of one run. */
interface Printed {
  readonly pub_s: number;
  /** Server CPU, microseconds for each message published, and for each delivered. */
  readonly srv_us_pub: number;
  readonly srv_us_del: number;
  /** Publish to confirm, microseconds. */
  readonly ack_p50: number;
}

interface Row {
  readonly name: string;
  readonly args: readonly string[];
  readonly cpu: 'srv_us_pub' | 'srv_us_del';
}

const PERSIST = ['--wl', 'persist'];
const ROWS: readonly Row[] = [
  { name: 'persistent, confirm, ack, 100 B, window 1000', args: [...PERSIST, '--size', '100', '--window', '1000'], cpu: 'srv_us_pub' },
  { name: 'persistent, confirm, ack, 1 KiB, window 1000', args: [...PERSIST, '--size', '1024', '--window', '1000'], cpu: 'srv_us_pub' },
  { name: 'persistent, window 64', args: [...PERSIST, '--size', '100', '--window', '64'], cpu: 'srv_us_pub' },
  { name: 'persistent, window 8', args: [...PERSIST, '--size', '100', '--window', '8'], cpu: 'srv_us_pub' },
  { name: 'persistent, 1,000/s', args: [...PERSIST, '--size', '100', '--window', '1000', '--rate', '1000'], cpu: 'srv_us_pub' },
  {
    name: 'transient, no confirm, auto-ack',
    args: ['--wl', 'transient', '--size', '100', '--window', '1000'],
    cpu: 'srv_us_pub',
  },
  { name: 'fan-out to 10 queues, per delivery', args: ['--wl', 'fanout', '--size', '100', '--window', '1000'], cpu: 'srv_us_del' },
  { name: 'topic exchange, 1,000 bindings', args: ['--wl', 'topic', '--size', '100', '--window', '1000'], cpu: 'srv_us_pub' },
];

export async function amqp({ seconds, args }: BenchOptions): Promise<Figures> {
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const rounds = args.includes('--quick') ? 1 : ROUNDS;
  try {
    const generator = compile(directory);
    if (generator === undefined) return { 'load generator': 'gcc or librabbitmq (headers) not found' };
    const figures: Record<string, number | string> = {};
    const ours = await signalbox(directory, 'amqp');
    const theirs = await rabbitmq(directory);
    try {
      for (const row of ROWS) Object.assign(figures, await measured(row, generator, ours, theirs, seconds, rounds));
    } finally {
      await ours.stop();
      await theirs?.stop();
    }
    if (!args.includes('--quick')) Object.assign(figures, await waiting(directory, generator));
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measured(
  row: Row,
  generator: string,
  ours: Served,
  theirs: Served | undefined,
  seconds: number,
  rounds: number,
): Promise<Figures> {
  const our: Printed[] = [];
  const their: Printed[] = [];
  for (const server of [ours, theirs]) if (server !== undefined) await drive(generator, row.args, server, WARM_SECONDS);
  for (let round = 0; round < rounds; round++) {
    our.push(await drive(generator, row.args, ours, seconds));
    if (theirs !== undefined) their.push(await drive(generator, row.args, theirs, seconds));
  }
  const of = (list: readonly Printed[], what: keyof Printed) => median(list.map((printed) => printed[what]));
  const { name, cpu } = row;
  const figures: Record<string, number | string> = {
    [`${name}: CPU us`]: of(our, cpu),
    [`${name}: messages/s`]: of(our, 'pub_s'),
  };
  if (their.length === 0) return { ...figures, [`${name}: RabbitMQ`]: 'not installed' };
  figures[`${name}: RabbitMQ CPU us`] = of(their, cpu);
  figures[`${name}: RabbitMQ messages/s`] = of(their, 'pub_s');
  figures[`${name}: times less CPU`] = of(their, cpu) / of(our, cpu);
  figures[`${name}: times the messages/s`] = of(our, 'pub_s') / of(their, 'pub_s');
  if (row.args.includes('--rate')) {
    figures[`${name}: confirm p50 us`] = of(our, 'ack_p50');
    figures[`${name}: RabbitMQ confirm p50 us`] = of(their, 'ack_p50');
    figures[`${name}: times sooner`] = of(their, 'ack_p50') / of(our, 'ack_p50');
  }
  return figures;
}

/** A million messages that nobody takes: what they cost in memory, each server fresh. */
async function waiting(directory: string, generator: string): Promise<Figures> {
  const figures: Record<string, number | string> = {};
  const args = ['--wl', 'persist', '--size', '100', '--window', '1000', '--noconsume', '1', '--count', String(BACKLOG)];
  for (const [name, start] of [
    ['signalbox', () => signalbox(`${directory}/backlog`, 'amqp')],
    ['RabbitMQ', () => rabbitmq(`${directory}/backlog`)],
  ] as const) {
    const server = await start();
    if (server === undefined) continue;
    try {
      const idle = memoryMiB(server.pid);
      await drive(generator, args, server, 120);
      await pause(2000);
      figures[`1 M waiting: ${name} MiB more`] = memoryMiB(server.pid) - idle;
      figures[`${name} ready after ms`] = server.readyMs;
      figures[`${name} idle MiB`] = idle;
    } finally {
      await server.stop();
    }
  }
  return figures;
}

async function drive(generator: string, args: readonly string[], server: Served, seconds: number): Promise<Printed> {
  const { stdout } = await run(generator, [...args, '--secs', String(seconds), '--port', String(server.port), '--pid', String(server.pid)]);
  return JSON.parse(stdout) as Printed;
}

/** Undefined where the compiler or its library is missing. */
function compile(directory: string): string | undefined {
  try {
    const source = fileURLToPath(new URL('./loadgen/amqp.c', import.meta.url));
    execFileSync('gcc', ['-O2', '-w', '-o', `${directory}/amqp-load`, source, '-lrabbitmq'], { stdio: 'ignore' });
    return `${directory}/amqp-load`;
  } catch {
    return undefined;
  }
}
