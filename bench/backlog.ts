/** Ten million messages of 256 B waiting in one queue: memory, recovery of the journal, and the start after a clean stop. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { open } from '../src/signalbox.ts';
import type { BenchOptions, Figures } from './run.ts';
import { fill } from './scale.ts';

/** Each step is a process of its own, so that its memory is its own. */
export async function backlog({ args }: BenchOptions): Promise<Figures> {
  const count = args.includes('--quick') ? 1_000_000 : 10_000_000;
  const directory = mkdtempSync(`${process.env.SIGNALBOX_BENCH_DIR ?? tmpdir()}/signalbox-bench-`);
  try {
    const filled = step('fill', directory, count);
    const journalBytes = sizeOf(`${directory}/journal`);
    const killed = step('open-and-close', directory, count);
    const clean = step('open-and-close', directory, count);
    return {
      messages: count,
      'RSS with all waiting, MiB': filled.rssMiB ?? 0,
      'bytes of memory per waiting message (over an empty broker)': (((filled.rssMiB ?? 0) - (filled.emptyMiB ?? 0)) * 1024 * 1024) / count,
      'journal, MB': journalBytes / 1e6,
      'recovery after a kill, s': killed.openSeconds ?? 0,
      'recovery, MB/s of journal replayed': (filled.replayBytes ?? 0) / 1e6 / (killed.openSeconds ?? 1),
      'RSS after recovery, MiB': killed.rssMiB ?? 0,
      // What the publisher freed and malloc keeps is in the figure above; here nobody has published.
      'the same after recovery': (((killed.rssMiB ?? 0) - (filled.emptyMiB ?? 0)) * 1024 * 1024) / count,
      'start after a clean stop, s': clean.openSeconds ?? 0,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function step(name: string, directory: string, count: number): Record<string, number> {
  const out = spawnSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), name, directory, String(count)], {
    maxBuffer: 1 << 20,
  }).stdout;
  return JSON.parse(out.toString()) as Record<string, number>;
}

function sizeOf(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0);
}

function rssMiB(): number {
  globalThis.gc?.();
  return process.memoryUsage().rss / 1024 / 1024;
}

/** Fills and dies without closing: what a kill leaves. No checkpoint is taken while filling, so that all of it is replayed. */
async function fillAndDie(directory: string, count: number): Promise<void> {
  const box = await open(directory, { durability: 'os', upkeep: { checkpointBytes: Number.MAX_SAFE_INTEGER } });
  await box.declareQueue('q');
  const emptyMiB = rssMiB();
  await fill(box.engine, 'q', count, 256);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const replayBytes = box.engine.metrics().get('journal_position') ?? 0;
  console.log(JSON.stringify({ emptyMiB, rssMiB: rssMiB(), replayBytes }));
  process.kill(process.pid, 'SIGKILL');
}

async function openAndClose(directory: string): Promise<void> {
  const began = performance.now();
  const box = await open(directory, { durability: 'os' });
  const openSeconds = (performance.now() - began) / 1000;
  console.log(JSON.stringify({ openSeconds, rssMiB: rssMiB() }));
  await box.close();
}

const [, script, name, directory = '', count = '0'] = process.argv;
if (script === fileURLToPath(import.meta.url)) {
  if (name === 'fill') await fillAndDie(directory, Number(count));
  else await openAndClose(directory);
}
