/**
 * Fuzzes the files of a log: `node fuzz/log.ts [--runs 20000] [--seed N]`. Whole logs are damaged, often with their checksums put right
 * again, and then opened, read, changed and opened once more. All of that may be refused as damaged; any other error, a read that does not
 * end, a log that reads differently after it was closed, or more than 50 ms, is a finding: it is saved to fuzz/corpus/log, which every
 * run replays first, and the exit code is 1.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { crc32 } from '../src/bytes/crc32.ts';
import type { Host } from '../src/host/host.ts';
import { MemoryDisk } from '../src/host/memory-disk.ts';
import { SimClock } from '../src/host/simulated/sim-clock.ts';
import { SimRandom } from '../src/host/simulated/sim-random.ts';
import { silentLogger } from '../src/host/text-logger.ts';
import { PartitionLog } from '../src/log/log.ts';
import { offset } from '../src/model/lines.ts';
import { bodyAt, RECORD_HEAD_BYTES, RecordWriter, sizeOf } from '../src/model/record.ts';
import { Refused } from '../src/model/refusal.ts';

const CORPUS = new URL('./corpus/log/', import.meta.url);
const SLOW_MS = 50;
const MEMORY_MIB_MAX = 512;
const DIRECTORY = 'log';
const SEGMENT_BYTES = 700;
const EXPECTED: ReadonlySet<string> = new Set(['damaged', 'format', 'out-of-range']);

type Files = Map<string, Uint8Array>;
interface Input {
  readonly seed: number;
  readonly files: Files;
}

const BATCHES: ReadonlySet<number> = new Set([0x316c6273, 0x326c6273]);
const FOOTERS: ReadonlySet<number> = new Set([0x31666273, 0x32666273]);

function keyOf(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const body = bodyAt(bytes, at);
  return body > at + RECORD_HEAD_BYTES && body <= at + sizeOf(bytes, at) ? bytes.subarray(at + RECORD_HEAD_BYTES, body) : undefined;
}

function hostOf(disk: MemoryDisk, seed: number): Host {
  return { clock: new SimClock(), disk, random: new SimRandom(seed), logger: silentLogger };
}

function open(disk: MemoryDisk, seed: number): Promise<PartitionLog> {
  const onFailure = (error: Error) => {
    throw error;
  };
  return PartitionLog.open(hostOf(disk, seed), { directory: DIRECTORY, segmentBytes: SEGMENT_BYTES, bufferBytes: 300, keyOf, onFailure });
}

async function diskOf(files: Files): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) {
    const file = await disk.open(`${DIRECTORY}/${name}`, { create: true });
    await file.write(bytes, 0);
    await file.close();
  }
  return disk;
}

async function filesOf(disk: MemoryDisk): Promise<Files> {
  const files: Files = new Map();
  for (const name of await disk.list(DIRECTORY)) {
    const file = await disk.open(`${DIRECTORY}/${name}`);
    const bytes = new Uint8Array(await file.sizeBytes());
    await file.read(bytes, 0);
    files.set(name, bytes);
    await file.close();
  }
  return files;
}

/** `told`: some records have times of their own, and some stand for several messages. */
function append(log: PartitionLog, random: SimRandom, timeMs: number, told: 'packs' | 'times' | undefined): void {
  const writer = new RecordWriter();
  const count = 1 + random.int(5);
  const each = Array.from({ length: count });
  const columns = {
    packs: told === 'packs' && random.chance(0.6) ? Uint32Array.from(each, () => 1 + random.int(6)) : undefined,
    timesMs: told !== undefined && random.chance(0.6) ? Float64Array.from(each, () => timeMs + random.int(40) - 20) : undefined,
  };
  for (let i = 0; i < count; i++) {
    const key = new TextEncoder().encode(random.chance(0.7) ? `k${random.int(6)}` : '');
    writer.writeRaw(0, key, random.bytes(random.chance(0.2) ? 0 : random.int(90)));
  }
  log.append(log.end, timeMs, writer.take(), undefined, columns);
}

