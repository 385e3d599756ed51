/**
 * Fuzzes the files of a journal: `node fuzz/journal.ts [--runs 20000] [--seed N]`. Whole journals are damaged, often with their checksums
 * put right again, and then opened, read, appended to, opened once more, examined and salvaged. All of that may be refused as damaged; any
 * other error, a replay of what was never appended or with something left out, a journal that replays differently after it was closed, a salvaged one that does not open, a doctor who says otherwise than
 * recovery, or more than 50 ms, is a finding: it is saved to fuzz/corpus/journal, which every run replays first, and the exit code is 1.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { crc32 } from '../src/bytes/crc32.ts';
import { MemoryDisk } from '../src/host/memory-disk.ts';
import { SimClock } from '../src/host/simulated/sim-clock.ts';
import { SimRandom } from '../src/host/simulated/sim-random.ts';
import { silentLogger } from '../src/host/text-logger.ts';
import { examine, Journal, salvage } from '../src/journal/journal.ts';
import { type Position, segmentOf } from '../src/model/lines.ts';
import { Refused } from '../src/model/refusal.ts';

const CORPUS = new URL('./corpus/journal/', import.meta.url);
const SLOW_MS = 50;
const MEMORY_MIB_MAX = 512;
const DIRECTORY = 'journal';
const SIZES = { segmentBytes: 16_384, blockBytesMax: 8192, cacheBytes: 0 };
const EXPECTED: ReadonlySet<string> = new Set(['damaged', 'format']);
const ALIGN_BYTES = 4096;
const BLOCK = 0x4a584253;
const HEAD = 0x48584253;

type Files = Map<string, Uint8Array>;
interface Input {
  readonly seed: number;
  readonly files: Files;
  /** The seed journal that was damaged; -1: checksums were put right, so that what stands there was never written by any. */
  readonly kind: number;
}

/** A journal before it is damaged. */
interface Whole {
  readonly files: Files;
  /** All entries it ever had, as `nameOfEntry` has them. */
  readonly entries: readonly string[];
}

interface Opened {
  readonly journal: Journal;
  readonly replayed: readonly string[];
}

function nameOfEntry(position: number, bytes: Uint8Array): string {
  return `${position} ${createHash('sha1').update(bytes).digest('base64')}`;
}

async function open(disk: MemoryDisk, seed: number, directory = DIRECTORY): Promise<Opened> {
  const replayed: string[] = [];
  const options = {
    directory,
    durability: 'fsync' as const,
    ...SIZES,
    onSafe: () => {},
    onFailure: (error: Error) => {
      throw error;
    },
  };
  const host = { clock: new SimClock(), disk, random: new SimRandom(seed), logger: silentLogger };
  const journal = await Journal.open(host, options, (bytes, at, sizeBytes, position) => {
    must(at >= 0 && at + sizeBytes <= bytes.length, 'An entry is not in its bytes.');
    replayed.push(nameOfEntry(position, bytes.subarray(at, at + sizeBytes)));
  });
  return { journal, replayed };
}

