/**
 * Fuzzes the core's entries: `node fuzz/entry.ts [--runs 1000000] [--seed N]`. Entries of every kind are damaged and decoded. What decodes must
 * keep its records within its bytes, be encoded again within the room it asks for, and decode to the same bytes ever after; all else must be
 * refused as damaged. Any other error, or more than 50 ms, is a finding: it is saved to fuzz/corpus/entry, which every run replays first, and
 * the exit code is 1.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import type { Entry } from '../src/core/entry.ts';
import { decodeEntry, encodeEntry, sizeMax } from '../src/core/entry-codec.ts';
import { SimRandom } from '../src/host/simulated/sim-random.ts';
import type { Position } from '../src/model/lines.ts';
import { Refused } from '../src/model/refusal.ts';
import { entries } from '../test/core/entries.ts';

const CORPUS = new URL('./corpus/entry/', import.meta.url);
const SLOW_MS = 50;
const MEMORY_MIB_MAX = 512;
const SEEDS = 2000;
const POSITION = 4096 as Position;
/** The kind byte of entries in JSON. */
const PLAIN = 9;

/** The entry's bytes, written into exactly the room it asked for: a `sizeMax` that is too small does not go unseen. */
function encoded(entry: Entry): Uint8Array {
  const bytes = new Uint8Array(sizeMax(entry));
  const size = encodeEntry(entry, { bytes, view: new DataView(bytes.buffer), at: 0, position: POSITION });
  must(size <= bytes.length, `An entry of ${size} bytes said it needs at most ${bytes.length}.`);
  return bytes.subarray(0, size);
}

/** Undefined when it is refused. Records point into a buffer with other bytes before and behind, as in the journal. */
function decoded(input: Uint8Array): Entry | undefined {
  const bytes = new Uint8Array(input.length + 20).fill(0xee);
  bytes.set(input, 10);
  try {
    return decodeEntry(bytes, 10, input.length, POSITION);
  } catch (error) {
    if (error instanceof Refused && error.code === 'damaged') return undefined;
    throw error;
  }
}

function run(input: Uint8Array): void {
  const entry = decoded(input);
  if (entry === undefined) return;
  checkPlaces(entry, input.length);
  const once = encoded(entry);
  const again = decoded(once);
  must(again !== undefined, 'What was decoded and encoded again is refused.');
  if (again !== undefined) must(Buffer.compare(encoded(again), once) === 0, 'An entry changes when it is encoded again.');
}

/** Records stand one behind the other, within the entry, and where it says. */
function checkPlaces(entry: Entry, sizeBytes: number): void {
  if (entry.kind === 'transaction') for (const inner of entry.entries) checkPlaces(inner, sizeBytes);
  if (!('records' in entry)) return;
  const { start, ends, count } = entry.records;
  must(entry.recordsAt === POSITION + start - 10, 'Records are not where the entry says.');
  let at = start;
  for (let i = 0; i < count; i++) {
    const end = ends[i] ?? -1;
    must(end >= at && end <= 10 + sizeBytes, `Record ${i} of ${count} ends at ${end - 10}, having begun at ${at - 10} of ${sizeBytes}.`);
    at = end;
  }
}

const EDGES = [0, 1, 2, 7, 8, 9, 255, 256, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff];
const TOKENS = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  'null',
  '-1',
  '1e999',
  '\\ud800',
  '\ufeff',
  '__proto__',
  '{"$map":5}',
  '"kind":"messages"',
];

function mutated(seeds: readonly Uint8Array[], random: SimRandom): Uint8Array {
  let input: Uint8Array = random.pick(seeds).slice();
  for (let times = 1 + random.int(4); times > 0; times--) {
    if (input.length === 0) return input;
    const at = random.int(input.length);
    const end = Math.min(input.length, at + 1 + random.int(24));
    switch (random.int(9)) {
      case 0:
        input[at] = random.int(256);
        break;
      case 1:
        input[at] = (input[at] ?? 0) ^ (1 << random.int(8));
        break;
      case 2:
        input = input.slice(0, at);
        break;
      case 3:
        input = joined(input.subarray(0, at), input.subarray(end));
        break;
      case 4:
        input = joined(input.subarray(0, end), input.subarray(at));
        break;
      case 5:
        input = joined(input.subarray(0, at), Buffer.from(random.pick(TOKENS)), input.subarray(at));
        break;
      case 6:
        input = joined(input.subarray(0, at), random.pick(seeds));
        break;
      case 7:
        // In a transaction in a transaction, as deep as it comes.
        input = joined(Uint8Array.of(8, 1, 0, 0, 0, 0, 0, 0, 0), input);
        break;
      default: {
        // Most numbers are counts and lengths.
        if (input.length < 4) break;
        const place = random.int(input.length - 3);
        const view = new DataView(input.buffer, input.byteOffset, input.length);
        view.setUint32(place, random.chance(0.5) ? (view.getUint32(place, true) + random.int(9) - 4) >>> 0 : random.pick(EDGES), true);
      }
    }
  }
  if (input.length > 16_384) input = input.slice(0, 16_384);
  // The length put right again, so that the JSON behind it is looked at.
  if (((input[0] ?? 0) & 0x7f) === PLAIN && input.length >= 5) new DataView(input.buffer).setUint32(1, input.length - 5, true);
  return input;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

let findings = 0;
let slowestMs = 0;

function attempt(input: Uint8Array, name?: string): void {
  let finding: string | undefined;
  let tookMs = Number.POSITIVE_INFINITY;
  // The machine may have been busy: what is slow must be so again, and by what this thread itself needs.
  for (let times = 0; times < 3 && finding === undefined && tookMs > SLOW_MS; times++) {
    const began = times === 0 ? performance.now() : cpuMs();
    try {
      run(input);
    } catch (error) {
      finding = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    tookMs = (times === 0 ? performance.now() : cpuMs()) - began;
  }
  if (tookMs > SLOW_MS) finding ??= `It took ${tookMs.toFixed(0)} ms.`;
  slowestMs = Math.max(slowestMs, tookMs);
  if (finding === undefined) return;
  findings++;
  const file = name ?? createHash('sha1').update(input).digest('hex').slice(0, 12);
  mkdirSync(CORPUS, { recursive: true });
  writeFileSync(new URL(file, CORPUS), input);
  console.error(`${file}: ${finding}`);
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } } });
const random = new SimRandom(Number(values.seed));
const seeds = fc.sample(entries, { seed: Number(values.seed), numRuns: SEEDS }).map(encoded);
for (const seed of seeds) attempt(seed);
mkdirSync(CORPUS, { recursive: true });
for (const name of readdirSync(CORPUS)) attempt(readFileSync(new URL(name, CORPUS)), name);
const runs = Number(values.runs);
let memoryMiB = 0;
for (let i = 0; i < runs && findings < 10; i++) {
  attempt(mutated(seeds, random));
  if (i % 5000 === 0) memoryMiB = Math.max(memoryMiB, process.memoryUsage.rss() / 2 ** 20);
}
if (memoryMiB > MEMORY_MIB_MAX) {
  findings++;
  console.error(`The process grew to ${memoryMiB.toFixed(0)} MiB.`);
}
console.log(`entry: ${runs} runs, ${findings} findings, slowest ${slowestMs.toFixed(1)} ms, at most ${memoryMiB.toFixed(0)} MiB`);
process.exitCode = findings === 0 ? 0 : 1;
