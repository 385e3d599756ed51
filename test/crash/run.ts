/**
 * `npm run test:crash [-- --kills N --cuts N --over http,api,amqp,kafka]`: kill -9 under load, and power cuts by the file system's shutdown
 * call on a loop device, where root and loop devices are to be had: so many over API and HTTP in turn, and so many over each other door,
 * with real clients. Two controls for each: without syncs the cut must show loss; a graceful stop must show none. A cycle without
 * confirms proves nothing, is counted as invalid, and fails the run.
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type DoorCycle, DoorLives, type DoorName } from './doors.ts';
import { pause, type Verdict } from './load.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    cuts: { type: 'string', default: '20' },
    over: { type: 'string', default: 'http,api,amqp,kafka' },
  },
});
const over = values.over.split(',');
/** In turn on one broker. */
const EMBEDDED = (['api', 'http'] as const).filter((name) => over.includes(name));
const DOORS = (['amqp', 'kafka'] as const).filter((name) => over.includes(name));
if (over.length !== EMBEDDED.length + DOORS.length) throw new Error(`--over can be http, api, amqp and kafka, and not ${values.over}.`);

const child = fileURLToPath(new URL('./child.ts', import.meta.url));
const verifier = fileURLToPath(new URL('./verify.ts', import.meta.url));
const base = mkdtempSync(`${tmpdir()}/signalbox-crash-`);
let nextId = 1;
let failed = 0;
let passed = 0;

interface Cycle {
  readonly directory: string;
  readonly durability: string;
  readonly by: 'api' | 'http';
  /** Ends the broker while it is working. */
  readonly end: (pid: number) => void | Promise<void>;
  /** Between the end and the look at what is left. */
  readonly after?: () => void;
}

/** One life of the broker. Answers what its client had been told before the end began. */
async function cycle({ directory, durability, by, end, after }: Cycle): Promise<Verdict> {
  const broker = spawn(process.execPath, [child, directory, durability, String(nextId), by], { stdio: ['ignore', 'pipe', 'pipe'] });
  nextId += 1_000_000;
  let told = '';
  let faults = '';
  broker.stderr.on('data', (chunk: Buffer) => {
    faults += chunk.toString();
  });
  const gone = new Promise<void>((resolve) => broker.once('close', () => resolve()));
  let snapshot: string | undefined;
  const working = new Promise<void>((resolve) => {
    broker.stdout.on('data', (chunk: Buffer) => {
      told += chunk.toString();
      if (told.length > 2000) resolve();
    });
  });
  await Promise.race([working, gone, pause(60_000)]);
  await pause(Math.random() * 250);
  // Only what was told before the end began counts: an answer on its way during it may be about anything.
  snapshot = told.slice(0, told.lastIndexOf('\n') + 1);
  if (broker.exitCode === null) await end(broker.pid ?? 0);
  await gone;
  if (end === graceful) snapshot = told;
  // What was asked to be acked may be gone, whenever it was asked.
  const asked = told.split('\n').filter((line) => line.startsWith('ASKED '));
  after?.();
  const ackFile = `${base}/acks`;
  writeFileSync(ackFile, `${snapshot}\n${asked.join('\n')}`);
  try {
    return JSON.parse(execFileSync(process.execPath, [verifier, directory, ackFile], { timeout: 60_000 }).toString()) as Verdict;
  } catch (error) {
    return { confirmed: 0, lost: 0, wrong: [`the broker did not come up again: ${String(error).slice(0, 500)} ${faults.slice(0, 500)}`] };
  }
}

function kill(pid: number): void {
  process.kill(pid, 'SIGKILL');
}

function graceful(pid: number): void {
  process.kill(pid, 'SIGTERM');
}

function judge(name: string, verdict: Verdict): void {
  const isValid = verdict.confirmed > 0;
  if (isValid && verdict.wrong.length === 0) passed++;
  else {
    failed++;
    console.log(`${name}: ${isValid ? '' : 'invalid (nothing was confirmed) '}${verdict.wrong.slice(0, 5).join('; ')}`);
  }
}

/** So many lives behind one door, and what they say together. */
async function doorLives(name: DoorName, directory: string, count: number, what: string, how: Omit<DoorCycle, 'durability' | 'resumes'>) {
  const lives = new DoorLives(name, directory);
  let confirmed = 0;
  try {
    for (let i = 0; i < count; i++) {
      const verdict = await lives.cycle({ durability: 'fsync', resumes: true, ...how });
      confirmed += verdict.confirmed;
      judge(`${name}: ${what} ${i + 1}`, verdict);
    }
  } finally {
    await lives.close();
  }
  console.log(`${name}: ${count} ${what}s: ${confirmed} confirmed`);
}