async function diskOf(files: Files): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeDirectory(DIRECTORY);
  for (const [name, bytes] of files) {
    const file = await disk.open(`${DIRECTORY}/${name}`, { create: true });
    await file.truncate(bytes.length);
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

async function append(journal: Journal, random: SimRandom, count: number, entries: string[]): Promise<void> {
  for (let i = 0; i < count; i++) {
    const bytes = random.bytes(random.int(random.chance(0.1) ? 9000 : 800));
    const room = journal.begin(bytes.length);
    room.bytes.set(bytes, room.at);
    journal.end(bytes.length);
    entries.push(nameOfEntry(room.position, bytes));
    if (random.chance(0.4)) await synced(journal);
  }
}

async function synced(journal: Journal): Promise<void> {
  journal.sync();
  // A memory disk answers without time passing, so all that can happen has happened then.
  await setImmediate();
}

/** Journals of every kind that there is on a disk: new, closed, killed, with checkpoints, recycled segments and spares. */
async function seedJournals(): Promise<Whole[]> {
  const seeds: Whole[] = [];
  for (let kind = 0; kind < 12; kind++) {
    const random = new SimRandom(kind);
    const disk = new MemoryDisk();
    const entries: string[] = [];
    let { journal } = await open(disk, kind);
    for (let part = 0; part < kind % 6; part++) {
      await append(journal, random, 12, entries);
      const start = journal.tip;
      await append(journal, random, 2, entries);
      if (part % 2 === 1) journal.checkpointed(start);
      await synced(journal);
      if (part === 3)
        for (const { number } of journal.segments()) if (number < segmentOf(start) && random.chance(0.7)) journal.recycle(number);
      await append(journal, random, 2, entries);
      if (random.chance(0.4)) {
        await journal.close();
        ({ journal } = await open(disk, kind + part));
      }
    }
    await synced(journal);
    if (kind % 2 === 0) await journal.close();
    seeds.push({ files: await filesOf(disk), entries });
  }
  return seeds;
}

function mutated(seeds: readonly Whole[], random: SimRandom): Omit<Input, 'seed'> {
  const files: Files = new Map();
  const kind = random.int(seeds.length);
  for (const [name, bytes] of seeds[kind]?.files ?? []) files.set(name, bytes.slice());
  for (let i = random.int(4); i >= 0; i--) {
    const name = random.pick([...files.keys()]);
    const bytes = files.get(name) ?? new Uint8Array(0);
    const fresh = mutate(bytes, random, random.pick([...random.pick(seeds).files.values()]));
    const fate = random.int(20);
    if (fate === 0) files.delete(name);
    else if (fate === 1) files.set(nameOf(random.pick([0, 1, 2, 3, 5, 9, 2000, 2 ** 27 - 1, 2 ** 27])), bytes);
    else files.set(name, fresh);
    if (files.size === 0) break;
  }
  const forged = random.chance(0.6);
  if (forged) for (const bytes of files.values()) putRight(bytes);
  return { files, kind: forged ? -1 : kind };
}

function nameOf(segment: number): string {
  return `${String(segment).padStart(10, '0')}.journal`;
}

const EDGES = [0, 1, 2, 79, 80, 81, 84, 4096, 16_384, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];

function mutate(bytes: Uint8Array, random: SimRandom, other: Uint8Array): Uint8Array {
  if (bytes.length < 8) return random.bytes(random.int(200));
  const at = random.int(bytes.length);
  const length = random.int(Math.min(6000, bytes.length - at));
  const block = at - (at % ALIGN_BYTES);
  switch (random.int(10)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.int(8));
      return bytes;
    case 1:
      return bytes.fill(random.pick([0, 0xff]), at, at + length);
    case 2:
      return bytes.slice(0, at);
    case 3:
      return joined(bytes, random.bytes(length));
    case 4:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length));
    case 5:
      // A block of another place, or of another journal.
      bytes.set(other.subarray(0, Math.min(other.length, bytes.length - block)), block);
      return bytes;
    case 6:
      bytes.copyWithin(block, random.int(4) * ALIGN_BYTES, random.int(4) * ALIGN_BYTES + ALIGN_BYTES);
      return bytes;
    default: {
      // A field of some header, most of the time.
      const places = placesOf(bytes);
      const field = places.length > 0 && random.chance(0.8) ? random.pick(places) + 4 * random.int(22) : at;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (field + 4 > bytes.length) return bytes;
      const near = (view.getUint32(field, true) + random.int(9) - 4) >>> 0;
      view.setUint32(field, random.chance(0.5) ? near : random.pick(EDGES), true);
      return bytes;
    }
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** Where blocks and copies of the head begin. */
function placesOf(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const places: number[] = [];
  for (let at = 0; at + 80 <= bytes.length; at += ALIGN_BYTES) {
    const magic = view.getUint32(at, true);
    if (magic === BLOCK || magic === HEAD) places.push(at);
  }
  return places;
}

/** Makes checksums right, so that what is behind them is looked at. */
function putRight(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const at of placesOf(bytes).reverse()) {
    const sizeBytes = view.getUint32(at + 8, true);
    if (sizeBytes >= 8 && at + sizeBytes <= bytes.length) view.setUint32(at + 4, crc32(bytes.subarray(at + 8, at + sizeBytes)), true);
  }
}

