/** Servers that the benchmarks of doors drive: ours as its command starts it, and the brokers it is held against, each with a port and data of its own. */

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { DOORS } from '../src/cli/doors.ts';
import { pause } from './load.ts';

export interface Served {
  readonly port: number;
  /** Whose CPU and memory are the server's. */
  readonly pid: number;
  /** Milliseconds from its start to the first connection it took. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

/** Our own command with one door open, from the build if there is one. */
export async function signalbox(
  directory: string,
  door: string,
  options: readonly string[] = [],
  serves?: (socket: Socket) => Promise<boolean>,
): Promise<Served> {
  const port = await freePort();
  const built = fileURLToPath(new URL('../bin/signalbox.mjs', import.meta.url));
  const others = DOORS.map(({ name }) => name)
    .filter((name) => name !== door)
    .flatMap((name) => [`--${name}`, 'off']);
  const args = [built, 'start', '--data', `${directory}/signalbox-${port}`, `--${door}`, String(port), ...others, ...options];
  const env = existsSync(fileURLToPath(new URL('../dist/cli/main.cjs', import.meta.url))) ? { SIGNALBOX_RUN: 'dist' } : {};
  return started(spawn(process.execPath, args, { stdio: 'ignore', env: { ...process.env, ...env } }), port, serves);
}

/** RabbitMQ with its defaults, without its package's change of user; undefined where it is not installed. */
export async function rabbitmq(directory: string): Promise<Served | undefined> {
  const lib = '/usr/lib/rabbitmq/lib';
  const version = existsSync(lib) ? readdirSync(lib).find((name) => name.startsWith('rabbitmq_server-')) : undefined;
  if (version === undefined) return undefined;
  const port = await freePort();
  const home = `${directory}/rabbitmq`;
  mkdirSync(home, { recursive: true });
  const env = {
    ...process.env,
    HOME: home,
    RABBITMQ_NODENAME: `bench${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_MNESIA_BASE: `${home}/data`,
    RABBITMQ_LOG_BASE: `${home}/log`,
    RABBITMQ_PID_FILE: `${home}/pid`,
    RABBITMQ_CONFIG_FILE: `${home}/none`,
    RABBITMQ_ENABLED_PLUGINS_FILE: `${home}/plugins`,
  };
  const child = spawn(`${lib}/${version}/sbin/rabbitmq-server`, [], { env, stdio: 'ignore' });
  const served = await started(child, port);
  const pid = Number(readFileSync(`${home}/pid`, 'utf8'));
  return {
    ...served,
    pid,
    stop: async () => {
      process.kill(pid, 'SIGKILL');
      await ended(child);
    },
  };
}

/** Resident memory, MiB. */
export function memoryMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** `serves`: whether it really does, once it takes connections. */
export async function started(child: ChildProcess, port: number, serves?: (socket: Socket) => Promise<boolean>): Promise<Served> {
  const began = performance.now();
  await answers(child, port, serves);
  return {
    port,
    pid: child.pid ?? 0,
    readyMs: performance.now() - began,
    stop: async () => {
      child.kill('SIGKILL');
      await ended(child);
    },
  };
}

function ended(child: ChildProcess): Promise<unknown> {
  return child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve) => child.once('close', resolve));
}

async function answers(child: ChildProcess, port: number, serves?: (socket: Socket) => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 6000; tries++) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${child.exitCode} before it served port ${port}`);
    const up = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', async () => {
        resolve((await serves?.(socket)) ?? true);
        socket.destroy();
      });
      socket.once('error', () => resolve(false));
    });
    if (up) return;
    await pause(10);
  }
  throw new Error(`${child.spawnfile} does not answer on port ${port}`);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
