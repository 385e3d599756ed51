/** kafkajs, quiet, and what its tests need again and again. */

import {
  type Consumer,
  type ConsumerConfig,
  Kafka,
  type KafkaConfig,
  type KafkaMessage,
  logLevel,
  Partitioners,
  type Producer,
  type ProducerConfig,
} from 'kafkajs';
import { type Subject, unique } from './subject.ts';

export function client(door: Subject, config: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({
    brokers: [door.broker],
    clientId: 'test',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, retries: 8 },
    ...config,
  });
}

/** A consumer that does not wait long for records, so that it does not keep a test from ending. */
export function consumerOf(kafka: Kafka, config: ConsumerConfig): Consumer {
  return kafka.consumer({ maxWaitTimeInMs: 20, ...config });
}

export async function producerOf(door: Subject, kafka: Kafka, config: ProducerConfig = {}): Promise<Producer> {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...config });
  await producer.connect();
  door.after(() => producer.disconnect());
  return producer;
}

export type Taken = KafkaMessage & {
  readonly topic: string;
  readonly partition: number;
};

/** A consumer that puts what it gets into a list; `until` resolves once there are so many. */
export class Collector {
  readonly taken: Taken[] = [];
  readonly consumer: Consumer;
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(consumer: Consumer) {
    this.consumer = consumer;
  }

  static async run(door: Subject, kafka: Kafka, topics: string[], config: ConsumerConfig = { groupId: unique('g') }): Promise<Collector> {
    const consumer = consumerOf(kafka, config);
    const collector = new Collector(consumer);
    await consumer.connect();
    door.after(() => consumer.disconnect());
    await consumer.subscribe({ topics, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ topic, partition, message }) => collector.#take({ ...message, topic, partition }) });
    return collector;
  }

  #take(taken: Taken): void {
    this.taken.push(taken);
    if (this.#waiting !== undefined && this.taken.length >= this.#waiting.count) this.#waiting.resolve();
  }

  async until(count: number): Promise<Taken[]> {
    if (this.taken.length < count)
      await new Promise<void>((resolve) => {
        this.#waiting = { count, resolve };
      });
    return this.taken;
  }

  get values(): (string | undefined)[] {
    return this.taken.map(({ value }) => value?.toString());
  }
}
