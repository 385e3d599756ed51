/** The closed loop that the benchmarks drive a broker with: batches go in, deliveries come out, are acked, and make room for the next. */

import type { Engine } from '../src/model/engine.ts';
import { NO_HEADERS } from '../src/model/message.ts';
import { neutralHead, RecordWriter } from '../src/model/record.ts';

export interface LoadOptions {
  readonly queue: string;
  readonly sizeBytes: number;
  readonly inFlight: number;
  /** Messages per publish. */
  readonly batch: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly messagesPerSecond: number;
  /** CPU of the main thread and of the whole process, microseconds per message. */
  readonly mainMicros: number;
  readonly totalMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const WARM_UP_MS = 1000;

/** Runs the loop for a warm-up and then `seconds`. A message counts once its ack is safe. */
export async function load(engine: Engine, options: LoadOptions): Promise<LoadResult> {
  const { queue, batch } = options;
  const publisher = new Publisher(engine, queue, options.sizeBytes, batch);
  let acked = 0;
  let over = false;
  const consumer = await engine.consume(
    { queue, prefetch: 4 * options.inFlight },
    {
      deliver: ({ numbers, count, lease }) => {
        const runs = Float64Array.of(numbers[0] ?? 0, count);
        engine.settle({ queue, lease, runs, outcome: 'ack' }).then((settled) => {
          acked += settled;
        });
        publisher.delivered(count, over);
      },
      cancelled: () => undefined,
    },
  );
  publisher.begin(options.inFlight);
  await pause(WARM_UP_MS);
  publisher.latencies.length = 0;
  const before = acked;
  const beganMs = performance.now();
  const cpu = process.cpuUsage();
  const main = process.threadCpuUsage();
  await pause(options.seconds * 1000);
  const count = acked - before;
  const elapsedMs = performance.now() - beganMs;
  const total = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(main);
  over = true;
  await pause(200);
  await consumer.cancel();
  const latencies = publisher.latencies.sort((a, b) => a - b);
  return {
    messagesPerSecond: (count / elapsedMs) * 1000,
    mainMicros: (own.user + own.system) / count,
    totalMicros: (total.user + total.system) / count,
    p50Ms: latencies[latencies.length >> 1] ?? 0,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
  };
}

/** Publishes a batch for every batch delivered, and times each from publish to confirm. */
class Publisher {
  readonly latencies: number[] = [];
  readonly #engine: Engine;
  readonly #queue: string;
  readonly #batch: number;
  readonly #head: Uint8Array;
  readonly #body: Uint8Array;
  readonly #writer = new RecordWriter(1 << 16);
  #owed = 0;

  constructor(engine: Engine, queue: string, sizeBytes: number, batch: number) {
    this.#engine = engine;
    this.#queue = queue;
    this.#batch = batch;
    this.#body = new Uint8Array(sizeBytes).fill(65);
    this.#head = neutralHead({ exchange: '', address: queue, timestampMs: 0, headers: NO_HEADERS, body: this.#body });
  }

  begin(inFlight: number): void {
    for (let sent = 0; sent < inFlight; sent += this.#batch) this.send();
  }

  delivered(count: number, over: boolean): void {
    this.#owed += count;
    for (; this.#owed >= this.#batch; this.#owed -= this.#batch) if (!over) this.send();
  }

  send(): void {
    const beganMs = performance.now();
    for (let i = 0; i < this.#batch; i++) this.#writer.writeRaw(0, this.#head, this.#body);
    const records = this.#writer.take();
    this.#engine.publish({ exchange: '', address: this.#queue, records }).then(() => {
      this.#writer.reuse(records);
      if (this.latencies.length < 1_000_000) this.latencies.push(performance.now() - beganMs);
    });
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
