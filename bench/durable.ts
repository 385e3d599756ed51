/** The embedded broker on disk beside Redis streams with `appendfsync always`, in turns, 1,000 in flight, 100 B and 1 KiB. */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { open } from '../src/signalbox.ts';
import { type LoadResult, load, median, pause } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';
import { freePort } from './servers.ts';

const ROUNDS = 3;
const IN_FLIGHT = 1000;

export async function durable({ seconds }: BenchOptions): Promise<Figures> {
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  try {
    const generator = compile(directory);
    const figures: Record<string, number | string> = {};
    for (const sizeBytes of [100, 1024]) {
      const ours: LoadResult[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        ours.push(await embedded(`${directory}/ours`, sizeBytes, seconds));
        if (generator !== undefined) theirs.push(await redis(directory, generator, sizeBytes, seconds));
      }
      const rate = median(ours.map((r) => r.messagesPerSecond));
      figures[`${sizeBytes} B: messages/s`] = rate;
      figures[`${sizeBytes} B: main CPU us/message`] = median(ours.map((r) => r.mainMicros));
      figures[`${sizeBytes} B: total CPU us/message`] = median(ours.map((r) => r.totalMicros));
      figures[`${sizeBytes} B: confirm p50 ms`] = median(ours.map((r) => r.p50Ms));
      figures[`${sizeBytes} B: confirm p99 ms`] = median(ours.map((r) => r.p99Ms));
      figures[`${sizeBytes} B: Redis messages/s`] = theirs.length === 0 ? 'redis-server or gcc not found' : median(theirs);
      if (theirs.length > 0) figures[`${sizeBytes} B: times Redis`] = rate / median(theirs);
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function embedded(directory: string, sizeBytes: number, seconds: number): Promise<LoadResult> {
  rmSync(directory, { recursive: true, force: true });
  const box = await open(directory);
  try {
    await box.declareQueue('q');
    return await load(box.engine, { queue: 'q', sizeBytes, inFlight: IN_FLIGHT, batch: 50, seconds });
  } finally {
    await box.close();
  }
}

/** The pipelining C client; undefined where gcc or Redis is missing. */
function compile(directory: string): string | undefined {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' });
    const source = fileURLToPath(new URL('./loadgen/redis.c', import.meta.url));
    execFileSync('gcc', ['-O2', '-w', '-o', `${directory}/redis-load`, source]);
    return `${directory}/redis-load`;
  } catch {
    return undefined;
  }
}

async function redis(directory: string, generator: string, sizeBytes: number, seconds: number): Promise<number> {
  const port = await freePort();
  rmSync(`${directory}/appendonlydir`, { recursive: true, force: true });
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--appendonly',
    'yes',
    '--appendfsync',
    'always',
    '--save',
    '',
    '--auto-aof-rewrite-percentage',
    '0',
    '--dir',
    directory,
  ];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  try {
    await answers(port);
    const load = [
      '--wl',
      'stream',
      '--size',
      String(sizeBytes),
      '--secs',
      String(seconds),
      '--window',
      String(IN_FLIGHT),
      '--port',
      String(port),
      '--pid',
      String(server.pid),
    ];
    const result = JSON.parse(execFileSync(generator, load).toString()) as { del_s: number };
    return result.del_s;
  } finally {
    server.kill('SIGKILL');
    await new Promise((resolve) => server.once('close', resolve));
  }
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (up) return;
    await pause(25);
  }
  throw new Error(`redis-server does not answer on port ${port}`);
}
