/** The door of the test kit: a broker in process without ports, its clock turned by hand, and lists of what went through it. */

import { type Duration, decodeValue, type EventMap, milliseconds, type SchemaOptions, Signalbox } from '../api/api.ts';
import { type Broker, type BrokerOptions, openBroker } from '../broker/broker.ts';
import { HandClock } from '../host/hand-clock.ts';
import { MemoryDisk } from '../host/memory-disk.ts';
import { SimRandom } from '../host/simulated/sim-random.ts';
import { silentLogger } from '../host/text-logger.ts';
import type { Message } from '../model/message.ts';
import { Recorder } from './recorder.ts';

export { BUNDLES, type ConformanceSubject, describeEngine } from './conformance/conformance.ts';
export type { Recorded, RecordedDeath } from './recorder.ts';

export interface TestBrokerOptions extends Partial<Omit<BrokerOptions, 'directory'>>, SchemaOptions {
  /** Draws jitter and ids: the same seed, the same run. Default 1. */
  readonly seed?: number;
  /** Where the clock stands at first. Default 2026-01-01. */
  readonly startMs?: number;
}

/** Retention, compaction and checkpoints are looked at less often than in earnest, so that hours are turned quickly. */
const UPKEEP_MS = 10_000;

/** A Signalbox for tests. */
export class TestBroker<Events extends EventMap = EventMap> extends Signalbox<Events> {
  readonly #broker: Broker;
  readonly #clock: HandClock;
  readonly #recorder: Recorder;

  constructor(broker: Broker, clock: HandClock, recorder: Recorder, options: SchemaOptions) {
    let given = 0;
    super(recorder.watch(broker), { unique: (what) => `${what}-${++given}`, ...options });
    this.#broker = broker;
    this.#clock = clock;
    this.#recorder = recorder;
  }

  /** What was published and confirmed, in order. */
  get published(): Recorder['published'] {
    return this.#recorder.published;
  }

  /** What was handed to consumers, in order; a redelivery is listed again. */
  get delivered(): Recorder['delivered'] {
    return this.#recorder.delivered;
  }

  /** What was dead-lettered, in order. */
  get deadLettered(): Recorder['deadLettered'] {
    return this.#recorder.deadLettered;
  }

  /** The broker's time, milliseconds since 1970. */
  nowMs(): number {
    return this.#broker.nowMs();
  }

  /** Turns the clock: delays, leases, retries and times to live that end by then happen, in order, and all that follows from them. */
  advance(duration: Duration): Promise<void> {
    return this.#clock.advance(milliseconds(duration), () => this.idle());
  }

  /** Resolves when nothing is under way any more that needs no clock and nobody's call. */
  async idle(): Promise<void> {
    for (let still = 0; still < 3; still = this.#broker.idle ? still + 1 : 0) {
      await new Promise<void>((resolve) => this.#clock.soon(resolve));
    }
  }
}

/** Opens a broker for a test: memory only, no ports, standing clock. Close it when done (`await using`). */
export async function createTestBroker<Events extends EventMap = EventMap>(options: TestBrokerOptions = {}): Promise<TestBroker<Events>> {
  const { seed = 1, startMs, schemas, unique, ...rest } = options;
  const clock = new HandClock(startMs);
  const recorder = new Recorder(valueOrBytes, rest.languages ?? []);
  const host = { clock, disk: new MemoryDisk(), random: new SimRandom(seed), logger: silentLogger };
  const broker = await openBroker(host, {
    durability: 'memory',
    ...rest,
    upkeep: { intervalMs: UPKEEP_MS, ...rest.upkeep },
    directory: '/memory',
    onDeath: (queue, deliveries, reason) => recorder.died(queue, deliveries, reason),
  });
  return new TestBroker<Events>(broker, clock, recorder, {
    languages: rest.languages ?? [],
    ...(schemas && { schemas }),
    ...(unique && { unique }),
  });
}

/** A message that is not what it says must reach the broker as it would without being listed. */
function valueOrBytes(message: Message): unknown {
  try {
    return decodeValue(message);
  } catch {
    return message.body;
  }
}