/** Logs of every kind that there is on a disk: closed, killed, compacted, truncated, trimmed, and still with their leftovers. */
async function seedLogs(): Promise<Files[]> {
  const seeds: Files[] = [];
  for (let kind = 0; kind < 30; kind++) {
    const told = ([undefined, 'packs', 'times'] as const)[kind % 5];
    const random = new SimRandom(kind);
    const disk = new MemoryDisk();
    const log = await open(disk, kind);
    for (let i = 0; i < 4 + 4 * (kind % 6); i++) {
      append(log, random, 1000 + i - random.int(3), told);
      if (random.chance(0.3)) await log.sync();
    }
    await log.sync();
    const former = await filesOf(disk);
    if (kind % 3 === 1) await log.compact(1010, log.end, 5);
    if (kind % 4 === 2 && kind % 3 !== 1) await log.truncate(offset(Math.floor(log.end / 2)));
    if (kind % 4 === 3) await log.trim(offset(Math.floor(log.end / 3)));
    if (kind % 4 === 2) append(log, random, 2000, told);
    if (kind % 2 === 0) await log.close();
    else await log.sync();
    const files = await filesOf(disk);
    if (kind % 5 === 4) for (const [name, bytes] of former) if (!files.has(name)) files.set(name, bytes);
    seeds.push(files);
  }
  return seeds;
}

function mutated(seeds: readonly Files[], random: SimRandom): Files {
  const files: Files = new Map();
  for (const [name, bytes] of random.pick(seeds)) files.set(name, bytes.slice());
  for (let i = random.int(4); i >= 0; i--) {
    const name = random.pick([...files.keys()]);
    const bytes = files.get(name) ?? new Uint8Array(0);
    const fresh = mutate(bytes, random, random.pick([...random.pick(seeds).values()]));
    const fate = random.int(20);
    if (fate === 0) files.delete(name);
    else if (fate === 1) files.set(segmentNameOf(random.int(60), random.int(3)), bytes);
    else files.set(name, fresh);
    if (files.size === 0) return files;
  }
  if (random.chance(0.6)) for (const bytes of files.values()) putRight(bytes);
  return files;
}

function segmentNameOf(base: number, generation: number): string {
  return `${String(base).padStart(20, '0')}-${generation}.log`;
}

const EDGES = [0, 1, 2, 8, 47, 48, 49, 255, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

function mutate(bytes: Uint8Array, random: SimRandom, other: Uint8Array): Uint8Array {
  if (bytes.length < 8) return random.bytes(random.int(200));
  const at = random.int(bytes.length);
  const length = random.int(Math.min(120, bytes.length - at));
  const view = new DataView(bytes.buffer);
  switch (random.int(10)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
      return bytes;
    case 1:
      return bytes.fill(random.pick([0, 0xff]), at, at + length);
    case 2:
      return bytes.slice(0, at);
    case 3:
      return Uint8Array.of(...bytes, ...random.bytes(length));
    case 4:
      return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + length));
    case 5:
      return Uint8Array.of(...bytes.subarray(0, at), ...other.subarray(0, random.int(other.length + 1)), ...bytes.subarray(at));
    case 6:
      bytes.copyWithin(at, random.int(bytes.length), random.int(bytes.length));
      return bytes;
    default: {
      // A field of some header or footer, most of the time.
      const places = placesOf(bytes);
      const field = places.length > 0 && random.chance(0.8) ? random.pick(places) + 4 * random.int(20) : at;
      const near = random.chance(0.3) ? (bytes.length - field) >>> 0 : random.pick(EDGES);
      if (field + 4 <= bytes.length)
        view.setUint32(field, random.chance(0.3) ? (view.getUint32(field, true) + random.int(9) - 4) >>> 0 : near, true);
      return bytes;
    }
  }
}

/** Where batches and footers begin, as far as one can tell. */
function placesOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places: number[] = [];
  for (let at = 0; at + 48 <= bytes.length; at++) {
    const magic = view.getUint32(at, true);
    if (BATCHES.has(magic) || FOOTERS.has(magic)) places.push(at);
  }
  return places;
}

/** Makes checksums right, so that what is behind them is looked at. */
function putRight(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const at of placesOf(bytes).reverse()) {
    const sizeBytes = view.getUint32(at + 8, true);
    if (sizeBytes >= 48 && at + sizeBytes <= bytes.length) view.setUint32(at + 4, crc32(bytes.subarray(at + 8, at + sizeBytes)), true);
  }
}

