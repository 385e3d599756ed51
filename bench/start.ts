/** From exec of the built command to the line that says it serves, beside a bare `node -e 0`, in turns: with an empty and with a cleanly closed data directory. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { DOORS } from '../src/cli/doors.ts';
import { median } from './load.ts';
import type { BenchOptions, Figures } from './run.ts';

const ROUNDS = 20;
const COMMAND = fileURLToPath(new URL('../bin/signalbox.mjs', import.meta.url));

export async function start({ args }: BenchOptions): Promise<Figures> {
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  const known = ['amqp', 'kafka'].filter((name) => !args.includes('--http-only') && DOORS.some((door) => door.name === name));
  const doors = known.flatMap((name) => [`--${name}`, '0']);
  try {
    const bare: number[] = [];
    const empty: number[] = [];
    const closed: number[] = [];
    const kept = `${directory}/kept`;
    await ready(kept, doors);
    for (let round = 0; round < ROUNDS; round++) {
      bare.push(await nothing());
      empty.push(await ready(`${directory}/empty`, doors));
      rmSync(`${directory}/empty`, { recursive: true });
      closed.push(await ready(kept, doors));
    }
    return {
      'node -e 0, ms': median(bare),
      'empty directory, ms': median(empty),
      'closed directory, ms': median(closed),
      'empty directory, times node -e 0': median(empty) / median(bare),
      'closed directory, times node -e 0': median(closed) / median(bare),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A Node that does nothing, from exec to its end. */
function nothing(): Promise<number> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', () => resolve(performance.now() - began));
  });
}

/** Milliseconds to the line of `--json`; it is stopped in order afterwards. */
async function ready(data: string, doors: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(process.execPath, [COMMAND, 'start', '--json', '--data', data, '--http', '0', ...doors], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A checkout would run its source otherwise.
    env: { ...process.env, SIGNALBOX_RUN: 'dist' },
  });
  const took = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`signalbox start ended with ${code} before it served`)));
    child.stdout.once('data', () => resolve(performance.now() - began));
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await ended;
  return took;
}
