/**
 * `npm run test:foreign [-- NAME…]`: programs in other languages, with the clients of those, against `signalbox start` with all its doors.
 * What they need is fetched from their registries, as this machine's settings say, into a temporary directory; a runtime that is missing
 * is said. Each prints a line for each thing that is as it should be, and ends with 0 or not.
 */

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a program is told of where to connect. */
type Doors = Readonly<Record<'KAFKA' | 'AMQP', string>>;

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Program {
  /** Commands that must be there. */
  readonly needs: readonly string[];
  /** Fetches what it needs into a directory of its own; answers how it is run. */
  readonly prepare: (directory: string) => Promise<Command>;
}

const here = fileURLToPath(new URL('./', import.meta.url));
const FETCH_MS = 300_000;
const RUN_MS = 180_000;

/** A Java program of one file with the jars of some artifacts. */
function java(folder: string, artifacts: readonly (readonly [string, string, string])[]): Program {
  return {
    needs: ['java', 'mvn'],
    prepare: async (directory) => {
      const dependencies = artifacts.map(
        ([group, name, version]) =>
          `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`,
      );
      const project = '<modelVersion>4.0.0</modelVersion><groupId>signalbox</groupId><artifactId>jars</artifactId><version>1</version>';
      writeFileSync(join(directory, 'pom.xml'), `<project>${project}<dependencies>${dependencies.join('')}</dependencies></project>`);
      const jars = join(directory, 'jars');
      await done(
        { command: 'mvn', args: ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], cwd: directory },
        {},
        FETCH_MS,
      );
      return { command: 'java', args: ['-Xmx512m', '-cp', join(jars, '*'), join(here, folder, 'Checks.java')] };
    },
  };
}

/** A Python program with some packages. */
function python(file: string, packages: readonly string[]): Program {
  return {
    needs: ['python3'],
    prepare: async (directory) => {
      await done({ command: 'python3', args: ['-m', 'pip', 'install', '-q', '--target', directory, ...packages] }, {}, FETCH_MS);
      const PYTHONPATH = [directory, join(here, 'python')].join(':');
      return { command: 'python3', args: [join(here, 'python', file)], env: { PYTHONPATH, PYTHONDONTWRITEBYTECODE: '1' } };
    },
  };
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  'kafka-java': java('kafka-java', [
    ['org.apache.kafka', 'kafka-clients', '4.1.0'],
    ['org.slf4j', 'slf4j-nop', '1.7.36'],
  ]),
  'confluent-kafka': python('confluent.py', ['confluent-kafka==2.16.1']),
  'kafka-python': python('kafka_python.py', ['kafka-python']),
  'franz-go': {
    needs: ['go'],
    prepare: async (directory) => {
      cpSync(join(here, 'franz-go', 'main.go'), join(directory, 'main.go'));
      const go = (...args: string[]) => done({ command: 'go', args, cwd: directory }, {}, FETCH_MS);
      await go('mod', 'init', 'checks');
      await go('mod', 'tidy');
      await go('build', '-o', 'checks', '.');
      return { command: join(directory, 'checks'), args: [] };
    },
  },
  'amqp-java': java('amqp-java', [
    ['com.rabbitmq', 'amqp-client', '5.26.0'],
    ['org.slf4j', 'slf4j-nop', '1.7.36'],
  ]),
  pika: python('pika_checks.py', ['pika']),
  celery: python('celery_checks.py', ['celery']),
  nest: {
    needs: ['npm'],
    prepare: async (directory) => {
      cpSync(join(here, 'nest', 'checks.mjs'), join(directory, 'checks.mjs'));
      writeFileSync(join(directory, 'package.json'), '{"private":true}');
      const packages = ['core', 'common', 'microservices'].map((name) => `@nestjs/${name}@11`);
      const others = ['reflect-metadata', 'rxjs@7', 'kafkajs@2', 'amqplib', 'amqp-connection-manager@5'];
      await done(
        { command: 'npm', args: ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...packages, ...others], cwd: directory },
        {},
        FETCH_MS,
      );
      return { command: process.execPath, args: ['--no-warnings', 'checks.mjs'], cwd: directory };
    },
  },
};

/** Resolves when it has ended well; rejects with what it said. */
function done({ command, args, cwd, env }: Command, more: Readonly<Record<string, string>>, limitMs: number, show = false): Promise<void> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
  });
  let said = '';
  let line = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
    line += chunk;
    for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
      if (show) console.log(`  ${line.slice(0, end)}`);
      line = line.slice(end + 1);
    }
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`${command} ended with ${code ?? signal}:\n${said.slice(-3000)}`)),
    );
  });
}

/** Our own command with all its doors, each on a free port. */
async function started(directory: string): Promise<{ readonly doors: Doors; stop(): Promise<void> }> {
  const command = fileURLToPath(new URL('../../bin/signalbox.mjs', import.meta.url));
  const ports = ['http', 'amqp', 'kafka'].flatMap((door) => [`--${door}`, '0']);
  const child = spawn(process.execPath, [command, 'start', '--json', '--data', join(directory, 'data'), ...ports], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      if (text.includes('\n')) resolve(text);
    });
    child.once('exit', (code) => reject(new Error(`signalbox start ended with ${code}`)));
  });
  const { doors } = JSON.parse(ready) as { readonly doors: Readonly<Record<string, number>> };
  return {
    doors: { KAFKA: `127.0.0.1:${doors.kafka}`, AMQP: `amqp://guest:guest@127.0.0.1:${doors.amqp}/%2f` },
    stop: () => {
      const end = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill('SIGTERM');
      return end;
    },
  };
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => PROGRAMS[name] === undefined);
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}; there are ${Object.keys(PROGRAMS).join(', ')}.`);
  process.exit(2);
}
const directory = mkdtempSync(join(tmpdir(), 'signalbox-foreign-'));
const outcomes: (readonly [string, string])[] = [];
const { doors, stop } = await started(directory);
try {
  for (const [name, { needs, prepare }] of Object.entries(PROGRAMS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    const missing = needs.filter((command) => spawnSync(command, ['--version'], { stdio: 'ignore' }).error !== undefined);
    if (missing.length > 0) {
      outcomes.push([name, `left out: there is no ${missing.join(' and no ')} here`]);
      continue;
    }
    console.log(`${name}:`);
    const own = join(directory, name);
    mkdirSync(own);
    try {
      const command = await prepare(own);
      await done(command, doors, RUN_MS, true);
      outcomes.push([name, 'passes']);
    } catch (error) {
      outcomes.push([name, 'FAILS']);
      console.log(`  ${(error as Error).message}`);
    }
  }
} finally {
  await stop();
  rmSync(directory, { recursive: true, force: true });
}
console.log(`\n${outcomes.map(([name, outcome]) => `${name.padEnd(18)}${outcome}`).join('\n')}`);
if (outcomes.some(([, outcome]) => outcome === 'FAILS')) process.exitCode = 1;
