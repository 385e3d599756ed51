/** The counterparts written in C++: compiled into a directory of the run, started anew for every round; they time themselves. */

import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Side } from './ours.ts';

/** Classes of the source document, by the first argument of its benchmark. */
export type SourceMode =
  /** Part 3 as it is: add, three registrations, run. */
  | 'p3live'
  /** The same with its defects mended. */
  | 'p3recycle'
  /** Its hand-off, without callbacks. */
  | 'p3handoff';

export type Counterparts =
  | { readonly missing: string }
  | { readonly source: ((mode: SourceMode, producers: number, workers: number) => Side) | undefined; readonly mutexQueue: MutexQueue };

type MutexQueue = (load: 'bytes' | 'text', together: 'one' | 'many', producers: number, workers: number) => Side;

const FLAGS = ['-std=c++20', '-O2', '-pthread', '-w'];

/** Compiles into `directory` what is asked for. `sources`: where the counterparts of the source document's classes are, if anywhere. */
export function compile(directory: string, sources: string | undefined): Counterparts {
  try {
    execFileSync('g++', ['--version'], { stdio: 'ignore' });
  } catch {
    return { missing: 'g++ was not found' };
  }
  const build = (source: string, name: string): string => {
    const binary = join(directory, name);
    if (!existsSync(binary)) execFileSync('g++', [...FLAGS, '-o', binary, source]);
    return binary;
  };
  const own = fileURLToPath(new URL('./mutex-queue.cpp', import.meta.url));
  return {
    source:
      sources === undefined
        ? undefined
        : (mode, producers, workers) =>
            side(build(sourceIn(sources), 'source'), (events) => [mode, producers, workers, events], /([\d.]+) events\/s/),
    mutexQueue: (load, together, producers, workers) =>
      side(build(own, 'mutex-queue'), (events) => [load, together, producers, workers, events], /^([\d.]+)$/m),
  };
}

function sourceIn(directory: string): string {
  const path = join(directory, 'bench_seed.cpp');
  if (!existsSync(path))
    throw new Error(`There is no ${path}. Give --cpp the folder with the C++ counterparts of the source document's classes.`);
  return path;
}

function side(binary: string, args: (events: number) => readonly (string | number)[], rate: RegExp): Side {
  return {
    async round(events) {
      const { stdout } = await promisify(execFile)(binary, args(events).map(String));
      const found = rate.exec(stdout)?.[1];
      if (found === undefined) throw new Error(`${binary} answered without a rate: ${stdout}`);
      return Number(found);
    },
    async end() {},
  };
}
