/** `running.json` in a data directory: where its broker can be reached while it runs. Written whole or not at all, and removed at the end. */

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

export interface Running {
  readonly pid: number;
  /** Process ids mean something on one machine only. */
  readonly machine: string;
  /** The address the doors listen on. */
  readonly host: string;
  /** Ports by door. */
  readonly doors: Readonly<Record<string, number>>;
}

/** Only for whoever holds the directory. Nothing is decided by it that must be right after a crash, so it is not synced. */
export function writeRunning(data: string, host: string, doors: Readonly<Record<string, number>>): void {
  const running: Running = { pid: process.pid, machine: hostname(), host, doors };
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const path = join(data, 'running.json');
  const beside = `${path}.${process.pid}`;
  writeFileSync(beside, `${JSON.stringify(running)}\n`, { mode: 0o600 });
  renameSync(beside, path);
}

export function removeRunning(data: string): void {
  rmSync(join(data, 'running.json'), { force: true });
}

/** Who wrote it last; undefined when nobody did, or what stands there cannot be read. */
export function readRunning(data: string): Running | undefined {
  let text: string;
  try {
    text = readFileSync(join(data, 'running.json'), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  try {
    const { pid, machine, host, doors } = JSON.parse(text) as Running;
    return typeof pid === 'number' && typeof host === 'string' && typeof doors === 'object' ? { pid, machine, host, doors } : undefined;
  } catch {
    return undefined; // not ours: the next broker there writes its own
  }
}

/** Is the process that wrote it certainly gone? A crash leaves the file behind, and the port may be another broker's by now. */
export function isStale({ pid, machine }: Running): boolean {
  if (machine !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
