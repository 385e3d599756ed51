/** `signalbox bench`: a quick measurement of this machine and its disk, in this process and without sockets. */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Refused } from '../model/refusal.ts';
import type { Signalbox } from '../signalbox.ts';
import { type Command, command as define } from './command.ts';
import { EXIT } from './exits.ts';
import { choice, duration, integer, type Options, text } from './options.ts';
import { DATA_DEFAULT } from './settings.ts';
import { table } from './table.ts';
import { grouped } from './terminal.ts';

const SECONDS_DEFAULT = 2;
const SIZE_DEFAULT = 100;
const IN_FLIGHT_DEFAULT = 1000;
/** Publishers of the topic say so many at once. */
const TOPIC_BATCH = 100;

const DURABILITIES = ['fsync', 'os', 'memory'] as const;

const OPTIONS = {
  time: duration('TIME', `How long each measurement takes; default ${SECONDS_DEFAULT}s.`),
  size: integer('BYTES', `The size of a body; default ${SIZE_DEFAULT}.`, { min: 1, max: 1024 * 1024 }),
  'in-flight': integer('N', `How many publishes wait for their confirmation at a time; default ${IN_FLIGHT_DEFAULT}.`, {
    min: 1,
    max: 100_000,
  }),
  durability: choice('LEVEL', 'What a confirmation waits for. Default fsync.', DURABILITIES),
  data: text('DIR', `Measures beside this directory, on its disk, and removes what it wrote. Default ${DATA_DEFAULT}.`, {
    env: 'SIGNALBOX_DATA',
    of: 'directory',
  }),
} satisfies Options;

export const command: Command = define({
  name: 'bench',
  about: 'Measure how fast this machine and its disk are',
  more:
    'A broker of its own, in this process: messages published one by one, confirmed, consumed and acknowledged through a queue; and ' +
    'published in batches to a topic. Latency is from publish to confirmation. No data directory is touched.',
  words: [],
  options: OPTIONS,
  examples: [
    { about: 'The disk that ./data is on', line: 'signalbox bench' },
    { about: 'Without waiting for a disk, as JSON', line: 'signalbox bench --durability memory --json' },
  ],
  exits: [],
  run: async ({ options, terminal }) => {
    const { size = SIZE_DEFAULT, durability = 'fsync', data = DATA_DEFAULT, time = SECONDS_DEFAULT * 1000 } = options;
    const inFlight = options['in-flight'] ?? IN_FLIGHT_DEFAULT;
    const directory = temporaryBeside(resolve(data));
    try {
      const { open } = await import('../signalbox.ts');
      const box = await open(directory, { durability });
      const load = { box, body: new Uint8Array(size).fill(0x78), inFlight, ms: time };
      const results = [await throughQueue(load), await intoTopic(load)];
      await box.close();
      if (terminal.json) for (const result of results) await terminal.value({ ...result, size, inFlight, durability });
      else await terminal.line(shown(results, terminal));
      return EXIT.done;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
});

/** On the same file system as the data, whose speed is meant: a temporary directory elsewhere may be memory. */
function temporaryBeside(data: string): string {
  const above = dirname(data);
  mkdirSync(above, { recursive: true });
  const directory = mkdtempSync(join(above, '.signalbox-bench-'));
  // A signal ends the process without its `finally`.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      rmSync(directory, { recursive: true, force: true });
      process.kill(process.pid, signal);
    });
  }
  return directory;
}

interface Load {
  readonly box: Signalbox;
  readonly body: Uint8Array;
  readonly inFlight: number;
  readonly ms: number;
}

interface Result {
  readonly what: string;
  readonly messagesPerSecond: number;
  /** Milliseconds from publish to confirmation. */
  readonly p50: number;
  readonly p99: number;
}

async function throughQueue({ box, body, inFlight, ms }: Load): Promise<Result> {
  const queue = await box.declareQueue('bench');
  const stop = new AbortController();
  let sent = Number.POSITIVE_INFINITY;
  let acked = 0;
  const consume = async (): Promise<void> => {
    for await (const batch of queue.batches({ prefetch: 4 * inFlight, signal: stop.signal })) {
      await batch.ack();
      acked += batch.count;
      if (acked === sent) return;
    }
  };
  const consuming = consume();
  const latencies = new Latencies();
  const startMs = performance.now();
  let confirmed = 0;
  const publish = async (): Promise<void> => {
    for (let nowMs = startMs; nowMs - startMs < ms; ) {
      await queue.send(body);
      confirmed += 1;
      const thenMs = performance.now();
      latencies.add(thenMs - nowMs);
      nowMs = thenMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, publish));
  sent = confirmed;
  // Until the last is acknowledged, unless it is already.
  if (acked < sent) await consuming;
  const seconds = (performance.now() - startMs) / 1000;
  stop.abort();
  await consuming.catch((error: unknown) => {
    if (!(error instanceof Refused && error.code === 'aborted')) throw error;
  });
  return { what: 'queue: publish, confirm, consume, ack', messagesPerSecond: sent / seconds, ...latencies.summary() };
}

async function intoTopic({ box, body, inFlight, ms }: Load): Promise<Result> {
  const topic = await box.declareTopic('bench');
  const bodies = new Array<Uint8Array>(TOPIC_BATCH).fill(body);
  const latencies = new Latencies();
  const startMs = performance.now();
  let published = 0;
  const publish = async (): Promise<void> => {
    for (let nowMs = startMs; nowMs - startMs < ms; ) {
      await topic.publishMany(bodies);
      published += TOPIC_BATCH;
      const thenMs = performance.now();
      latencies.add(thenMs - nowMs);
      nowMs = thenMs;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.round(inFlight / TOPIC_BATCH)) }, publish));
  const seconds = (performance.now() - startMs) / 1000;
  return { what: `topic: publish by ${TOPIC_BATCH}, confirm`, messagesPerSecond: published / seconds, ...latencies.summary() };
}

/** Counts in buckets that grow by a twentieth: enough for a percentile, however many there are. */
class Latencies {
  readonly #buckets = new Uint32Array(512);
  #count = 0;

  add(ms: number): void {
    const bucket = Math.round(Math.log(Math.max(ms, SHORTEST_MS) / SHORTEST_MS) / Math.log(GROWTH));
    const at = Math.min(this.#buckets.length - 1, bucket);
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1;
    this.#count += 1;
  }

  summary(): { p50: number; p99: number } {
    return { p50: this.#percentile(0.5), p99: this.#percentile(0.99) };
  }

  #percentile(share: number): number {
    let left = this.#count * share;
    const at = this.#buckets.findIndex((count) => {
      left -= count;
      return left <= 0;
    });
    return Math.round(SHORTEST_MS * GROWTH ** at * 1000) / 1000;
  }
}

const SHORTEST_MS = 0.001;
const GROWTH = 1.05;

function shown(results: readonly Result[], terminal: Parameters<typeof table>[2]): string {
  const columns = [
    { title: 'MEASURED' },
    { title: 'MESSAGES/S', right: true },
    { title: 'p50 ms', right: true },
    { title: 'p99 ms', right: true },
  ];
  const rows = results.map(({ what, messagesPerSecond, p50, p99 }) => [what, grouped(messagesPerSecond), p50.toFixed(2), p99.toFixed(2)]);
  return table(columns, rows, terminal);
}