async function doorKills(count: number): Promise<void> {
  for (const name of DOORS) {
    await doorLives(name, `${base}/${name}`, count, 'kill', { end: kill });
    await doorLives(name, `${base}/${name}-graceful`, 1, 'graceful stop', { end: graceful });
  }
}

async function kills(count: number): Promise<void> {
  let confirmed = 0;
  const directory = `${base}/kills`;
  for (let i = 0; i < count; i++) {
    const verdict = await cycle({ directory, durability: 'fsync', by: EMBEDDED[i % EMBEDDED.length] ?? 'api', end: kill });
    confirmed += verdict.confirmed;
    judge(`kill ${i + 1}`, verdict);
  }
  console.log(`${count} kills: ${confirmed} confirmed`);
  const stopped = await cycle({ directory: `${base}/graceful`, durability: 'fsync', by: 'api', end: graceful });
  judge('control: graceful stop', stopped);
  console.log(`control, graceful stop: ${stopped.confirmed} confirmed, ${stopped.lost} lost`);
}

/** A file system of its own on a loop device, that can be told to forget what was not synced. */
class Device {
  readonly #image = `${base}/image`;
  readonly mount = `${base}/mount`;

  static possible(): string | undefined {
    if (process.getuid?.() !== 0) return 'not root';
    for (const tool of ['mkfs.ext4', 'xfs_io', 'mount', 'truncate']) {
      try {
        execFileSync('which', [tool], { stdio: 'ignore' });
      } catch {
        return `${tool} is not installed`;
      }
    }
    return undefined;
  }

  make(): void {
    execFileSync('truncate', ['-s', '1500M', this.#image]);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
    execFileSync('mkdir', ['-p', this.mount]);
    this.up();
  }

  up(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.mount]);
  }

  cut(): void {
    execFileSync('xfs_io', ['-x', '-c', 'shutdown', this.mount]);
  }

  down(): void {
    execFileSync('umount', [this.mount]);
  }
}

async function cuts(count: number): Promise<void> {
  const why = Device.possible();
  if (why !== undefined) return console.log(`power cuts skipped: ${why}`);
  const device = new Device();
  try {
    device.make();
  } catch (error) {
    return console.log(`power cuts skipped: no loop device (${String(error).split('\n')[0]})`);
  }
  try {
    let confirmed = 0;
    const again = () => {
      device.down();
      device.up();
    };
    const cutAndKill = (pid: number) => {
      device.cut();
      process.kill(pid, 'SIGKILL');
    };
    for (const name of DOORS) {
      await doorLives(name, `${device.mount}/${name}`, count, 'power cut', { end: cutAndKill, after: again });
      await doorControl(name, device, cutAndKill, again);
    }
    if (EMBEDDED.length === 0) return;
    for (let i = 0; i < count; i++) {
      const verdict = await cycle({
        directory: `${device.mount}/data`,
        durability: 'fsync',
        by: EMBEDDED[i % EMBEDDED.length] ?? 'api',
        end: cutAndKill,
        after: again,
      });
      confirmed += verdict.confirmed;
      judge(`cut ${i + 1}`, verdict);
    }
    console.log(`${count} power cuts: ${confirmed} confirmed`);
    await controlCut(device, cutAndKill, again);
  } finally {
    device.down();
  }
}

/** The same behind a door: what a client was told without syncs is gone after a cut. */
async function doorControl(name: DoorName, device: Device, end: (pid: number) => void, after: () => void): Promise<void> {
  let lost = 0;
  for (let i = 0; i < 3 && lost === 0; i++) {
    const lives = new DoorLives(name, `${device.mount}/unsynced-${name}-${i}`);
    try {
      lost += (await lives.cycle({ durability: 'os', end, after, resumes: false })).lost;
    } finally {
      await lives.close();
    }
  }
  judgeControl(`${name}: control, syncs removed`, lost);
}

/** The rig must be able to see loss: without syncs, confirmed messages are gone after a cut. */
async function controlCut(device: Device, end: (pid: number) => void, after: () => void): Promise<void> {
  let lost = 0;
  for (let i = 0; i < 3 && lost === 0; i++) {
    const verdict = await cycle({ directory: `${device.mount}/unsynced-${i}`, durability: 'os', by: 'api', end, after });
    lost += verdict.lost;
  }
  judgeControl('control, syncs removed', lost);
}

function judgeControl(name: string, lost: number): void {
  console.log(`${name}: ${lost} lost`);
  if (lost > 0) passed++;
  else {
    failed++;
    console.log(`${name}: nothing was lost, so the cuts prove nothing`);
  }
}

try {
  if (Number(values.kills) > 0) await doorKills(Number(values.kills));
  if (Number(values.kills) > 0 && EMBEDDED.length > 0) await kills(Number(values.kills));
  if (Number(values.cuts) > 0) await cuts(Number(values.cuts));
} finally {
  rmSync(base, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
