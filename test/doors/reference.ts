/**
 * `npm run test:reference -- NAME`: the client tests of a door against the server their clients were written for, which is started here in
 * a directory of its own and ended again. What differs on purpose says so in the tests, and in the door's `skipped.md`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A server that serves: what the tests are told in their environment. */
interface Reference {
  readonly env: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
}

const STARTED_MS = 60_000;

const REFERENCES: Readonly<Record<string, (directory: string) => Promise<Reference>>> = { amqp: rabbitmq };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}

/** Debian's `rabbitmq-server`, with the exchange types that come with it. */
async function rabbitmq(directory: string): Promise<Reference> {
  const command = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  if (!existsSync(command)) throw new Error(`There is no ${command}: install the package rabbitmq-server first.`);
  const [port, distPort] = [await freePort(), await freePort()];
  const plugins = join(directory, 'plugins');
  writeFileSync(plugins, '[rabbitmq_consistent_hash_exchange].');
  const child = spawn(command, [], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH ?? '',
      HOME: directory,
      RABBITMQ_NODENAME: `reference-${process.pid}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distPort),
      RABBITMQ_MNESIA_BASE: join(directory, 'data'),
      RABBITMQ_LOG_BASE: join(directory, 'log'),
      RABBITMQ_PID_FILE: join(directory, 'pid'),
      RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
      RABBITMQ_CONFIG_FILE: join(directory, 'none'),
    },
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('It did not start in time.')), STARTED_MS);
    child.once('exit', (code) => reject(new Error(`It ended with ${code} instead of serving.`)));
    child.stdout?.on('data', (text: Buffer) => {
      if (!text.includes('completed with')) return;
      clearTimeout(timer);
      resolve();
    });
  });
  return { env: { AMQP_URL: `amqp://guest:guest@127.0.0.1:${port}` }, process: child };
}

const [name = ''] = process.argv.slice(2);
const start = REFERENCES[name];
if (start === undefined) {
  console.error(`Say which: npm run test:reference -- ${Object.keys(REFERENCES).join(' | ')}`);
  process.exit(2);
}
const here = fileURLToPath(new URL(`./${name}/`, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'signalbox-reference-'));
try {
  const reference = await start(directory);
  const files = readdirSync(here).filter((file) => file.endsWith('.test.ts'));
  const tests = spawn(process.execPath, ['--test', '--test-reporter=spec', ...files.map((file) => join(here, file))], {
    stdio: 'inherit',
    env: { ...process.env, ...reference.env },
  });
  process.exitCode = await new Promise<number>((resolve) => tests.once('exit', (code) => resolve(code ?? 1)));
  reference.process.kill('SIGTERM');
  await new Promise((resolve) => reference.process.once('exit', resolve));
} finally {
  rmSync(directory, { recursive: true, force: true });
}
