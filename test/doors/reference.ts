/**
 * `npm run test:reference -- NAME [--theirs]`: the client tests of a door against ours and against the server their clients were written
 * for, which is started here in a directory of its own and ended again; at the end both side by side. `--theirs`: only against that one.
 * What differs on purpose says so in the tests, and in the door's `skipped.md`.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { apacheKafka, kafkaMissing } from '../../bench/apache-kafka.ts';

/** A server that serves: what the tests are told in their environment. */
interface Reference {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const STARTED_MS = 60_000;

const REFERENCES: Readonly<Record<string, (directory: string) => Promise<Reference>>> = { amqp: rabbitmq, kafka };

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}

/** Debian's `rabbitmq-server`, with the exchange types and the management interface that come with it. */
async function rabbitmq(directory: string): Promise<Reference> {
  const command = '/usr/lib/rabbitmq/bin/rabbitmq-server';
  if (!existsSync(command)) throw new Error(`There is no ${command}: install the package rabbitmq-server first.`);
  const [port, distPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const plugins = join(directory, 'plugins');
  writeFileSync(plugins, '[rabbitmq_consistent_hash_exchange,rabbitmq_management].');
  const config = join(directory, 'rabbitmq.conf');
  writeFileSync(config, `management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = ${apiPort}\ncollect_statistics_interval = 1000\n`);
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
      RABBITMQ_CONFIG_FILE: config,
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
  const env = { AMQP_URL: `amqp://guest:guest@127.0.0.1:${port}`, MANAGEMENT_URL: `http://127.0.0.1:${apiPort}` };
  return { env, stop: () => ended(child) };
}

function ended(child: ChildProcess): Promise<void> {
  const end = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  return end;
}

/** Apache Kafka, one node. Groups begin at once, and its own topics have few partitions: the tests are many and short. */
async function kafka(directory: string): Promise<Reference> {
  const missing = kafkaMissing();
  if (missing !== undefined) throw new Error(missing);
  const { port, stop } = await apacheKafka(directory, {
    properties: {
      'group.initial.rebalance.delay.ms': 0,
      'group.min.session.timeout.ms': 100,
      'group.consumer.min.heartbeat.interval.ms': 50,
      'group.consumer.heartbeat.interval.ms': 100,
      'offsets.topic.num.partitions': 1,
      'transaction.state.log.num.partitions': 1,
      'share.coordinator.state.topic.num.partitions': 1,
    },
  });
  return { env: { KAFKA_URL: `127.0.0.1:${port}` }, stop };
}

type Results = Map<string, string>;

/** Runs the tests of these files; answers of each how it ended. */
async function results(files: readonly string[], side: string): Promise<Results> {
  const found: Results = new Map();
  const stream = run({ files: [...files], concurrency: 1, timeout: 120_000 });
  const note = (name: string, result: string, error?: unknown) => {
    found.set(name, result);
    console.log(`${side}: ${result.padEnd(8)} ${name}`);
    if (error !== undefined) console.log(String((error as { cause?: Error }).cause?.stack ?? error).replace(/^/gm, '    '));
  };
  stream.on('test:pass', ({ name, skip, details }) => {
    if (details.type === 'test') note(name, skip === undefined ? 'passes' : 'left out');
  });
  stream.on('test:fail', ({ name, details }) => {
    if (details.type === 'test') note(name, 'FAILS', details.error);
  });
  for await (const _ of stream);
  return found;
}

/** What differs first. */
function table(ours: Results, theirs: Results): string {
  const names = [...new Set([...ours.keys(), ...theirs.keys()])];
  const rows = names.map((name) => [name, ours.get(name) ?? '', theirs.get(name) ?? ''] as const);
  const order = ([, our, their]: readonly [string, string, string]) => (our === their ? 1 : 0);
  const lines = rows.toSorted((a, b) => order(a) - order(b)).map(([name, our, their]) => `| ${name} | ${our} | ${their} |`);
  return ['| test | ours | theirs |', '|---|---|---|', ...lines].join('\n');
}

const [name = ''] = process.argv.slice(2);
const start = REFERENCES[name];
if (start === undefined) {
  console.error(`Say which: npm run test:reference -- ${Object.keys(REFERENCES).join(' | ')}`);
  process.exit(2);
}
const here = fileURLToPath(new URL(`./${name}/`, import.meta.url));
/** Only those that can speak to either. */
const files = readdirSync(here)
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => join(here, file))
  .filter((file) => readFileSync(file, 'utf8').includes("from './subject.ts'"));
const directory = mkdtempSync(join(tmpdir(), 'signalbox-reference-'));
try {
  process.env.TEST_SLOW = '1';
  const ours = process.argv.includes('--theirs') ? new Map<string, string>() : await results(files, 'ours');
  const reference = await start(directory);
  try {
    Object.assign(process.env, reference.env);
    const theirs = await results(files, 'theirs');
    console.log(`\n${table(ours, theirs)}`);
    if ([...ours.values(), ...theirs.values()].includes('FAILS')) process.exitCode = 1;
  } finally {
    await reference.stop();
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