/** Throws for a finding. */
async function run({ seed, files }: Input): Promise<void> {
  const random = new SimRandom(seed);
  const disk = await diskOf(files);
  const log = await refusable(open(disk, seed));
  if (log === undefined) return;
  const before = await readAll(log, random);
  await refusable(log.offsetAt(random.int(3000), offset(log.start + random.int(100))));
  if (random.chance(0.4)) await refusable(log.compact(1100, offset(log.start + random.int(100)), random.int(200)));
  else if (before !== undefined) {
    // Nothing was changed, so nothing may read differently, now or after closing.
    must((await readAll(log, random)) === before, 'The log reads differently the second time.');
    await refusable(log.close());
    const again = await refusable(open(disk, seed + 1));
    must(again !== undefined, 'A log that could be read was refused after it had been closed.');
    if (again !== undefined) must((await readAll(again, random)) === before, 'The log reads differently after it was closed.');
    return;
  }
  const start = offset(Math.min(log.end, log.start + random.int(20)));
  if (random.chance(0.3)) await refusable(log.trim(start));
  if (random.chance(0.3)) await refusable(log.truncate(offset(log.start + random.int(60))));
  append(log, random, 3000, random.pick([undefined, 'packs', 'times'] as const));
  await refusable(log.sync());
  await readAll(log, random);
  await refusable(log.close());
}

/** All records as one hash; undefined when the log refuses. */
async function readAll(log: PartitionLog, random: SimRandom): Promise<string | undefined> {
  const hash = createHash('sha1');
  for (let next = log.start; next < log.end; ) {
    const slice = await refusable(log.fetch(next, log.end, random.int(2000)));
    if (slice === undefined) return undefined;
    must(slice.next > next && slice.next <= log.end, `A fetch from ${next} goes on at ${slice.next}.`);
    const { records, offsets, timestamps, packs } = slice;
    let at = records.start;
    for (let i = 0; i < records.count; i++) {
      const end = records.ends[i] ?? 0;
      const messages = packs?.[i] ?? 1;
      const behind = (offsets[i] ?? -1) + messages;
      must(sizeOf(records.bytes, at) === end - at && behind > next && behind <= slice.next, 'A record is not where it is said to be.');
      hash.update(`${offsets[i]} ${messages} ${timestamps[i]} `).update(records.bytes.subarray(at, end));
      at = end;
    }
    next = slice.next;
  }
  return hash.digest('hex');
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

async function refusable<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof Refused && EXPECTED.has(error.code)) return undefined;
    throw error;
  }
}

function encode({ seed, files }: Input): string {
  return JSON.stringify({ seed, files: [...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]) });
}

function decode(text: string): Input {
  const { seed, files } = JSON.parse(text) as { seed: number; files: [string, string][] };
  return { seed, files: new Map(files.map(([name, base64]) => [name, new Uint8Array(Buffer.from(base64, 'base64'))])) };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

let findings = 0;
let slowestMs = 0;

async function attempt(input: Input, name: string | undefined): Promise<void> {
  // Running changes nothing in the input: the disk keeps its own copy.
  const began = performance.now();
  let finding: string | undefined;
  try {
    await run(input);
  } catch (error) {
    finding = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  let tookMs = performance.now() - began;
  for (let again = 0; finding === undefined && tookMs > SLOW_MS && again < 3; again++) {
    // The machine may have been busy: from now on only what this thread itself needs counts.
    const from = cpuMs();
    await run(input);
    tookMs = cpuMs() - from;
  }
  if (tookMs > SLOW_MS) finding ??= `It took ${tookMs.toFixed(0)} ms.`;
  slowestMs = Math.max(slowestMs, tookMs);
  if (finding === undefined) return;
  findings++;
  const text = encode(input);
  const file = name ?? `${createHash('sha1').update(text).digest('hex').slice(0, 12)}.json`;
  mkdirSync(CORPUS, { recursive: true });
  writeFileSync(new URL(file, CORPUS), text);
  console.error(`${file}: ${finding}`);
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } } });
const random = new SimRandom(Number(values.seed));
const seeds = await seedLogs();
for (const files of seeds) await attempt({ seed: 1, files }, undefined);
mkdirSync(CORPUS, { recursive: true });
for (const name of readdirSync(CORPUS)) await attempt(decode(readFileSync(new URL(name, CORPUS), 'utf8')), name);
const runs = Number(values.runs);
let memoryMiB = 0;
for (let i = 0; i < runs && findings < 10; i++) {
  await attempt({ seed: random.u32(), files: mutated(seeds, random) }, undefined);
  if (i % 500 === 0) memoryMiB = Math.max(memoryMiB, process.memoryUsage.rss() / 2 ** 20);
}
if (memoryMiB > MEMORY_MIB_MAX) {
  findings++;
  console.error(`The process grew to ${memoryMiB.toFixed(0)} MiB.`);
}
console.log(`log: ${runs} runs, ${findings} findings, slowest ${slowestMs.toFixed(1)} ms, at most ${memoryMiB.toFixed(0)} MiB`);
process.exitCode = findings === 0 ? 0 : 1;
