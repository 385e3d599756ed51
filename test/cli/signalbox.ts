/** The command as other programs see it: processes with arguments, input, output and exit codes. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DOORS } from '../../src/cli/doors.ts';

const launcher = fileURLToPath(new URL('../../bin/signalbox.mjs', import.meta.url));

/**
 * What stands in for options must not come from whoever runs the tests. Doors but the first stay shut unless a test opens them: their
 * default ports may be another's.
 */
const environment = Object.fromEntries([
  ...Object.entries(process.env).filter(([name]) => !name.startsWith('SIGNALBOX_')),
  ...DOORS.slice(1).map(({ name }) => [`SIGNALBOX_${name.toUpperCase()}`, 'off']),
]);

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

export interface RunOptions {
  /** What it reads from stdin; else that is empty. */
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A process that goes on; `ended` when it does not any more. It is killed with the test. */
export class Process {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out = '';
  error = '';

  constructor(t: TestContext, args: readonly string[], options: RunOptions = {}) {
    const env = { ...environment, ...options.env };
    const cwd = options.cwd === undefined ? {} : { cwd: options.cwd };
    this.child = spawn(process.execPath, [launcher, ...args], { env, ...cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.error += text;
    });
    // A process that does not want its input is no fault of the test.
    this.child.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal, out: this.out, error: this.error }));
    });
    t.after(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Resolves once what it has said so far matches. Rejects when it ends before. */
  async says(pattern: RegExp, where: 'out' | 'error' = 'out'): Promise<RegExpExecArray> {
    const stream = where === 'out' ? this.child.stdout : this.child.stderr;
    assert.ok(stream);
    const over = this.ended.then(({ code, out, error }) => {
      throw new Error(`It ended with ${code} and never said ${pattern}.\nout: ${out}\nerror: ${error}`);
    });
    over.catch(() => undefined);
    for (;;) {
      const found = pattern.exec(this[where]);
      if (found !== null) return found;
      await Promise.race([once(stream, 'data'), over]);
    }
  }
}

/** Runs to its end. */
export function run(t: TestContext, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const process = new Process(t, args, options);
  process.child.stdin?.end(options.input ?? '');
  return process.ended;
}

export interface Ready {
  readonly ready: boolean;
  readonly pid: number;
  readonly data: string;
  readonly doors: Readonly<Record<string, number>>;
}

/** A broker that serves. */
export interface Running extends Ready {
  readonly process: Process;
  readonly url: string;
}

export async function start(
  t: TestContext,
  data: string,
  args: readonly string[] = ['--http', '0'],
  options: RunOptions = {},
): Promise<Running> {
  const process = new Process(t, ['start', '--data', data, '--json', ...args], options);
  const [line] = await process.says(/^.*\n/);
  const ready = JSON.parse(line) as Ready;
  return { ...ready, process, url: `http://127.0.0.1:${ready.doors.http}` };
}

export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-cli-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Lines of JSON. */
export function values(out: string): unknown[] {
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