/** Throws for a finding. */
async function run({ seed, files, kind }: Input): Promise<void> {
  const random = new SimRandom(seed);
  const disk = await diskOf(files);
  const report = await examine(disk, DIRECTORY);
  await checkSalvage(disk, seed);
  const opened = await refusable(open(disk, seed));
  const whole = seeds[kind];
  if (whole !== undefined) {
    const opens = report.state !== 'format' && !report.findings.some((finding) => finding.needed);
    must(
      opens === (opened !== undefined),
      `The doctor says "${report.says}", but the journal ${opened === undefined ? 'is refused' : 'opens'}.`,
    );
  }
  if (opened === undefined) return;
  const { journal, replayed } = opened;
  if (whole !== undefined) {
    const first = whole.entries.indexOf(replayed[0] ?? '');
    must(
      replayed.every((entry, i) => entry === whole.entries[first + i]),
      'Something was replayed that was never appended, or left out.',
    );
  }
  await readSome(journal, random);
  await refusable(journal.close());
  const again = await refusable(open(disk, seed + 1));
  must(again !== undefined, 'A journal that opened was refused after it had been closed.');
  if (again === undefined) return;
  must(again.replayed.join() === replayed.join(), 'The journal replays differently after it was closed.');
  const more: string[] = [];
  await append(again.journal, random, 5, more);
  await readSome(again.journal, random);
  await refusable(again.journal.close());
  const last = await refusable(open(disk, seed + 2));
  must(last?.replayed.join() === [...replayed, ...more].join(), 'What was appended is not replayed.');
  await last?.journal.close();
}

async function readSome(journal: Journal, random: SimRandom): Promise<void> {
  for (let i = 0; i < 6; i++) {
    const at = random.int(Math.max(1, Math.min(journal.tip, 2 ** 30))) as Position;
    const view = await refusable(journal.fetch(at));
    if (view === undefined) continue;
    must(view.base <= at && view.end - view.base <= view.bytes.length, 'A view is not what it says.');
    view.release();
  }
}

async function checkSalvage(disk: MemoryDisk, seed: number): Promise<void> {
  const result = await refusable(salvage(disk, DIRECTORY, 'rescued'));
  if (result === undefined) return;
  const rescued = await open(disk, seed, 'rescued');
  must(rescued.replayed.length <= result.entries, 'More was replayed than was salvaged.');
  await rescued.journal.close();
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

function encode({ seed, files, kind }: Input): string {
  return JSON.stringify({ seed, kind, files: [...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]) });
}

function decode(text: string): Input {
  const { seed, kind, files } = JSON.parse(text) as { seed: number; kind: number; files: [string, string][] };
  return { seed, kind, files: new Map(files.map(([name, base64]) => [name, new Uint8Array(Buffer.from(base64, 'base64'))])) };
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
const seeds = await seedJournals();
for (const [kind, { files }] of seeds.entries()) await attempt({ seed: 1, files, kind }, undefined);
mkdirSync(CORPUS, { recursive: true });
for (const name of readdirSync(CORPUS)) await attempt(decode(readFileSync(new URL(name, CORPUS), 'utf8')), name);
const runs = Number(values.runs);
let memoryMiB = 0;
for (let i = 0; i < runs && findings < 10; i++) {
  await attempt({ seed: random.u32(), ...mutated(seeds, random) }, undefined);
  if (i % 500 === 0) memoryMiB = Math.max(memoryMiB, process.memoryUsage.rss() / 2 ** 20);
}
if (memoryMiB > MEMORY_MIB_MAX) {
  findings++;
  console.error(`The process grew to ${memoryMiB.toFixed(0)} MiB.`);
}
console.log(`journal: ${runs} runs, ${findings} findings, slowest ${slowestMs.toFixed(1)} ms, at most ${memoryMiB.toFixed(0)} MiB`);
process.exitCode = findings === 0 ? 0 : 1;
