/** What the tests of the log share: a host in memory, records that can be told apart, and reading a log to its end. */

import type { Disk } from '../../src/host/disk.ts';
import type { Host } from '../../src/host/host.ts';
import type { Logger } from '../../src/host/logger.ts';
import { MemoryDisk } from '../../src/host/memory-disk.ts';
import { SimClock } from '../../src/host/simulated/sim-clock.ts';
import { SimRandom } from '../../src/host/simulated/sim-random.ts';
import { silentLogger } from '../../src/host/text-logger.ts';
import { type LogOptions, PartitionLog } from '../../src/log/log.ts';
import { type Offset, offset } from '../../src/model/lines.ts';
import { bodyAt, RECORD_HEAD_BYTES, type Records, RecordWriter } from '../../src/model/record.ts';

export const DIRECTORY = 'data/topic/0';

/** `seed` decides the salts of the files. */
export function memoryHost(disk: Disk = new MemoryDisk(), logger: Logger = silentLogger, seed: number = 7): Host {
  return { clock: new SimClock(), disk, random: new SimRandom(seed), logger };
}

export interface TestRecord {
  readonly value: string;
  readonly key?: string;
}

/** Records whose head is the key, as raw bytes, and whose body is the value. */
export function recordsOf(list: readonly (TestRecord | string)[]): Records {
  const writer = new RecordWriter();
  for (const one of list) {
    const { value, key = '' } = typeof one === 'string' ? { value: one } : one;
    writer.writeRaw(0, new TextEncoder().encode(key), new TextEncoder().encode(value));
  }
  return writer.take();
}

export function keyOf(bytes: Uint8Array, at: number): Uint8Array | undefined {
  const body = bodyAt(bytes, at);
  return body === at + RECORD_HEAD_BYTES ? undefined : bytes.subarray(at + RECORD_HEAD_BYTES, body);
}

/** `start` to `start + count - 1` as values: `v17`. */
export function numbered(start: number, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `v${start + i}`);
}

export function openLog(host: Host, options: Partial<LogOptions> = {}): Promise<PartitionLog> {
  const onFailure = (error: Error) => {
    throw error;
  };
  return PartitionLog.open(host, { directory: DIRECTORY, keyOf, onFailure, ...options });
}

export function append(log: PartitionLog, list: readonly (TestRecord | string)[], timeMs = 1000): void {
  log.append(log.end, timeMs, recordsOf(list));
}

export interface Seen {
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly timeMs: number;
  /** How many it stands for, if more than one. */
  readonly messages?: number;
}

export function seenIn({ records, offsets, timestamps, packs }: Awaited<ReturnType<PartitionLog['fetch']>>): Seen[] {
  const seen: Seen[] = [];
  for (let i = 0; i < records.count; i++) {
    const at = i === 0 ? records.start : (records.ends[i - 1] ?? 0);
    const body = bodyAt(records.bytes, at);
    const messages = packs?.[i] ?? 1;
    seen.push({
      offset: offsets[i] ?? -1,
      key: new TextDecoder().decode(records.bytes.subarray(at + RECORD_HEAD_BYTES, body)),
      value: new TextDecoder().decode(records.bytes.subarray(body, records.ends[i])),
      timeMs: timestamps[i] ?? -1,
      ...(messages > 1 && { messages }),
    });
  }
  return seen;
}

/** All records from `from` on, in fetches of `sizeBytesMax`. */
export async function readAll(
  log: PartitionLog,
  from: Offset = log.start,
  before: Offset = log.end,
  sizeBytesMax: number = 1 << 20,
): Promise<Seen[]> {
  const all: Seen[] = [];
  for (let next = from; next < before; ) {
    const slice = await log.fetch(next, before, sizeBytesMax);
    if (slice.next <= next) throw new Error(`A fetch from ${next} says to go on at ${slice.next}.`);
    all.push(...seenIn(slice));
    next = slice.next;
  }
  return all;
}

export async function valuesOf(log: PartitionLog, from: Offset = log.start): Promise<string[]> {
  return (await readAll(log, from)).map(({ value }) => value);
}

export { offset };
