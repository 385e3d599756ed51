/** What the clients of one simulated Kafka door share. */

import type { SimClock } from '../../../src/host/simulated/sim-clock.ts';
import type { SimRandom } from '../../../src/host/simulated/sim-random.ts';
import type { KafkaClient } from './kafka-client.ts';
import type { KafkaLedger, Made } from './kafka-ledger.ts';
import type { Read } from './kafka-producers.ts';

export class KafkaScene {
  readonly clock: SimClock;
  readonly random: SimRandom;
  readonly ledger: KafkaLedger;
  readonly trace: ((line: string) => void) | undefined;
  /** What each producer with sequences has sent to each partition, in order. */
  readonly lines: Map<string, Made[]> = new Map();
  readonly #connect: () => KafkaClient;
  #waiting: ((client: KafkaClient) => void)[] = [];
  #isOpen = false;

  constructor(
    clock: SimClock,
    random: SimRandom,
    ledger: KafkaLedger,
    connect: () => KafkaClient,
    trace: ((line: string) => void) | undefined,
  ) {
    this.clock = clock;
    this.random = random;
    this.ledger = ledger;
    this.#connect = connect;
    this.trace = trace;
  }

  /** A connection of one's own; while there is no broker it is waited for. */
  async client(): Promise<KafkaClient> {
    await this.wait(this.random.float() * 10);
    return this.#isOpen ? this.#connect() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  open(): void {
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(this.#connect());
  }

  close(): void {
    this.#isOpen = false;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }

  line(name: string): Made[] {
    const known = this.lines.get(name);
    if (known !== undefined) return known;
    const made: Made[] = [];
    this.lines.set(name, made);
    return made;
  }

  /** Writes down what was read, and checks it; answers the records that count. */
  saw(topic: string, partition: number, from: number, read: Read): { readonly offset: number; readonly text: string }[] {
    const { ledger } = this;
    const place = `${topic}/${partition}`;
    const { batches, kept, committedOnly, highWatermark, stableEnd } = read;
    ledger.checkBatches(place, from, batches, committedOnly);
    if (stableEnd > highWatermark) ledger.fault('L9', `${place}: the stable end ${stableEnd} lies beyond the end ${highWatermark}`);
    const end = committedOnly ? stableEnd : highWatermark;
    const records: { readonly offset: number; readonly text: string }[] = [];
    for (const batch of kept) {
      if (batch.base >= end) ledger.fault('L9', `${place}: ${batch.base} was read, and the end for this reader is ${end}`);
      for (const record of batch.records) {
        if (record.offset < from) continue;
        ledger.read(topic, partition, record.offset, record.text, committedOnly);
        records.push(record);
      }
    }
    return records;
  }
}
